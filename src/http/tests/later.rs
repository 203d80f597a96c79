//! Answers that come later and from elsewhere, and handlers that fail.

use std::net::Shutdown;
use std::sync::mpsc;
use std::thread;

use parking_lot::Mutex;

use super::*;

/// A server whose responders are given to the test.
fn postponing(threads: usize) -> (Site, mpsc::Receiver<(String, Responder)>) {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let site = Site::with(
        |limits| limits.threads = threads,
        move |request: Request, responder: Responder| match request.path.as_str() {
            "/" => responder.send(Answer::empty(200)),
            _ => sender.lock().send((request.path, responder)).unwrap(),
        },
    );
    (site, receiver)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

#[test]
fn waiting_requests_hold_no_thread_and_are_answered_in_any_order() {
    let (site, receiver) = postponing(1);
    let mut clients: Vec<_> = (0..50).map(|_| site.connect()).collect();
    for (client, number) in clients.iter_mut().zip(0..) {
        client.send(get(&format!("/{number}")));
    }
    let mut waiting: Vec<_> = (0..50).map(|_| receiver.recv().unwrap()).collect();
    site.check();
    waiting.reverse();
    let answering = thread::spawn(move || {
        for (path, responder) in waiting {
            responder.send(Answer::text(200, path));
        }
    });
    for (client, number) in clients.iter_mut().zip(0..) {
        assert_eq!(client.answer().text(), format!("/{number}"));
    }
    answering.join().unwrap();
}

#[test]
fn an_answer_may_come_while_the_handler_still_runs() {
    let site = Site::new(|_: Request, responder: Responder| {
        thread::spawn(move || responder.send(Answer::empty(202)))
            .join()
            .unwrap();
    });
    let mut client = site.connect();
    for _ in 0..100 {
        client.send(GET);
        assert_eq!(client.answer().status, 202);
    }
}

#[test]
fn an_answer_may_race_with_the_handler_return() {
    let (sender, receiver) = mpsc::channel::<Responder>();
    let sender = Mutex::new(sender);
    let site =
        Site::new(move |_: Request, responder: Responder| sender.lock().send(responder).unwrap());
    thread::spawn(move || {
        receiver
            .into_iter()
            .for_each(|responder| responder.send(Answer::empty(202)));
    });
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = site.connect();
                for _ in 0..500 {
                    client.send(GET);
                    assert_eq!(client.answer().status, 202);
                }
            });
        }
    });
}

#[test]
fn pipelined_requests_wait_for_an_answer_that_comes_later() {
    let (site, receiver) = postponing(2);
    let mut client = site.connect();
    client.send([get("/a"), get("/b"), get("/c")].concat());
    for path in ["/a", "/b", "/c"] {
        let (asked, responder) = receiver.recv().unwrap();
        assert!(
            receiver.try_recv().is_err(),
            "one request of a connection at a time"
        );
        assert_eq!(asked, path);
        responder.send(Answer::text(200, path));
        assert_eq!(client.answer().text(), path);
    }
}

#[test]
fn a_client_that_has_ended_sending_gets_its_late_answer() {
    let (site, receiver) = postponing(1);
    let mut client = site.connect();
    client.send(get("/a"));
    let (_, responder) = receiver.recv().unwrap();
    client.stream.shutdown(Shutdown::Write).unwrap();
    // That is seen, and neither ends the wait nor keeps a thread busy.
    for _ in 0..10 {
        site.check();
    }
    responder.send(Answer::text(200, "late"));
    assert_eq!(client.answer().text(), "late");
    client.ends();
}

#[test]
fn a_client_that_is_gone_frees_its_connection_and_its_answer_is_dropped() {
    let (site, receiver) = postponing(2);
    let mut client = site.connect();
    client.send(get("/a"));
    let (_, responder) = receiver.recv().unwrap();
    rustix::net::sockopt::set_socket_linger(&client.stream, Some(Duration::ZERO)).unwrap();
    drop(client);
    wait_until("the connection is closed", || site.connections() == 0);
    // Its seat has another tenant meanwhile, who must not get the answer.
    let mut other = site.connect();
    other.send(get("/b"));
    let (_, other_responder) = receiver.recv().unwrap();
    responder.send(Answer::text(200, "for the first"));
    site.check();
    other_responder.send(Answer::text(200, "for the other"));
    assert_eq!(other.answer().text(), "for the other");
}

#[test]
fn a_forgotten_responder_and_a_panicking_handler_answer_500() {
    let site = Site::with(
        |limits| limits.threads = 1,
        |request: Request, responder: Responder| match request.path.as_str() {
            "/" => responder.send(Answer::empty(200)),
            "/forget" => {}
            "/make" => responder.send_with(|| panic!("a test's answer panics")),
            "/finish" => responder
                .finish_with(|_| panic!("a test's finish panics"))
                .send(Answer::empty(200)),
            _ => panic!("a test's handler panics"),
        },
    );
    let mut client = site.connect();
    for path in ["/forget", "/panic", "/make", "/finish", "/panic"] {
        client.send(get(path));
        let got = client.answer();
        assert_eq!(
            (got.status, got.header("connection")),
            (500, None),
            "{path}"
        );
        assert!(got.text().starts_with("{\"error\":"));
    }
    site.check();
}

#[test]
fn what_is_made_for_an_answer_is_made_on_the_pool() {
    let (site, receiver) = postponing(1);
    let mut client = site.connect();
    client.send(get("/a"));
    let (_, responder) = receiver.recv().unwrap();
    let name = || thread::current().name().unwrap_or_default().to_owned();
    responder
        .finish_with(move |answer| answer.with_header("Finished-By", &name()))
        .send_with(move || Answer::text(200, name()));
    let got = client.answer();
    assert_eq!(
        (got.text(), got.header("finished-by")),
        ("http-0", Some("http-0"))
    );
}
