//! The same layer under TLS: what is told apart there, and what must not be.

use std::fs;
use std::net::Shutdown;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;

type Secure = Client<StreamOwned<ClientConnection, TcpStream>>;

/// A server under TLS, with its certificate's files.
struct Safe {
    site: Site,
    files: Files,
    certificates: Arc<Certificates>,
}

/// A certificate and its key in files that go away.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new() -> Files {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let stem = format!("nimesha-tls-{}-{number}", std::process::id());
        let path = |end: &str| std::env::temp_dir().join(format!("{stem}.{end}"));
        let files = Files {
            certificate: path("crt"),
            key: path("key"),
        };
        files.renew();
        files
    }

    /// Writes another pair.
    fn renew(&self) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        fs::write(&self.certificate, cert.pem()).unwrap();
        fs::write(&self.key, signing_key.serialize_pem()).unwrap();
    }

    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(&self.certificate).unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for path in [&self.certificate, &self.key] {
            let _ = fs::remove_file(path);
        }
    }
}

impl Safe {
    fn new(handler: impl Handler) -> Safe {
        Safe::with(|_| {}, handler)
    }

    fn with(change: impl FnOnce(&mut Limits), handler: impl Handler) -> Safe {
        let files = Files::new();
        let certificates = Certificates::open(&files.certificate, &files.key).unwrap();
        let certificates = Arc::new(certificates);
        let mut limits = patient();
        change(&mut limits);
        let listener = Listener::Tls(local(), Arc::clone(&certificates));
        Safe {
            site: Site::at(listener, limits, handler),
            files,
            certificates,
        }
    }

    fn connect(&self) -> Secure {
        self.connect_offering(&[])
    }

    /// A client that trusts the certificate which the files hold now.
    fn connect_offering(&self, protocols: &[&[u8]]) -> Secure {
        let mut roots = RootCertStore::empty();
        roots.add(self.files.der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let name = "localhost".try_into().unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        Client {
            stream: StreamOwned::new(tls, self.site.connect().stream),
            ahead: Vec::new(),
        }
    }

    fn check(&self) {
        let mut client = self.connect();
        client.send(GET);
        assert_eq!(client.answer().status, 200);
    }
}

fn post(length: usize) -> Vec<u8> {
    let mut request =
        format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    request.extend((0..length).map(|at| b'a' + (at % 23) as u8));
    request
}

#[test]
fn requests_come_and_answers_go_as_on_a_plain_wire() {
    let safe = Safe::with(|limits| limits.threads = 1, echo);
    let mut client = safe.connect();
    for length in [0, 1, 1_000, 16_384, 16_385, 100_000, 1_000_000] {
        let request = post(length);
        client.send(&request);
        let got = client.answer();
        assert_eq!(
            (got.status, got.body.len()),
            (200, "POST /? ".len() + length)
        );
        assert!(request.ends_with(&got.body["POST /? ".len()..]));
    }
    client.send(format!("{GET}{GET}").into_bytes());
    client.send([post(40_000), post(40_000)].concat());
    for _ in 0..4 {
        assert_eq!(client.answer().status, 200);
    }
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.rest().unwrap(), b"", "the end is announced");
}

#[test]
fn the_handler_learns_of_it() {
    let safe = Safe::new(|request: Request, responder: Responder| {
        responder.send(Answer::text(200, request.secure.to_string()));
    });
    let mut client = safe.connect();
    client.send(GET);
    assert_eq!(client.answer().text(), "true");
    client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(client.answer().text(), "true");
}

#[test]
fn bytes_may_come_one_by_one() {
    struct Dribble(TcpStream);
    impl Read for Dribble {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }
    impl Write for Dribble {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(&bytes[..bytes.len().min(1)])
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let safe = Safe::new(echo);
    let Client { stream, ahead } = safe.connect();
    stream.sock.set_nodelay(true).unwrap();
    let stream = StreamOwned::new(stream.conn, Dribble(stream.sock));
    let mut client = Client { stream, ahead };
    client.send(GET);
    assert_eq!(client.answer().status, 200);
}

#[test]
fn a_client_that_has_ended_sending_is_still_answered() {
    let (waiting, asked) = std::sync::mpsc::channel();
    let waiting = parking_lot::Mutex::new(waiting);
    let safe = Safe::new(move |_: Request, responder: Responder| {
        waiting.lock().send(responder).unwrap();
    });
    let mut client = safe.connect();
    client.send(GET);
    client.stream.conn.send_close_notify();
    client.stream.flush().unwrap();
    client.stream.sock.shutdown(Shutdown::Write).unwrap();
    let responder: Responder = asked.recv().unwrap();
    responder.send(Answer::text(200, "late"));
    assert_eq!(client.answer().text(), "late");
    assert_eq!(client.rest().unwrap(), b"");
}

#[test]
fn a_reader_that_stops_is_waited_for_and_then_gets_all() {
    let text: Vec<u8> = (0..8_000_000_u32).map(|at| (at % 251) as u8).collect();
    let sent = text.clone();
    let safe = Safe::with(
        |limits| limits.threads = 1,
        move |request: Request, responder: Responder| match request.path.as_str() {
            "/large" => responder.send(Answer::text(200, sent.clone())),
            _ => responder.send(Answer::empty(200)),
        },
    );
    let mut stuck = safe.connect();
    stuck.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    // The only thread serves others while that one does not read.
    safe.check();
    safe.check();
    assert!(stuck.answer().body == text);
    stuck.send(GET);
    assert_eq!(stuck.answer().status, 200);
}

#[test]
fn streams_flow_and_end_with_their_client() {
    let (senders, receiver) = std::sync::mpsc::channel();
    let senders = parking_lot::Mutex::new(senders);
    let safe = Safe::new(move |_: Request, responder: Responder| {
        let (sender, stream) = stream(100_000);
        responder.send(Answer::new(200, Body::Stream(stream)));
        senders.lock().send(sender).unwrap();
    });
    let mut client = safe.connect();
    client.send(GET);
    client.head().unwrap();
    let sender = receiver.recv().unwrap();
    for number in 0..50 {
        let event = format!("data: {number}\n\n");
        sender.push(event.as_bytes()).unwrap();
        assert_eq!(client.chunk().unwrap().unwrap(), event.as_bytes());
    }
    client.stream.conn.send_close_notify();
    client.stream.flush().unwrap();
    drop(client);
    wait_until("its place is free", || safe.site.connections() == 0);
}

#[test]
fn handshakes_that_stop_hold_nobody_up_and_end_with_their_time() {
    let safe = Safe::with(
        |limits| {
            limits.threads = 1;
            limits.head = Duration::from_millis(300);
        },
        echo,
    );
    let silent: Vec<_> = (0..100).map(|_| safe.site.connect()).collect();
    let mut halfway: Vec<_> = (0..100).map(|_| safe.site.connect()).collect();
    for client in &mut halfway {
        client.send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
    }
    safe.check();
    for mut client in silent.into_iter().chain(halfway) {
        client.ends();
    }
    safe.check();
}

#[test]
fn what_is_no_tls_is_told_or_cut() {
    let safe = Safe::new(echo);
    for request in [
        GET,
        "POST /x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    ] {
        let mut plain = safe.site.connect();
        plain.send(request);
        let got = plain.answer();
        assert!(got.head.starts_with("HTTP/1.1 400 "), "{got:?}");
        assert!(got.text().contains("https://"), "{got:?}");
        plain.stream.shutdown(Shutdown::Write).unwrap();
        plain.ends();
    }
    for junk in [
        &b"\x00\x01\x02\x03\x04\x05\x06"[..],
        b"\xff\xff\xff\xff\xff\xff",
        b"\x80\x2e\x01\x03\x01\x00\x15",
    ] {
        let mut client = safe.site.connect();
        client.send(junk);
        client.stream.shutdown(Shutdown::Write).unwrap();
        // An alert may come before the end.
        let _ = client.rest();
    }
    wait_until("they are gone", || safe.site.connections() == 0);
    safe.check();
}

#[test]
fn a_handshake_of_endless_length_is_cut() {
    let safe = Safe::new(echo);
    let mut client = safe.site.connect();
    // A first message that claims to be of 60,000 bytes, in records of 16,000.
    let mut hello = vec![1, 0, 0xea, 0x60];
    hello.resize(16_000, 0);
    let mut records = Vec::new();
    for _ in 0..3 {
        records.extend([0x16, 3, 1, 0x3e, 0x80]);
        records.extend(&hello);
    }
    // It may be cut while we still send.
    let _ = client.stream.write_all(&records);
    wait_until("it is cut", || safe.site.connections() == 0);
    safe.check();
}

#[test]
fn http_1_is_what_is_agreed_on() {
    let safe = Safe::new(echo);
    for (offered, agreed) in [
        (&[][..], None),
        (&[&b"http/1.1"[..]][..], Some(&b"http/1.1"[..])),
        (&[b"h2", b"http/1.1"], Some(b"http/1.1")),
        (&[b"http/1.0"], Some(b"http/1.0")),
    ] {
        let mut client = safe.connect_offering(offered);
        client.send(GET);
        assert_eq!(client.answer().status, 200);
        assert_eq!(client.stream.conn.alpn_protocol(), agreed);
    }
    let mut client = safe.connect_offering(&[b"h2"]);
    let refused = client
        .stream
        .write_all(GET.as_bytes())
        .and_then(|()| client.rest());
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("NoApplicationProtocol")
    );
}

#[test]
fn new_connections_are_shown_the_new_certificate() {
    let safe = Safe::new(echo);
    let mut old = safe.connect();
    old.send(GET);
    assert_eq!(old.answer().status, 200);
    fs::write(&safe.files.key, "no key").unwrap();
    safe.certificates.reload();
    safe.check();
    safe.files.renew();
    safe.certificates.reload();
    safe.check();
    old.send(GET);
    assert_eq!(old.answer().status, 200);
}

#[test]
fn err_files_that_make_no_certificate() {
    let (files, other) = (Files::new(), Files::new());
    let nowhere = PathBuf::from("/nowhere/x.pem");
    for (certificate, key, why) in [
        (
            &nowhere,
            &files.key,
            "certificate /nowhere/x.pem cannot be read",
        ),
        (
            &files.certificate,
            &nowhere,
            "key /nowhere/x.pem cannot be read",
        ),
        (&files.key, &files.key, "holds no certificate"),
        (&files.certificate, &files.certificate, "holds no key"),
        (&files.certificate, &other.key, "cannot be used: "),
    ] {
        let error = Certificates::open(certificate, key).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}
