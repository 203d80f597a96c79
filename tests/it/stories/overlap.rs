//! Occurrences that come while their job still runs.

use serde_json::json;

use super::{child, manual, scheduled};
use crate::support::{HOLD, Server, assert_accounted, wait_until};

/// Tells that it has begun, and waits.
fn held() -> String {
    format!("echo $NIMESHA_SCHEDULED_AT >> begun; {HOLD}")
}

/// Occurrences that never became runs.
fn passed_over(server: &Server, id: &str) -> u64 {
    server.figure(id, "skipped_count") + server.figure(id, "missed_count")
}

#[test]
fn one_waits_and_further_ones_are_skipped() {
    let server = Server::start();
    let id = server.create(&scheduled("R3//PT0.3S", &held(), &json!({})));
    wait_until("two are skipped", || passed_over(&server, &id) == 2);
    assert_eq!(server.lines("begun").len(), 1);
    assert_eq!(server.figure(&id, "running"), 1);
    assert_eq!(server.job(&id)["is_done"], false);
    server.go();
    server.await_done(&id);
    assert_eq!(server.lines("begun").len(), 2);
    assert_eq!(server.figure(&id, "success_count"), 2);
    assert_accounted(&server.history(&id), chrono::TimeDelta::milliseconds(300));
}

#[test]
fn all_are_skipped() {
    let server = Server::start();
    let id = server.create(&scheduled(
        "R3//PT0.3S",
        &held(),
        &json!({"overlap": "skip"}),
    ));
    wait_until("three are skipped", || passed_over(&server, &id) == 3);
    server.go();
    server.await_done(&id);
    assert_eq!(server.lines("begun").len(), 1);
    // Neighbours are one entry, with their number.
    let history = server.history(&id);
    assert_eq!(
        history
            .iter()
            .filter(|entry| entry["trigger"] == "schedule")
            .count(),
        1
    );
    assert_accounted(&history, chrono::TimeDelta::milliseconds(300));
}

#[test]
fn all_run_side_by_side() {
    let server = Server::start();
    let id = server.create(&scheduled(
        "R3//PT0.3S",
        &held(),
        &json!({"overlap": "allow"}),
    ));
    server.await_figure(&id, "running", 4);
    server.await_lines("begun", 4);
    assert_eq!(server.outcomes(&id), ["running"; 4]);
    server.go();
    server.await_done(&id);
    assert_eq!(server.figure(&id, "success_count"), 4);
}

#[test]
fn a_run_by_hand_is_in_progress_too() {
    let server = Server::start();
    server.pause();
    let id = server.create(&scheduled("R0//", &held(), &json!({})));
    server.begin(&id);
    server.await_lines("begun", 1);
    server.resume();
    // Were it not held back, it would have come before the next one, which is younger.
    let other = server.create(&json!({"name": "other", "command": "true"}));
    server.await_done(&other);
    assert_eq!(server.lines("begun").len(), 1);
    server.go();
    server.await_figure(&id, "success_count", 2);
}

#[test]
fn a_parent_s_success_is_no_exception() {
    let server = Server::start();
    let parent = server.create(&manual("parent", "true", &json!({})));
    let one = server.create(&child(
        "skips",
        &held(),
        &[&parent],
        &json!({"overlap": "skip"}),
    ));
    server.begin(&one);
    server.await_lines("begun", 1);
    server.run(&parent);
    assert_eq!(server.figure(&one, "skipped_count"), 1);
    server.go();
    server.await_figure(&one, "success_count", 1);
    assert_eq!(server.lines("begun").len(), 1);
}
