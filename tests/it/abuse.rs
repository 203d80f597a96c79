//! What strangers send on purpose: the server answers others meanwhile, keeps its memory, and is afterwards as before.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{DEADLINE, Server, TempDir, wait_until};

/// What memory may grow by while strangers do their worst.
const GROWTH_KIB: u64 = 64 * 1024;
const GET: &[u8] = b"GET /api/v1/stats/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

const JOB: &[u8] = br#"{"name": "x", "command": "true", "schedule": "@manual"}"#;

/// A server under attack, and how it was before.
struct Victim {
    server: Server,
    threads: usize,
    files: usize,
    resident_kib: u64,
    slowest: Mutex<Duration>,
}

impl Victim {
    fn start() -> Victim {
        Victim::of(Server::start())
    }

    fn of(server: Server) -> Victim {
        raise_own_limit();
        // What a first request brings about belongs to the idle server; its own connection does not.
        let mut client = server.client();
        client
            .request("GET", "/api/v1/stats/", None)
            .unwrap()
            .expect(200);
        let idle = Victim {
            threads: 0,
            files: 0,
            resident_kib: 0,
            slowest: Mutex::default(),
            server,
        };
        Victim {
            threads: idle.count("task"),
            files: idle.count("fd") - 1,
            resident_kib: idle.status("VmRSS:"),
            ..idle
        }
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.server.pid().as_raw_nonzero())
    }

    /// Its threads or its files.
    fn count(&self, of: &str) -> usize {
        fs::read_dir(self.proc(of)).expect("it lives").count()
    }

    /// A figure of its memory.
    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let figure = line.and_then(|rest| rest.split_whitespace().next());
        figure.expect("a line of that name").parse().unwrap()
    }

    /// A connection of a stranger.
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.server.port())).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// Sends bytes on a connection of their own, and gives what comes back until the end. Both may be cut.
    fn send(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        rest(&mut stream)
    }

    /// Somebody else is answered.
    fn serves(&self) {
        let begin = Instant::now();
        self.server.get("/api/v1/stats/").expect(200);
        let mut slowest = self.slowest.lock();
        *slowest = begin.elapsed().max(*slowest);
    }

    /// It is as it was before, and never took much more.
    #[track_caller]
    fn is_well(&self) {
        self.serves();
        wait_until("threads and files are as before", || {
            self.count("task") <= self.threads && self.count("fd") <= self.files
        });
        let grown = self.status("VmHWM:").saturating_sub(self.resident_kib);
        eprintln!(
            "memory grew by {grown} KiB, the slowest answer took {:?}",
            self.slowest.lock()
        );
        assert!(grown < GROWTH_KIB, "memory grew by {grown} KiB");
        assert!(
            !self.server.log().contains("panicked"),
            "{}",
            self.server.log()
        );
    }
}

/// This process has the other end of each connection.
fn raise_own_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = Some(maximum.map_or(8_192, |maximum| maximum.min(8_192)));
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
}

/// What still comes; a reset ends it, too.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[test]
fn a_thousand_idle_connections() {
    let victim = Victim::start();
    let mut idle = Vec::new();
    for number in 0..1_000 {
        let mut stream = victim.connect();
        if number % 2 == 0 {
            stream.write_all(GET).unwrap();
            assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
        }
        if number % 100 == 0 {
            victim.serves();
        }
        idle.push(stream);
    }
    assert!(victim.count("task") <= victim.threads);
    victim.serves();
    drop(idle);
    victim.is_well();
}

#[test]
fn heads_and_bodies_that_dribble() {
    let victim = Victim::start();
    let mut slow: Vec<TcpStream> = (0..400).map(|_| victim.connect()).collect();
    let body = post("/api/v1/job/", &[b' '; 1_000]);
    for round in 0..40 {
        for (number, stream) in slow.iter_mut().enumerate() {
            let bytes = if number % 2 == 0 { GET } else { &body };
            // Those that were cut by now are not missed.
            let _ = stream.write_all(&bytes[round..=round]);
        }
        victim.serves();
    }
    for mut stream in slow {
        let answer = rest(&mut stream);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408 "),
            "{answer}"
        );
    }
    victim.is_well();
}

#[test]
fn bodies_of_a_hundred_megabytes() {
    let victim = Victim::start();
    let size = 100 << 20;
    let length =
        format!("POST /api/v1/job/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n\r\n");
    let chunked = "POST /api/v1/job/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n6400000\r\n";
    thread::scope(|scope| {
        for head in [&length, chunked] {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut stream = victim.connect();
                    stream.write_all(head.as_bytes()).unwrap();
                    let piece = vec![b' '; 1 << 20];
                    let sent = (0..100)
                        .take_while(|_| stream.write_all(&piece).is_ok())
                        .count();
                    assert!(sent < 100, "all of it was read");
                    let answer = rest(&mut stream);
                    assert!(
                        answer.is_empty() || answer.starts_with("HTTP/1.1 413 "),
                        "{answer}"
                    );
                });
            }
        }
        (0..20).for_each(|_| victim.serves());
    });
    for size in [
        "100000000000000",
        "18446744073709551615",
        "99999999999999999999999",
        "-1",
        "1, 1",
    ] {
        let request = length.replace("104857600", size);
        let answer = victim.send(request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 4"), "{size}: {answer}");
    }
    victim.is_well();
}

#[test]
fn json_as_deep_as_a_well() {
    let victim = Victim::start();
    let id = victim
        .server
        .create(&serde_json::json!({"name": "x", "command": "true", "schedule": "@manual"}));
    let arrays = "[".repeat(100_000);
    let bodies = [
        arrays.clone(),
        format!("{arrays}{}", "]".repeat(100_000)),
        "{\"job\":".repeat(100_000),
        format!("{{\"env\":{arrays}"),
        format!("{{\"name\":\"x\",\"command\":\"y\",\"tags\":{arrays}"),
        format!("{{\"unknown\":{}", "{\"a\":".repeat(100_000)),
    ];
    for body in &bodies {
        for path in [
            "/api/v1/job/",
            "/api/v1/schedule/preview/",
            "/api/v1/run/",
            &format!("/api/v1/job/{id}/backfill/"),
        ] {
            let answer = victim.send(&post(path, body.as_bytes()));
            assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        }
        let update = post(&format!("/api/v1/job/{id}/"), body.as_bytes());
        let update = [b"PATCH", &update[4..]].concat();
        let answer = victim.send(&update);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    victim.is_well();
}

#[test]
fn what_never_ends() {
    let victim = Victim::start();
    let line = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    let chunked =
        "POST /api/v1/job/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (begin, again, statuses) in [
        ("GET /".to_owned(), "x", &["431"][..]),
        (format!("{line}X: "), "x", &["431"]),
        (line.to_owned(), "X: y\r\n", &["431"]),
        (String::new(), "\r\n", &[]),
        (format!("{chunked}1;"), "x", &["400", "413", "431"]),
        (
            format!("{chunked}0\r\n"),
            "X: y\r\n",
            &["400", "413", "431"],
        ),
        (chunked.to_owned(), "1\r\n \r\n", &["413"]),
        (chunked.to_owned(), "0", &["400", "413"]),
    ] {
        let mut stream = victim.connect();
        stream.write_all(begin.as_bytes()).unwrap();
        let piece = again.repeat(64 * 1024 / again.len());
        let sent = (0..512)
            .take_while(|_| stream.write_all(piece.as_bytes()).is_ok())
            .count();
        victim.serves();
        let _ = stream.shutdown(Shutdown::Write);
        let answer = rest(&mut stream);
        assert!(
            sent < 512 || statuses.is_empty(),
            "{begin:?}: all of it was read"
        );
        let told = statuses
            .iter()
            .any(|status| answer.starts_with(&format!("HTTP/1.1 {status} ")));
        assert!(told || answer.is_empty(), "{begin:?}: {answer}");
    }
    victim.is_well();
}

#[test]
fn bytes_by_chance() {
    let victim = Victim::start();
    // Marsaglia's xorshift64, so that a failure can be seen again.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    let begins = [
        "",
        "GET ",
        "GET / HTTP/1.1\r\n",
        "POST /api/v1/job/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\n",
    ];
    for number in 0..400 {
        let mut bytes = begins[number % begins.len()].as_bytes().to_vec();
        bytes.extend((0..500).map(|_| byte()));
        let answer = victim.send(&bytes);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 "),
            "{answer}"
        );
        if number % 50 == 0 {
            victim.serves();
        }
    }
    victim.is_well();
}

#[test]
fn ten_thousand_requests_at_once() {
    const COUNT: usize = 10_000;
    let victim = Victim::start();
    let mut stream = victim.connect();
    let mut sending = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            (0..COUNT).for_each(|_| sending.write_all(GET).unwrap());
            sending.shutdown(Shutdown::Write).unwrap();
        });
        (0..20).for_each(|_| victim.serves());
        let answers = rest(&mut stream);
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), COUNT);
    });
    victim.is_well();
}

#[test]
fn sockets_closed_by_half() {
    let victim = Victim::start();
    let whole = post("/api/v1/schedule/preview/", br#"{"schedule": "@daily"}"#);
    for (bytes, expected) in [
        (&b""[..], ""),
        (b"GET / HT", "HTTP/1.1 400 "),
        (GET, "HTTP/1.1 200 "),
        (&whole, "HTTP/1.1 200 "),
        (&whole[..whole.len() - 1], "HTTP/1.1 400 "),
    ] {
        let answer = victim.send(bytes);
        assert!(answer.starts_with(expected), "{answer}");
        assert_eq!(answer.is_empty(), expected.is_empty(), "{answer}");
    }
    // The other half, and both at every moment.
    for number in 0..200 {
        let mut stream = victim.connect();
        let _ = stream.write_all(&whole[..number % whole.len()]);
        let how = [Shutdown::Read, Shutdown::Both][number % 2];
        let _ = stream.shutdown(how);
    }
    victim.is_well();
}

#[test]
fn no_descriptor_left() {
    let victim = Victim::of(Server::with_files(256));
    for round in 0..3 {
        let mut crowd: Vec<TcpStream> = (0..400).map(|_| victim.connect()).collect();
        (0..5).for_each(|_| victim.serves());
        if round == 2 {
            // Those that have sent half a body are not given up. Whoever comes then is told to come again, or served.
            let whole = post("/api/v1/job/", JOB);
            let half = &whole[..whole.len() - 1];
            for stream in &mut crowd {
                let _ = stream.write_all(half);
            }
            let answer = victim.send(GET);
            let told = ["HTTP/1.1 200 ", "HTTP/1.1 503 "]
                .iter()
                .any(|it| answer.starts_with(it));
            assert!(told, "{answer}");
        }
        drop(crowd);
        wait_until("all of them are gone", || {
            victim.count("fd") <= victim.files
        });
    }
    victim.is_well();
}

/// Listens to events on a socket of whatever kind.
fn listen<S: Read + Write>(mut stream: S, query: &str) -> BufReader<S> {
    let head = "HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close";
    let request = format!("GET /api/v1/events/{query} {head}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
    stream
}

#[test]
fn listeners_that_do_not_read() {
    const RUNS: usize = 2_000;
    let dir = TempDir::new();
    let path = dir.path().join("socket");
    let words = [
        "-n",
        "--workers",
        "2",
        "--listen-unix",
        path.to_str().unwrap(),
    ];
    let server = Server::with(&words);
    let job = |name: &str, command: &str| {
        server.create(&serde_json::json!({
            "name": name, "command": command, "schedule": "@manual"
        }))
    };
    let start = |client: &mut crate::support::Client, id: &str| {
        let path = format!("/api/v1/job/start/{id}/?wait=false");
        client.request("POST", &path, None).unwrap().expect(204);
    };
    // A long name, so that what the system holds for a reader is soon full.
    let loud = job(&"n".repeat(250), "seq 100");
    let slow = job("slow", "sleep 0.1");
    let mut client = server.client();
    // Both workers are there from here on.
    (0..4).for_each(|_| start(&mut client, &slow));
    drop(client);
    let is_idle = |server: &Server| {
        let metrics = server.get("/metrics").text();
        metrics.contains("nimesha_runs_in_progress 0\n")
    };
    wait_until("the workers are idle", || is_idle(&server));

    let victim = Victim::of(server);
    // The system keeps less for a reader of a Unix socket than for one of TCP.
    let deaf: Vec<_> = ["", "?output=true"]
        .map(|query| listen(UnixStream::connect(&path).unwrap(), query))
        .into();
    let keen = listen(victim.connect(), "?output=true");
    let heard = thread::spawn(move || {
        let mut lines = keen.lines().map(|line| line.expect("more is to come"));
        let ends = lines.by_ref().filter(|line| line == "event: run_ended");
        (
            ends.take(RUNS).count(),
            lines.any(|line| line.contains("\"name\":\"the last\"")),
        )
    });
    let mut client = victim.server.client();
    for number in 0..RUNS {
        start(&mut client, &loud);
        if number % 100 == 0 {
            victim.serves();
        }
    }
    wait_until("all of them have ended", || is_idle(&victim.server));
    victim.server.create(&serde_json::json!({
        "name": "the last", "command": "true", "schedule": "@manual"
    }));
    assert_eq!(heard.join().unwrap(), (RUNS, true));
    for stream in deaf {
        let lines = stream.lines().map_while(Result::ok);
        let ends = lines.filter(|line| line == "event: run_ended").count();
        assert!(ends < RUNS, "it had its end while others went on");
    }
    drop(client);
    victim.is_well();
}
