//! What is understood, what is refused, and how.

use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};

use super::*;

#[test]
fn ok_requests() {
    let site = Site::new(echo);
    for (request, text) in [
        (GET, "GET /? "),
        ("GET /a%20b?c HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a%20b?c "),
        (
            "\r\n\r\nGET /blank HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /blank? ",
        ),
        ("GET /lf HTTP/1.1\nHost: h\n\n", "GET /lf? "),
        (
            "GET http://h/abs?q HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /abs?q ",
        ),
        ("BREW / HTTP/1.1\r\nHost: h\r\n\r\n", "BREW /? "),
        ("GET / HTTP/1.0\r\n\r\n", "GET /? "),
        (
            "GET / HTTP/1.1\r\nHost: h\r\nX: caf\u{e9}\r\n\r\n",
            "GET /? ",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
            "POST /? abc",
        ),
        (
            "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
            "GET /? abc",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n",
            "POST /? abcde",
        ),
    ] {
        let got = site.ask(request);
        assert_eq!((got.status, got.text()), (200, text), "{request}");
    }
}

#[test]
fn requests_may_come_byte_by_byte() {
    let site = Site::new(echo);
    let mut client = site.connect();
    client.stream.set_nodelay(true).unwrap();
    let request = "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    for byte in request.bytes() {
        client.send([byte]);
    }
    assert_eq!(client.answer().text(), "POST /x? abc");
}

#[test]
fn err_requests_are_answered_in_json_and_closed() {
    let site = Site::new(echo);
    let many_fields = format!(
        "GET / HTTP/1.1\r\nHost: h\r\n{}\r\n",
        "A: b\r\n".repeat(100)
    );
    let long_field = format!(
        "GET / HTTP/1.1\r\nHost: h\r\nA: {}\r\n\r\n",
        "x".repeat(20_000)
    );
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(20_000));
    for (request, status) in [
        ("nonsense\r\n\r\n", 400),
        ("GET\r\n\r\n", 400),
        ("\u{16}\u{3}\u{1}\u{2}", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\n no colon\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\nGET /hidden HTTP/1.1\r\nHost: h\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            501,
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n",
            413,
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n",
            413,
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: wonders\r\n\r\n",
            417,
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("GET / HTTP/9.9\r\nHost: h\r\n\r\n", 505),
        (many_fields.as_str(), 431),
        (long_field.as_str(), 431),
        (long_path.as_str(), 431),
    ] {
        let mut client = site.connect();
        client.send(request);
        let got = client.answer();
        assert_eq!(got.status, status, "{request:?}: {got:?}");
        assert_eq!(got.header("connection"), Some("close"), "{got:?}");
        assert_eq!(
            got.header("content-type"),
            Some("application/json"),
            "{got:?}"
        );
        let error: serde_json::Value = serde_json::from_slice(&got.body).unwrap();
        assert!(
            error["error"].as_str().is_some_and(|text| text.len() > 15),
            "{got:?}"
        );
        client.ends();
    }
    site.check();
}

#[test]
fn a_request_that_stops_in_the_middle_is_not_taken_for_a_whole_one() {
    let site = Site::new(echo);
    for request in [
        "GET / HTTP/1.1\r\nHost: h\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let mut client = site.connect();
        client.send(request);
        client.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.answer().status, 400, "{request:?}");
        client.ends();
    }
}

#[test]
fn a_client_that_has_ended_sending_is_still_answered() {
    let site = Site::new(echo);
    let mut client = site.connect();
    client.send(GET);
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.answer().status, 200);
    client.ends();
}

#[test]
fn who_waits_for_a_word_before_sending_gets_it() {
    let site = Site::new(echo);
    let mut client = site.connect();
    for _ in 0..2 {
        client.send(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
        );
        assert_eq!(client.answer().status, 100);
        client.send("abc");
        assert_eq!(client.answer().text(), "POST /? abc");
    }
    // Who does not wait gets the answer alone; an HTTP/1.0 client does not know the word.
    client
        .send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
    assert_eq!(client.answer().status, 200);
    client.send("POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    client.send("abc");
    assert_eq!(client.answer().status, 200);
    // Too large a body is refused before it is sent.
    let got = site.ask(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(got.status, 413);
}

#[test]
fn unix_sockets_serve_as_well() {
    let path = std::env::temp_dir().join(format!("nimesha-http-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listeners = vec![
        Listener::Unix(UnixListener::bind(&path).unwrap()),
        Listener::Tcp(TcpListener::bind("127.0.0.1:0").unwrap()),
    ];
    let peer = |request: Request, responder: Responder| {
        responder.send(Answer::text(200, format!("{:?}", request.peer)));
    };
    let server = Server::start(listeners, Limits::default(), Arc::new(peer)).unwrap();
    let mut client = Client {
        stream: UnixStream::connect(&path).unwrap(),
        ahead: Vec::new(),
    };
    for _ in 0..3 {
        client.send(GET);
        assert_eq!(client.answer().text(), "Unix");
    }
    client.send(GET);
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.answer().status, 200);
    client.ends();
    let site = Site { server };
    assert!(site.ask(GET).text().starts_with("Tcp(127.0.0.1:"));
    std::fs::remove_file(&path).unwrap();
}
