//! Changes of a job: what they keep, and from when on they hold.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::{manual, scheduled};
use crate::support::{Server, await_time, time, wait_until};

#[test]
fn counters_and_history_outlive_changes_and_restarts() {
    let mut server = Server::start();
    let id = server.create(&manual("old", "exit 1", &json!({})));
    server.run(&id);
    server.patch(&id, &json!({"command": "true"})).expect(200);
    server.run(&id);
    let whole = json!({"name": "new", "command": "true", "schedule": "@manual"}).to_string();
    let path = format!("/api/v1/job/{id}/");
    server.request("PUT", &path, Some(&whole)).expect(200);
    for _ in 0..2 {
        let job = server.job(&id);
        assert_eq!(
            (&job["name"], &job["success_count"], &job["error_count"]),
            (&json!("new"), &json!(1), &json!(1))
        );
        assert_eq!(server.outcomes(&id), ["failed", "succeeded"]);
        server.restart();
    }
}

#[test]
fn a_change_never_starts_a_run() {
    let server = Server::start();
    let id = server.create(&json!({"name": "once", "command": "echo ran >> ran"}));
    server.await_done(&id);
    server
        .patch(&id, &json!({"description": "a one-off"}))
        .expect(200);
    let other = server.create(&json!({"name": "other", "command": "true"}));
    server.await_done(&other);
    assert_eq!(server.lines("ran").len(), 1);
}

#[test]
fn a_schedule_that_stays_keeps_its_grid_and_its_repeats() {
    let server = Server::start();
    server.pause();
    let id = server.create(&scheduled("R1//PT1H", "true", &json!({})));
    let next = server.job(&id)["next_run_at"].clone();
    let same = json!({"schedule": "R1//PT1H", "description": "same"});
    server.patch(&id, &same).expect(200);
    assert_eq!(server.job(&id)["next_run_at"], next);
    server.resume();
    server.await_figure(&id, "success_count", 1);
    let next = time(&next) + TimeDelta::hours(1);
    assert_eq!(time(&server.job(&id)["next_run_at"]), next);
    let new = json!({"schedule": "R0/2037-06-04T19:25:16Z/"});
    server.patch(&id, &new).expect(200);
    assert_eq!(server.job(&id)["next_run_at"], "2037-06-04T19:25:16Z");
    assert_eq!(server.figure(&id, "success_count"), 1);
}

#[test]
fn a_run_in_progress_ends_by_the_job_as_it_began() {
    let server = Server::start();
    let hold = format!("echo old >> ran; {}; exit 1", crate::support::HOLD);
    let id = server.create(&manual("held", &hold, &json!({"retries": 1})));
    server.begin(&id);
    server.await_lines("ran", 1);
    server
        .patch(&id, &json!({"command": "echo new >> ran", "retries": 0}))
        .expect(200);
    server.go();
    wait_until("it is over", || server.outcomes(&id) == ["failed"]);
    assert_eq!(server.lines("ran"), ["old", "old"]);
    server.run(&id);
    assert_eq!(server.lines("ran"), ["old", "old", "new"]);
}

/// After the answer to a disable, an update or a delete, no occurrence still to come runs as before: its claim may have
/// been taken already, and is withdrawn then.
#[test]
fn what_is_acknowledged_before_an_instant_holds_at_that_instant() {
    let server = Server::start();
    let job = scheduled(
        "R//PT0.05S",
        "echo old $NIMESHA_SCHEDULED_AT >> ran",
        &json!({"overlap": "allow"}),
    );
    let changed = json!({"command": "echo new $NIMESHA_SCHEDULED_AT >> ran"});
    for round in 0..12 {
        let id = server.create(&job);
        wait_until("it runs", || server.figure(&id, "success_count") > 0);
        // Each round at another point between two instants.
        await_time(Utc::now() + TimeDelta::milliseconds(round * 4));
        match round % 3 {
            0 => server.disable(&id),
            1 => drop(server.patch(&id, &changed).expect(200)),
            _ => server.remove(&id),
        }
        let acknowledged = Utc::now();
        await_time(acknowledged + TimeDelta::milliseconds(150));
        if round % 3 == 1 {
            server.remove(&id);
        }
        for line in server.lines("ran") {
            let (which, at) = line.split_once(' ').expect("two words");
            let late = time(&Value::from(at)) > acknowledged;
            assert!(
                !(late && which == "old"),
                "round {round}, {acknowledged}: {line}"
            );
        }
        std::fs::remove_file(server.dir().join("ran")).unwrap();
    }
}
