//! The thread that posts, against a receiver of a few lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;

/// A turn of job number `job`.
pub(super) fn alert(job: u128, failed: bool) -> Alert {
    let id = JobId(uuid::Uuid::from_u128(job));
    let run = Box::new(Ended {
        job: subject(id),
        run: RunId::new(id, 1, Timestamp::EPOCH),
        trigger: Trigger::Manual,
        scheduled_at: None,
        outcome: Outcome::Failed,
        error: Some("exit status 1".into()),
        attempts: 1,
        failures_in_a_row: 1,
        output: "".into(),
    });
    Alert {
        what: match failed {
            true => What::Failed(run),
            false => What::Recovered(run),
        },
        at: Timestamp::EPOCH,
        count: 1,
    }
}

/// So many missed occurrences of job number `job`.
pub(super) fn missed(job: u128, count: u64) -> Alert {
    let job = subject(JobId(uuid::Uuid::from_u128(job)));
    Alert {
        what: What::Missed {
            job,
            last: Timestamp::EPOCH,
        },
        at: Timestamp::EPOCH,
        count,
    }
}

fn subject(id: JobId) -> Subject {
    Subject {
        id,
        name: "job".into(),
        owner: "".into(),
        zone: Zone::UTC,
    }
}

/// Alerts to a listener of ours, at that path.
fn start(listener: &TcpListener, user: &str) -> (Alerts, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::default());
    let address = listener.local_addr().unwrap();
    let url = format!("http://{user}{address}/hook");
    let write = |alert: &Alert| format!("{} {}", alert.what.as_str(), alert.count);
    let alerts = Alerts::start(&url, Arc::clone(&metrics), write).unwrap();
    (alerts, metrics)
}

/// Takes one request, and gives its head and its body; answered with that status.
fn answer(listener: &TcpListener, status: u16) -> (String, String) {
    let (stream, _) = listener.accept().unwrap();
    let (head, body) = read(&stream);
    let text = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    (&stream).write_all(text.as_bytes()).unwrap();
    (head, body)
}

fn read(stream: &TcpStream) -> (String, String) {
    let mut lines = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        head += &line;
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[test]
fn an_alert_is_posted_until_it_is_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (alerts, metrics) = start(&listener, "me:secret@");
    alerts.sink().tell(alert(1, true));
    let (head, body) = answer(&listener, 503);
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    // Of "me:secret".
    assert!(
        head.to_lowercase().contains("authorization: basic "),
        "{head}"
    );
    assert!(head.contains("bWU6c2VjcmV0"), "{head}");
    assert_eq!(body, "failed 1");
    assert_eq!(answer(&listener, 204).1, body);
    alerts.shutdown();
    assert_eq!(metrics.alerts_sent.get(), 1);
}

#[test]
fn what_is_left_is_posted_at_the_end_whatever_it_waits_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (alerts, metrics) = start(&listener, "");
    let sink = alerts.sink();
    sink.tell(alert(1, true));
    answer(&listener, 200);
    for _ in 0..3 {
        sink.tell(alert(1, true));
    }
    let receiver = thread::spawn(move || answer(&listener, 200).1);
    alerts.shutdown();
    assert_eq!(receiver.join().unwrap(), "failed 3");
    assert_eq!(metrics.alerts_sent.get(), 2);
}

#[test]
fn a_receiver_that_never_answers_does_not_hold_up_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (alerts, metrics) = start(&listener, "");
    for job in 0..3 {
        alerts.sink().tell(alert(job, true));
    }
    let (_held, _) = listener.accept().unwrap();
    alerts.shutdown();
    assert_eq!(
        (metrics.alerts_sent.get(), metrics.alerts_dropped.get()),
        (0, 3)
    );
}

#[test]
fn err_addresses_are_not_repeated() {
    for url in ["", "ftp://me:secret@host/", "https://", "me:secret@host"] {
        let metrics = Arc::default();
        let error = Alerts::start(url, metrics, |_| String::new()).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
