//! What becomes of occurrences that passed while nobody could run them.

use super::*;
use crate::job::OnInterrupted;

#[test]
fn after_an_outage_the_latest_occurrence_runs_and_the_others_are_missed() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.pass(12.0);
    story.crash();
    story.restart_after(73.0);
    story.pass(6.0);
    assert_eq!(
        story.told(),
        [
            "10 tick starts by schedule of 10",
            "11 tick succeeded",
            "12 crash",
            "85 tick: 6 missed",
            "85 tick starts by catch_up of 80",
            "86 tick succeeded",
            "90 tick starts by schedule of 90",
            "91 tick succeeded",
        ]
    );
    story.pass(1.0);
    assert_eq!(
        story.history(),
        [
            "schedule succeeded",
            "6 missed",
            "catch_up succeeded",
            "schedule succeeded"
        ]
    );
}

#[test]
fn a_job_may_go_on_with_its_next_occurrence_instead() {
    let mut story = Story::new();
    story.create("tick", |job| {
        job.schedule = every(10);
        job.resume_at_next_scheduled_time = true;
    });
    story.crash();
    story.restart_after(35.0);
    story.pass(6.0);
    assert_eq!(
        story.told(),
        [
            "0 crash",
            "35 tick: 3 missed",
            "40 tick starts by schedule of 40",
            "41 tick succeeded"
        ]
    );
}

#[test]
fn where_its_window_has_closed_even_the_latest_is_missed() {
    let mut story = Story::new();
    story.create("tick", |job| {
        job.schedule = every(10);
        job.epsilon = "PT3S".to_owned();
    });
    story.crash();
    story.restart_after(35.0);
    story.crash();
    story.restart_after(7.0);
    story.pass(0.5);
    assert_eq!(
        story.told(),
        [
            "0 crash",
            "35 tick: 3 missed",
            "35 crash",
            "42 tick: 3 missed",
            "42 tick starts by catch_up of 40",
        ]
    );
}

#[test]
fn a_claimed_run_without_an_end_is_interrupted_and_stays_so() {
    let mut story = Story::new();
    story.create("long", |job| {
        job.schedule = every(10);
        job.command = "5 ok".to_owned();
    });
    story.pass(12.0);
    story.crash();
    story.restart_after(1.0);
    story.pass(5.0);
    assert_eq!(
        story.told(),
        [
            "10 long starts by schedule of 10",
            "12 crash",
            "13 long interrupted"
        ]
    );
    assert_eq!(story.history(), ["schedule interrupted"]);
}

#[test]
fn an_interrupted_run_is_repeated_once_where_its_job_says_so() {
    let mut story = Story::new();
    story.create("safe", |job| {
        job.schedule = once(10);
        job.command = "5 ok".to_owned();
        job.on_interrupted = OnInterrupted::Retry;
    });
    for _ in 0..3 {
        story.pass(11.0);
        story.crash();
        story.restart_after(1.0);
        story.pass(2.0);
    }
    assert_eq!(
        story.told(),
        [
            "10 safe starts by schedule of 10",
            "11 crash",
            "12 safe interrupted",
            "12 safe starts by schedule of 10",
            "17 safe succeeded",
            "25 crash",
            "39 crash",
        ]
    );
    story.create("unlucky", |job| {
        job.schedule = String::new();
        job.command = "5 ok".to_owned();
        job.on_interrupted = OnInterrupted::Retry;
    });
    for _ in 0..3 {
        story.pass(1.0);
        story.crash();
        story.restart_after(1.0);
    }
    assert!(story.live("unlucky").is_done);
    assert_eq!(story.live("unlucky").figures().finished_runs, 2);
}

#[test]
fn what_was_due_but_not_claimed_is_caught_up() {
    let mut story = Story::with_workers(1);
    story.create("busy", |job| {
        job.schedule = once(1);
        job.command = "100 ok".to_owned();
    });
    for n in 0..6 {
        story.create(&format!("job {n}"), |job| job.schedule = once(2));
    }
    story.pass(5.0);
    story.told();
    story.crash();
    story.restart_after(1.0);
    story.pass(10.0);
    let mut ends: Vec<String> = story.told();
    ends.retain(|line| !line.contains("starts") && !line.contains("crash"));
    let (interrupted, others): (Vec<_>, Vec<_>) = ends
        .into_iter()
        .partition(|line| line.contains("interrupted"));
    assert_eq!(
        interrupted.len(),
        1 + 4,
        "the running one, and the claims ahead of the one worker"
    );
    assert_eq!(others.len(), 2, "{others:?}");
}

#[test]
fn a_run_that_waited_for_another_was_never_started_and_is_caught_up() {
    let mut story = Story::new();
    story.create("long", |job| {
        job.schedule = every(10);
        job.command = "100 ok".to_owned();
    });
    story.pass(25.0);
    story.crash();
    story.restart_after(1.0);
    story.pass(1.0);
    assert_eq!(
        story.told(),
        [
            "10 long starts by schedule of 10",
            "25 crash",
            "26 long interrupted",
            "26 long starts by catch_up of 20",
        ]
    );
}

#[test]
fn a_job_that_was_disabled_is_caught_up_when_it_is_enabled() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    let id = story.id("tick");
    story.ask(Command::Disable(id));
    story.pass(35.0);
    assert_eq!(story.live("tick").next_run_at, None);
    story.ask(Command::Enable(id));
    story.pass(2.0);
    assert_eq!(
        story.told(),
        [
            "35 tick: 2 missed",
            "35 tick starts by catch_up of 30",
            "36 tick succeeded"
        ]
    );
}

#[test]
fn a_pause_stops_all_schedules_and_outlives_the_process() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.pass(9.99);
    assert_eq!(story.rows.open.len(), 1, "claimed ahead");
    let to = story.ask(Command::Pause);
    story.pass(0.005);
    story.answer(to).unwrap();
    assert_eq!(story.rows.open.len(), 0, "and withdrawn");
    story.pass(20.0);
    assert!(story.core.totals().paused);
    story.crash();
    story.restart_after(1.0);
    story.pass(1.0);
    assert_eq!(story.told(), ["30 crash"]);
    story.ask(Command::Resume);
    story.pass(1.1);
    assert_eq!(
        story.told(),
        [
            "32 tick: 2 missed",
            "32 tick starts by catch_up of 30",
            "33 tick succeeded"
        ]
    );
}

#[test]
fn the_first_occurrence_comes_about_however_long_the_store_took() {
    let mut story = Story::new();
    story.disk = Disk::Takes(Duration::from_secs(3));
    let job = story.draft("now", |job| job.resume_at_next_scheduled_time = true);
    let unique_name = false;
    story.ask(Command::Create { job, unique_name });
    story.pass(10.0);
    assert_eq!(
        story.told(),
        ["6 now starts by schedule of 0", "7 now succeeded"]
    );
}
