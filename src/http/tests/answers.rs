//! How answers leave: framing, persistence, order.

use std::io::ErrorKind;

use super::*;
use crate::clock;

/// Yields as many bytes as it is told to, then ends or fails.
struct Pattern {
    left: usize,
    fails: bool,
}

impl Read for Pattern {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.left);
        for (byte, number) in bytes[..count].iter_mut().zip((1..=self.left).rev()) {
            *byte = b'a' + (number % 23) as u8;
        }
        self.left -= count;
        if count == 0 && self.fails {
            Err(io::Error::other("no more"))
        } else {
            Ok(count)
        }
    }
}

fn pattern(length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    Pattern {
        left: length,
        fails: false,
    }
    .read_to_end(&mut bytes)
    .unwrap();
    bytes
}

/// Answers `/KIND/N` with N bytes.
fn bodies(request: Request, responder: Responder) {
    let path = request.path;
    let mut words = path[1..].split('/');
    let kind = words.next().unwrap();
    let size: usize = words.next().unwrap_or("0").parse().unwrap();
    let reader = |fails, length| Body::Reader {
        reader: Box::new(Pattern { left: size, fails }),
        length,
    };
    responder.send(match kind {
        "bytes" => Answer::text(200, pattern(size)),
        "known" => Answer::new(200, reader(false, Some(size as u64))),
        "unknown" => Answer::new(200, reader(false, None)),
        "failing" => Answer::new(200, reader(true, None)),
        "short" => Answer::new(200, reader(false, Some(size as u64 + 1))),
        "long" => Answer::new(200, reader(false, Some(size as u64 - 1))),
        "status" => Answer::empty(size as u16).with_header("X", "y"),
        "response" => tiny_http::Response::from_data(pattern(size)).boxed().into(),
        _ => Answer::error(404, "no such kind"),
    });
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

#[test]
fn bodies_of_all_sizes_arrive_whole_and_the_connection_goes_on() {
    let site = Site::new(bodies);
    let mut client = site.connect();
    for size in [
        0,
        1,
        100,
        16 * 1024 - 1,
        16 * 1024,
        16 * 1024 + 1,
        100_000,
        7_350_000,
    ] {
        for (kind, framing) in [
            ("bytes", "content-length"),
            ("known", "content-length"),
            ("response", "content-length"),
            ("unknown", "transfer-encoding"),
        ] {
            client.send(get(&format!("/{kind}/{size}")));
            let got = client.answer();
            assert!(
                got.body == pattern(size),
                "{kind} {size}: {} bytes, {}",
                got.body.len(),
                got.head
            );
            assert!(got.header(framing).is_some(), "{}", got.head);
            assert_eq!(got.header("connection"), None);
        }
    }
}

#[test]
fn head_is_answered_like_get_but_for_the_body() {
    let site = Site::new(bodies);
    let mut client = site.connect();
    for path in ["/bytes/5", "/bytes/100000", "/known/100000", "/unknown/5"] {
        client.send(format!("HEAD {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
        let head = client.answer_to_head();
        client.send(get(path));
        let got = client.answer();
        for field in ["content-length", "transfer-encoding", "content-type"] {
            assert_eq!(head.header(field), got.header(field), "{path} {field}");
        }
    }
}

#[test]
fn some_statuses_have_no_body_and_no_length() {
    let site = Site::new(bodies);
    let mut client = site.connect();
    for (status, length) in [(204, None), (304, None), (200, Some("0")), (404, Some("0"))] {
        client.send(get(&format!("/status/{status}")));
        let got = client.answer();
        assert_eq!((got.status, got.header("content-length")), (status, length));
        assert_eq!(
            (got.header("x"), got.header("transfer-encoding")),
            (Some("y"), None)
        );
    }
}

#[test]
fn every_answer_has_a_date() {
    let site = Site::new(bodies);
    for request in [GET, "bad\r\n\r\n"] {
        let got = site.ask(request);
        let date = got.header("date").unwrap();
        let parsed = chrono::DateTime::parse_from_rfc2822(date).unwrap();
        let seconds = clock::now().unix_secs() - parsed.timestamp();
        assert!((0..600).contains(&seconds), "{date}");
    }
}

#[test]
fn persistence_is_what_both_sides_say() {
    let site = Site::new(bodies);
    for (request, connection, goes_on) in [
        ("GET /bytes/1 HTTP/1.1\r\nHost: h\r\n\r\n", None, true),
        (
            "GET /bytes/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            Some("close"),
            false,
        ),
        ("GET /bytes/1 HTTP/1.0\r\n\r\n", Some("close"), false),
        (
            "GET /bytes/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            Some("keep-alive"),
            true,
        ),
        (
            "GET /unknown/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            Some("close"),
            false,
        ),
        // Of unknown length and without chunks: only the end of the connection can end it.
        (
            "GET /unknown/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            Some("close"),
            false,
        ),
        ("GET /unknown/100000 HTTP/1.0\r\n\r\n", Some("close"), false),
    ] {
        let mut client = site.connect();
        client.send(request);
        let got = client.answer();
        assert_eq!(got.header("connection"), connection, "{request}");
        assert!(!got.body.is_empty());
        if goes_on {
            client.send(get("/bytes/2"));
            assert_eq!(client.answer().body.len(), 2);
        } else {
            client.ends();
        }
    }
}

#[test]
fn a_body_that_fails_is_visibly_cut() {
    let site = Site::new(bodies);
    for path in [
        "/failing/0",
        "/failing/5",
        "/failing/100000",
        "/short/5",
        "/short/100000",
    ] {
        let mut client = site.connect();
        client.send(get(path));
        let error = client.try_answer(false).unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
            ),
            "{path}: {error}"
        );
        let mut client = site.connect();
        client.send(format!("GET {path} HTTP/1.0\r\n\r\n"));
        assert!(client.try_answer(false).is_err(), "{path}");
    }
    let mut client = site.connect();
    client.send(get("/long/100000"));
    assert_eq!(client.answer().body.len(), 99_999);
}

#[test]
fn a_body_that_panics_cuts_its_own_connection_only() {
    struct Panics;
    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("a test's body panics")
        }
    }
    let site = Site::with(
        |limits| limits.threads = 1,
        |request: Request, responder: Responder| {
            let reader = Box::new(Panics);
            responder.send(match request.path.as_str() {
                "/panic" => Answer::new(
                    200,
                    Body::Reader {
                        reader,
                        length: None,
                    },
                ),
                _ => Answer::empty(200),
            });
        },
    );
    let mut client = site.connect();
    client.send(get("/panic"));
    assert!(client.try_answer(false).is_err());
    site.check();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let site = Site::new(bodies);
    let mut client = site.connect();
    let sizes = [3, 100_000, 1, 50_000, 0, 70_000, 2];
    client.send(sizes.map(|size| get(&format!("/unknown/{size}"))).concat());
    for size in sizes {
        assert_eq!(client.answer().body.len(), size);
    }
    client.send(
        [
            get("/bytes/1"),
            get("/bytes/2").replace("h\r\n", "h\r\nConnection: close\r\n"),
            get("/bytes/3"),
        ]
        .concat(),
    );
    assert_eq!(
        (client.answer().body.len(), client.answer().body.len()),
        (1, 2)
    );
    client.ends();
}

#[test]
fn a_header_cannot_smuggle_another() {
    let site = Site::new(|_: Request, responder: Responder| {
        responder.send(
            Answer::empty(200)
                .with_header("Location", "/\r\nSet-Cookie: a=b")
                .with_header("Ok", "yes"),
        );
    });
    let got = site.ask(GET);
    assert_eq!(
        (
            got.header("set-cookie"),
            got.header("location"),
            got.header("ok")
        ),
        (None, None, Some("yes"))
    );
}
