//! Remote jobs, against a server of a few lines.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;
use crate::job::RemoteRequest;
use crate::worker::Stop;

/// A server that keeps what it is asked and answers by the path: `/200`, `/302/to`, `/cut`, `/slow`, `/big`.
pub(super) struct Server {
    address: String,
    heads: Receiver<String>,
}

impl Server {
    pub(super) fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, heads) = unbounded();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let request = read_request(&mut stream);
                    // The test may have ended.
                    let _ = sender.send(request.clone());
                    let path = request.split(' ').nth(1);
                    answer(&mut stream, path.unwrap_or("/junk"));
                });
            }
        });
        Server { address, heads }
    }

    /// Speaks TLS, and answers any request with 200.
    pub(super) fn start_tls() -> Server {
        const PEM: &[u8] = include_bytes!("localhost.pem");
        let certificate = CertificateDer::from_pem_slice(PEM).unwrap();
        let key = PrivateKeyDer::from_pem_slice(PEM).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, heads) = unbounded();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = rustls::StreamOwned::new(tls, stream.unwrap());
                let mut head = [0; 4096];
                // A client that does not trust the certificate hangs up.
                let Ok(n) = stream.read(&mut head) else {
                    continue;
                };
                let _ = sender.send(String::from_utf8(head[..n].to_vec()).unwrap());
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsafely");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        Server { address, heads }
    }

    pub(super) fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    pub(super) fn order(&self, path: &str, change: impl FnOnce(&mut RemoteRequest)) -> RunOrder {
        remote(&format!("http://{}{path}", self.address), change)
    }

    fn request(&self) -> String {
        self.heads.recv_timeout(Duration::from_secs(60)).unwrap()
    }
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer).unwrap();
        let Ok(read) = std::str::from_utf8(&buffer[..n]) else {
            return text; // It speaks TLS.
        };
        text.push_str(read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase();
            let length = length.split("content-length: ").nth(1);
            let length = length.map_or(0, |l| l.lines().next().unwrap().parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
    }
}

fn answer(stream: &mut TcpStream, path: &str) {
    let (_, path) = path.split_once('/').unwrap();
    let (what, rest) = path.split_once('/').unwrap_or((path, ""));
    // The client may have gone.
    let _ = match what {
        "cut" => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
        "junk" => stream.write_all(b"hello there, this is no HTTP\r\n\r\n"),
        "slow" => stream.read(&mut [0]).map(drop),
        "big" => stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
            .and_then(|()| stream.write_all(&vec![b'x'; 8 << 20])),
        status => {
            let location = match status.starts_with('3') {
                true => format!("Location: {}\r\n", rest.replace('!', "/")),
                false => String::new(),
            };
            let head = format!("HTTP/1.1 {status} Word\r\nContent-Length: 2\r\n{location}\r\nok");
            stream.write_all(head.as_bytes())
        }
    };
    let _ = stream.shutdown(Shutdown::Both);
}

pub(super) fn remote(url: &str, change: impl FnOnce(&mut RemoteRequest)) -> RunOrder {
    let mut request = RemoteRequest {
        url: url.to_owned(),
        ..RemoteRequest::default()
    };
    change(&mut request);
    order("", |spec| {
        spec.action = Action::Remote(Box::new(request));
        extras(spec).template_delimiters = "{{ }}".to_owned();
    })
}

#[test]
fn ok_the_status_decides() {
    let (server, rig) = (Server::start(), Rig::new(1));
    for (path, expected, good) in [
        ("/200", &[][..], true),
        ("/201", &[], false),
        ("/201", &[200, 201], true),
        ("/404", &[], false),
        ("/500", &[500], true),
        ("/204", &[204], true),
        // A redirect that is expected is not followed.
        ("/302/!200", &[302], true),
    ] {
        let order = server.order(path, |r| r.expected_response_codes = expected.to_vec());
        let status = path[1..4].parse().unwrap();
        let (end, _) = rig.run(order);
        assert_eq!(end, AttemptEnd::Answered(status, good), "{path}");
    }
}

#[test]
fn ok_the_request_is_as_the_job_says() {
    let (server, rig) = (Server::start(), Rig::new(1));
    let (end, output) = rig.run(server.order("/200/{{.Name}}", |r| {
        r.method = "post".to_owned();
        r.body = "id={{.Name}}".to_owned();
        let values = vec!["1".to_owned(), "2".to_owned()];
        r.headers.insert("X-A".to_owned(), values);
        r.headers
            .insert("host".to_owned(), vec!["b.test".to_owned()]);
    }));
    assert_eq!((end, &*output), (AttemptEnd::Answered(200, true), "ok"));
    let request = server.request();
    assert!(
        request.starts_with("POST /200/a%20job HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(request.ends_with("\r\n\r\nid=a job"), "{request}");
    for line in [
        "x-a: 1",
        "x-a: 2",
        "host: b.test",
        "content-type: application/json",
        "content-length: 8",
        "connection: close",
    ] {
        let lines = request.lines().filter(|l| l.eq_ignore_ascii_case(line));
        assert_eq!(lines.count(), 1, "{line} in {request}");
    }
    rig.run(server.order("/200", |_| {}));
    let request = server.request().to_lowercase();
    assert!(request.starts_with("get /200 http/1.1\r\n"), "{request}");
    assert!(!request.contains("content-length"), "{request}");
}

#[test]
fn ok_redirects_are_followed_without_the_jobs_secrets() {
    let (first, second, rig) = (Server::start(), Server::start(), Rig::new(1));
    let port = second.port();
    // Each answer's Location is what follows its status, with `!` for `/`.
    let path = format!("/307/!302!http:!!localhost:{port}!200!end");
    let (end, _) = rig.run(first.order(&path, |r| {
        r.method = "PUT".to_owned();
        r.body = "b".to_owned();
        r.headers
            .insert("X-Key".to_owned(), vec!["secret".to_owned()]);
    }));
    assert_eq!(end, AttemptEnd::Answered(200, true));
    let begun = first.request();
    let same_host = first.request();
    let elsewhere = second.request();
    assert!(begun.starts_with("PUT /307/"), "{begun}");
    assert!(same_host.starts_with("PUT /302/") && same_host.ends_with("\r\n\r\nb"));
    assert!(same_host.to_lowercase().contains("x-key: secret"));
    assert!(
        elsewhere.starts_with("GET /200/end HTTP/1.1\r\n"),
        "{elsewhere}"
    );
    assert!(!elsewhere.contains("secret"), "{elsewhere}");
}

#[test]
fn ok_a_body_without_end_is_left() {
    let (server, rig) = (Server::start(), Rig::new(1));
    let (end, output) = rig.run(server.order("/big", |_| {}));
    assert_eq!(end, AttemptEnd::Answered(200, true));
    assert!(output.ends_with("[not read further than 1048576 bytes]\n"));
}

#[test]
fn err_requests_say_what_was_wrong() {
    let (server, rig) = (Server::start(), Rig::new(1));
    let host = &server.address;
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    for (url, part) in [
        ("::".to_owned(), "the URL cannot be read".to_owned()),
        (
            format!("http://{refused}/"),
            format!("{refused} refused the connection"),
        ),
        (
            format!("http://{host}/cut"),
            format!("{host} closed the connection before"),
        ),
        (
            format!("http://{host}/junk"),
            format!("{host} did not answer in HTTP/1.1"),
        ),
        (
            format!("https://u:secret@{host}/200"),
            format!("TLS with {host} failed"),
        ),
        (
            "http://no-such-host.invalid/".to_owned(),
            "no-such-host.invalid: ".to_owned(),
        ),
        (
            format!("http://{host}/302/!302!!302!"),
            "more than 10 redirects".to_owned(),
        ),
        (
            format!("http://{host}/302/ftp:!!x!"),
            "redirect to an address".to_owned(),
        ),
    ] {
        let AttemptEnd::Error(error) = rig.run(remote(&url, |_| {})).0 else {
            panic!("{url} was answered");
        };
        assert!(
            error.contains(&part) && !error.contains("secret"),
            "{error}"
        );
    }
}

#[test]
fn err_timeouts_are_told_apart() {
    let (server, rig) = (Server::start(), Rig::new(1));
    let own = server.order("/slow", |r| r.timeout_secs = 1);
    let text = "timed out after 1 s".to_owned();
    assert_eq!(rig.run(own).0, AttemptEnd::Error(text));
    let mut jobs = server.order("/slow", |_| {});
    Arc::get_mut(&mut jobs.job).unwrap().spec.timeout = span("PT0.05S");
    assert_eq!(rig.run(jobs).0, AttemptEnd::TimedOut);
}

#[test]
fn a_stop_interrupts_a_request() {
    let (server, rig) = (Server::start(), Rig::new(1));
    let order = server.order("/slow", |_| {});
    let run = order.run;
    rig.pool.submit(order);
    server.request();
    rig.pool.stop(run, Stop::Terminate);
    assert_eq!(rig.next_end().end, AttemptEnd::Stopped);
}

#[test]
fn err_a_certificate_that_nobody_vouches_for_is_refused() {
    let (server, rig) = (Server::start_tls(), Rig::new(1));
    let host = &server.address;
    let (end, _) = rig.run(remote(&format!("https://{host}/"), |_| {}));
    let text = format!("TLS with {host} failed: invalid peer certificate: UnknownIssuer");
    assert_eq!(end, AttemptEnd::Error(text));
}
