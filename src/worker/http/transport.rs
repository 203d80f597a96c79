//! Sockets for ureq whose every wait ends at the request's deadline, or when its run is stopped.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, RustlsConnector, Transport,
};

use super::guard::Guard;
use crate::clock;
use crate::config;

/// Connects by TCP.
#[derive(Debug)]
pub(super) struct Tcp {
    guard: Arc<Guard>,
}

/// A connection by TCP.
#[derive(Debug)]
pub(super) struct Stream {
    /// Non-blocking: the guard does the waiting.
    socket: TcpStream,
    buffers: LazyBuffers,
    guard: Arc<Guard>,
}

/// ureq's TLS, with the certificates and sessions of one pool instead of one agent.
#[derive(Debug)]
pub(super) struct SharedTls(pub(super) Arc<RustlsConnector>);

impl Tcp {
    pub(super) fn new(guard: Arc<Guard>) -> Tcp {
        Tcp { guard }
    }

    /// The first connection that comes about. An address that does not answer takes no more than its share of the
    /// time that is left.
    fn connect_any(&self, addresses: &[SocketAddr]) -> io::Result<TcpStream> {
        let mut last = ErrorKind::AddrNotAvailable.into();
        for (tried, address) in addresses.iter().enumerate() {
            let share = self.guard.deadline().map(|end| {
                let now = clock::monotonic();
                now + end.saturating_duration_since(now) / (addresses.len() - tried) as u32
            });
            match self.connect(*address, share) {
                Err(e) if e.kind() == ErrorKind::ConnectionAborted => return Err(e),
                Err(e) => last = e,
                connected => return connected,
            }
        }
        Err(last)
    }

    fn connect(&self, address: SocketAddr, until: Option<Instant>) -> io::Result<TcpStream> {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        match connect(&socket, &address) {
            Ok(()) => {}
            Err(Errno::INPROGRESS) => {
                self.guard.wait(&socket, PollFlags::OUT, until)?;
                sockopt::socket_error(&socket)??;
            }
            Err(e) => return Err(e.into()),
        }
        let socket = TcpStream::from(socket);
        socket.set_nodelay(true)?;
        Ok(socket)
    }
}

impl<In: Transport> Connector<In> for Tcp {
    type Out = Stream;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<In>,
    ) -> Result<Option<Stream>, Error> {
        let size = config::REMOTE_BUFFER_BYTES;
        Ok(Some(Stream {
            socket: self.connect_any(&details.addrs)?,
            buffers: LazyBuffers::new(size, size),
            guard: Arc::clone(&self.guard),
        }))
    }
}

impl Stream {
    /// Waits as the guard allows, and no longer than ureq does where that has a time of its own.
    fn wait(&self, flags: PollFlags, timeout: NextTimeout) -> Result<(), Error> {
        let until = match timeout.after.is_not_happening() {
            true => None,
            false => clock::monotonic().checked_add(*timeout.after),
        };
        self.guard
            .wait(&self.socket, flags, until)
            .map_err(|e| match e.kind() {
                ErrorKind::TimedOut if until.is_some() => Error::Timeout(timeout.reason),
                _ => Error::Io(e),
            })
    }
}

impl Transport for Stream {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let mut sent = 0;
        self.guard.sends();
        while sent < amount {
            let unsent = &self.buffers.output()[sent..amount];
            match self.socket.write(unsent) {
                Ok(0) => return Err(Error::Io(ErrorKind::WriteZero.into())),
                Ok(n) => sent += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.wait(PollFlags::OUT, timeout)?;
                }
                Err(e) => return Err(Error::Io(e)),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        loop {
            match self.socket.read(self.buffers.input_append_buf()) {
                Ok(n) => {
                    self.buffers.input_appended(n);
                    return Ok(n > 0);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::IN, timeout)?,
                Err(e) => return Err(Error::Io(e)),
            }
        }
    }

    /// Never used again, so never asked for.
    fn is_open(&mut self) -> bool {
        false
    }
}

impl<In: Transport> Connector<In> for SharedTls {
    type Out = <RustlsConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        self.0.connect(details, chained)
    }
}
