//! An answer on its way out: produced piece by piece, as fast as the client takes it.

use std::borrow::Cow;
use std::io::{self, Cursor, ErrorKind, Read, Write};

use super::answer::{Answer, Body};
use super::pool::Desk;
use super::quota::Share;
use super::stream::{Fetched, Stream};
use super::wire::Wire;
use super::write::{self, Framing, Manner};
use crate::clock;

/// Bytes produced before they are sent: few system calls for large answers, little memory for slow clients.
const PIECE_BYTES: usize = 16 * 1024;
/// Bytes sent to one client before others have a turn.
const TURN_BYTES: usize = 256 * 1024;

/// An answer of which not everything is sent.
pub(super) struct Outgoing {
    /// What was produced and did not fit into the socket.
    kept: Vec<u8>,
    rest: Rest,
    framing: Framing,
    /// Bytes sent since its client last had to wait for us.
    pub(super) sent: u64,
    pub(super) then: Then,
}

/// What is still to be produced.
enum Rest {
    Nothing,
    Reader {
        reader: Box<dyn Read + Send>,
        left: Option<u64>,
    },
    Stream {
        stream: Stream,
        starved: bool,
        _share: Share,
    },
    /// The body failed: the connection ends here.
    Failure,
}

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The next request.
    KeepAlive,
    /// It is closed.
    Close,
    /// It is closed when the client has stopped sending, or after a while.
    Drain,
}

/// How far an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Sent,
    /// The client has to read first.
    Blocked,
    /// A stream has nothing to send for now.
    Starved,
    /// Others should have a turn.
    Yielded,
    /// The client is gone, or must see that something is missing.
    Lost,
}

impl Outgoing {
    /// Writes the head, and the body if it is small, to `desk.output`, from where [`advance`](Self::advance) takes it.
    /// A stream's seat is `share`.
    pub(super) fn begin(
        answer: Answer,
        manner: Manner,
        then: Then,
        share: Share,
        desk: &mut Desk,
    ) -> Outgoing {
        let length = match &answer.body {
            Body::Bytes(bytes) => Some(bytes.len() as u64),
            Body::Reader { length, .. } => *length,
            Body::Stream(_) => None,
        };
        let framing = Framing::choose(answer.status, length, manner.old);
        let ends_the_connection = framing == Framing::UntilClose && !manner.head_only;
        let then = if ends_the_connection && then == Then::KeepAlive {
            Then::Close
        } else {
            then
        };
        let manner = Manner {
            keep_alive: then == Then::KeepAlive,
            ..manner
        };
        let date = desk.date.at(clock::now());
        write::head(
            &mut desk.output,
            (answer.status, &answer.headers),
            framing,
            manner,
            date,
        );
        let rest = match answer.body {
            _ if manner.head_only || framing == Framing::Bodiless => Rest::Nothing,
            Body::Bytes(bytes) if bytes.len() <= PIECE_BYTES => {
                desk.output.extend_from_slice(&bytes);
                Rest::Nothing
            }
            Body::Bytes(bytes) => Rest::Reader {
                left: length,
                reader: reader_of(bytes),
            },
            Body::Reader { reader, length } => Rest::Reader {
                reader,
                left: length,
            },
            Body::Stream(stream) => Rest::Stream {
                stream,
                starved: false,
                _share: share,
            },
        };
        Outgoing {
            kept: Vec::new(),
            rest,
            framing,
            sent: 0,
            then,
        }
    }

    /// The stream that it is, if it is one.
    pub(super) fn stream(&self) -> Option<&Stream> {
        match &self.rest {
            Rest::Stream { stream, .. } => Some(stream),
            _ => None,
        }
    }

    /// Whether it waits for us, not for its client.
    pub(super) fn is_starved(&self) -> bool {
        self.kept.is_empty() && matches!(self.rest, Rest::Stream { starved: true, .. })
    }

    /// Sends as much as the client takes, within one turn.
    pub(super) fn advance(&mut self, wire: &mut Wire, desk: &mut Desk) -> Progress {
        desk.output.append(&mut std::mem::take(&mut self.kept));
        let mut sent_now = 0;
        loop {
            let produced = self.produce(desk);
            match send_all(wire, &desk.output) {
                Ok(sent) if sent < desk.output.len() => {
                    self.sent += sent as u64;
                    self.kept.extend_from_slice(&desk.output[sent..]);
                    desk.output.clear();
                    return Progress::Blocked;
                }
                Ok(sent) => {
                    self.sent += sent as u64;
                    sent_now += sent;
                    desk.output.clear();
                }
                Err(_) => return Progress::Lost,
            }
            match produced {
                Produced::More if sent_now < TURN_BYTES => {}
                Produced::More => return Progress::Yielded,
                Produced::Nothing => return Progress::Starved,
                Produced::End => return Progress::Sent,
                Produced::Failure => {
                    if self.framing == Framing::UntilClose {
                        // Here a plain end of the connection would pass for the end of the body.
                        wire.reset_on_close();
                    }
                    return Progress::Lost;
                }
            }
        }
    }

    /// Appends a piece of the body to `desk.output`, unless a piece is there already.
    fn produce(&mut self, desk: &mut Desk) -> Produced {
        if desk.output.len() >= PIECE_BYTES && !matches!(self.rest, Rest::Nothing) {
            return Produced::More;
        }
        desk.piece.clear();
        let produced = self.rest.produce(&mut desk.piece);
        append(&mut desk.output, self.framing, &desk.piece);
        match produced {
            Produced::End => {
                if self.framing == Framing::Chunked && !matches!(self.rest, Rest::Nothing) {
                    desk.output.extend_from_slice(b"0\r\n\r\n");
                }
                self.rest = Rest::Nothing;
            }
            Produced::Failure => self.rest = Rest::Failure,
            Produced::More | Produced::Nothing => {}
        }
        produced
    }
}

/// What there is after a piece was produced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Produced {
    More,
    /// Nothing for now.
    Nothing,
    End,
    Failure,
}

impl Rest {
    fn produce(&mut self, piece: &mut Vec<u8>) -> Produced {
        match self {
            Rest::Nothing => Produced::End,
            Rest::Failure => Produced::Failure,
            Rest::Reader { reader, left } => match read_piece(reader.as_mut(), left, piece) {
                Ok(false) => Produced::More,
                Ok(true) => Produced::End,
                Err(error) => {
                    log::error!("an answer is cut short: its body failed: {error}");
                    Produced::Failure
                }
            },
            Rest::Stream {
                stream, starved, ..
            } => {
                let fetched = stream.fetch(piece);
                *starved = fetched == Fetched::Nothing;
                match fetched {
                    Fetched::Bytes => Produced::More,
                    Fetched::Nothing => Produced::Nothing,
                    Fetched::Ended => Produced::End,
                    Fetched::Cut => Produced::Failure,
                }
            }
        }
    }
}

/// Reads up to a piece; whether that was the end.
fn read_piece(
    reader: &mut dyn Read,
    left: &mut Option<u64>,
    piece: &mut Vec<u8>,
) -> io::Result<bool> {
    let wanted = left.unwrap_or(u64::MAX).min(PIECE_BYTES as u64);
    piece.reserve(wanted as usize);
    let read = reader.take(wanted).read_to_end(piece)? as u64;
    match left {
        None => Ok(read < wanted),
        Some(left) => {
            *left -= read;
            if read < wanted {
                return Err(io::Error::new(
                    ErrorKind::UnexpectedEof,
                    format!("{left} bytes are missing"),
                ));
            }
            Ok(*left == 0)
        }
    }
}

fn reader_of(bytes: Cow<'static, [u8]>) -> Box<dyn Read + Send> {
    match bytes {
        Cow::Borrowed(bytes) => Box::new(bytes),
        Cow::Owned(bytes) => Box::new(Cursor::new(bytes)),
    }
}

fn append(output: &mut Vec<u8>, framing: Framing, piece: &[u8]) {
    if framing != Framing::Chunked {
        output.extend_from_slice(piece);
    } else if !piece.is_empty() {
        // A chunk of size 0 would be the end. Writing to a Vec cannot fail.
        let _ = write!(output, "{:x}\r\n", piece.len());
        output.extend_from_slice(piece);
        output.extend_from_slice(b"\r\n");
    }
}

/// Sends until everything is sent or the socket is full; how much that was.
fn send_all(wire: &mut Wire, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match wire.send(&bytes[sent..]) {
            Ok(more) => sent += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}
