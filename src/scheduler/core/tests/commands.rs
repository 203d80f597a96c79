//! What users ask for: true when it is durable, and never half.

use super::*;

#[test]
fn a_create_is_answered_when_it_is_durable_and_not_seen_before() {
    let mut story = Story::new();
    story.disk = Disk::Takes(Duration::from_secs(1));
    let job = story.draft("a", |job| job.schedule = every(10));
    let unique_name = true;
    let to = story.ask(Command::Create { job, unique_name });
    story.pass(0.9);
    assert!(!story.has_answer(to) && story.views.is_empty());
    story.pass(0.2);
    assert!(matches!(story.answer(to), Ok(Answer::Created(_))));
    assert_eq!(
        story.live("a").next_run_at,
        Some(NOON.plus(Duration::from_secs(10)))
    );
}

#[test]
fn a_name_may_be_asked_to_be_unique_even_of_two_at_once() {
    let mut story = Story::new();
    let unique_name = true;
    let create = |story: &mut Story, key: &str| {
        let job = story.draft(key, |job| job.name = "same".to_owned());
        story.ask(Command::Create { job, unique_name })
    };
    let first = create(&mut story, "first");
    let second = create(&mut story, "second");
    story.pass(0.1);
    assert!(story.answer(first).is_ok());
    let id = story.id("first");
    assert_eq!(story.answer(second).unwrap_err(), Refusal::NameTaken(id));
}

#[test]
fn a_disable_acknowledged_before_the_instant_withdraws_the_claim() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.pass(9.99);
    assert_eq!(story.rows.open.len(), 1);
    let to = story.ask(Command::Disable(story.id("tick")));
    story.pass(0.005);
    story.answer(to).unwrap();
    assert_eq!(story.rows.open.len(), 0);
    story.pass(30.0);
    assert_eq!(story.told(), [""; 0]);
}

#[test]
fn an_occurrence_that_comes_while_a_disable_is_on_its_way_waits_for_that() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.pass(9.0);
    story.disk = Disk::Takes(Duration::from_secs(2));
    story.ask(Command::Disable(story.id("tick")));
    story.pass(15.0);
    assert_eq!(story.told(), [""; 0], "it became true");
    story.ask(Command::Enable(story.id("tick")));
    story.disk = Disk::Away;
    story.pass(2.5);
    story.told();
    assert!(story.job("tick").spec.disabled, "it did not");
}

#[test]
fn a_disable_that_fails_leaves_no_trace() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.pass(9.99);
    story.disk = Disk::Away;
    let to = story.ask(Command::Disable(story.id("tick")));
    story.pass(0.005);
    assert!(matches!(story.answer(to), Err(Refusal::Store(_))));
    story.pass(0.5);
    story.disk = Disk::Takes(Duration::from_millis(1));
    story.pass(2.0);
    assert_eq!(
        story.told(),
        [
            "10 the store is away",
            "10 tick starts by schedule of 10",
            "11 the store is back",
            "11 tick succeeded",
        ]
    );
}

#[test]
fn disabling_a_job_lets_what_has_not_begun_not_begin() {
    let mut story = Story::with_workers(1);
    story.child("busy", &[], "30 ok");
    story.create("tick", |job| job.schedule = every(10));
    story.child("below", &["busy"], "1 ok");
    story.start("busy", false);
    story.pass(15.0);
    story.start("tick", false);
    story.ask(Command::Disable(story.id("tick")));
    story.pass(1.0);
    story.ask(Command::Disable(story.id("below")));
    story.pass(20.0);
    assert_eq!(
        story.told(),
        [
            "0 busy starts by manual",
            "15 tick: 1 missed",
            "30 busy succeeded",
            "30 tick starts by manual",
            "31 tick succeeded",
        ]
    );
}

#[test]
fn a_disabled_job_cannot_be_started() {
    let mut story = Story::new();
    story.create("off", |job| job.disabled = true);
    let to = story.start("off", true);
    let id = story.id("off");
    assert_eq!(story.answer(to).unwrap_err(), Refusal::Disabled(id));
}

#[test]
fn an_update_keeps_the_grid_where_the_schedule_is_the_same() {
    let mut story = Story::new();
    story.create("tick", |job| {
        job.schedule = "R/2027-01-04T12:00:10Z/PT10S".to_owned();
    });
    story.pass(25.0);
    story.update("tick", |job| job.command = "2 ok".to_owned());
    story.pass(6.0);
    assert_eq!(story.told()[4], "30 tick starts by schedule of 30");
    assert_eq!(story.job("tick").version, 2);
}

#[test]
fn an_update_never_starts_a_run() {
    let mut story = Story::new();
    story.create("tick", |job| job.schedule = every(10));
    story.update("tick", |job| job.schedule = String::new());
    story.pass(20.0);
    story.update("tick", |job| {
        job.schedule = "R/2027-01-04T11:00:00Z/PT1M".to_owned();
    });
    story.pass(30.0);
    assert_eq!(story.told(), [""; 0]);
    story.pass(10.1);
    assert_eq!(story.told(), ["60 tick starts by schedule of 60"]);
}

#[test]
fn a_run_in_progress_ends_by_the_job_as_it_began() {
    let mut story = Story::new();
    story.child("alarm", &[], "1 ok");
    story.create("job", |job| {
        job.schedule = once(1);
        job.command = "10 fail ok".to_owned();
        job.retries = 1;
    });
    let alarm = story.id("alarm").to_string();
    story.pass(5.0);
    story.update("job", |job| {
        job.retries = 0;
        job.on_failure_job = alarm;
    });
    story.pass(20.0);
    assert_eq!(
        story.told(),
        [
            "1 job starts by schedule of 1",
            "11 job starts by schedule of 1, attempt 2",
            "21 job succeeded",
        ]
    );
}

#[test]
fn of_two_updates_at_once_the_second_sees_the_first() {
    let mut story = Story::new();
    story.create("job", |job| job.schedule = every(10));
    let version = Some(1);
    let ask = |story: &mut Story, owner: &str| {
        let job = story.draft("job", |job| job.owner = owner.to_owned());
        let expected_version = version;
        story.ask(Command::Update {
            job,
            expected_version,
        })
    };
    let first = ask(&mut story, "one");
    let second = ask(&mut story, "two");
    story.pass(0.1);
    assert!(matches!(story.answer(first), Ok(Answer::Job(..))));
    assert_eq!(
        story.answer(second).unwrap_err(),
        Refusal::VersionChanged(2)
    );
}

#[test]
fn deleting_a_job_ends_its_run_without_awaiting_it() {
    let mut story = Story::new();
    story.create("job", |job| {
        job.schedule = every(10);
        job.command = "60 ok".to_owned();
    });
    let to = story.start("job", true);
    story.pass(25.0);
    let deleted = story.ask(Command::Delete {
        id: story.id("job"),
        expected_version: None,
    });
    assert!(!story.has_answer(deleted));
    story.pass(0.1);
    story.answer(deleted).unwrap();
    assert!(matches!(story.answer(to), Err(Refusal::Withdrawn(_))));
    assert!(story.rows.jobs.is_empty() && story.rows.open.is_empty());
    story.pass(60.0);
    assert_eq!(
        story.told(),
        [
            "0 job starts by manual",
            "20 job: 1 skipped",
            "25 job is stopped",
        ]
    );
    assert_eq!(story.core.wakeup(), Wakeup::default());
}

#[test]
fn a_delete_that_fails_leaves_the_job_and_its_runs_as_they_were() {
    let mut story = Story::new();
    story.create("job", |job| {
        job.schedule = every(10);
        job.command = "3 ok".to_owned();
    });
    story.pass(12.0);
    story.disk = Disk::Away;
    let to = story.ask(Command::Delete {
        id: story.id("job"),
        expected_version: None,
    });
    let (_, order) = story.attempts.remove(0);
    story.complete(&order, Duration::from_secs(2), AttemptEnd::Exited(0));
    assert_eq!(
        story.told(),
        ["10 job starts by schedule of 10"],
        "its end is held"
    );
    story.pass(0.1);
    assert!(matches!(story.answer(to), Err(Refusal::Store(_))));
    story.disk = Disk::Takes(Duration::from_millis(1));
    story.pass(8.0);
    let mut told = story.told();
    told.retain(|line| line.contains("job"));
    assert_eq!(
        told,
        ["12 job succeeded", "20 job starts by schedule of 20"]
    );
}

#[test]
fn delete_all_leaves_nothing() {
    let mut story = Story::new();
    story.child("p", &[], "5 ok");
    story.child("c", &["p"], "1 ok");
    story.create("tick", |job| job.schedule = every(10));
    story.start("p", false);
    story.pass(9.99);
    story.ask(Command::DeleteAll);
    let job = story.draft("new", |job| job.schedule = every(20));
    let unique_name = true;
    let to = story.ask(Command::Create { job, unique_name });
    story.pass(0.1);
    story.answer(to).unwrap();
    assert_eq!(story.rows.jobs.len(), 1);
    assert_eq!(story.core.totals().jobs, 1);
    story.told();
    story.pass(11.0);
    assert_eq!(
        story.told(),
        ["20 new starts by schedule of 20", "21 new succeeded"]
    );
}

#[test]
fn no_cycle_can_be_made_over_parents_and_failure_jobs() {
    let mut story = Story::new();
    story.child("a", &[], "1 ok");
    story.child("b", &["a"], "1 ok");
    story.child("c", &["b"], "1 ok");
    let (a, c) = (story.id("a").to_string(), story.id("c").to_string());
    let to = story.update("a", |job| {
        job.schedule.clear();
        job.parents = vec![c.clone()];
    });
    assert!(matches!(story.answer(to), Err(Refusal::Cycle(way)) if way.len() == 3));
    let to = story.update("c", |job| job.on_failure_job = a.clone());
    assert!(matches!(story.answer(to), Err(Refusal::Cycle(_))));
    // Without its parent, b may lead to a.
    let to = story.update("b", |job| {
        job.parents.clear();
        job.schedule = "@manual".to_owned();
        job.on_failure_job = a;
    });
    story.pass(0.1);
    story.answer(to).unwrap();
}

#[test]
fn two_updates_at_once_cannot_close_a_cycle_together() {
    let mut story = Story::new();
    story.child("a", &[], "1 ok");
    story.child("b", &[], "1 ok");
    let (a, b) = (story.id("a").to_string(), story.id("b").to_string());
    let first = story.update("a", |job| job.on_failure_job = b);
    let second = story.update("b", |job| job.on_failure_job = a);
    story.pass(0.1);
    assert!(story.answer(first).is_ok());
    assert!(matches!(story.answer(second), Err(Refusal::Cycle(_))));
}

#[test]
fn a_parent_cannot_go_while_a_child_of_it_is_on_its_way() {
    let mut story = Story::new();
    story.child("p", &[], "1 ok");
    let p = story.id("p");
    let job = story.draft("c", |job| job.parents = vec![p.to_string()]);
    let unique_name = false;
    let created = story.ask(Command::Create { job, unique_name });
    let deleted = story.ask(Command::Delete {
        id: p,
        expected_version: None,
    });
    story.pass(0.1);
    assert!(story.answer(created).is_ok() && story.answer(deleted).is_ok());
    assert!(
        story.rows.jobs.is_empty(),
        "the child went with its only parent"
    );
}

#[test]
fn unknown_links_are_refused_and_nothing_is_stored() {
    let mut story = Story::new();
    let nobody = JobId(uuid::Uuid::from_u128(99));
    let job = story.draft("c", |job| job.parents = vec![nobody.to_string()]);
    let unique_name = false;
    let to = story.ask(Command::Create { job, unique_name });
    assert_eq!(
        story.answer(to).unwrap_err(),
        Refusal::UnknownParent(nobody)
    );
    let job = story.draft("d", |job| job.on_failure_job = nobody.to_string());
    let to = story.ask(Command::Create { job, unique_name });
    assert_eq!(
        story.answer(to).unwrap_err(),
        Refusal::UnknownFailureJob(nobody)
    );
    assert!(story.flight.is_none());
}

#[test]
fn a_cancelled_run_ends_whether_it_runs_or_waits() {
    let mut story = Story::new();
    story.create("job", |job| {
        job.schedule = "@manual".to_owned();
        job.command = "10 fail".to_owned();
        job.retries = 3;
        job.retry_delay = "PT1M".to_owned();
    });
    let job = story.id("job");
    for at in [5.0, 30.0] {
        let to = story.start("job", false);
        story.pass(0.1);
        let Ok(Answer::Started(run)) = story.answer(to) else {
            panic!("it was not started");
        };
        story.pass(at);
        let to = story.ask(Command::Cancel { job, run });
        story.answer(to).unwrap();
        let to = story.ask(Command::Cancel { job, run });
        assert_eq!(story.answer(to).unwrap_err(), Refusal::UnknownRun(run));
    }
    story.pass(100.0);
    assert_eq!(
        story.told(),
        [
            "0 job starts by manual",
            "5.1 job is stopped",
            "5.1 job cancelled",
            "5.1 job starts by manual",
            "35.2 job cancelled",
        ]
    );
    let Some(HistoryEntry::Run(run)) = story.rows.history.last().map(|entry| &**entry) else {
        panic!("a run");
    };
    assert!(
        run.duration > Duration::from_secs(30),
        "waits between retries included"
    );
}

#[test]
fn past_occurrences_are_backfilled_one_after_the_other() {
    let mut story = Story::new();
    story.create("tick", |job| {
        job.schedule = "0 * * * *".to_owned();
        job.command = "2 ok".to_owned();
        job.epsilon = "PT1S".to_owned();
    });
    let id = story.id("tick");
    let from = NOON.minus(Duration::from_secs(3 * 3_600));
    let (to, limit) = (Timestamp::MAX, 3);
    let backfill = Command::Backfill {
        id,
        from,
        to,
        limit,
    };
    let asked = story.ask(backfill);
    story.pass(3.0);
    assert!(matches!(story.answer(asked), Ok(Answer::Backfilled(3))));
    story.crash();
    story.restart_after(1.0);
    story.pass(10.0);
    assert_eq!(
        story.told(),
        [
            "0 tick starts by backfill of -10800",
            "2 tick succeeded",
            "2 tick starts by backfill of -7200",
            "3 crash",
            "4 tick interrupted",
            "4 tick starts by backfill of -3600",
            "6 tick succeeded",
        ]
    );
    let none = story.ask(Command::Backfill {
        id,
        from: NOON,
        to: NOON.minus(Duration::from_secs(1)),
        limit,
    });
    assert_eq!(story.answer(none).unwrap_err(), Refusal::NothingToBackfill);
}
