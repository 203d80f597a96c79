//! TLS on a socket that never waits: rustls knows the protocol, here bytes are moved to it and from it.
//!
//! A session takes from the socket only what it can turn into text at once, and encrypts a record only when the one
//! before has gone. So what it keeps is bounded by two records, whatever a client sends or does not read.

use std::io::{self, ErrorKind, Read, Write};

use rustls::ServerConnection;

use super::socket::Socket;
use crate::config;

/// Text encrypted at once: the most that one record holds.
const RECORD_BYTES: usize = 16 * 1024;
/// Reads of a few KiB each before others have a turn.
const READS_MAX: usize = 16;

/// One client's session.
pub(super) struct Session {
    tls: ServerConnection,
    /// The first byte that the client sent, by which plain text is told from TLS.
    first: Option<u8>,
    /// Bytes that came since the last text. A record has to be whole before there is any, and a handshake takes some.
    silent_bytes: usize,
    /// Bytes of the text that is encrypted and not all sent. To its sender they count as unsent until then.
    owed: usize,
}

impl Session {
    pub(super) fn new(tls: ServerConnection) -> Session {
        Session {
            tls,
            first: None,
            silent_bytes: 0,
            owed: 0,
        }
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Whether it has something to say that the socket has not taken yet.
    pub(super) fn has_unsent(&self) -> bool {
        self.tls.wants_write()
    }

    /// Whether the client does not speak TLS at all, but what may be HTTP. Each record of TLS begins with a control
    /// character.
    pub(super) fn meets_plain_text(&self) -> bool {
        self.tls.is_handshaking() && self.first.is_some_and(|byte| byte.is_ascii_alphabetic())
    }

    /// Appends the text that has arrived to `buffer`; see [`Wire::receive`](super::wire::Wire::receive).
    pub(super) fn receive(&mut self, socket: &Socket, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let before = buffer.len();
        let room = buffer.capacity() - before;
        for _ in 0..READS_MAX {
            match self.take_in(socket) {
                Ok(0) => return Ok(buffer.len() - before),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            if self.read_text(socket, buffer)? && buffer.len() - before >= room {
                break;
            }
        }
        pass_if_full(self.flush(socket))?;
        match buffer.len() - before {
            0 => Err(ErrorKind::WouldBlock.into()),
            received => Ok(received),
        }
    }

    /// Takes some bytes from the socket; 0 is the end, announced or not: HTTP has its own ends, by which a request that
    /// was cut is known.
    fn take_in(&mut self, socket: &Socket) -> io::Result<usize> {
        let first = &mut self.first;
        let taken = self.tls.read_tls(&mut Taker { socket, first })?;
        self.silent_bytes += taken;
        Ok(taken)
    }

    /// Appends what the bytes taken in amount to; whether that was any text.
    fn read_text(&mut self, socket: &Socket, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let state = match self.tls.process_new_packets() {
            Ok(state) => state,
            Err(error) => {
                if !self.meets_plain_text() {
                    // The client shall learn from an alert why, unless it takes nothing.
                    let _ = self.flush(socket);
                }
                return Err(io::Error::new(ErrorKind::ConnectionAborted, error));
            }
        };
        let length = state.plaintext_bytes_to_read();
        if length > 0 {
            self.silent_bytes = 0;
            let start = buffer.len();
            buffer.resize(start + length, 0);
            self.tls.reader().read_exact(&mut buffer[start..])?;
        } else if self.silent_bytes > config::TLS_SILENT_BYTES_MAX {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(length > 0)
    }

    /// Sends the start of `bytes`; see [`Wire::send`](super::wire::Wire::send).
    pub(super) fn send(&mut self, socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
        self.flush(socket)?;
        if self.owed == 0 {
            let piece = &bytes[..bytes.len().min(RECORD_BYTES)];
            self.owed = self.tls.writer().write(piece)?;
            self.flush(socket)?;
        }
        Ok(std::mem::take(&mut self.owed))
    }

    /// Announces the end, to a client that has got as far as to expect something. One that does not take this either
    /// has missed more than that.
    pub(super) fn close(&mut self, socket: &Socket) {
        if !self.is_handshaking() {
            self.tls.send_close_notify();
            let _ = self.flush(socket);
        }
    }

    /// Sends what there is to say.
    ///
    /// # Errors
    /// `WouldBlock` when not all of it has gone.
    fn flush(&mut self, socket: &Socket) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut Giver(socket))?;
        }
        Ok(())
    }
}

/// A socket that is full is no fault.
fn pass_if_full(sent: io::Result<()>) -> io::Result<()> {
    match sent {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        sent => sent,
    }
}

/// The socket as rustls reads from it.
struct Taker<'a> {
    socket: &'a Socket,
    first: &'a mut Option<u8>,
}

impl Read for Taker<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.socket.receive_into(buffer)?;
        if self.first.is_none() {
            *self.first = buffer[..taken].first().copied();
        }
        Ok(taken)
    }
}

/// The socket as rustls writes to it.
struct Giver<'a>(&'a Socket);

impl Write for Giver<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
