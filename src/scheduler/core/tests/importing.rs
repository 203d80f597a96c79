//! Jobs as another server had them: they go on here as if this one had been down.

use super::*;
use crate::job::run::Figures;
use crate::scheduler::command::{Existing, Import, Imported, ImportedJob};

impl Story {
    /// A job that was seen on another server an hour ago.
    fn seen(&mut self, name: &str, set: impl FnOnce(&mut Draft)) -> ImportedJob {
        let job = self.draft(name, set);
        let hour_ago = self.wall.minus(Duration::from_secs(3_600));
        ImportedJob {
            job: *job,
            created_at: Some(hour_ago),
            cursor: Some(hour_ago),
            figures: Figures {
                success_count: 7,
                ..Figures::default()
            },
            history: Vec::new(),
            children: Vec::new(),
        }
    }

    fn import(&mut self, jobs: Vec<ImportedJob>, existing: Existing) -> Result<Imported, Refusal> {
        let dry_run = false;
        let to = self.ask(Command::Import(Box::new(Import {
            jobs,
            existing,
            dry_run,
        })));
        self.pass(0.1);
        self.answer(to).map(|answer| match answer {
            Answer::Imported(imported) => imported,
            other => panic!("{other:?}"),
        })
    }
}

/// A grid of ten minutes since long ago.
const TEN_MINUTES: &str = "R/2020-01-01T00:05:00Z/PT10M";

#[test]
fn what_passed_is_caught_up_once_and_the_grid_goes_on() {
    let mut story = Story::new();
    let latest = story.seen("latest", |job| job.schedule = TEN_MINUTES.to_owned());
    let none = story.seen("none", |job| {
        job.schedule = TEN_MINUTES.to_owned();
        job.resume_at_next_scheduled_time = true;
    });
    let mut done = story.seen("done", |_| {});
    done.cursor = Some(NOON);
    let mut new = story.seen("new", |_| {});
    (new.cursor, new.created_at) = (None, None);
    let imported = story.import(vec![latest, none, done, new], Existing::Refuse);
    assert_eq!(imported.unwrap().created.len(), 4);
    story.pass(2.0);
    assert_eq!(
        story.told(),
        [
            "0 latest: 5 missed",
            "0 none: 6 missed",
            "0 latest starts by catch_up of -300",
            "0 new starts by schedule of 0",
            "1 latest succeeded",
            "1 new succeeded",
        ]
    );
    assert!(story.live("done").is_done);
    assert_eq!(story.core.totals().success_count, 4 * 7 + 2);
    story.pass(298.0);
    assert_eq!(story.told().len(), 2, "at 12:05");
    story.crash();
    story.restart_after(60.0);
    assert_eq!(story.live("none").figures().missed_count, 6);
}

#[test]
fn children_come_in_any_order_and_run_in_that_of_their_parent() {
    let mut story = Story::new();
    let mut parent = story.seen("parent", |job| job.schedule = "@manual".to_owned());
    let id = parent.job.id.to_string();
    let children: Vec<_> = ["b", "a", "c"]
        .into_iter()
        .map(|name| story.seen(name, |job| job.parents = vec![id.clone()]))
        .collect();
    parent.children = ["a", "b"].map(|name| story.id(name)).to_vec();
    let jobs = children.into_iter().chain([parent]).collect();
    story.import(jobs, Existing::Refuse).unwrap();
    story.start("parent", false);
    story.pass(10.0);
    let mut told = story.told();
    told.retain(|line| line.contains("starts by parent"));
    let names: Vec<&str> = told
        .iter()
        .map(|line| line.split(' ').nth(1).unwrap())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_job_that_is_there_is_refused_skipped_or_replaced() {
    for (existing, command, count) in [
        (Existing::Refuse, "1 fail", 0),
        (Existing::Skip, "1 fail", 0),
        (Existing::Replace, "1 ok", 7),
    ] {
        let mut story = Story::new();
        story.create("job", |job| {
            job.command = "1 fail".to_owned();
            job.schedule = every(10);
        });
        story.child("child", &["job"], "1 ok");
        story.pass(9.89);
        assert_eq!(story.rows.open.len(), 0);
        let job = story.seen("job", |job| {
            job.command = "1 ok".to_owned();
            job.schedule = every(20);
        });
        let other = story.seen("other", |job| job.schedule = "@manual".to_owned());
        let answer = story.import(vec![other, job], existing);
        assert_eq!(answer.is_ok(), existing != Existing::Refuse);
        assert_eq!(story.rows.jobs.len(), if answer.is_ok() { 3 } else { 2 });
        assert_eq!(story.job("job").spec.command(), command);
        assert_eq!(story.live("job").figures().success_count, count);
        story.told();
        story.pass(11.0);
        let told = story.told();
        match existing {
            Existing::Replace => {
                assert_eq!(told[0], "20 job starts by schedule of 20");
                assert!(story.live("child").running == 0 && story.job("job").version == 2);
            }
            _ => assert_eq!(told[0], "10 job starts by schedule of 10"),
        }
    }
}

#[test]
fn a_claim_ahead_goes_with_the_job_that_is_replaced() {
    let mut story = Story::new();
    story.create("job", |job| job.schedule = every(10));
    story.pass(9.99);
    assert_eq!(story.rows.open.len(), 1);
    let job = story.seen("job", |job| job.schedule = every(20));
    story.import(vec![job], Existing::Replace).unwrap();
    assert_eq!(story.rows.open.len(), 0);
    story.pass(15.0);
    assert_eq!(
        story.told(),
        ["20 job starts by schedule of 20", "21 job succeeded"]
    );
}

#[test]
fn an_import_that_the_store_does_not_take_leaves_no_trace() {
    let mut story = Story::new();
    story.create("job", |job| job.schedule = every(10));
    story.pass(9.99);
    story.disk = Disk::Away;
    let job = story.seen("job", |job| job.schedule = every(20));
    let new = story.seen("new", |_| {});
    let refused = story.import(vec![new, job], Existing::Replace);
    assert!(matches!(refused, Err(Refusal::Store(_))));
    assert_eq!(story.views.len(), 1);
    assert_eq!(story.told()[1], "10 job starts by schedule of 10");
}

#[test]
fn err_imports() {
    let mut story = Story::new();
    story.child("busy", &[], "100 ok");
    story.start("busy", false);
    story.pass(1.0);
    let busy = story.seen("busy", |_| {});
    let id = busy.job.id;
    let refused = story.import(vec![busy], Existing::Replace);
    assert_eq!(refused, Err(Refusal::InProgress(id)));
    let ids = [JobId::random(), JobId::random()];
    let circle = |story: &mut Story| {
        let mut one = story.seen("one", |job| job.parents = vec![ids[1].to_string()]);
        let mut other = story.seen("other", |job| job.on_failure_job = ids[0].to_string());
        (one.job.id, other.job.id) = (ids[0], ids[1]);
        other.job.spec.on_failure_job = Some(ids[0]);
        (one, other)
    };
    let (one, other) = circle(&mut story);
    assert!(story.import(vec![one, other], Existing::Refuse).is_ok());
    story.pass(5.0);
    let (one, mut other) = circle(&mut story);
    other.job.spec.parents = vec![ids[0]];
    let refused = story.import(vec![one.clone(), other], Existing::Replace);
    assert!(matches!(refused, Err(Refusal::Cycle(_))), "{refused:?}");
    let refused = story.import(vec![one.clone(), one.clone()], Existing::Replace);
    assert_eq!(refused, Err(Refusal::IdTaken(ids[0])));
    let mut lonely = one;
    lonely.job.spec.parents = vec![JobId::random()];
    let refused = story.import(vec![lonely], Existing::Replace);
    assert!(
        matches!(refused, Err(Refusal::UnknownParent(_))),
        "{refused:?}"
    );
}
