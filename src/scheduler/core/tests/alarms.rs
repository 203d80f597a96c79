//! What is worth an alert: turns of jobs, and missed occurrences that start a failure job.

use super::*;

/// A job that runs each ten seconds, and fails or succeeds as its command says from then on.
fn ten(story: &mut Story, alert_after: u32, command: &str) {
    story.create("job", |job| {
        job.schedule = every(10);
        job.command = command.to_owned();
        job.extras.alert_after = alert_after;
    });
}

fn becomes(story: &mut Story, command: &str) {
    story.update("job", |job| job.command = command.to_owned());
}

#[test]
fn a_row_of_failures_is_told_once_and_its_end_once() {
    for (alert_after, told) in [(0, 1), (1, 1), (3, 3)] {
        let mut story = Story::new();
        ten(&mut story, alert_after, "1 fail");
        story.pass(55.0);
        becomes(&mut story, "1 ok");
        story.pass(20.0);
        assert_eq!(
            story.turns,
            [
                format!("job Failed after {told}"),
                "job Recovered after 5".to_owned()
            ]
        );
        assert_eq!(story.live("job").figures().failures_in_a_row, 0);
    }
}

#[test]
fn fewer_failures_than_that_are_not_told() {
    let mut story = Story::new();
    ten(&mut story, 3, "1 fail");
    story.pass(25.0);
    becomes(&mut story, "1 ok");
    story.pass(10.0);
    becomes(&mut story, "1 fail");
    story.pass(20.0);
    assert_eq!(story.turns, [""; 0]);
}

#[test]
fn only_runs_that_failed_for_good_count() {
    let mut story = Story::new();
    story.create("job", |job| {
        job.schedule = every(10);
        job.command = "1 fail ok".to_owned();
        job.retries = 1;
    });
    story.pass(25.0);
    assert_eq!(story.turns, [""; 0]);
    assert_eq!(story.live("job").figures().error_count, 2);
}

#[test]
fn a_crash_forgets_no_row() {
    let mut story = Story::new();
    ten(&mut story, 2, "1 fail");
    story.pass(15.0);
    for _ in 0..2 {
        story.crash();
        story.restart_after(1.0);
        story.pass(9.0);
    }
    assert_eq!(story.turns, ["job Failed after 2"]);
    becomes(&mut story, "1 ok");
    story.pass(1.0);
    story.crash();
    story.restart_after(1.0);
    story.pass(10.0);
    assert_eq!(story.turns[1..], ["job Recovered after 3"]);
}

/// A job that misses what it does not get to in time, with a failure job.
fn late(story: &mut Story, name: &str, alert_on_missed: bool) {
    let alarm = story.id("alarm").to_string();
    story.create(name, |job| {
        job.schedule = every(10);
        job.epsilon = "PT1S".to_owned();
        job.on_failure_job = alarm;
        job.extras.alert_on_missed = alert_on_missed;
    });
}

#[test]
fn missed_occurrences_start_the_failure_job_where_the_job_says_so() {
    for (alert_on_missed, expected) in [(true, &["36 alarm starts by failure"][..]), (false, &[])] {
        let mut story = Story::new();
        story.child("alarm", &[], "5 ok");
        // One failure job for two of them, and for three occurrences each, is started once.
        for name in ["one", "other"] {
            late(&mut story, name, alert_on_missed);
        }
        story.pass(1.0);
        story.crash();
        story.restart_after(35.0);
        story.pass(1.0);
        let mut told = story.told();
        told.retain(|line| line.contains("starts"));
        assert_eq!(told, expected);
        assert_eq!(story.live("one").figures().missed_count, 3);
    }
}
