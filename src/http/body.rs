//! Undoes the framing of a request's body: so many bytes, or chunks. No I/O here: bytes come in as they arrive.
//!
//! Strict where a proxy in front might read the same bytes differently: chunk lines end with CRLF and nothing else,
//! sizes are plain hexadecimal digits. Extensions and trailers are allowed, bounded, and thrown away.

use super::parse::Refusal;

/// Bytes of chunk extensions and trailers a body may have, together.
const EXTRAS_BYTES_MAX: usize = 8 * 1024;

/// How a body says where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// After so many bytes.
    Length(usize),
    /// With a chunk of size 0.
    Chunked,
}

/// A body on its way in.
#[derive(Debug)]
pub(super) struct Decoder {
    state: State,
    /// Bytes of the body that may still come.
    room: usize,
    /// Bytes of extensions and trailers so far.
    extras: usize,
}

/// What the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// One of so many bytes of a body of known length.
    Plain(usize),
    /// A digit of a chunk's size, or what ends the digits.
    Size { size: usize, digits: u8 },
    /// A byte of a chunk extension.
    Extension { size: usize },
    /// The LF after a chunk's size.
    SizeEnd { size: usize },
    /// One of so many bytes of a chunk.
    Data(usize),
    /// The CR after a chunk's bytes.
    DataCr,
    /// The LF after it.
    DataLf,
    /// The first byte of a trailer, or the CR of the body's last line.
    TrailerStart,
    /// A further byte of a trailer.
    Trailer,
    /// The LF after a trailer.
    TrailerEnd,
    /// The LF of the body's last line.
    LastLf,
    /// Nothing: the body is whole.
    Done,
}

impl Decoder {
    /// A body framed like this, of at most `bytes_max` bytes.
    pub(super) fn new(framing: BodyFraming, bytes_max: usize) -> Decoder {
        let state = match framing {
            BodyFraming::Length(0) => State::Done,
            BodyFraming::Length(length) => State::Plain(length),
            BodyFraming::Chunked => State::Size { size: 0, digits: 0 },
        };
        Decoder {
            state,
            room: bytes_max,
            extras: 0,
        }
    }

    /// Whether the body is whole.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what it can of `input`, appends the body's bytes to `body`, and returns how many bytes of input are used.
    /// Less than all of them only once the body [is whole](Self::is_done).
    pub(super) fn feed(&mut self, input: &[u8], body: &mut Vec<u8>) -> Result<usize, Refusal> {
        let mut at = 0;
        while at < input.len() && self.state != State::Done {
            match self.state {
                State::Plain(left) => {
                    let taken = left.min(input.len() - at);
                    body.extend_from_slice(&input[at..at + taken]);
                    at += taken;
                    self.state = if taken == left {
                        State::Done
                    } else {
                        State::Plain(left - taken)
                    };
                }
                State::Data(left) => {
                    let taken = left.min(input.len() - at);
                    body.extend_from_slice(&input[at..at + taken]);
                    at += taken;
                    self.state = if taken == left {
                        State::DataCr
                    } else {
                        State::Data(left - taken)
                    };
                }
                _ => {
                    self.state = self.control(input[at])?;
                    at += 1;
                }
            }
        }
        Ok(at)
    }

    /// The state after a byte that is not the body's own.
    fn control(&mut self, byte: u8) -> Result<State, Refusal> {
        Ok(match (self.state, byte) {
            (State::Size { size, digits }, _) if byte.is_ascii_hexdigit() => {
                // 15 digits fit into 64 bits; what they say is checked at the end of the line.
                if digits == 15 {
                    return Err(bad_chunk("a chunk size has more than 15 digits"));
                }
                let digit = (byte as char)
                    .to_digit(16)
                    .map_or(0, |digit| digit as usize);
                State::Size {
                    size: size * 16 + digit,
                    digits: digits + 1,
                }
            }
            (State::Size { digits: 0, .. }, _) => return Err(bad_chunk("a chunk size is missing")),
            (State::Size { size, .. } | State::Extension { size }, b'\r') => {
                State::SizeEnd { size }
            }
            (State::Size { size, .. }, b';' | b' ' | b'\t') => State::Extension { size },
            (State::Size { .. }, _) => {
                return Err(bad_chunk("a chunk size is not a hexadecimal number"));
            }
            (State::Extension { .. }, b'\n') => {
                return Err(bad_chunk("a chunk's line does not end with CR LF"));
            }
            (State::Extension { size }, _) => self.extra(State::Extension { size })?,
            (State::SizeEnd { size: 0 }, b'\n') => State::TrailerStart,
            (State::SizeEnd { size }, b'\n') => {
                self.room = self
                    .room
                    .checked_sub(size)
                    .ok_or_else(Refusal::body_too_large)?;
                State::Data(size)
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { size: 0, digits: 0 },
            (State::TrailerStart, b'\r') => State::LastLf,
            (State::Trailer, b'\r') => State::TrailerEnd,
            (State::TrailerStart | State::Trailer, b'\n') => {
                return Err(bad_chunk("a trailer does not end with CR LF"));
            }
            (State::TrailerStart | State::Trailer, _) => self.extra(State::Trailer)?,
            (State::TrailerEnd, b'\n') => State::TrailerStart,
            (State::LastLf, b'\n') => State::Done,
            _ => return Err(bad_chunk("a chunk is not followed by CR LF")),
        })
    }

    /// Counts a byte that is thrown away.
    fn extra(&mut self, next: State) -> Result<State, Refusal> {
        self.extras += 1;
        if self.extras > EXTRAS_BYTES_MAX {
            return Err(bad_chunk(
                "chunk extensions and trailers are longer than 8 KiB",
            ));
        }
        Ok(next)
    }
}

fn bad_chunk(what: &str) -> Refusal {
    Refusal::new(400, format!("the chunked body cannot be read: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body and the rest, when `input` comes in pieces of `step` bytes.
    fn decode(
        framing: BodyFraming,
        input: &[u8],
        step: usize,
    ) -> Result<Option<(Vec<u8>, usize)>, u16> {
        let (mut decoder, mut body, mut used) = (Decoder::new(framing, 20), Vec::new(), 0);
        for piece in input.chunks(step) {
            used += decoder
                .feed(piece, &mut body)
                .map_err(|refusal| refusal.status)?;
            if decoder.is_done() {
                return Ok(Some((body, input.len() - used)));
            }
        }
        Ok(None)
    }

    #[test]
    fn ok_bodies() {
        let long_extension = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(8_000));
        for (framing, input, body, rest) in [
            (BodyFraming::Length(3), "abc", "abc", 0),
            (BodyFraming::Length(3), "abcGET", "abc", 3),
            (BodyFraming::Chunked, "3\r\nabc\r\n0\r\n\r\n", "abc", 0),
            (
                BodyFraming::Chunked,
                "3\r\nabc\r\n2;a=\"b\"\r\nde\r\n000\r\n\r\nGET",
                "abcde",
                3,
            ),
            (
                BodyFraming::Chunked,
                "A \r\n0123456789\r\n0\r\nX: y\r\nZ: w\r\n\r\n",
                "0123456789",
                0,
            ),
            (BodyFraming::Chunked, "0\r\n\r\n", "", 0),
            (
                BodyFraming::Chunked,
                "14\r\n01234567890123456789\r\n0\r\n\r\n",
                "01234567890123456789",
                0,
            ),
            (BodyFraming::Chunked, &long_extension, "a", 0),
        ] {
            for step in [1, 2, 3, 1_000_000] {
                let (got, left) = decode(framing, input.as_bytes(), step).unwrap().unwrap();
                assert_eq!(got, body.as_bytes(), "{input:?} by {step}");
                assert!(step < 1_000_000 || left == rest, "{input:?}");
            }
        }
        assert!(Decoder::new(BodyFraming::Length(0), 0).is_done());
    }

    #[test]
    fn err_bodies() {
        let endless_extension = format!("1;{}", "x".repeat(9_000));
        let endless_trailers = format!("0\r\n{}", "a: b\r\n".repeat(9_000));
        for (input, status) in [
            ("\r\n", 400),
            ("g\r\n", 400),
            ("-1\r\n", 400),
            ("0x1\r\n", 400),
            ("+1\r\n", 400),
            ("1\n", 400),
            ("1;a\nb", 400),
            ("1\r\rx", 400),
            ("1\r\nabc", 400),
            ("1\r\na\n", 400),
            ("0\r\n\n", 400),
            ("0\r\na: b\n\r\n", 400),
            ("0\r\na: b\r\r", 400),
            ("0000000000000001\r\n", 400),
            ("fffffffffffffff\r\n", 413),
            ("15\r\n", 413),
            ("14\r\n01234567890123456789\r\n1\r\n", 413),
            (endless_extension.as_str(), 400),
            (endless_trailers.as_str(), 400),
        ] {
            for step in [1, 1_000_000] {
                assert_eq!(
                    decode(BodyFraming::Chunked, input.as_bytes(), step),
                    Err(status),
                    "{input:?}"
                );
            }
        }
    }

    #[test]
    fn a_body_that_stops_early_is_not_whole() {
        for input in ["", "3\r\nab", "3\r\nabc\r\n", "0\r\n", "0\r\n\r"] {
            assert_eq!(
                decode(BodyFraming::Chunked, input.as_bytes(), 1),
                Ok(None),
                "{input:?}"
            );
        }
        assert_eq!(decode(BodyFraming::Length(3), b"ab", 1), Ok(None));
    }
}
