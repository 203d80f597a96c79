//! A store that other servers share: absence, the lease, and its loss.

use super::*;

const LEASE: Duration = Duration::from_secs(10);

impl Story {
    /// A server that keeps its lease on a shared store.
    fn shared() -> Story {
        let mut story = Story::with(Settings {
            workers: 2,
            output_limit: 64,
            lease: Some(LEASE),
            done_ttl: None,
        });
        story.keeps_lease = true;
        story
    }

    fn back(&mut self) {
        self.disk = Disk::Takes(Duration::from_millis(1));
    }
}

#[test]
fn while_it_is_away_nothing_starts_and_the_latest_is_caught_up() {
    let mut story = Story::shared();
    story.create("tick", |job| job.schedule = every(10));
    story.pass(12.0);
    story.told();
    story.disk = Disk::Away;
    story.pass(43.0);
    assert_eq!(story.told(), ["20 the store is away"]);
    story.back();
    story.pass(7.0);
    assert_eq!(
        story.told(),
        [
            "55 tick: 1 missed",
            "55 the store is back",
            "55 tick: 2 missed",
            "55 tick starts by catch_up of 50",
            "56 tick succeeded",
            "60 tick starts by schedule of 60",
            "61 tick succeeded",
        ]
    );
    assert_eq!(story.live("tick").figures().missed_count, 3);
    assert!(story.rows.open.is_empty());
}

#[test]
fn a_claim_that_nothing_overtook_starts_its_run_late() {
    let mut story = Story::shared();
    story.create("once", |job| job.schedule = once(10));
    story.create("never late", |job| {
        job.schedule = once(10);
        job.resume_at_next_scheduled_time = true;
    });
    story.create("window", |job| {
        job.schedule = once(10);
        job.epsilon = "PT5S".to_owned();
    });
    story.disk = Disk::Away;
    story.pass(30.0);
    assert_eq!(story.told(), ["10 the store is away"]);
    story.back();
    story.pass(2.5);
    let mut told = story.told();
    told.sort();
    assert_eq!(
        told,
        [
            "31 never late: 1 missed",
            "31 once starts by schedule of 10",
            "31 the store is back",
            "31 window: 1 missed",
            "32 once succeeded",
        ]
    );
    assert!(story.rows.open.is_empty());
}

#[test]
fn what_an_end_brings_about_waits_with_it() {
    let mut story = Story::shared();
    story.create("above", |job| {
        job.schedule = once(1);
        job.command = "5 ok".to_owned();
    });
    story.child("below", &["above"], "1 ok");
    story.child("asked", &[], "1 ok");
    story.pass(2.0);
    story.disk = Disk::Away;
    story.pass(18.0);
    let to = story.start("asked", true);
    assert!(matches!(story.answer(to), Err(Refusal::Store(_))));
    assert_eq!(
        story.told(),
        [
            "1 above starts by schedule of 1",
            "6 above succeeded",
            "6 the store is away"
        ]
    );
    story.core.shed_history();
    story.back();
    story.pass(3.0);
    assert_eq!(
        story.told(),
        [
            "20 the store is back",
            "20 below starts by parent",
            "21 below succeeded"
        ]
    );
    assert!(story.rows.open.is_empty() && story.rows.chains.is_empty());
}

#[test]
fn nothing_starts_under_a_lease_that_may_have_ended() {
    let mut story = Story::shared();
    story.create("retried", |job| {
        job.schedule = once(1);
        job.command = "1 fail ok".to_owned();
        job.retries = 1;
        job.retry_delay = "PT10S".to_owned();
    });
    story.create("claimed", |job| job.schedule = once(20));
    story.pass(5.0);
    story.told();
    story.keeps_lease = false;
    story.pass(25.0);
    assert_eq!(story.told(), [] as [&str; 0]);
    let open = |story: &Story| story.rows.open.len();
    assert_eq!(open(&story), 2, "both are claimed");
    story.keeps_lease = true;
    story.step(Event::Tick);
    assert_eq!(
        story.told(),
        [
            "30 retried starts by schedule of 1, attempt 2",
            "30 claimed starts by schedule of 20"
        ]
    );
}

#[test]
fn a_machine_that_slept_waits_for_its_lease_by_the_wall_clock() {
    let mut story = Story::shared();
    story.create("tick", |job| job.schedule = every(10));
    story.pass(5.0);
    story.keeps_lease = false;
    // The monotonic clock stood still.
    story.set_clock(60.0);
    story.pass(2.0);
    assert_eq!(story.told(), ["65 tick: 5 missed"]);
    story.keeps_lease = true;
    story.step(Event::Tick);
    assert_eq!(story.told(), ["67 tick starts by catch_up of 60"]);
}

#[test]
fn a_lost_lease_ends_everything_and_stores_nothing() {
    let mut story = Story::shared();
    story.create("long", |job| {
        job.schedule = once(1);
        job.command = "60 ok".to_owned();
    });
    story.create("tick", |job| job.schedule = every(10));
    story.child("asked", &[], "1 ok");
    story.pass(5.0);
    story.disk = Disk::Lost;
    let waiting = story.start("asked", true);
    let durable = story.ask(Command::Pause);
    let (before, history) = (story.rows.open.len(), story.rows.history.len());
    story.told();
    story.pass(0.01);
    assert_eq!(story.told(), ["5 the lease is lost", "5 long is stopped"]);
    for to in [waiting, durable] {
        assert!(matches!(story.answer(to), Err(Refusal::StandingBy(_))));
    }
    assert_eq!(story.end, Some(End::Lost));
    story.back();
    story.pass(60.0);
    assert_eq!(story.told(), [] as [&str; 0]);
    assert_eq!(
        (story.rows.open.len(), story.rows.history.len()),
        (before, history)
    );
    let to = story.start("asked", false);
    assert!(matches!(story.answer(to), Err(Refusal::StandingBy(_))));
}

#[test]
fn a_loss_that_is_heard_of_elsewhere_is_one_too() {
    let mut story = Story::shared();
    story.create("tick", |job| job.schedule = every(10));
    story.disk = Disk::Takes(Duration::from_secs(1));
    let to = story.ask(Command::Pause);
    assert!(story.flight.is_some());
    story.step(Event::Lost("b has it".to_owned()));
    assert!(matches!(story.answer(to), Err(Refusal::StandingBy(_))));
    assert_eq!(story.end, Some(End::Lost));
    story.pass(60.0);
    assert_eq!(story.told(), ["0 the lease is lost"]);
}
