//! Event streams and followed output.

use std::sync::mpsc;

use parking_lot::Mutex;

use super::*;

/// A server that follows: the test gets the senders.
fn following(
    change: impl FnOnce(&mut Limits),
    buffer_bytes_max: usize,
) -> (Site, mpsc::Receiver<StreamSender>) {
    let (senders, receiver) = mpsc::channel();
    let senders = Mutex::new(senders);
    let site = Site::with(change, move |request: Request, responder: Responder| {
        if request.path == "/" {
            return responder.send(Answer::empty(200));
        }
        let (sender, stream) = stream(buffer_bytes_max);
        responder.send(
            Answer::new(200, Body::Stream(stream)).with_header("Content-Type", "text/event-stream"),
        );
        senders.lock().send(sender).unwrap();
    });
    (site, receiver)
}

const FOLLOW: &str = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn what_is_pushed_arrives_at_once_and_the_connection_goes_on_after_the_end() {
    let (site, senders) = following(|limits| limits.threads = 1, 1_000);
    let mut client = site.connect();
    client.send(FOLLOW);
    let got = client.head().unwrap();
    assert_eq!(got.header("transfer-encoding"), Some("chunked"));
    let sender = senders.recv().unwrap();
    for number in 0..100 {
        let event = format!("data: {number}\n\n");
        sender.push(event.as_bytes()).unwrap();
        assert_eq!(client.chunk().unwrap().unwrap(), event.as_bytes());
    }
    // Many at once need not be as many chunks.
    (0..10).for_each(|_| sender.push(b"x").unwrap());
    drop(sender);
    let mut rest = Vec::new();
    while let Some(mut chunk) = client.chunk().unwrap() {
        rest.append(&mut chunk);
    }
    assert_eq!(rest, b"xxxxxxxxxx");
    client.send(GET);
    assert_eq!(client.answer().status, 200);
}

#[test]
fn an_old_client_follows_until_the_connection_ends() {
    let (site, senders) = following(|_| {}, 1_000);
    let mut client = site.connect();
    client.send("GET /events HTTP/1.0\r\n\r\n");
    let sender = senders.recv().unwrap();
    sender.push(b"a").unwrap();
    sender.push(b"b").unwrap();
    drop(sender);
    assert_eq!(client.answer().body, b"ab");
}

#[test]
fn a_stream_that_is_cut_looks_cut() {
    let (site, senders) = following(|_| {}, 1_000);
    for request in [FOLLOW, "GET /events HTTP/1.0\r\n\r\n"] {
        let mut client = site.connect();
        client.send(request);
        client.head().unwrap();
        senders.recv().unwrap().cut();
        assert!(client.chunk().is_err(), "{request}");
    }
}

#[test]
fn head_of_a_stream_ends_at_once() {
    let (site, senders) = following(|_| {}, 1_000);
    let mut client = site.connect();
    client.send("HEAD /events HTTP/1.1\r\nHost: h\r\n\r\n");
    client.answer_to_head();
    wait_until("it is closed", || {
        senders.try_recv().is_ok_and(|sender| sender.is_closed())
    });
    client.send(GET);
    assert_eq!(client.answer().status, 200);
}

#[test]
fn streams_hold_no_thread_and_their_number_is_bounded() {
    let (site, senders) = following(
        |limits| {
            limits.threads = 1;
            limits.streams_max = 20;
        },
        1_000,
    );
    let mut clients: Vec<_> = (0..20).map(|_| site.connect()).collect();
    let mut held = Vec::new();
    for client in &mut clients {
        client.send(FOLLOW);
        assert_eq!(client.head().unwrap().status, 200);
        held.push(senders.recv().unwrap());
    }
    let got = site.ask(FOLLOW);
    assert_eq!(got.status, 503);
    assert!(got.text().contains("too many"), "{got:?}");
    assert!(senders.recv().unwrap().is_closed());
    site.check();
    for (sender, number) in held.iter().zip(0..) {
        sender.push(format!("{number}").as_bytes()).unwrap();
    }
    for (client, number) in clients.iter_mut().zip(0..) {
        assert_eq!(
            client.chunk().unwrap().unwrap(),
            format!("{number}").as_bytes()
        );
    }
    clients.clear();
    wait_until("the clients' end is seen", || {
        held.iter().all(StreamSender::is_closed)
    });
    assert_eq!(held[0].push(b"x"), Err(PushError::Closed));
    let mut client = site.connect();
    client.send(FOLLOW);
    assert_eq!(client.head().unwrap().status, 200);
}

#[test]
fn a_slow_reader_is_told_of_and_still_gets_all_that_was_taken() {
    let (site, senders) = following(|limits| limits.threads = 1, 10_000);
    let mut client = site.connect();
    client.send(FOLLOW);
    client.head().unwrap();
    let sender = senders.recv().unwrap();
    let mut pushed = 0;
    // The socket's own buffers have to fill up first; between two pushes the pool may have a turn.
    while sender.push(&[b'x'; 5_000]) == Ok(()) {
        pushed += 5_000;
        assert!(pushed < 1_000_000_000);
        site.check();
    }
    assert_eq!(sender.push(&[b'x'; 10_000]), Err(PushError::Full));
    let mut got = 0;
    while got < pushed {
        got += client.chunk().unwrap().unwrap().len();
    }
    assert_eq!(got, pushed);
    sender.push(b"y").unwrap();
    assert_eq!(client.chunk().unwrap().unwrap(), b"y");
}

#[test]
fn a_reader_that_never_reads_is_cut_and_a_quiet_stream_is_not() {
    let (site, senders) = following(
        |limits| {
            limits.patience = Duration::from_millis(200);
            limits.rate_min_bytes = u64::MAX;
        },
        40_000_000,
    );
    let mut quiet = site.connect();
    quiet.send(FOLLOW);
    let quiet_sender = senders.recv().unwrap();
    let mut stuck = site.connect();
    stuck.send(FOLLOW);
    let sender = senders.recv().unwrap();
    // More than any socket holds; nothing comes after it.
    sender.push(&vec![b'x'; 40_000_000]).unwrap();
    wait_until("it is cut", || sender.is_closed());
    quiet_sender.push(b"still there").unwrap();
    quiet.head().unwrap();
    assert_eq!(quiet.chunk().unwrap().unwrap(), b"still there");
}
