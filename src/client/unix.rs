//! ureq over a Unix socket: whatever host a request names, it goes to one path of the file system.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

/// Connects to the socket.
#[derive(Debug)]
pub(super) struct Unix(pub(super) PathBuf);

/// Looks nothing up: there is one way only.
#[derive(Debug)]
pub(super) struct Nowhere;

/// A connection to the socket.
#[derive(Debug)]
pub(super) struct Stream {
    socket: UnixStream,
    buffers: LazyBuffers,
}

impl Resolver for Nowhere {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        Ok(addresses)
    }
}

impl<In: Transport> Connector<In> for Unix {
    type Out = Stream;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<In>,
    ) -> Result<Option<Stream>, Error> {
        let config = &details.config;
        Ok(Some(Stream {
            socket: UnixStream::connect(&self.0)?,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
        }))
    }
}

impl Transport for Stream {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.socket.set_write_timeout(limit(timeout))?;
        let output = &self.buffers.output()[..amount];
        let sent = self.socket.write_all(output);
        sent.map_err(|error| explain(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.socket.set_read_timeout(limit(timeout))?;
        loop {
            match self.socket.read(self.buffers.input_append_buf()) {
                Ok(read) => {
                    self.buffers.input_appended(read);
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(explain(error, timeout)),
            }
        }
    }

    /// A connection is not kept: a new one costs nothing here.
    fn is_open(&mut self) -> bool {
        false
    }
}

/// How long a wait may take. The system takes a limit of zero for none at all.
fn limit(timeout: NextTimeout) -> Option<Duration> {
    match timeout.after.is_not_happening() {
        true => None,
        false => Some((*timeout.after).max(Duration::from_millis(1))),
    }
}

fn explain(error: std::io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(error),
    }
}
