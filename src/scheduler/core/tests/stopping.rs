//! The end of the server's life: what runs may finish, all else is given back.

use super::*;

#[test]
fn what_runs_may_finish_and_all_else_is_given_back() {
    let mut story = Story::with_workers(1);
    story.create("running", |job| {
        job.schedule = once(1);
        job.command = "10 ok".to_owned();
    });
    story.create("queued", |job| job.schedule = once(2));
    story.create("ahead", |job| job.schedule = every(5));
    story.pass(4.99);
    assert_eq!(story.rows.open.len(), 3);
    let asked = story.start("queued", true);
    story.step(Event::Stop);
    assert_eq!(story.answer(asked).unwrap_err(), Refusal::Stopping);
    let late = story.start("queued", false);
    assert_eq!(story.answer(late).unwrap_err(), Refusal::Stopping);
    story.pass(1.0);
    let claimed = story.rows.open.values().filter(|run| run.claimed);
    assert_eq!(claimed.count(), 1, "only what runs");
    assert!(story.end.is_none());
    story.pass(10.0);
    assert!(story.end == Some(End::Stopped));
    story.told();
    story.restart_after(0.0);
    story.pass(3.0);
    let mut told = story.told();
    told.retain(|line| line.contains("starts"));
    assert_eq!(
        told,
        [
            "16 queued starts by catch_up of 2",
            "17 queued starts by manual",
            "18 ahead starts by catch_up of 15",
        ]
    );
}

#[test]
fn after_the_grace_runs_are_ended_and_recorded_as_interrupted() {
    let mut story = Story::new();
    story.create("long", |job| {
        job.schedule = once(1);
        job.command = "100 ok".to_owned();
        job.retries = 3;
    });
    story.pass(2.0);
    story.step(Event::Stop);
    story.pass(8.0);
    story.step(Event::StopRuns);
    story.pass(0.1);
    assert!(story.end == Some(End::Stopped));
    assert_eq!(
        story.told(),
        [
            "1 long starts by schedule of 1",
            "10 long is stopped",
            "10 long interrupted",
        ]
    );
    assert_eq!(story.history(), ["schedule interrupted"]);
    assert!(story.rows.open.is_empty());
}

#[test]
fn a_retry_that_waits_is_given_back() {
    let mut story = Story::new();
    story.create("flaky", |job| {
        job.schedule = once(1);
        job.command = "1 fail ok".to_owned();
        job.retries = 1;
        job.retry_delay = "PT1H".to_owned();
    });
    story.pass(5.0);
    story.step(Event::Stop);
    story.pass(0.1);
    assert!(story.end == Some(End::Stopped));
    story.told();
    story.restart_after(1.0);
    story.pass(0.1);
    assert_eq!(story.told(), ["6.1 flaky starts by catch_up of 1"]);
}

#[test]
fn a_chain_goes_on_after_the_next_start() {
    let mut story = Story::new();
    story.child("root", &[], "3 ok");
    story.child("a", &["root"], "1 ok");
    story.child("b", &["root"], "1 ok");
    story.start("root", false);
    story.pass(1.0);
    story.step(Event::Stop);
    story.pass(5.0);
    assert!(story.end == Some(End::Stopped));
    story.restart_after(1.0);
    story.pass(3.0);
    assert_eq!(
        story.told(),
        [
            "0 root starts by manual",
            "3 root succeeded",
            "7 a starts by parent",
            "8 a succeeded",
            "8 b starts by parent",
            "9 b succeeded",
        ]
    );
}

#[test]
fn an_idle_server_stops_at_once() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.pass(1.0);
    story.step(Event::Stop);
    assert!(story.end == Some(End::Stopped));
    assert_eq!(story.core.wakeup(), Wakeup::default());
}

#[test]
fn a_store_that_stays_away_is_not_waited_for_after_the_grace() {
    let mut story = Story::new();
    story.create("job", |job| job.schedule = once(1));
    story.disk = Disk::Away;
    story.pass(3.0);
    story.step(Event::Stop);
    story.pass(8.0);
    assert!(story.end.is_none());
    story.step(Event::StopRuns);
    story.pass(2.0);
    assert!(story.end == Some(End::Stopped));
    // Nobody asks it any more after that.
    assert_eq!(story.told()[3], "11 1 ends are lost");
}
