//! Takes connections in, and turns them away when there are too many.
//!
//! Nothing that accept(2) may say ends the listening. Out of descriptors, an idle connection is given up for the new
//! one; if there is none, a spare descriptor serves to take the new one and tell it so; without even that, the door
//! stays closed for a moment.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with, sockopt};

use super::certificates::Certificates;
use super::connection::Connection;
use super::hub::Hub;
use super::poll::{Interest, Poll, Source};
use super::request::Peer;
use super::socket::Socket;
use super::wire::Wire;
use crate::{clock, config};

/// Connections taken in before other events have a turn.
const ACCEPTS_MAX: usize = 64;
/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 1_024;
/// A client that has sent nothing for so long is asked by the kernel whether it still lives: one whose machine is gone
/// would otherwise follow events for ever.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 4;

/// Where connections come in.
#[derive(Debug)]
pub enum Listener {
    /// Over the network.
    Tcp(TcpListener),
    /// Over the network, by TLS alone.
    Tls(TcpListener, Arc<Certificates>),
    /// Over a Unix socket. Its file is the business of whoever made it.
    Unix(UnixListener),
}

impl Listener {
    /// Its address, if it has one.
    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) | Listener::Tls(listener, _) => listener.local_addr().ok(),
            Listener::Unix(_) => None,
        }
    }

    /// Makes it ready for epoll. What is set here, accepted connections inherit.
    fn prepare(&self) -> io::Result<()> {
        match self {
            Listener::Tcp(listener) | Listener::Tls(listener, _) => {
                listener.set_nonblocking(true)?;
                sockopt::set_tcp_nodelay(listener, true)?;
                sockopt::set_socket_keepalive(listener, true)?;
                sockopt::set_tcp_keepidle(listener, KEEPALIVE_AFTER)?;
                sockopt::set_tcp_keepintvl(listener, KEEPALIVE_EVERY)?;
                sockopt::set_tcp_keepcnt(listener, KEEPALIVE_PROBES)?;
            }
            Listener::Unix(listener) => listener.set_nonblocking(true)?,
        }
        // Listening again only changes the backlog.
        Ok(rustix::net::listen(self, BACKLOG)?)
    }

    fn accept(&self) -> rustix::io::Result<(Wire, Peer)> {
        let (socket, address) =
            acceptfrom_with(self, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
        let peer = match self {
            Listener::Unix(_) => Peer::Unix,
            // The address comes with the connection, so that a client that is gone already has one, too.
            Listener::Tcp(_) | Listener::Tls(..) => match address.map(SocketAddr::try_from) {
                Some(Ok(address)) => Peer::Tcp(address),
                _ => return Err(Errno::CONNABORTED),
            },
        };
        let socket = Socket::new(socket);
        let wire = match self {
            Listener::Tls(_, certificates) => Wire::tls(socket, certificates.session()?),
            Listener::Tcp(_) | Listener::Unix(_) => Wire::plain(socket),
        };
        Ok((wire, peer))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Listener::Tcp(listener) | Listener::Tls(listener, _) => listener.as_fd(),
            Listener::Unix(listener) => listener.as_fd(),
        }
    }
}

/// A listener at work.
pub(super) struct Door {
    /// `None` once it is closed.
    listener: Mutex<Option<Listener>>,
    /// Given up to take in one connection when there is no other descriptor.
    spare: Mutex<Option<OwnedFd>>,
    /// It waits for the timer.
    paused: AtomicBool,
    /// The log knows that the system gives no more connections.
    told: AtomicBool,
}

impl Door {
    pub(super) fn open(listener: Listener, poll: &Poll, source: Source) -> io::Result<Door> {
        listener.prepare()?;
        poll.add(&listener, source)?;
        Ok(Door {
            listener: Mutex::new(Some(listener)),
            spare: Mutex::new(spare_descriptor()),
            paused: AtomicBool::new(false),
            told: AtomicBool::new(false),
        })
    }

    /// Listens no more.
    pub(super) fn close(&self) {
        *self.listener.lock() = None;
    }

    /// Takes nobody in until the timer has gone off.
    fn pause(&self, hub: &Hub) {
        self.paused.store(true, Ordering::Release);
        let now = clock::monotonic();
        hub.timer.arm(now + config::HTTP_ACCEPT_PAUSE, now);
    }

    /// Goes on after a pause, if there was one.
    pub(super) fn resume(&self, poll: &Poll, source: Source) {
        if self.paused.swap(false, Ordering::AcqRel) {
            self.arm(poll, source);
        }
    }

    fn arm(&self, poll: &Poll, source: Source) {
        if let Some(listener) = self.listener.lock().as_ref()
            && let Err(error) = poll.arm(listener, source, Interest::Read)
        {
            log::error!("no more connections can be accepted: {error}");
        }
    }

    fn accept(&self) -> rustix::io::Result<(Wire, Peer)> {
        match self.listener.lock().as_ref() {
            Some(listener) => listener.accept(),
            None => Err(Errno::AGAIN),
        }
    }

    /// Takes in a connection for which the system gave no descriptor, by giving up the spare one for it. A new spare is
    /// had before the connection is let in: from what was freed meanwhile, from an idle connection, or from the new one
    /// itself, which is turned away then.
    ///
    /// # Errors
    /// `AGAIN` when no connection is there; any other when even so there was no descriptor for it.
    fn squeeze_in(&self, hub: &Hub) -> rustix::io::Result<()> {
        let mut spare = self.spare.lock();
        let given_up = spare.take().map(drop).is_some();
        let accepted = if given_up {
            self.accept()
        } else {
            Err(Errno::MFILE)
        };
        *spare = spare_descriptor();
        if spare.is_none() && hub.give_up_idle() {
            *spare = spare_descriptor();
        }
        let (wire, peer) = accepted?;
        if spare.is_some() {
            admit(hub, wire, peer);
        } else {
            turn_away(wire);
            *spare = spare_descriptor();
        }
        Ok(())
    }
}

fn spare_descriptor() -> Option<OwnedFd> {
    eventfd(0, EventfdFlags::CLOEXEC).ok()
}

/// Takes in what has come to a door.
pub(super) fn accept(hub: &Hub, index: u32) {
    let Some(door) = hub.doors.get(index as usize) else {
        return;
    };
    for _ in 0..ACCEPTS_MAX {
        match door.accept() {
            Ok((wire, peer)) => {
                door.told.store(false, Ordering::Relaxed);
                admit(hub, wire, peer);
            }
            Err(Errno::AGAIN) => break,
            Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)) => {
                if !door.told.swap(true, Ordering::Relaxed) {
                    log::warn!(
                        "the system gives no more connections ({error}); raise the limit of open files"
                    );
                }
                match door.squeeze_in(hub) {
                    Ok(()) => {}
                    Err(Errno::AGAIN) => break,
                    Err(_) => return door.pause(hub),
                }
            }
            // The client was gone before it was taken in, or the network says that it could not come: the next one may.
            Err(_) => {}
        }
    }
    door.arm(&hub.poll, Source::Listener(index));
}

/// Gives a connection its place.
fn admit(hub: &Hub, wire: Wire, peer: Peer) {
    if !hub.table.has_room() && !hub.give_up_idle() {
        turn_away(wire);
        return;
    }
    let now = clock::monotonic();
    // Who has nothing to agree on may be idle from the start.
    let patience = match wire.is_handshaking() {
        true => hub.limits.head,
        false => hub.limits.idle,
    };
    let seated = hub.table.seat(|key| {
        hub.poll.add(&wire, Source::Connection(key)).ok()?;
        Some(Box::new(Connection::new(wire, peer, key, now)))
    });
    if let Some(key) = seated {
        hub.timer.arm(now + patience, now);
        if hub.is_stopping() {
            // The shutdown may have looked for connections just before this one was there.
            hub.mail.post(key);
        }
    }
}

/// Says that there is no place. A new connection has room for these few bytes, or else its client hears nothing; nor
/// does one that wants TLS, which would have to shake hands first.
fn turn_away(mut wire: Wire) {
    const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 70\r\n\
        Retry-After: 1\r\nConnection: close\r\n\r\n\
        {\"error\":\"the server has too many connections; try again in a second\"}";
    if !wire.is_tls() {
        let _ = wire.send(FULL);
    }
    wire.end_sending();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_is_turned_away_gets_a_whole_answer() {
        let (mut client, server) = std::os::unix::net::UnixStream::pair().unwrap();
        turn_away(Wire::plain(Socket::new(server.into())));
        let mut text = String::new();
        io::Read::read_to_string(&mut client, &mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}\r\n", body.len())),
            "{head} {}",
            body.len()
        );
    }
}
