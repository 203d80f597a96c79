//! What an answer costs from its route to its last byte: one job, the sums and the list of ten thousand, over one
//! kept-alive connection on loopback. The jobs stand in the registry; nothing is scheduled.

mod jobs;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nimesha::api::{Api, Settings};
use nimesha::http::{Limits, Listener, Server};
use nimesha::job::Job;
use nimesha::metrics::Metrics;
use nimesha::registry::Live;
use nimesha::schedule::Zone;
use nimesha::scheduler::{self, command::NewJob};
use nimesha::store::memory::MemoryStore;
use nimesha::worker::Trials;

/// A job as it is once stored.
fn stored_job(seq: u64) -> Job {
    let NewJob {
        id,
        spec,
        schedule,
        anchor,
    } = jobs::new_job(seq, "R/2027-01-04T09:00:00Z/PT1H");
    Job {
        id,
        seq,
        version: 1,
        created_at: jobs::START,
        updated_at: jobs::START,
        linked: Box::default(),
        anchor,
        spec,
        schedule,
    }
}

fn start(jobs: u64) -> Server {
    let (handle, _inbox) = scheduler::channel();
    handle.registry().write(|seen| {
        for seq in 1..=jobs {
            seen.put_job(Arc::new(stored_job(seq)), Live::default());
        }
        seen.totals.jobs = jobs;
    });
    let settings = Settings {
        zone: Zone::UTC,
        default_owner: "".into(),
        history_limit: 1_000,
        history_ttl: None,
        workers: 64,
    };
    let api = Api::new(
        handle,
        Arc::new(MemoryStore::new()),
        Arc::new(Metrics::default()),
        Arc::new(Trials::default()),
        settings,
    );
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let server = Server::start(
        vec![Listener::Tcp(listener)],
        Limits::default(),
        Arc::new(api),
    );
    server.expect("threads are to be had")
}

/// Asks for `path` and reads the answer, chunked or not; gives the bytes of its body.
fn ask(connection: &mut BufReader<TcpStream>, path: &str) -> usize {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    let mut next_line = |connection: &mut BufReader<TcpStream>| {
        line.clear();
        connection.read_line(&mut line).unwrap();
        line.trim_end().to_ascii_lowercase()
    };
    assert_eq!(next_line(connection), "http/1.1 200 ok");
    let mut length = None;
    loop {
        let line = next_line(connection);
        if line.is_empty() {
            break;
        }
        if let Some(bytes) = line.strip_prefix("content-length: ") {
            length = Some(bytes.parse().unwrap());
        }
    }
    let mut body = Vec::new();
    let mut read = |connection: &mut BufReader<TcpStream>, bytes: usize| {
        body.resize(bytes, 0);
        connection.read_exact(&mut body).unwrap();
    };
    if let Some(length) = length {
        read(connection, length);
        return length;
    }
    let mut sum = 0;
    loop {
        let chunk = usize::from_str_radix(&next_line(connection), 16).unwrap();
        read(connection, chunk + 2);
        sum += chunk;
        if chunk == 0 {
            return sum;
        }
    }
}

fn answers(c: &mut Criterion) {
    let measured = std::env::args().any(|arg| arg == "--bench");
    let jobs = if measured { 10_000 } else { 100 };
    let server = start(jobs);
    let stream = TcpStream::connect(server.local_addrs()[0]).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut connection = BufReader::new(stream);
    let one = format!("/api/v1/job/{}/", stored_job(jobs / 2).id);
    let mut group = c.benchmark_group("api");
    group.measurement_time(Duration::from_secs(3));
    for (name, path, bytes_least) in [
        ("one", &*one, 500),
        ("stats", "/api/v1/stats/", 100),
        ("list", "/api/v1/job/", 500 * jobs as usize),
    ] {
        let bytes = ask(&mut connection, path);
        assert!(bytes >= bytes_least, "{name}: {bytes}");
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(name, |b| {
            b.iter(|| assert!(ask(&mut connection, path) >= bytes_least));
        });
    }
    group.finish();
    drop(connection);
    server.shutdown();
}

criterion_group!(benches, answers);
criterion_main!(benches);
