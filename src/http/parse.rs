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
use super::request::{Headers, Peer, Request};
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
        path: target.path.to_owned(),
        query: target.query.to_owned(),
        version: (1, minor),
        headers: copy_headers(parsed.headers, length, host),
        body: Vec::new(),
        peer,
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
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<(usize, Head)>, Refusal> {
        head(text.as_bytes(), Peer::Unix, &Limits::default())
    }

    /// A head with these lines after a request line and a Host.
    fn with_fields(fields: &str) -> Result<Head, u16> {
        let text = format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        parse(&text)
            .map(|head| head.expect("whole").1)
            .map_err(|refusal| refusal.status)
    }

    #[test]
    fn ok_targets() {
        for (target, path, query, host) in [
            ("/", "/", "", "h"),
            ("/a%20b?c=d?e", "/a%20b", "c=d?e", "h"),
            ("//x", "//x", "", "h"),
            ("http://other:80/a?b", "/a", "b", "other:80"),
            ("HTTP://other", "/", "", "other"),
            ("https://[::1]:8?q", "/", "q", "[::1]:8"),
        ] {
            let (_, head) = parse(&format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"))
                .unwrap()
                .unwrap();
            let request = head.request;
            assert_eq!(
                (request.path.as_str(), request.query.as_str()),
                (path, query),
                "{target}"
            );
            assert_eq!(
                request.headers.get_all("host").collect::<Vec<_>>(),
                [host],
                "{target}"
            );
        }
        assert!(parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").is_ok());
    }

    #[test]
    fn err_request_lines() {
        for (line, status) in [
            ("GET", 400),
            ("GET /", 400),
            ("GET / HTTP/1.1 x", 400),
            ("GET  / HTTP/1.1", 400),
            ("GET / FTP/1.1", 400),
            ("G@T / HTTP/1.1", 400),
            ("GET x HTTP/1.1", 400),
            ("GET * HTTP/1.1", 400),
            ("CONNECT h:80 HTTP/1.1", 400),
            ("GET http://u@h/ HTTP/1.1", 400),
            ("GET ftp://h/ HTTP/1.1", 400),
            ("\u{16}\u{3}\u{1}", 400),
            ("PRI * HTTP/2.0", 505),
            ("GET / HTTP/2", 505),
            ("GET / HTTP/9.9", 505),
            ("GET / HTTP/1.2", 505),
        ] {
            let got =
                parse(&format!("{line}\r\nHost: h\r\n\r\n")).map_err(|refusal| refusal.status);
            assert_eq!(got.err(), Some(status), "{line:?}");
        }
    }

    #[test]
    fn ok_framing_and_persistence() {
        use BodyFraming::{Chunked, Length};
        for (fields, framing, keep_alive, expects) in [
            ("", Length(0), true, false),
            (
                "Content-Length: 0\r\nExpect: 100-continue\r\n",
                Length(0),
                true,
                false,
            ),
            (
                "content-length:  007 \r\nexpect: 100-Continue\r\n",
                Length(7),
                true,
                true,
            ),
            (
                "Transfer-Encoding: Chunked\r\nConnection: close\r\n",
                Chunked,
                false,
                false,
            ),
            ("Connection: upgrade, Close\r\n", Length(0), false, false),
            (
                "Connection: keep-alive\nConnection: close\n",
                Length(0),
                false,
                false,
            ),
        ] {
            let head = with_fields(fields).unwrap();
            assert_eq!(
                (head.framing, head.keep_alive, head.expects_continue),
                (framing, keep_alive, expects),
                "{fields}"
            );
        }
        for (text, keep_alive) in [
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
            (
                "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
                false,
            ),
        ] {
            assert_eq!(
                parse(text).unwrap().unwrap().1.keep_alive,
                keep_alive,
                "{text}"
            );
        }
    }

    #[test]
    fn err_header_fields() {
        for (fields, status) in [
            ("Content-Length: 1\r\nContent-Length: 1\r\n", 400),
            ("Content-Length: 1, 1\r\n", 400),
            ("Content-Length: +1\r\n", 400),
            ("Content-Length: -1\r\n", 400),
            ("Content-Length: 0x1\r\n", 400),
            ("Content-Length: \r\n", 400),
            ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                400,
            ),
            ("Transfer-Encoding: chunked, chunked\r\n", 501),
            ("Transfer-Encoding: gzip, chunked\r\n", 501),
            ("Transfer-Encoding: identity\r\n", 501),
            ("Content-Length: 1048577\r\n", 413),
            ("Content-Length: 100000000000000\r\n", 413),
            ("Content-Length: 18446744073709551615\r\n", 413),
            ("Content-Length: 99999999999999999999999\r\n", 413),
            ("Host: i\r\n", 400),
            ("Expect: a miracle\r\n", 417),
            ("No colon\r\n", 400),
            ("Space : before\r\n", 400),
            ("A: b\r\n folded\r\n", 400),
        ] {
            assert_eq!(with_fields(fields).err(), Some(status), "{fields:?}");
        }
        for text in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n",
            "GET http://h/ HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert_eq!(
                parse(text).map_err(|refusal| refusal.status).err(),
                Some(400),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_head_has_bounds() {
        let fields = |count: usize| "A: b\r\n".repeat(count);
        assert!(with_fields(&fields(99)).is_ok());
        assert_eq!(with_fields(&fields(100)).err(), Some(431));
        assert!(with_fields(&format!("A: {}\r\n", "x".repeat(16_000))).is_ok());
        assert_eq!(
            with_fields(&format!("A: {}\r\n", "x".repeat(16_384))).err(),
            Some(431)
        );
        let endless = format!("GET /{}", "x".repeat(16_384));
        assert_eq!(
            parse(&endless).map_err(|refusal| refusal.status).err(),
            Some(431)
        );
        assert!(parse(&endless[..16_383]).unwrap().is_none());
    }
}
