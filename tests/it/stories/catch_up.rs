//! Occurrences that passed while nobody was there to run them: the latest is caught up, the others are missed.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::{manual, scheduled};
use crate::support::{Server, assert_accounted, await_time, start_in, time, wait_until};

fn step() -> TimeDelta {
    TimeDelta::milliseconds(200)
}

fn triggered<'a>(history: &'a [Value], trigger: &str) -> Vec<&'a Value> {
    history
        .iter()
        .filter(|entry| entry["trigger"] == trigger)
        .collect()
}

/// Waits until all four occurrences of a job with `R3//PT0.2S` have passed.
fn let_four_pass(server: &Server, id: &str) {
    await_time(time(&server.job(id)["created_at"]) + step() * 4);
}

/// One run, of the last of four occurrences; the others are missed.
#[track_caller]
fn assert_last_of_four_caught_up(server: &Server, id: &str) {
    server.await_done(id);
    let history = server.history(id);
    let caught_up = triggered(&history, "catch_up");
    assert_eq!(caught_up.len(), 1, "{history:#?}");
    assert_eq!(server.outcomes(id), ["missed", "succeeded"]);
    assert_eq!(server.figure(id, "missed_count"), 3);
    assert_eq!(server.figure(id, "success_count"), 1);
    let last = assert_accounted(&history, step());
    assert_eq!(last, time(&caught_up[0]["scheduled_at"]));
}

#[test]
fn after_a_pause() {
    let mut server = Server::start();
    server.pause();
    let id = server.create(&scheduled("R3//PT0.2S", "true", &json!({})));
    let resumes = json!({"resume_at_next_scheduled_time": true});
    let none = server.create(&scheduled("R3//PT0.2S", "true", &resumes));
    let hurried = server.create(&scheduled(
        "R3//PT0.2S",
        "true",
        &json!({"epsilon": "PT0.1S"}),
    ));
    let_four_pass(&server, &hurried);
    // A pause survives restarts, and starts by hand go on.
    server.restart();
    let other = server.create(&manual("other", "true", &json!({})));
    server.run(&other);
    assert_eq!(server.history(&id), [] as [Value; 0]);
    server.resume();
    assert_last_of_four_caught_up(&server, &id);
    for id in [&none, &hurried] {
        server.await_done(id);
        assert_eq!(server.outcomes(id), ["missed"]);
        assert_eq!(server.figure(id, "missed_count"), 4);
    }
}

#[test]
fn after_the_job_was_disabled() {
    let server = Server::start();
    let off = json!({"disabled": true});
    let id = server.create(&scheduled("R3//PT0.2S", "true", &off));
    assert_eq!(server.job(&id)["next_run_at"], crate::support::NEVER);
    let_four_pass(&server, &id);
    server.enable(&id);
    assert_last_of_four_caught_up(&server, &id);
}

#[test]
fn after_downtime() {
    for crash in [true, false] {
        let mut server = Server::start();
        let start = start_in(3_000);
        let id = server.create(&scheduled(
            &format!("R3/{start}/PT0.2S"),
            "true",
            &json!({}),
        ));
        let once = server.create(&scheduled(&start, "true", &json!({})));
        let hurried = server.create(&scheduled(&start, "true", &json!({"epsilon": "PT0.1S"})));
        if crash {
            server.kill9();
        } else {
            server.signal(rustix::process::Signal::TERM);
            assert!(server.exit().success());
        }
        await_time(time(&json!(start)) + step() * 4);
        server.start_again();
        assert_last_of_four_caught_up(&server, &id);
        server.await_done(&once);
        assert_eq!(server.history(&once)[0]["trigger"], "catch_up");
        assert_eq!(server.outcomes(&once), ["succeeded"]);
        server.await_done(&hurried);
        assert_eq!(server.outcomes(&hurried), ["missed"]);
    }
}

#[test]
fn then_the_grid_goes_on() {
    let mut server = Server::start();
    let id = server.create(&scheduled("R//PT0.2S", "true", &json!({})));
    let ran = |server: &Server, more: usize| {
        let before = server.history(&id).len();
        wait_until("it has run some more", || {
            server.history(&id).len() >= before + more
        });
    };
    ran(&server, 2);
    server.disable(&id);
    await_time(Utc::now() + step() * 4);
    server.enable(&id);
    ran(&server, 2);
    server.kill9();
    await_time(Utc::now() + step() * 4);
    server.start_again();
    ran(&server, 2);
    server.pause();
    server.await_figure(&id, "running", 0);
    let history = server.history(&id);
    assert_accounted(&history, step());
    assert!(triggered(&history, "catch_up").len() >= 2, "{history:#?}");
    assert!(server.figure(&id, "missed_count") >= 2);
}
