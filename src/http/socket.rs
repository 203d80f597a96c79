//! A connected socket that never waits.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{RecvFlags, SendFlags, Shutdown};

/// A connected stream socket in non-blocking mode, TCP or Unix.
pub(super) struct Socket(OwnedFd);

impl Socket {
    /// `fd` is a connected stream socket in non-blocking mode.
    pub(super) fn new(fd: OwnedFd) -> Socket {
        Socket(fd)
    }

    /// Appends what has arrived to `buffer`, at most as much as its spare capacity, which must not be zero. 0 is the end.
    ///
    /// # Errors
    /// `WouldBlock` when nothing has arrived; any other means that the connection is lost.
    pub(super) fn receive(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        debug_assert!(buffer.len() < buffer.capacity());
        loop {
            match rustix::net::recv(&self.0, spare_capacity(buffer), RecvFlags::empty()) {
                Ok((read, _)) => return Ok(read),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The same, into a buffer whose length is the room.
    pub(super) fn receive_into(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::net::recv(&self.0, &mut *buffer, RecvFlags::empty()) {
                Ok((read, _)) => return Ok(read),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends the start of `bytes`, as much as there is room for.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room; any other means that the connection is lost.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::net::send(&self.0, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => return Ok(sent),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Tells the other end that nothing more will be sent.
    pub(super) fn end_sending(&self) {
        // A connection that is lost has ended already.
        let _ = rustix::net::shutdown(&self.0, Shutdown::Write);
    }

    /// Has the close that follows show up as an error at the other end, not as an end.
    pub(super) fn reset_on_close(&self) {
        // A connection that is lost shows up as an error anyway.
        let _ = set_socket_linger(&self.0, Some(Duration::ZERO));
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
