//! Schedules as they come true: on their grid, at once, never, and in a time zone.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde_json::json;

use super::{manual, scheduled};
use crate::support::{NEVER, Server, start_in, time, wait_until};

#[test]
fn a_repeating_job_runs_once_more_than_it_repeats_and_does_not_drift() {
    let server = Server::start();
    let command = "echo $NIMESHA_SCHEDULED_AT $NIMESHA_TRIGGER >> ran";
    let id = server.create(&scheduled("R2//PT1S", command, &json!({})));
    server.await_done(&id);
    let history = server.history(&id);
    assert_eq!(history.len(), 3, "{history:#?}");
    let first = time(&history[0]["scheduled_at"]);
    let mut told = Vec::new();
    for (entry, number) in history.iter().zip(0..) {
        let at = time(&entry["scheduled_at"]);
        assert_eq!(at, first + TimeDelta::seconds(number));
        assert!(time(&entry["started_at"]) >= at, "early: {entry}");
        assert_eq!(
            (&entry["trigger"], &entry["outcome"]),
            (&json!("schedule"), &json!("succeeded"))
        );
        told.push(format!(
            "{} schedule",
            entry["scheduled_at"].as_str().unwrap()
        ));
    }
    assert_eq!(server.lines("ran"), told);
    let job = server.job(&id);
    assert_eq!(
        (&job["success_count"], &job["next_run_at"], &job["running"]),
        (&json!(3), &json!(NEVER), &json!(0))
    );
}

#[test]
fn a_start_alone_runs_once_at_that_instant() {
    let server = Server::start();
    let at = start_in(3_000);
    let id = server.create(&scheduled(&at, "true", &json!({})));
    assert_eq!(server.job(&id)["is_done"], false);
    server.await_done(&id);
    let history = server.history(&id);
    assert_eq!(history.len(), 1);
    assert_eq!(
        time(&history[0]["scheduled_at"]).to_rfc3339(),
        time(&json!(at)).to_rfc3339()
    );
    assert!(time(&history[0]["started_at"]) >= time(&json!(at)));
}

#[test]
fn a_job_without_a_schedule_runs_at_once_and_never_again() {
    let mut server = Server::start();
    let id = server.create(&json!({"name": "now", "command": "echo ran >> ran"}));
    server.await_done(&id);
    server.restart();
    // Whatever would run now comes before the end of one that is started after it.
    let other = server.create(&manual("other", "true", &json!({})));
    server.run(&other);
    assert_eq!(server.lines("ran"), ["ran"]);
    assert_eq!(server.figure(&id, "success_count"), 1);
    assert_eq!(server.job(&id)["is_done"], true);
}

#[test]
fn a_manual_job_never_runs_by_itself_and_is_never_done() {
    let mut server = Server::start();
    let id = server.create(&manual("manual", "echo ran >> ran", &json!({})));
    server.restart();
    let job = server.job(&id);
    assert_eq!(
        (&job["next_run_at"], &job["is_done"], &job["running"]),
        (&json!(NEVER), &json!(false), &json!(0))
    );
    server.run(&id);
    assert_eq!(server.lines("ran").len(), 1);
    assert_eq!(server.job(&id)["is_done"], false);
}

#[test]
fn cron_runs_on_the_second() {
    let server = Server::start();
    let id = server.create(&scheduled("* * * * * *", "true", &json!({})));
    wait_until("it ran twice", || server.figure(&id, "success_count") >= 2);
    for entry in server.history(&id) {
        assert_eq!(time(&entry["scheduled_at"]).nanosecond(), 0);
    }
}

#[test]
fn zones_of_the_job_and_of_the_server() {
    let server = Server::with(&["--timezone", "Asia/Kolkata"]);
    for (zone, offsets) in [
        ("", &["+05:30"][..]),
        ("Europe/Berlin", &["+01:00", "+02:00"]),
        ("UTC", &["Z"]),
    ] {
        let job = scheduled("30 9 * * *", "true", &json!({"timezone": zone}));
        let id = server.create(&job);
        let next = server.job(&id)["next_run_at"].clone();
        let text = next.as_str().unwrap();
        assert!(
            offsets.iter().any(|end| text.ends_with(end)),
            "{zone}: {text}"
        );
        let local = DateTime::parse_from_rfc3339(text).unwrap();
        assert_eq!((local.hour(), local.minute()), (9, 30), "{text}");
        assert!(
            local > Utc::now() && local < Utc::now() + TimeDelta::hours(26),
            "{text}"
        );
    }
    let own = server.create(&scheduled(
        "R/2037-06-04T19:25:16-07:00/PT1H",
        "true",
        &json!({}),
    ));
    assert_eq!(server.job(&own)["next_run_at"], "2037-06-04T19:25:16-07:00");
}

#[test]
fn a_start_in_the_past_is_refused_or_kept_on_its_grid() {
    let server = Server::start();
    let job = scheduled("R/2020-01-01T00:00:00Z/P1D", "true", &json!({}));
    server.post("/api/v1/job/", &job).expect(400);
    let kept = server
        .post("/api/v1/job/?past_start=keep", &job)
        .expect(201)
        .json();
    let next = time(&server.job(kept["id"].as_str().unwrap())["next_run_at"]);
    assert!(next > Utc::now());
    assert_eq!(next.num_seconds_from_midnight(), 0);
    // An update is no different.
    let path = format!("/api/v1/job/{}/", kept["id"].as_str().unwrap());
    let noon = json!({"schedule": "R/2020-01-01T12:00:00Z/P1D"});
    assert_eq!(
        server.patch(kept["id"].as_str().unwrap(), &noon).status,
        400
    );
    let whole = scheduled("R/2020-01-01T12:00:00Z/P1D", "true", &json!({}));
    for (method, body) in [("PATCH", noon.to_string()), ("PUT", whole.to_string())] {
        let changed = format!("{path}?past_start=keep");
        let changed = server.request(method, &changed, Some(&body)).expect(200);
        let next = time(&changed.json()["job"]["next_run_at"]);
        assert_eq!(next.num_seconds_from_midnight(), 12 * 3_600);
        assert!(next > Utc::now());
    }
}
