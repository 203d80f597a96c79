//! Deadlines, and bounds on what clients may take.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use parking_lot::Mutex;

use super::*;

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn idle_connections_are_closed_silently() {
    let site = Site::with(|limits| limits.idle = SHORT, echo);
    let mut fresh = site.connect();
    fresh.ends();
    wait_until("a used one is closed, too", || {
        let mut used = site.connect();
        let answered =
            used.stream.write_all(GET.as_bytes()).is_ok() && used.try_answer(false).is_ok();
        if answered {
            used.ends();
        }
        answered
    });
}

#[test]
fn a_head_that_takes_too_long_is_408() {
    let site = Site::with(|limits| limits.head = SHORT, echo);
    let mut client = site.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n");
    assert_eq!(client.answer().status, 408);
    client.ends();
}

#[test]
fn dribbling_stretches_no_deadline() {
    let site = Site::with(
        |limits| {
            limits.head = Duration::from_millis(300);
            limits.patience = Duration::from_millis(300);
            limits.rate_min_bytes = 1_000_000;
        },
        echo,
    );
    for start in [
        "GET / HTTP/1.1\r\nHost: h\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nf000\r\n",
    ] {
        let mut client = site.connect();
        client.send(start);
        client.stream.set_nonblocking(true).unwrap();
        // A byte now and then, until an answer comes or the connection ends.
        wait_until("it is refused", || {
            client.stream.write(b"a").is_err() || client.read_more().is_ok()
        });
        client.stream.set_nonblocking(false).unwrap();
        assert_eq!(client.answer().status, 408, "{start}");
    }
    site.check();
}

#[test]
fn a_steady_sender_may_take_longer_than_the_patience() {
    let site = Site::with(
        |limits| {
            limits.patience = Duration::from_millis(100);
            limits.rate_min_bytes = 1;
        },
        echo,
    );
    let mut client = site.connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 310\r\n\r\n0123456789");
    for _ in 0..30 {
        // Each of these buys ten seconds.
        client.send([b'x'; 10]);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(client.answer().status, 200);
}

#[test]
fn a_reader_that_stops_reading_is_cut() {
    static ASKED: AtomicBool = AtomicBool::new(false);
    let site = Site::with(
        |limits| {
            limits.patience = SHORT;
            limits.rate_min_bytes = u64::MAX;
        },
        |_: Request, responder: Responder| {
            ASKED.store(true, Ordering::Release);
            let reader = Box::new(io::repeat(b'x'));
            responder.send(Answer::new(
                200,
                Body::Reader {
                    reader,
                    length: None,
                },
            ));
        },
    );
    let mut client = site.connect();
    client.send(GET);
    wait_until("it is cut", || {
        ASKED.load(Ordering::Acquire) && site.connections() == 0
    });
}

#[test]
fn large_answers_to_stuck_readers_hold_no_thread() {
    let site = Site::with(
        |limits| limits.threads = 1,
        |request: Request, responder: Responder| {
            let reader = Box::new(io::repeat(b'x').take(50_000_000));
            responder.send(match request.path.as_str() {
                "/" => Answer::empty(200),
                _ => Answer::new(
                    200,
                    Body::Reader {
                        reader,
                        length: None,
                    },
                ),
            });
        },
    );
    let mut stuck: Vec<_> = (0..8).map(|_| site.connect()).collect();
    for client in &mut stuck {
        client.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
        client.head().unwrap();
    }
    site.check();
    let last = stuck.last_mut().unwrap();
    let mut got = 0;
    while let Some(chunk) = last.chunk().unwrap() {
        got += chunk.len();
    }
    assert_eq!(got, 50_000_000);
}

#[test]
fn slow_and_unsent_bodies_hold_no_thread() {
    let site = Site::with(|limits| limits.threads = 1, echo);
    let mut slow: Vec<_> = (0..50).map(|_| site.connect()).collect();
    for client in &mut slow {
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
    }
    site.check();
    for client in &mut slow {
        client.send("cd");
        assert_eq!(client.answer().text(), "POST /? abcd");
    }
}

#[test]
fn bodies_together_are_bounded() {
    let site = Site::with(|limits| limits.bodies_bytes_max = 10, echo);
    let mut first = site.connect();
    first.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n12345678");
    let second = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n123456789";
    wait_until("the second is refused", || site.ask(second).status == 503);
    first.send("9");
    assert_eq!(first.answer().status, 200);
    assert_eq!(site.ask(second).status, 200);
}

#[test]
fn the_oldest_idle_connection_goes_for_a_new_one() {
    let site = Site::with(|limits| limits.connections_max = 3, echo);
    let mut clients: Vec<_> = (0..3).map(|_| site.connect()).collect();
    // The second is the oldest in the end.
    for number in [0, 1, 2, 0] {
        clients[number].send(GET);
        clients[number].answer();
        site.wait_for_idle(3);
    }
    let mut fourth = site.connect();
    fourth.send(GET);
    assert_eq!(fourth.answer().status, 200);
    clients[1].ends();
    for client in [0, 2] {
        clients[client].send(GET);
        assert_eq!(clients[client].answer().status, 200);
    }
}

#[test]
fn if_all_are_busy_the_new_one_is_told() {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let site = Site::with(
        |limits| limits.connections_max = 2,
        move |_: Request, responder: Responder| sender.lock().send(responder).unwrap(),
    );
    let mut clients: Vec<_> = (0..2).map(|_| site.connect()).collect();
    let waiting: Vec<_> = clients
        .iter_mut()
        .map(|client| {
            client.send(GET);
            receiver.recv().unwrap()
        })
        .collect();
    // Nothing is sent, so that no reset can take the answer away.
    let mut third = site.connect();
    let got = third.answer();
    assert_eq!((got.status, got.header("connection")), (503, Some("close")));
    assert!(serde_json::from_slice::<serde_json::Value>(&got.body).is_ok());
    third.ends();
    waiting
        .into_iter()
        .for_each(|responder| responder.send(Answer::empty(200)));
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
}
