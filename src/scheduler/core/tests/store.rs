//! The store: batches, absence, and claims that another server holds.

use super::*;

#[test]
fn ends_wait_a_little_for_company() {
    let mut story = Story::new();
    for n in 0..2 {
        story.create(&format!("job {n}"), |job| job.schedule = once(1));
    }
    story.pass(2.0);
    assert!(story.flight.is_none(), "the ends wait");
    story.pass(0.05);
    assert_eq!(story.rows.history.len(), 2);
}

#[test]
fn while_the_store_is_away_runs_go_on_and_are_written_later() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.pass(5.0);
    story.disk = Disk::Away;
    story.pass(50.0);
    assert!(story.core.totals().store_away);
    let to = story.start("tick", false);
    assert!(matches!(story.answer(to), Err(Refusal::Store(_))));
    assert_eq!(story.rows.history.len(), 0);
    assert_eq!(
        story.live("tick").figures().success_count,
        5,
        "readers see it"
    );
    story.disk = Disk::Takes(Duration::from_millis(1));
    story.pass(2.0);
    assert!(!story.core.totals().store_away);
    assert_eq!(story.rows.history.len(), 5);
    let state = story.rows.state(story.id("tick"));
    assert_eq!(state.figures.success_count, 5);
    assert!(story.rows.open.is_empty());
}

#[test]
fn that_the_store_is_back_shows_without_anybody_writing() {
    let mut story = Story::new();
    story.create("asked", |job| job.schedule = "@manual".to_owned());
    story.disk = Disk::Away;
    let to = story.start("asked", true);
    story.pass(0.1);
    assert!(matches!(story.answer(to), Err(Refusal::Store(_))));
    assert!(story.rows.open.is_empty(), "it left no trace");
    story.pass(5.0);
    story.disk = Disk::Takes(Duration::from_millis(1));
    story.pass(1.5);
    assert_eq!(story.told(), ["0 the store is away", "6 the store is back"]);
    story.start("asked", true);
    story.pass(0.1);
    assert_eq!(story.told().len(), 1);
}

#[test]
fn a_store_that_is_away_for_long_is_told_the_sum() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(1));
    story.child("below", &["tick"], "5 ok");
    story.disk = Disk::Away;
    story.pass(100.0);
    story.core.shed_history();
    assert_eq!(story.core.commits.outbox.len(), 1);
    story.pass(10.0);
    let rows = story.core.commits.outbox.take_batch(9);
    assert!(rows[0].changes.len() <= 10, "{:?}", rows[0]);
    story.core.commits.outbox.put_back(rows);
    story.disk = Disk::Takes(Duration::from_millis(1));
    story.pass(2.0);
    story.ask(Command::Pause);
    story.pass(20.0);
    for name in ["tick", "below"] {
        let figures = story.rows.state(story.id(name)).figures;
        assert_eq!(figures, story.live(name).figures());
        assert!(figures.success_count > 18);
    }
    assert!(story.rows.open.is_empty() && story.rows.chains.is_empty());
    assert!(
        story.rows.history.len() < 60,
        "the older ends are only counted"
    );
}

#[test]
fn an_occurrence_that_another_server_holds_is_not_run_here() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.disk = Disk::Taken;
    story.pass(15.0);
    story.disk = Disk::Takes(Duration::from_millis(1));
    story.pass(8.0);
    assert_eq!(
        story.told(),
        [
            "10 tick runs elsewhere",
            "20 tick starts by schedule of 20",
            "21 tick succeeded",
        ]
    );
}

#[test]
fn an_end_is_kept_although_an_occurrence_stored_with_it_is_taken() {
    let mut story = Story::with_workers(1);
    story.create("wide", |job| {
        job.schedule = every(10);
        job.command = "15 ok".to_owned();
        job.overlap = crate::job::Overlap::Allow;
    });
    story.child("busy", &[], "40 ok");
    story.pass(11.0);
    for _ in 0..4 {
        // They fill the room for claims.
        story.start("busy", false);
    }
    story.pass(10.0);
    story.disk = Disk::Taken;
    story.pass(10.0);
    story.disk = Disk::Takes(Duration::from_millis(1));
    story.pass(1.0);
    assert_eq!(story.live("wide").figures().success_count, 1);
    assert_eq!(story.rows.state(story.id("wide")).figures.success_count, 1);
    assert_eq!(story.rows.history.len(), 1);
}

#[test]
fn a_claim_that_was_given_back_on_its_way_does_not_start_the_run() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.disk = Disk::Takes(Duration::from_secs(2));
    story.pass(9.985);
    assert!(story.flight.is_some(), "the claim");
    let job = story.id("tick");
    story.start("tick", false);
    story.pass(0.5);
    let waiting = story
        .core
        .jobs
        .get(job)
        .and_then(|entry| entry.doing.waiting);
    assert!(waiting.is_some(), "the occurrence waits for the manual run");
    let mut runs = story.core.runs.keys().copied();
    let run = runs.find(|run| Some(*run) != waiting).unwrap();
    story.ask(Command::Cancel { job, run });
    story.pass(6.0);
    assert_eq!(
        story.told(),
        [
            "10.5 tick cancelled",
            "14 tick starts by schedule of 10",
            "15 tick succeeded",
        ]
    );
}
