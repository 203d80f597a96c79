//! Finding a host's addresses, without waiting longer than the request may.
//!
//! The system's lookup cannot be interrupted, and with a dead name server it takes half a minute. So it is done on a
//! short-lived thread, and the worker waits for that like for a socket. An address in digits needs no lookup.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, PollFlags, eventfd};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::guard::Guard;
use crate::config;

/// Addresses of one host that are tried; as many as ureq takes.
const ADDRESSES_MAX: usize = 16;

/// Lookups under way.
pub(super) type Count = AtomicUsize;

/// Finds the addresses for one request.
#[derive(Debug)]
pub(super) struct Lookup {
    guard: Arc<Guard>,
    under_way: Arc<Count>,
}

/// What the thread of a lookup leaves for the worker.
struct Slot {
    found: Mutex<Option<io::Result<Vec<SocketAddr>>>>,
    done: OwnedFd,
}

impl Lookup {
    pub(super) fn new(guard: Arc<Guard>, under_way: Arc<Count>) -> Lookup {
        Lookup { guard, under_way }
    }

    fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let literal = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        if let Ok(ip) = literal.unwrap_or(host).parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let slot = Arc::new(Slot {
            found: Mutex::new(None),
            done: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        });
        self.look_up(host.to_owned(), port, &slot)?;
        self.guard.wait(&slot.done, PollFlags::IN, None)?;
        let found = slot.found.lock().take();
        found.unwrap_or_else(|| Err(io::Error::other("the lookup of its name broke off")))
    }

    fn look_up(&self, host: String, port: u16, slot: &Arc<Slot>) -> io::Result<()> {
        if self.under_way.fetch_add(1, Ordering::AcqRel) >= config::LOOKUPS_MAX {
            self.under_way.fetch_sub(1, Ordering::AcqRel);
            return Err(io::Error::other("too many lookups of names hang already"));
        }
        let slot = Arc::clone(slot);
        let under_way = Arc::clone(&self.under_way);
        let thread = thread::Builder::new()
            .name("lookup".to_owned())
            .stack_size(config::WORKER_STACK_BYTES)
            .spawn(move || {
                let found = (host.as_str(), port).to_socket_addrs();
                *slot.found.lock() = Some(found.map(|all| all.take(ADDRESSES_MAX).collect()));
                under_way.fetch_sub(1, Ordering::AcqRel);
                // A counter of 0 has room for 1.
                let _ = rustix::io::write(&slot.done, &1_u64.to_ne_bytes());
            });
        if thread.is_err() {
            self.under_way.fetch_sub(1, Ordering::AcqRel);
        }
        thread.map(drop)
    }
}

impl Resolver for Lookup {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or(Error::HostNotFound)?;
        let https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let found = self.addresses(host, port)?;
        let mut addresses = self.empty();
        found
            .into_iter()
            .for_each(|address| addresses.push(address));
        match addresses.is_empty() {
            true => Err(Error::HostNotFound),
            false => Ok(addresses),
        }
    }
}
