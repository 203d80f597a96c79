//! A connection's two ends of bytes: a socket, with or without TLS on it. Neither ever waits.
//!
//! The rest of the layer sees text alone. TLS shows in two places only: a wire that is to be read from may have to write
//! first ([`Wire::interest`]), and a client has to make itself known in time ([`Wire::is_handshaking`]).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::poll::Interest;
use super::socket::Socket;
use super::tls::Session;

/// A connected stream.
pub(super) struct Wire {
    socket: Socket,
    /// `None` on a plain wire. Boxed, since it is a thousand bytes that most servers do not need.
    session: Option<Box<Session>>,
}

impl Wire {
    pub(super) fn plain(socket: Socket) -> Wire {
        Wire {
            socket,
            session: None,
        }
    }

    pub(super) fn tls(socket: Socket, session: Session) -> Wire {
        Wire {
            socket,
            session: Some(Box::new(session)),
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        self.session.is_some()
    }

    /// Whether the client has still to agree with us on keys.
    pub(super) fn is_handshaking(&self) -> bool {
        self.session.as_ref().is_some_and(|it| it.is_handshaking())
    }

    /// What to wait for where the connection waits for this.
    pub(super) fn interest(&self, interest: Interest) -> Interest {
        match (&self.session, interest) {
            (Some(session), Interest::Read) if session.has_unsent() => Interest::ReadOrWrite,
            _ => interest,
        }
    }

    /// Appends the text that has arrived to `buffer`, whose spare capacity must not be zero: about as much as fits, and
    /// all that was taken from the socket, so that nothing lies where epoll does not see it. 0 is the end.
    ///
    /// # Errors
    /// `WouldBlock` when nothing has arrived; `InvalidData` when plain HTTP has, where TLS is spoken: the wire is plain
    /// from then on, for an answer. Any other means that the connection is lost.
    pub(super) fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let Some(session) = &mut self.session else {
            return self.socket.receive(buffer);
        };
        let received = session.receive(&self.socket, buffer);
        if received.is_err() && session.meets_plain_text() {
            self.session = None;
            return Err(io::ErrorKind::InvalidData.into());
        }
        received
    }

    /// Sends the start of `bytes`, as much as there is room for. What was not sent has to be handed in again, at the
    /// start of the next call.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room; any other means that the connection is lost.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.session {
            None => self.socket.send(bytes),
            Some(session) => session.send(&self.socket, bytes),
        }
    }

    /// Tells the other end that nothing more will be sent.
    pub(super) fn end_sending(&mut self) {
        self.say_good_bye();
        self.socket.end_sending();
    }

    /// Has the close that follows show up as an error at the other end, not as an end.
    pub(super) fn reset_on_close(&mut self) {
        self.session = None;
        self.socket.reset_on_close();
    }

    /// Under TLS an end that was not announced may be somebody's who cut the wire.
    fn say_good_bye(&mut self) {
        if let Some(session) = &mut self.session {
            session.close(&self.socket);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.say_good_bye();
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
