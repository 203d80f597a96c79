//! The layer as clients see it, over real sockets. Each fault that the servers before this one had is a row here.
//!
//! Nothing here depends on how fast the machine is: tests wait for what is to happen, and deadlines that shall come are
//! short while those that shall not are long.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::*;

mod answers;
mod bounds;
mod crowds;
mod descriptors;
mod hostile;
mod later;
mod requests;
mod shutdown;
mod streams;
mod tls;

/// A test that has waited so long for one answer will not get it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a port of its own.
struct Site {
    server: Server,
}

impl Site {
    fn new(handler: impl Handler) -> Site {
        Site::with(|_| {}, handler)
    }

    /// One with some limits changed. No client is too slow unless the test says so.
    fn with(change: impl FnOnce(&mut Limits), handler: impl Handler) -> Site {
        let mut limits = patient();
        change(&mut limits);
        Site::at(Listener::Tcp(local()), limits, handler)
    }

    fn at(listener: Listener, limits: Limits, handler: impl Handler) -> Site {
        let server = Server::start(vec![listener], limits, Arc::new(handler));
        Site {
            server: server.unwrap(),
        }
    }

    fn addr(&self) -> SocketAddr {
        self.server.local_addrs()[0]
    }

    fn connect(&self) -> Client<TcpStream> {
        let stream = TcpStream::connect(self.addr()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client {
            stream,
            ahead: Vec::new(),
        }
    }

    /// Sends one request on a connection of its own.
    fn ask(&self, request: &str) -> Got {
        let mut client = self.connect();
        client.send(request);
        client.answer()
    }

    /// Connections that the server has.
    fn connections(&self) -> usize {
        self.server.hub.table.taken()
    }

    /// Waits until so many connections are idle and no thread is at work on any.
    fn wait_for_idle(&self, count: usize) {
        wait_until("so many connections are idle", || {
            let mut idle = 0;
            for glance in self.server.hub.table.glances() {
                match glance {
                    table::Glance::Free => {}
                    table::Glance::Busy => return false,
                    table::Glance::Taken(mut taken) => {
                        idle += usize::from(taken.connection().idle_since().is_some());
                    }
                }
            }
            idle == count
        });
    }

    /// Checks that it still serves.
    fn check(&self) {
        assert_eq!(self.ask(GET).status, 200);
    }
}

/// A port of its own.
fn local() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Limits to which no client is too slow.
fn patient() -> Limits {
    const LONG: Duration = Duration::from_secs(3_600);
    Limits {
        idle: LONG,
        head: LONG,
        patience: LONG,
        linger: LONG,
        ..Limits::default()
    }
}

/// Says what was asked.
fn echo(mut request: Request, responder: Responder) {
    let mut text = format!("{} {}?{} ", request.method, request.path, request.query).into_bytes();
    text.append(&mut request.body);
    responder.send(Answer::text(200, text));
}

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// The other end of a connection.
struct Client<S> {
    stream: S,
    /// Bytes read beyond the last answer.
    ahead: Vec<u8>,
}

/// An answer.
struct Got {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

impl fmt::Debug for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\n\n{}",
            self.head,
            String::from_utf8_lossy(&self.body)
        )
    }
}

impl<S: Read + Write> Client<S> {
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// The next answer, whole.
    fn answer(&mut self) -> Got {
        self.try_answer(false).expect("a whole answer")
    }

    /// The next answer, to a HEAD request.
    fn answer_to_head(&mut self) -> Got {
        self.try_answer(true).expect("a whole answer")
    }

    fn try_answer(&mut self, head_only: bool) -> io::Result<Got> {
        let mut got = self.head()?;
        let length = got
            .header("content-length")
            .map(|length| length.parse().unwrap());
        got.body = match length {
            _ if head_only || matches!(got.status, 100 | 204 | 304) => Vec::new(),
            Some(length) => self.take(length)?,
            None if got.header("transfer-encoding") == Some("chunked") => {
                let mut body = Vec::new();
                while let Some(mut chunk) = self.chunk()? {
                    body.append(&mut chunk);
                }
                body
            }
            None => self.rest()?,
        };
        Ok(got)
    }

    /// The next answer's head.
    fn head(&mut self) -> io::Result<Got> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push_str(&self.line()?);
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Got {
            status,
            head,
            body: Vec::new(),
        })
    }

    /// The next chunk; `None` is the end.
    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let size = usize::from_str_radix(self.line()?.trim_end(), 16).unwrap();
        let chunk = self.take(size)?;
        assert_eq!(self.line()?, "\r\n");
        Ok((size > 0).then_some(chunk))
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.ahead.iter().position(|&byte| byte == b'\n') {
                return Ok(String::from_utf8(self.take(end + 1)?).unwrap());
            }
            self.read_more()?;
        }
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.ahead.len() < length {
            self.read_more()?;
        }
        Ok(self.ahead.drain(..length).collect())
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.ahead.extend_from_slice(&bytes[..read]);
                Ok(())
            }
        }
    }

    /// What is left until the connection ends properly.
    fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = std::mem::take(&mut self.ahead);
        self.stream.read_to_end(&mut rest)?;
        Ok(rest)
    }

    /// Checks that the connection ends now, without another byte. Whether by an end or by a reset is up to timing.
    fn ends(&mut self) {
        match self.rest() {
            Ok(rest) => assert_eq!(String::from_utf8_lossy(&rest), ""),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}"),
        }
    }
}

/// Waits until something is so.
fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..60_000 {
        if so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("never came about: {what}");
}

/// Runs an ignored test in a process of its own, after a shell command that sets its limits.
fn alone(test: &str, limits: &str) {
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("{limits}; exec \"$@\""), "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--test-threads", "1"])
        .status();
    assert!(status.unwrap().success());
}
