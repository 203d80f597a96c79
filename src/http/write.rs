//! The head of an answer as bytes.

use std::io::Write;

use chrono::DateTime;
use tiny_http::{Header, StatusCode};

use crate::clock::Timestamp;

/// How the client of a request wants it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    /// HTTP/1.0: no chunks, and the connection ends with the answer unless both say otherwise.
    pub(super) old: bool,
    pub(super) keep_alive: bool,
    /// HEAD: the answer ends with its head.
    pub(super) head_only: bool,
}

/// How an answer's body says where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none, and no length either (204, 304).
    Bodiless,
    /// After so many bytes.
    Length(u64),
    Chunked,
    /// With the connection (HTTP/1.0).
    UntilClose,
}

impl Framing {
    /// The framing of a body of `length` bytes, or of unknown length.
    pub(super) fn choose(status: StatusCode, length: Option<u64>, old: bool) -> Framing {
        match length {
            _ if matches!(status.0, 204 | 304) => Framing::Bodiless,
            Some(length) => Framing::Length(length),
            None if old => Framing::UntilClose,
            None => Framing::Chunked,
        }
    }
}

/// Appends the head to `out`.
pub(super) fn head(
    out: &mut Vec<u8>,
    (status, headers): (StatusCode, &[Header]),
    framing: Framing,
    manner: Manner,
    date: &[u8],
) {
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        "HTTP/1.1 {} {}\r\nDate: ",
        status.0,
        status.default_reason_phrase()
    );
    out.extend_from_slice(date);
    out.extend_from_slice(b"\r\n");
    for header in headers.iter().filter(|header| may_be_sent(header)) {
        out.extend_from_slice(header.field.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(header.value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    match framing {
        Framing::Length(length) => {
            let _ = write!(out, "Content-Length: {length}\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::Bodiless | Framing::UntilClose => {}
    }
    match (manner.keep_alive, manner.old) {
        (false, _) => out.extend_from_slice(b"Connection: close\r\n"),
        (true, true) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        (true, false) => {}
    }
    out.extend_from_slice(b"\r\n");
}

/// Fields that say how the message is framed are this layer's own, and no field may bring a line of its own.
fn may_be_sent(header: &Header) -> bool {
    const OWN: [&str; 7] = [
        "date",
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "trailer",
        "upgrade",
    ];
    let name = header.field.as_str().as_str();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty()
        && name.bytes().all(is_token)
        && !OWN.iter().any(|own| own.eq_ignore_ascii_case(name))
        && header
            .value
            .as_bytes()
            .iter()
            .all(|&byte| byte == b'\t' || !byte.is_ascii_control())
}

/// The value of the Date field, written anew once a second.
#[derive(Default)]
pub(super) struct DateText {
    second: i64,
    text: String,
}

impl DateText {
    pub(super) fn at(&mut self, now: Timestamp) -> &[u8] {
        if self.second != now.unix_secs() || self.text.is_empty() {
            self.second = now.unix_secs();
            let time = DateTime::from_timestamp(self.second, 0).unwrap_or_default();
            self.text = time.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        }
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Manner = Manner {
        old: false,
        keep_alive: true,
        head_only: false,
    };

    fn written(status: u16, headers: &[(&str, &str)], framing: Framing, manner: Manner) -> String {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| Header::from_bytes(*name, *value).unwrap())
            .collect();
        let mut out = Vec::new();
        head(
            &mut out,
            (StatusCode(status), &headers),
            framing,
            manner,
            b"D",
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ok_heads() {
        let old = Manner { old: true, ..NEW };
        let last = Manner {
            keep_alive: false,
            ..NEW
        };
        for (framing, manner, fields) in [
            (Framing::Length(3), NEW, "Content-Length: 3\r\n"),
            (Framing::Chunked, NEW, "Transfer-Encoding: chunked\r\n"),
            (Framing::Bodiless, NEW, ""),
            (
                Framing::Length(0),
                old,
                "Content-Length: 0\r\nConnection: keep-alive\r\n",
            ),
            (
                Framing::Length(0),
                last,
                "Content-Length: 0\r\nConnection: close\r\n",
            ),
            (Framing::UntilClose, last, "Connection: close\r\n"),
        ] {
            assert_eq!(
                written(200, &[], framing, manner),
                format!("HTTP/1.1 200 OK\r\nDate: D\r\n{fields}\r\n")
            );
        }
        assert_eq!(
            written(404, &[("A", "b c"), ("D", "")], Framing::Bodiless, NEW),
            "HTTP/1.1 404 Not Found\r\nDate: D\r\nA: b c\r\nD: \r\n\r\n"
        );
    }

    #[test]
    fn fields_that_would_break_the_message_are_left_out() {
        let headers = [
            ("Connection", "keep-alive"),
            ("content-length", "7"),
            ("Transfer-Encoding", "gzip"),
            ("Date", "never"),
            ("Location", "/\r\nSet-Cookie: a=b"),
            ("X\r\nY", "z"),
            ("", "z"),
            ("Kept", "a\tb"),
        ];
        assert_eq!(
            written(200, &headers, Framing::Bodiless, NEW),
            "HTTP/1.1 200 OK\r\nDate: D\r\nKept: a\tb\r\n\r\n"
        );
    }

    #[test]
    fn framing_follows_status_length_and_version() {
        for (status, length, old, framing) in [
            (200, Some(5), false, Framing::Length(5)),
            (200, None, false, Framing::Chunked),
            (200, None, true, Framing::UntilClose),
            (204, Some(0), false, Framing::Bodiless),
            (304, None, true, Framing::Bodiless),
        ] {
            assert_eq!(
                Framing::choose(StatusCode(status), length, old),
                framing,
                "{status} {length:?} {old}"
            );
        }
    }

    #[test]
    fn the_date_is_that_of_the_second() {
        let mut date = DateText::default();
        assert_eq!(date.at(Timestamp::EPOCH), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(
            date.at(Timestamp::from_unix(784_111_777, 5)),
            b"Sun, 06 Nov 1994 08:49:37 GMT"
        );
    }
}
