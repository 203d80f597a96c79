//! Steps of the wall clock.

use super::*;

const HOUR: f64 = 3_600.0;

#[test]
fn a_step_forward_is_caught_up() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.pass(12.0);
    story.told();
    story.set_clock(33.0);
    story.pass(6.0);
    assert_eq!(
        story.told(),
        [
            "45 tick: 2 missed",
            "45 tick starts by catch_up of 40",
            "46 tick succeeded",
            "50 tick starts by schedule of 50",
            "51 tick succeeded",
        ]
    );
}

#[test]
fn after_a_small_step_back_the_job_stands_still_until_the_old_time() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.pass(32.0);
    story.told();
    story.set_clock(-25.0);
    story.pass(34.0);
    assert_eq!(
        story.told(),
        ["40 tick starts by schedule of 40", "41 tick succeeded"]
    );
}

#[test]
fn after_a_large_step_back_nothing_that_was_claimed_runs_again() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(1_000));
    story.pass(3.0 * HOUR + 50.0);
    assert_eq!(story.told().len(), 20);
    story.set_clock(-2.0 * HOUR);
    story.pass(2.0 * HOUR);
    assert_eq!(story.told(), [""; 0]);
    story.pass(1_000.0);
    assert_eq!(story.told()[0], "11000 tick starts by schedule of 11000");
}

#[test]
fn when_the_clock_was_wrongly_ahead_the_job_goes_on_at_the_right_time() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(1_000));
    story.pass(1_500.0);
    story.set_clock(48.0 * HOUR);
    story.pass(100.0);
    story.told();
    story.set_clock(-48.0 * HOUR);
    story.pass(1_000.0);
    assert_eq!(
        story.told(),
        [
            "2000 tick starts by schedule of 2000",
            "2001 tick succeeded"
        ]
    );
    story.crash();
    story.restart_after(1.0);
    story.told();
    story.pass(1_000.0);
    assert_eq!(story.told()[0], "3000 tick starts by schedule of 3000");
    // What was claimed while the clock was ahead does not run again when that time comes.
    story.pass(48.0 * HOUR);
    let told = story.told();
    let twice = told.iter().filter(|line| line.ends_with(" of 174000"));
    assert_eq!(twice.count(), 0);
    assert!(told.iter().any(|line| line.ends_with(" of 173000")));
    assert!(told.iter().any(|line| line.ends_with(" of 175000")));
}

#[test]
fn a_server_that_starts_with_its_clock_far_back_runs_nothing_twice() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(1_000));
    story.pass(3.0 * HOUR + 50.0);
    story.told();
    story.crash();
    story.wall = story.wall.minus(Duration::from_secs(7_200));
    story.restart_after(1.0);
    story.pass(2.0 * HOUR);
    assert_eq!(story.told(), ["10850 crash"]);
    story.pass(1_000.0);
    assert_eq!(story.told()[0], "11000 tick starts by schedule of 11000");
}

#[test]
fn a_retry_delay_does_not_follow_the_wall_clock() {
    let mut story = Story::new();
    story.create("flaky", |job| {
        job.schedule = once(10);
        job.command = "5 fail ok".to_owned();
        job.retries = 1;
        job.retry_delay = "PT20S".to_owned();
    });
    story.pass(12.0);
    story.set_clock(-HOUR * 30.0);
    story.pass(4.0);
    story.set_clock(HOUR * 50.0);
    story.pass(18.9);
    assert_eq!(story.told(), ["10 flaky starts by schedule of 10"]);
    story.pass(0.3);
    assert_eq!(story.told().len(), 1);
}

#[test]
fn a_job_whose_first_occurrence_is_far_away_is_left_alone() {
    let mut story = Story::new();
    story.create("later", |job| job.schedule = once(100_000));
    story.create("never", |job| job.schedule = "@manual".to_owned());
    story.set_clock(-2.0 * HOUR);
    story.pass(1.0);
    story.crash();
    story.restart_after(1.0);
    assert!(story.flight.is_none(), "nothing is to be written");
    assert_eq!(story.rows.state(story.id("later")).rest, None);
}
