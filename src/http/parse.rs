//! From the bytes of a head to a [`Request`], or to the reason why it is refused. No I/O here.
//!
//! `httparse` knows the grammar; what it leaves open, and what decides where a request ends, is decided here, strictly:
//! a request that a proxy in front might read in another way is refused, never guessed at.

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::str::FromStr;

use tiny_http::Method;

use super::body::BodyFraming;
use super::limits::Limits;
use super::path;
use super::request::{Headers, Peer, Request, Role};
use crate::config;

/// Why a request is not taken: what the answer will be. The connection is closed after it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal {
            status,
            message: message.into(),
        }
    }

    pub(super) fn body_too_large() -> Refusal {
        let kib = config::BODY_BYTES_MAX / 1024;
        Refusal::new(
            413,
            format!("the body is larger than the {kib} KiB that one request may bring"),
        )
    }

    pub(super) fn head_too_large() -> Refusal {
        Refusal::new(
            431,
            "the request's head is too long: send fewer or shorter header fields, or a shorter URL",
        )
    }
}

/// A head that was understood.
#[derive(Debug)]
pub(super) struct Head {
    /// The request, its body still empty.
    pub(super) request: Request,
    /// Where its body ends.
    pub(super) framing: BodyFraming,
    /// Whether the client wants to send further requests on this connection.
    pub(super) keep_alive: bool,
    /// Whether the client waits for a word before it sends the body.
    pub(super) expects_continue: bool,
}

/// Reads the head at the start of `bytes`: its length and what it says, or `None` if it is not all there.
pub(super) fn head(
    bytes: &[u8],
    peer: Peer,
    limits: &Limits,
) -> Result<Option<(usize, Head)>, Refusal> {
    let mut fields = [const { MaybeUninit::uninit() }; config::HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut []);
    let length = match parsed.parse_with_uninit_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete(length)) if length <= limits.head_bytes_max => length,
        Ok(httparse::Status::Partial) if bytes.len() < limits.head_bytes_max => return Ok(None),
        Ok(_) => return Err(Refusal::head_too_large()),
        Err(error) => return Err(malformed(error, bytes)),
    };
    let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version)
    else {
        return Err(Refusal::new(400, "the request line is not complete"));
    };
    let target = Target::parse(method, target)?;
    let marks = Marks::read(parsed.headers, minor)?;
    let framing = marks.framing(limits)?;
    let host = marks.host(minor, target.authority)?;
    let request = Request {
        method: Method::from_str(method)
            .map_err(|()| Refusal::new(400, "the method is not ASCII"))?,
        path: path::normal(target.path),
        query: target.query.to_owned(),
        version: (1, minor),
        headers: copy_headers(parsed.headers, length, host),
        body: Vec::new(),
        peer,
        secure: false,
        role: Role::Read,
    };
    let keep_alive = !marks.close && (minor == 1 || marks.keep_alive);
    let expects_continue = marks.expects_continue && framing != BodyFraming::Length(0);
    Ok(Some((
        length,
        Head {
            request,
            framing,
            keep_alive,
            expects_continue,
        },
    )))
}

/// What httparse could not read, in words.
fn malformed(error: httparse::Error, bytes: &[u8]) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => Refusal::new(
            431,
            format!(
                "the request has more than {} header fields",
                config::HEADERS_MAX
            ),
        ),
        httparse::Error::Version if names_other_version(bytes) => Refusal::new(
            505,
            "this server speaks HTTP/1.0 and HTTP/1.1 only (curl: --http1.1)",
        ),
        httparse::Error::HeaderName | httparse::Error::HeaderValue => Refusal::new(
            400,
            "a header field is malformed: it has to be `Name: value` on one line",
        ),
        _ => Refusal::new(
            400,
            "this is not an HTTP/1.1 request; the first line has to be like `GET /path HTTP/1.1`",
        ),
    }
}

/// Whether the request line's third word says HTTP in another version.
fn names_other_version(bytes: &[u8]) -> bool {
    let line = bytes
        .split(|&byte| byte == b'\n')
        .find(|line| !line.is_empty() && *line != b"\r");
    let word = line
        .and_then(|line| line.split(|&byte| byte == b' ').nth(2))
        .unwrap_or_default();
    word.strip_prefix(b"HTTP/")
        .is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}

/// The request line's second word.
struct Target<'a> {
    authority: Option<&'a str>,
    path: &'a str,
    query: &'a str,
}

impl Target<'_> {
    fn parse<'a>(method: &str, target: &'a str) -> Result<Target<'a>, Refusal> {
        let scheme = ["http://", "https://"].into_iter().find(|scheme| {
            target
                .get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        let (authority, local) = match scheme {
            None => (None, target),
            Some(scheme) => {
                let rest = &target[scheme.len()..];
                let (authority, local) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
                (Some(authority), local)
            }
        };
        let (path, query) = local.split_once('?').unwrap_or((local, ""));
        match (path, authority) {
            ("", Some(_)) => Ok(Target {
                authority,
                path: "/",
                query,
            }),
            ("*", None) if method == "OPTIONS" => Ok(Target {
                authority,
                path,
                query,
            }),
            _ if path.starts_with('/') => Ok(Target {
                authority,
                path,
                query,
            }),
            _ => Err(Refusal::new(
                400,
                "the request's target has to be a path that begins with /, or an http:// URL",
            )),
        }
    }
}

/// The header fields that this layer acts upon.
#[derive(Default)]
struct Marks<'a> {
    content_length: Option<&'a [u8]>,
    transfer_encoding: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

impl<'a> Marks<'a> {
    fn read(fields: &[httparse::Header<'a>], minor: u8) -> Result<Marks<'a>, Refusal> {
        let mut marks = Marks::default();
        for field in fields {
            let name = field.name;
            if name.eq_ignore_ascii_case("content-length") {
                only_one(&mut marks.content_length, field)?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                only_one(&mut marks.transfer_encoding, field)?;
            } else if name.eq_ignore_ascii_case("host") {
                only_one(&mut marks.host, field)?;
            } else if name.eq_ignore_ascii_case("connection") {
                marks.close |= has_token(field.value, b"close");
                marks.keep_alive |= has_token(field.value, b"keep-alive");
            } else if name.eq_ignore_ascii_case("expect") && minor == 1 {
                if !field.value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(Refusal::new(
                        417,
                        "the only expectation this server meets is 100-continue",
                    ));
                }
                marks.expects_continue = true;
            }
        }
        if marks.transfer_encoding.is_some() && marks.content_length.is_some() {
            return Err(Refusal::new(
                400,
                "Content-Length and Transfer-Encoding exclude each other: send one of them",
            ));
        }
        if marks.transfer_encoding.is_some() && minor == 0 {
            return Err(Refusal::new(
                400,
                "HTTP/1.0 has no Transfer-Encoding: send Content-Length",
            ));
        }
        Ok(marks)
    }

    fn framing(&self, limits: &Limits) -> Result<BodyFraming, Refusal> {
        if let Some(coding) = self.transfer_encoding {
            if coding.eq_ignore_ascii_case(b"chunked") {
                return Ok(BodyFraming::Chunked);
            }
            return Err(Refusal::new(
                501,
                "the only transfer coding this server knows is chunked, once",
            ));
        }
        let Some(digits) = self.content_length else {
            return Ok(BodyFraming::Length(0));
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(Refusal::new(
                400,
                "Content-Length has to be one decimal number",
            ));
        }
        let length = str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse::<usize>().ok());
        match length {
            Some(length) if length <= limits.body_bytes_max => Ok(BodyFraming::Length(length)),
            _ => Err(Refusal::body_too_large()),
        }
    }

    /// The authority that the request is for.
    fn host(&self, minor: u8, authority: Option<&'a str>) -> Result<Option<&'a [u8]>, Refusal> {
        if self.host.is_none() && minor == 1 {
            return Err(Refusal::new(
                400,
                "an HTTP/1.1 request needs a Host header field",
            ));
        }
        let host = authority.map(str::as_bytes).or(self.host);
        let plain =
            |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]%~!$&'()*+;=".contains(byte);
        if host.is_some_and(|host| !host.iter().all(plain)) {
            return Err(Refusal::new(
                400,
                "the host has to be a name or an address, with a port or without",
            ));
        }
        Ok(host)
    }
}

/// Keeps a field that may be there once.
fn only_one<'a>(place: &mut Option<&'a [u8]>, field: &httparse::Header<'a>) -> Result<(), Refusal> {
    match place.replace(field.value) {
        None => Ok(()),
        Some(_) => Err(Refusal::new(
            400,
            format!("the header field {} is there twice", field.name),
        )),
    }
}

/// Whether a list of words separated by commas has this one.
fn has_token(list: &[u8], token: &[u8]) -> bool {
    list.split(|&byte| byte == b',')
        .any(|word| word.trim_ascii().eq_ignore_ascii_case(token))
}

/// The fields as the request will hold them, `Host` being `host`.
fn copy_headers(
    fields: &[httparse::Header<'_>],
    head_bytes: usize,
    host: Option<&[u8]>,
) -> Headers {
    let mut headers = Headers::with_capacity(fields.len(), head_bytes);
    for field in fields {
        match host {
            Some(host) if field.name.eq_ignore_ascii_case("host") => headers.push(field.name, host),
            _ => headers.push(field.name, field.value),
        }
    }
    if let (Some(host), None) = (host, headers.get("host")) {
        headers.push("Host", host);
    }
    headers
}

#[cfg(test)]
mod tests;
