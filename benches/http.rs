//! What a request costs, from its first byte to its answer's last: kept-alive GETs over loopback, on 1, 8 and 64
//! connections, answered at once and from another thread; beside tiny_http's own server, on one connection only,
//! because it leaves some of several unanswered.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nimesha::http::{Answer, Handler, Limits, Listener, Request, Responder, Server};

/// About as much as a job takes.
const BODY_BYTES: usize = 600;
const GET: &[u8] = b"GET /api/v1/job/1/ HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn body() -> Vec<u8> {
    vec![b'x'; BODY_BYTES]
}

fn serve(handler: impl Handler) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Server::start(
        vec![Listener::Tcp(listener)],
        Limits::default(),
        Arc::new(handler),
    )
    .unwrap()
}

fn connect(addr: SocketAddr, count: usize) -> Vec<TcpStream> {
    (0..count)
        .map(|_| TcpStream::connect(addr).unwrap())
        .collect()
}

/// Sends a request on each connection, then reads all answers, and checks that they are whole.
fn ask_all(clients: &mut [TcpStream], buffer: &mut [u8]) {
    for client in &mut *clients {
        client.write_all(GET).unwrap();
    }
    for client in &mut *clients {
        let mut read = 0;
        let mut wanted = usize::MAX;
        while read < wanted {
            read += client.read(&mut buffer[read..]).unwrap();
            if wanted == usize::MAX
                && let Some(head) = buffer[..read].windows(4).position(|end| end == b"\r\n\r\n")
            {
                wanted = head + 4 + BODY_BYTES;
            }
        }
        assert_eq!(read, wanted);
        assert!(buffer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
}

fn requests(c: &mut Criterion) {
    let at_once = serve(|_: Request, responder: Responder| {
        responder.send(Answer::json(200, body()));
    });
    let (sender, receiver) = mpsc::channel::<Responder>();
    let dispatcher = thread::spawn(move || {
        for responder in receiver {
            responder.send_with(|| Answer::json(200, body()));
        }
    });
    let sender = Mutex::new(sender);
    let later = serve(move |_: Request, responder: Responder| {
        sender.lock().unwrap().send(responder).unwrap();
    });

    let mut group = c.benchmark_group("http");
    let mut buffer = vec![0; 64 * 1024];
    for count in [1, 8, 64] {
        group.throughput(Throughput::Elements(count as u64));
        for (name, server) in [("at_once", &at_once), ("later", &later)] {
            let mut clients = connect(server.local_addrs()[0], count);
            group.bench_function(BenchmarkId::new(name, count), |b| {
                b.iter(|| ask_all(&mut clients, &mut buffer));
            });
        }
    }

    let rival = Arc::new(tiny_http::Server::http("127.0.0.1:0").unwrap());
    let serving = Arc::clone(&rival);
    let rival_thread = thread::spawn(move || {
        for request in serving.incoming_requests() {
            let response = tiny_http::Response::from_data(body());
            request.respond(response).unwrap();
        }
    });
    group.throughput(Throughput::Elements(1));
    let mut clients = connect(rival.server_addr().to_ip().unwrap(), 1);
    group.bench_function(BenchmarkId::new("tiny_http", 1), |b| {
        b.iter(|| ask_all(&mut clients, &mut buffer));
    });
    group.finish();

    rival.unblock();
    rival_thread.join().unwrap();
    at_once.shutdown();
    later.shutdown();
    dispatcher.join().unwrap();
}

criterion_group!(benches, requests);
criterion_main!(benches);
