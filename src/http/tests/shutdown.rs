//! The end of a server.

use std::sync::mpsc;
use std::thread;

use parking_lot::Mutex;

use super::*;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

#[test]
fn idle_connections_end_at_once_and_busy_ones_after_their_answer() {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let site = Site::with(
        |limits| limits.closing = PATIENCE,
        move |request: Request, responder: Responder| match request.path.as_str() {
            "/" => responder.send(Answer::empty(200)),
            _ => sender.lock().send(responder).unwrap(),
        },
    );
    let addr = site.addr();
    let mut idle = site.connect();
    idle.send(GET);
    idle.answer();
    let mut fresh = site.connect();
    let mut halfway = site.connect();
    halfway.send("GET / HT");
    let mut busy = site.connect();
    busy.send(get("/wait"));
    let responder = receiver.recv().unwrap();
    let mut body = site.connect();
    body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab");
    wait_until("all have been let in", || site.connections() == 5);
    site.wait_for_idle(3);

    let ending = thread::spawn(move || site.server.shutdown());
    idle.ends();
    fresh.ends();
    halfway.ends();
    assert!(TcpStream::connect(addr).is_err());
    assert!(!ending.is_finished());
    responder.send(Answer::text(200, "the last"));
    let got = busy.answer();
    assert_eq!(
        (got.text(), got.header("connection")),
        ("the last", Some("close"))
    );
    busy.ends();
    body.send("c");
    assert_eq!(body.answer().header("connection"), Some("close"));
    body.ends();
    ending.join().unwrap();
}

#[test]
fn streams_end_properly() {
    let (senders, receiver) = mpsc::channel();
    let senders = Mutex::new(senders);
    let site = Site::new(move |_: Request, responder: Responder| {
        let (sender, stream) = stream(1_000);
        sender.push(b"x").unwrap();
        senders.lock().send(sender).unwrap();
        responder.send(Answer::new(200, Body::Stream(stream)));
    });
    let mut client = site.connect();
    client.send(GET);
    client.head().unwrap();
    assert_eq!(client.chunk().unwrap().unwrap(), b"x");
    let sender: StreamSender = receiver.recv().unwrap();
    site.server.shutdown();
    assert_eq!(client.chunk().unwrap(), None);
    client.ends();
    assert_eq!(sender.push(b"y"), Err(PushError::Closed));
}

#[test]
fn an_answer_that_never_comes_does_not_hold_it_up() {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let site = Site::with(
        |limits| limits.closing = Duration::from_millis(50),
        move |_: Request, responder: Responder| sender.lock().send(responder).unwrap(),
    );
    let mut client = site.connect();
    client.send(GET);
    let responder = receiver.recv().unwrap();
    site.server.shutdown();
    client.ends();
    responder.send(Answer::empty(200));
}

#[test]
fn a_handler_that_never_returns_does_not_hold_it_up() {
    let (started, receiver) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (started, released) = (Mutex::new(started), Mutex::new(released));
    let site = Site::with(
        |limits| limits.closing = Duration::from_millis(50),
        move |_: Request, _: Responder| {
            started.lock().send(()).unwrap();
            let _ = released.lock().recv();
        },
    );
    let mut client = site.connect();
    client.send(GET);
    receiver.recv().unwrap();
    site.server.shutdown();
    // What it leaves behind still ends well.
    drop(release);
    assert_eq!(client.answer().status, 500);
    client.ends();
}

#[test]
fn the_port_is_free_afterwards() {
    let site = Site::new(echo);
    let addr = site.addr();
    site.check();
    drop(site);
    wait_until("it can be bound again", || TcpListener::bind(addr).is_ok());
}
