//! Alerts: what is posted to the address of `--on-event`, and that nothing waits for who is there.

use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Answering, Server, wait_until};

/// A server that posts its alerts there.
fn alerting(url: &str) -> Server {
    Server::with(&["--on-event", url])
}

/// What was posted, in order.
fn posted(there: &Answering) -> Vec<Value> {
    let asked = there.asked();
    let bodies = asked.iter().map(|asked| &asked.body);
    bodies
        .map(|body| serde_json::from_str(body).expect("JSON"))
        .collect()
}

/// A job that fails until the test makes the file `ok`.
fn failing(server: &Server, keys: &Value) -> String {
    let mut job = json!({
        "name": "nightly", "owner": "ops", "schedule": "@manual",
        "command": "test -e ok || { echo \"with $API_TOKEN\"; exit 3; }",
        "env": {"API_TOKEN": "geheim"},
    });
    let more = keys.as_object().expect("an object").clone();
    job.as_object_mut().expect("an object").extend(more);
    server.create(&job)
}

#[test]
fn a_job_that_fails_too_often_is_told_once_and_that_it_recovers() {
    let there = Answering::start();
    let server = alerting(&format!("http://me:secret@127.0.0.1:{}/200", there.port));
    let id = failing(&server, &json!({"alert_after": 2}));
    for _ in 0..4 {
        server.run(&id);
    }
    wait_until("it is told", || there.asked().len() == 1);
    assert_eq!(server.figure(&id, "failures_in_a_row"), 4);
    std::fs::write(server.dir().join("ok"), "").expect("a file of ours");
    server.run(&id);
    server.run(&id);
    wait_until("that it recovers is told", || there.asked().len() == 2);
    let asked = &there.asked()[0];
    assert_eq!(asked.line, "POST /200 HTTP/1.1");
    assert!(asked.headers.contains("content-type: application/json\n"));
    assert!(asked.headers.contains("authorization: basic "));
    let [failed, recovered] = &posted(&there)[..] else {
        panic!("{:?}", posted(&there))
    };
    let runs = server.history(&id);
    let expected = json!({
        "event": "failed", "time": runs[1]["finished_at"], "server": failed["server"], "count": 1, "job_id": id,
        "name": "nightly", "owner": "ops", "run_id": runs[1]["id"], "trigger": "manual",
        "scheduled_at": "0001-01-01T00:00:00Z", "outcome": "failed", "error": "exit status 3", "attempts": 1,
        "failures_in_a_row": 2, "output": "with ***\n",
    });
    assert_eq!(failed, &expected);
    for (key, value) in [
        ("event", json!("recovered")),
        ("run_id", runs[4]["id"].clone()),
        ("outcome", json!("succeeded")),
        ("error", Value::Null),
        ("failures_in_a_row", json!(4)),
    ] {
        assert_eq!(recovered[key], value, "{key}");
    }
    assert!(!server.log().contains("secret"), "{}", server.log());
    let metrics = server.get("/metrics").text();
    assert!(
        metrics.contains("\nnimesha_alerts_sent_total 2\n"),
        "{metrics}"
    );
}

#[test]
fn missed_occurrences_are_told_and_may_start_the_failure_job() {
    let there = Answering::start();
    let server = alerting(&there.url("204"));
    let alarm = json!({"name": "alarm", "command": "true", "schedule": "@manual"});
    let alarm = server.create(&alarm);
    server.pause();
    let id = server.create(&json!({
        "name": "late", "command": "true", "schedule": "R3//PT0.1S", "resume_at_next_scheduled_time": true,
        "on_failure_job": alarm, "alert_on_missed": true,
    }));
    let last = crate::support::time(&server.job(&id)["created_at"]);
    crate::support::await_time(last + chrono::TimeDelta::milliseconds(300));
    server.resume();
    wait_until("it is told", || there.asked().len() == 1);
    let missed = &posted(&there)[0];
    let told = [&missed["event"], &missed["name"], &missed["count"]];
    assert_eq!(told, [&json!("missed"), &json!("late"), &json!(4)]);
    let history = server.history(&id);
    assert_eq!(missed["last_scheduled_at"], history[0]["last_scheduled_at"]);
    server.await_figure(&alarm, "success_count", 1);
    assert_eq!(server.history(&alarm)[0]["trigger"], "failure");
}

#[test]
fn many_jobs_that_miss_at_one_moment_are_one_alert() {
    let there = Answering::start();
    let server = alerting(&there.url("204"));
    server.pause();
    for _ in 0..20 {
        server.create(&json!({
            "name": "late", "command": "true", "resume_at_next_scheduled_time": true,
        }));
    }
    server.resume();
    wait_until("it is told", || there.asked().len() == 1);
    let missed = &posted(&there)[0];
    assert_eq!(
        (
            &missed["event"],
            &missed["count"],
            &missed["jobs"],
            &missed["name"]
        ),
        (&json!("missed"), &json!(20), &json!(20), &Value::Null)
    );
}

#[test]
fn a_job_that_comes_and_goes_is_no_flood() {
    let there = Answering::start();
    let mut server = alerting(&there.url("200"));
    let id = server.create(&json!({
        "name": "flaps", "schedule": "@manual", "command": "if [ -e ok ]; then rm ok; else touch ok; exit 1; fi",
    }));
    for _ in 0..20 {
        server.run(&id);
    }
    server.signal(Signal::TERM);
    assert!(server.exit().success(), "{}", server.log());
    let posted = posted(&there);
    assert!((2..=4).contains(&posted.len()), "{posted:?}");
    let counts = posted.iter().map(|alert| alert["count"].as_u64());
    assert_eq!(counts.sum::<Option<u64>>(), Some(20), "{posted:?}");
    let last = posted.last().expect("one at least");
    assert_eq!(last["event"], "recovered");
}

#[test]
fn who_is_away_gets_them_later() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let server = alerting(&format!("http://127.0.0.1:{port}/200"));
    let id = failing(&server, &json!({}));
    server.run(&id);
    wait_until("it was tried", || server.log().contains("is posted again"));
    let there = Answering::at(port);
    wait_until("it is told", || there.asked().len() == 1);
    assert_eq!(posted(&there)[0]["event"], "failed");
}

#[test]
fn who_never_answers_holds_nothing_up() {
    let there = Answering::start();
    let mut server = alerting(&there.url("silence"));
    for number in 0..3 {
        let id = failing(&server, &json!({"name": format!("job {number}")}));
        server.run(&id);
    }
    wait_until("it was asked", || there.asked().len() == 1);
    server.signal(Signal::TERM);
    assert!(server.exit().success(), "{}", server.log());
    assert!(
        server
            .log()
            .contains("alerts were not posted: the server stops")
    );
}
