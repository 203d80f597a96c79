//! A receiver of requests: an HTTP server of a few lines, which answers as it is asked to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use super::DEADLINE;

/// A server that answers `/STATUS` with that status and `/silence` never, and remembers what it was asked.
pub(crate) struct Answering {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Answering {
    pub(crate) fn start() -> Answering {
        Answering::at(0)
    }

    /// At that port, or at a free one.
    pub(crate) fn at(port: u16) -> Answering {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let asked = Arc::default();
        let answering = Answering { port, asked };
        let asked = answering.asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = asked.clone();
                // A client that goes away is none of our business.
                thread::spawn(move || drop(answer(stream, &asked)));
            }
        });
        answering
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }
}

fn answer(stream: TcpStream, asked: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(DEADLINE))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (mut headers, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim_end().to_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().unwrap_or(0);
        }
        headers += &format!("{header}\n");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let line = line.trim_end().to_owned();
    asked.lock().push(Asked {
        line,
        headers,
        body,
    });
    if path == "/silence" {
        // Until the other side gives up.
        let _ = reader.read(&mut [0]);
        return Ok(());
    }
    let status = path.trim_matches('/').split('?').next().unwrap_or_default();
    let text =
        format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    reader.get_mut().write_all(text.as_bytes())
}
