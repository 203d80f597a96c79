//! The life of an occurrence: its instant, overlap, the window, retries, counters.

use super::*;
use crate::job::Overlap;

#[test]
fn an_occurrence_is_claimed_before_its_instant_and_runs_at_it() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.pass(9.99);
    assert_eq!(story.rows.open.len(), 1, "claimed ahead");
    assert_eq!(story.told(), [""; 0]);
    story.pass(20.0);
    assert_eq!(
        story.told(),
        [
            "10 tick starts by schedule of 10",
            "11 tick succeeded",
            "20 tick starts by schedule of 20",
            "21 tick succeeded",
        ]
    );
}

#[test]
fn a_slow_store_makes_a_run_late_but_never_unclaimed() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.disk = Disk::Takes(Duration::from_secs(2));
    story.pass(14.0);
    assert_eq!(
        story.told(),
        ["12 tick starts by schedule of 10", "13 tick succeeded"]
    );
}

#[test]
fn the_claim_lead_follows_the_store() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.step(Event::Committed(Vec::new(), Duration::from_millis(50)));
    story.pass(9.79);
    assert_eq!(story.rows.open.len(), 0);
    story.pass(0.02);
    assert_eq!(story.rows.open.len(), 1);
}

#[test]
fn a_long_run_lets_one_occurrence_wait_and_skips_further_ones() {
    let mut story = Story::new();
    story.create("long", |job| {
        job.schedule = every(10);
        job.command = "35 ok".to_owned();
    });
    story.pass(60.0);
    assert_eq!(
        story.told(),
        [
            "10 long starts by schedule of 10",
            "30 long: 1 skipped",
            "40 long: 1 skipped",
            "45 long succeeded",
            "45 long starts by schedule of 20",
            "60 long: 1 skipped",
        ]
    );
    assert_eq!(story.live("long").figures().skipped_count, 3);
}

#[test]
fn a_job_may_skip_what_overlaps() {
    let mut story = Story::new();
    story.create("long", |job| {
        job.schedule = every(10);
        job.command = "15 ok".to_owned();
        job.overlap = Overlap::Skip;
    });
    story.pass(30.0);
    assert_eq!(
        story.told(),
        [
            "10 long starts by schedule of 10",
            "20 long: 1 skipped",
            "25 long succeeded",
            "30 long starts by schedule of 30",
        ]
    );
}

#[test]
fn a_job_may_run_beside_itself_up_to_a_limit() {
    let mut story = Story::with_workers(100);
    story.create("wide", |job| {
        job.schedule = every(1);
        job.command = "1000 ok".to_owned();
        job.overlap = Overlap::Allow;
    });
    story.pass(66.0);
    let told = story.told();
    assert_eq!(told.len(), 66);
    assert_eq!(told[63], "64 wide starts by schedule of 64");
    assert_eq!(told[64], "65 wide: 1 skipped");
}

#[test]
fn a_manual_run_starts_beside_the_schedule_and_counts_as_in_progress() {
    let mut story = Story::new();
    story.create("tick", |job| {
        job.schedule = every(10);
        job.command = "15 ok".to_owned();
        job.overlap = Overlap::Skip;
    });
    story.start("tick", false);
    story.pass(1.0);
    story.start("tick", false);
    story.pass(9.0);
    assert_eq!(
        story.told(),
        [
            "0 tick starts by manual",
            "1 tick starts by manual",
            "10 tick: 1 skipped",
        ]
    );
    assert_eq!(story.live("tick").running, 2);
}

#[test]
fn the_queue_is_in_order_of_instants_then_of_creation() {
    let mut story = Story::with_workers(1);
    for (name, at) in [("busy", 1), ("c", 4), ("a", 3), ("b", 3)] {
        story.create(name, |job| {
            job.schedule = once(at);
            job.command = "5 ok".to_owned();
        });
    }
    story.pass(30.0);
    let mut starts = story.told();
    starts.retain(|line| line.contains("starts"));
    assert_eq!(
        starts,
        [
            "1 busy starts by schedule of 1",
            "6 a starts by schedule of 3",
            "11 b starts by schedule of 3",
            "16 c starts by schedule of 4",
        ]
    );
}

#[test]
fn of_a_long_queue_only_what_the_workers_soon_take_is_claimed_by_halves() {
    let mut story = Story::with_workers(2);
    for n in 0..20 {
        story.create(&format!("job {n}"), |job| {
            job.schedule = once(5);
            job.command = "10 ok".to_owned();
        });
    }
    story.pass(6.0);
    let claimed = |story: &Story| story.rows.open.values().filter(|run| run.claimed).count();
    let mut counts = vec![claimed(&story)];
    for _ in 0..3 {
        story.pass(10.0);
        counts.push(claimed(&story));
    }
    assert_eq!(
        counts,
        [2 + 6, 2 + 8, 2 + 6, 2 + 8],
        "two with workers; ahead of them four for each, filled up when half are gone"
    );
    story.pass(75.0);
    assert_eq!(story.history().len(), 20);
}

#[test]
fn past_its_window_an_occurrence_is_missed() {
    let mut story = Story::with_workers(1);
    story.create("busy", |job| {
        job.schedule = once(1);
        job.command = "9 ok".to_owned();
    });
    story.create("short", |job| {
        job.schedule = once(2);
        job.epsilon = "PT5S".to_owned();
    });
    story.create("wide", |job| {
        job.schedule = once(3);
        job.epsilon = "PT7S".to_owned();
    });
    story.pass(12.0);
    assert_eq!(
        story.told(),
        [
            "1 busy starts by schedule of 1",
            "10 busy succeeded",
            "10 short: 1 missed",
            "10 wide starts by schedule of 3",
            "11 wide succeeded",
        ]
    );
    assert!(story.live("short").is_done);
}

#[test]
fn a_worker_that_comes_too_late_executes_nothing() {
    let mut story = Story::new();
    story.create("short", |job| {
        job.schedule = once(2);
        job.command = "1 late".to_owned();
        job.epsilon = "PT1S".to_owned();
    });
    story.pass(4.0);
    assert_eq!(
        story.told(),
        ["2 short starts by schedule of 2", "3 short: 1 missed"]
    );
    assert_eq!(story.live("short").figures().finished_runs, 0);
}

#[test]
fn a_failed_attempt_is_repeated_after_its_delay_without_holding_a_worker() {
    let mut story = Story::with_workers(1);
    story.create("flaky", |job| {
        job.schedule = once(1);
        job.command = "1 fail fail ok".to_owned();
        job.retries = 2;
        job.retry_delay = "PT10S".to_owned();
    });
    story.create("other", |job| job.schedule = once(3));
    story.pass(30.0);
    assert_eq!(
        story.told(),
        [
            "1 flaky starts by schedule of 1",
            "3 other starts by schedule of 3",
            "4 other succeeded",
            "12 flaky starts by schedule of 1, attempt 2",
            "23 flaky starts by schedule of 1, attempt 3",
            "24 flaky succeeded",
        ]
    );
    let figures = story.live("flaky").figures();
    assert_eq!((figures.success_count, figures.error_count), (1, 2));
}

#[test]
fn retries_start_only_within_the_window() {
    let mut story = Story::new();
    story.create("flaky", |job| {
        job.schedule = once(10);
        job.command = "1 fail".to_owned();
        job.retries = 5;
        job.retry_delay = "PT2S".to_owned();
        job.epsilon = "PT5S".to_owned();
    });
    story.pass(30.0);
    assert_eq!(
        story.told(),
        [
            "10 flaky starts by schedule of 10",
            "13 flaky starts by schedule of 10, attempt 2",
            "14 flaky failed",
        ]
    );
}

#[test]
fn the_window_of_a_manual_run_opens_with_its_first_attempt() {
    let mut story = Story::with_workers(1);
    story.child("busy", &[], "20 ok");
    story.create("asked", |job| {
        job.schedule = "@manual".to_owned();
        job.command = "1 fail".to_owned();
        job.retries = 5;
        job.retry_delay = "PT2S".to_owned();
        job.epsilon = "PT5S".to_owned();
    });
    story.start("busy", false);
    story.pass(0.1);
    story.start("asked", false);
    story.pass(40.0);
    assert_eq!(
        story.told(),
        [
            "0 busy starts by manual",
            "20 busy succeeded",
            "20 asked starts by manual",
            "23 asked starts by manual, attempt 2",
            "24 asked failed",
        ]
    );
}

#[test]
fn a_waiting_start_that_finds_no_worker_gets_an_extra_one() {
    let mut story = Story::with_workers(1);
    story.child("busy", &[], "20 ok");
    story.child("asked", &[], "1 ok");
    story.child("below", &["asked"], "1 ok");
    story.start("busy", false);
    story.pass(1.0);
    let to = story.start("asked", true);
    story.start("asked", false);
    story.pass(3.0);
    assert_eq!(
        story.told(),
        [
            "0 busy starts by manual",
            "1 asked starts by manual, by an extra worker",
            "2 asked succeeded",
            "2 below starts by parent, by an extra worker",
            "3 below succeeded",
        ]
    );
    assert!(matches!(
        story.answer(to),
        Ok(Answer::Ran(_, Outcome::Succeeded))
    ));
}

#[test]
fn a_chain_that_somebody_waits_for_needs_no_room_in_the_queue() {
    let mut story = Story::with_workers(1);
    for (name, command) in [("busy", "100 ok"), ("root", "1 ok")] {
        story.child(name, &[], command);
    }
    story.child("below", &["root"], "3 ok");
    story.start("below", true);
    story.pass(0.1);
    for _ in 0..5 {
        story.start("busy", false);
    }
    let to = story.start("root", true);
    story.pass(9.0);
    assert!(story.has_answer(to), "{:?}", story.told());
    assert_eq!(
        story.told(),
        [
            "0 below starts by manual",
            "0.1 root starts by manual, by an extra worker",
            "1.1 root succeeded",
            "3 below succeeded",
            "3 busy starts by manual",
            "3 below starts by parent, by an extra worker",
            "6 below succeeded",
        ]
    );
}

#[test]
fn a_job_is_done_when_nothing_is_left_and_nothing_runs() {
    let mut story = Story::new();
    story.create("twice", |job| job.schedule = every(10).replace('R', "R1"));
    story.child("asked", &[], "1 ok");
    story.pass(19.0);
    assert_eq!(
        story.live("twice").next_run_at,
        Some(NOON.plus(Duration::from_secs(20)))
    );
    assert!(!story.live("twice").is_done);
    story.pass(1.5);
    assert_eq!(story.live("twice").next_run_at, None);
    assert!(!story.live("twice").is_done, "it runs");
    story.pass(1.0);
    assert!(story.live("twice").is_done);
    assert!(!story.live("asked").is_done);
    let wakeup = story.core.wakeup();
    assert_eq!(
        wakeup,
        Wakeup::default(),
        "an idle server wakes for nothing"
    );
}

#[test]
fn sums_over_all_jobs_say_what_comes_next() {
    let mut story = Story::new();
    story.create("later", |job| job.schedule = every(20));
    story.create("sooner", |job| job.schedule = every(10));
    story.pass(0.1);
    assert_eq!(
        story.core.totals().next_run_at,
        Some(NOON.plus(Duration::from_secs(10)))
    );
    story.pass(9.89);
    assert_eq!(
        story.core.totals().next_run_at,
        Some(NOON.plus(Duration::from_secs(10))),
        "claimed, but not yet due"
    );
    story.pass(0.5);
    let totals = story.core.totals();
    assert_eq!((totals.jobs, totals.running), (2, 1));
    assert_eq!(totals.next_run_at, Some(NOON.plus(Duration::from_secs(20))));
}

#[test]
fn ids_of_runs_differ_where_jobs_and_instants_would_make_them_equal() {
    let mut story = Story::with_workers(8);
    for n in 0..8 {
        // Their ids begin alike, and all have their first run in the same millisecond.
        story.create(&format!("job {n}"), |job| job.schedule = once(5));
    }
    story.pass(7.0);
    assert_eq!(story.history().len(), 8);
}
