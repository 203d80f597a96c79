//! Attempts and the window in which they may start.

use chrono::{TimeDelta, Utc};
use serde_json::json;

use super::{manual, scheduled};
use crate::support::{HOLD, NEVER, Server, await_time, wait_until};

#[test]
fn a_failed_attempt_is_repeated_until_one_succeeds() {
    let server = Server::start();
    let command = "echo $NIMESHA_ATTEMPT >> tries; [ $NIMESHA_ATTEMPT = 3 ]";
    let keys = json!({"retries": 5, "retry_delay": "PT0.05S"});
    let id = server.create(&manual("flaky", command, &keys));
    server.run(&id);
    assert_eq!(server.lines("tries"), ["1", "2", "3"]);
    let run = &server.history(&id)[0];
    assert_eq!(
        (&run["attempts"], &run["outcome"], &run["exit_code"]),
        (&json!(3), &json!("succeeded"), &json!(0))
    );
    // Kala counts attempts that failed, and runs that succeeded.
    let job = server.job(&id);
    assert_eq!(
        (&job["error_count"], &job["success_count"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(job["metadata"]["number_of_finished_runs"], 1);
}

#[test]
fn retries_come_to_an_end() {
    let server = Server::start();
    let id = server.create(&manual("bad", "exit 3", &json!({"retries": 2})));
    server.run(&id);
    let run = &server.history(&id)[0];
    assert_eq!(
        (&run["attempts"], &run["outcome"], &run["exit_code"]),
        (&json!(3), &json!("failed"), &json!(3))
    );
    assert_eq!(server.figure(&id, "error_count"), 3);
    assert_ne!(server.job(&id)["last_error"], NEVER);
}

#[test]
fn no_attempt_starts_after_the_window() {
    let server = Server::start();
    let keys = json!({"retries": 100, "retry_delay": "PT0.4S", "epsilon": "PT1S"});
    let id = server.create(&manual("bad", "date >> tries; exit 1", &keys));
    server.run(&id);
    let run = &server.history(&id)[0];
    assert_eq!(run["outcome"], "failed");
    // At most one at the start and one after each 0.4 s of the one second.
    assert!((1..=3).contains(&server.lines("tries").len()), "{run}");
    assert_eq!(run["attempts"], server.lines("tries").len());
}

#[test]
fn a_waiting_retry_holds_no_worker_and_can_be_cancelled() {
    let server = Server::with(&["--workers", "1"]);
    let keys = json!({"retries": 1, "retry_delay": "PT1H"});
    let waiting = server.create(&manual("waiting", "echo x >> tries; exit 1", &keys));
    let run = server.begin(&waiting);
    server.await_lines("tries", 1);
    let other = server.create(&manual("other", "true", &json!({})));
    server.run(&other);
    assert_eq!(server.figure(&waiting, "running"), 1);
    server
        .post(&format!("{run}cancel/"), &json!({}))
        .expect(204);
    wait_until("it is over", || server.outcomes(&waiting) == ["cancelled"]);
    assert_eq!(server.figure(&waiting, "running"), 0);
}

#[test]
fn an_occurrence_that_finds_no_worker_in_its_window_is_missed() {
    let server = Server::with(&["--workers", "1"]);
    let blocker = server.create(&manual("blocker", HOLD, &json!({})));
    server.begin(&blocker);
    server.await_figure(&blocker, "running", 1);
    let late = server.create(&scheduled(
        "R0//",
        "echo ran >> ran",
        &json!({"epsilon": "PT0.1S"}),
    ));
    await_time(Utc::now() + TimeDelta::milliseconds(150));
    server.go();
    server.await_figure(&late, "missed_count", 1);
    let history = server.history(&late);
    assert_eq!(
        (history.len(), &history[0]["outcome"], &history[0]["count"]),
        (1, &json!("missed"), &json!(1))
    );
    let job = server.job(&late);
    assert_eq!(
        (&job["is_done"], &job["error_count"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(server.lines("ran").len(), 0);
    wait_until("the log tells of it", || server.log().contains("missed"));
}

#[test]
fn a_failure_job_runs_when_a_run_has_failed_for_good() {
    let server = Server::start();
    let told = "echo $NIMESHA_TRIGGER >> told";
    let alarm = server.create(&manual("alarm", told, &json!({})));
    let keys = json!({"retries": 2, "on_failure_job": alarm});
    let bad = server.create(&manual("bad", "exit 1", &keys));
    server.run(&bad);
    server.await_figure(&alarm, "success_count", 1);
    assert_eq!(server.lines("told"), ["failure"]);
    server.patch(&bad, &json!({"command": "true"})).expect(200);
    server.run(&bad);
    server.remove(&alarm);
    assert_eq!(server.lines("told").len(), 1);
    assert_eq!(server.job(&bad)["on_failure_job"], "");
}
