//! The reading of requests, for the fuzzer alone.

use std::net::{Ipv4Addr, SocketAddr};

use super::body::Decoder;
use super::limits::Limits;
use super::parse::{self, Refusal};
use super::request::{Peer, Request};

/// What some bytes amount to.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// The beginning of a request.
    More,
    /// A request of so many bytes: its method, target, fields and body.
    Request {
        /// Bytes of head and body.
        length: usize,
        /// All of it that a handler sees.
        text: String,
    },
    /// Nothing that is taken: the status that says so.
    Refused(u16),
}

/// The request at the start of some bytes, which come in these pieces.
#[must_use]
pub fn read(pieces: &[&[u8]]) -> Read {
    match try_read(pieces) {
        Ok(None) => Read::More,
        Ok(Some((length, request))) => Read::Request {
            length,
            text: format!("{request:?}"),
        },
        Err(refusal) => Read::Refused(refusal.status),
    }
}

/// The request alone.
#[must_use]
pub fn request(bytes: &[u8]) -> Option<Request> {
    let read = try_read(&[bytes]).ok()??;
    Some(read.1)
}

fn try_read(pieces: &[&[u8]]) -> Result<Option<(usize, Request)>, Refusal> {
    let limits = Limits::default();
    let peer = Peer::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
    let mut input = Vec::new();
    let mut under_way: Option<(usize, Request, Decoder)> = None;
    for piece in pieces {
        input.extend_from_slice(piece);
        if under_way.is_none()
            && let Some((length, head)) = parse::head(&input, peer, &limits)?
        {
            input.drain(..length);
            let decoder = Decoder::new(head.framing, limits.body_bytes_max);
            under_way = Some((length, head.request, decoder));
        }
        if let Some((length, request, decoder)) = &mut under_way {
            let used = decoder.feed(&input, &mut request.body)?;
            input.drain(..used);
            *length += used;
        }
    }
    Ok(under_way
        .filter(|(_, _, decoder)| decoder.is_done())
        .map(|(length, request, _)| (length, request)))
}
