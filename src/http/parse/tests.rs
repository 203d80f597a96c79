//! Heads as tables: what is read of them, and what is refused with which status.

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
        ("//x///y//?a//b", "/x/y/", "a//b", "h"),
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
        let got = parse(&format!("{line}\r\nHost: h\r\n\r\n")).map_err(|refusal| refusal.status);
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
