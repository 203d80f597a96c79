//! Dependent jobs: children after a success, one after the other or together; failure jobs; deletes that cascade.

use super::*;
use crate::job::{ChildrenRun, RunAfter};

fn starts(story: &mut Story) -> Vec<String> {
    let mut told = story.told();
    told.retain(|line| line.contains("starts"));
    told
}

#[test]
fn children_run_in_order_each_with_its_own_before_the_next() {
    let mut story = Story::with_workers(8);
    story.child("root", &[], "1 ok");
    story.child("a", &["root"], "1 ok");
    story.child("b", &["root"], "1 ok");
    story.child("a1", &["a"], "2 ok");
    story.child("a2", &["a"], "1 ok");
    let to = story.start("root", true);
    story.pass(5.5);
    assert!(!story.has_answer(to), "its children are not over");
    story.pass(2.0);
    assert!(matches!(
        story.answer(to),
        Ok(Answer::Ran(_, Outcome::Succeeded))
    ));
    assert_eq!(
        starts(&mut story),
        [
            "0 root starts by manual",
            "1 a starts by parent",
            "2 a1 starts by parent",
            "4 a2 starts by parent",
            "5 b starts by parent",
        ]
    );
    assert!(story.rows.chains.is_empty() && story.rows.open.is_empty());
}

#[test]
fn a_child_that_fails_does_not_hold_up_the_next_and_its_own_do_not_run() {
    let mut story = Story::new();
    story.child("root", &[], "1 ok");
    let root = story.id("root").to_string();
    story.create("a", |job| {
        job.command = "1 fail".to_owned();
        job.retries = 1;
        job.retry_delay = "PT5S".to_owned();
        job.parents = vec![root];
    });
    story.child("below a", &["a"], "1 ok");
    story.child("b", &["root"], "1 ok");
    story.start("root", false);
    story.pass(12.0);
    assert_eq!(
        starts(&mut story),
        [
            "0 root starts by manual",
            "1 a starts by parent",
            "7 a starts by parent, attempt 2",
            "8 b starts by parent",
        ]
    );
}

#[test]
fn children_may_run_together() {
    let mut story = Story::new();
    story.create("root", |job| {
        job.schedule = "@manual".to_owned();
        job.children_run = ChildrenRun::Together;
    });
    story.child("a", &["root"], "3 ok");
    story.child("b", &["root"], "1 ok");
    let to = story.start("root", true);
    story.pass(3.5);
    assert!(!story.has_answer(to));
    story.pass(1.0);
    story.answer(to).unwrap();
    assert_eq!(
        starts(&mut story),
        [
            "0 root starts by manual",
            "1 a starts by parent",
            "1 b starts by parent"
        ]
    );
}

#[test]
fn a_child_may_wait_for_all_of_its_parents() {
    let mut story = Story::new();
    story.child("p", &[], "1 ok");
    story.child("q", &[], "1 ok");
    story.child("all", &["p", "q"], "1 ok");
    story.update("all", |job| job.run_after = RunAfter::All);
    story.pass(1.0);
    for name in ["p", "p", "q", "q", "p"] {
        story.start(name, false);
        story.pass(5.0);
    }
    assert_eq!(
        starts(&mut story),
        [
            "1 p starts by manual",
            "6 p starts by manual",
            "11 q starts by manual",
            "12 all starts by parent",
            "16 q starts by manual",
            "21 p starts by manual",
            "22 all starts by parent",
        ]
    );
}

#[test]
fn the_set_of_parents_that_succeeded_outlives_the_process_and_manual_runs() {
    let mut story = Story::new();
    story.child("p", &[], "1 ok");
    story.child("q", &[], "1 ok");
    story.child("all", &["p", "q"], "1 ok");
    story.update("all", |job| job.run_after = RunAfter::All);
    story.pass(1.0);
    story.start("p", false);
    story.pass(5.0);
    story.start("all", false);
    story.pass(5.0);
    story.crash();
    story.restart_after(1.0);
    story.told();
    story.start("q", false);
    story.pass(5.0);
    assert_eq!(
        starts(&mut story),
        ["12 q starts by manual", "13 all starts by parent"]
    );
}

#[test]
fn disabled_children_and_children_of_failed_parents_do_not_run() {
    let mut story = Story::new();
    story.child("root", &[], "1 ok");
    story.child("off", &["root"], "1 ok");
    story.child("below off", &["off"], "1 ok");
    story.child("on", &["root"], "1 fail");
    story.child("below on", &["on"], "1 ok");
    story.ask(Command::Disable(story.id("off")));
    story.pass(1.0);
    story.start("root", false);
    story.pass(10.0);
    assert_eq!(
        starts(&mut story),
        ["1 root starts by manual", "2 on starts by parent"]
    );
}

#[test]
fn a_failure_job_runs_when_a_run_has_failed_for_good() {
    let mut story = Story::new();
    story.child("alarm", &[], "1 ok");
    let alarm = story.id("alarm").to_string();
    story.create("flaky", |job| {
        job.schedule = every(10);
        job.command = "1 fail ok".to_owned();
        job.retries = 1;
        job.on_failure_job = alarm.clone();
    });
    story.create("broken", |job| {
        job.schedule = once(15);
        job.command = "1 fail".to_owned();
        job.retries = 1;
        job.on_failure_job = alarm;
    });
    story.pass(19.0);
    assert_eq!(
        story.told(),
        [
            "10 flaky starts by schedule of 10",
            "11 flaky starts by schedule of 10, attempt 2",
            "12 flaky succeeded",
            "15 broken starts by schedule of 15",
            "16 broken starts by schedule of 15, attempt 2",
            "17 broken failed",
            "17 alarm starts by failure",
            "18 alarm succeeded",
        ]
    );
}

#[test]
fn a_success_of_the_parent_waits_for_a_busy_child_and_further_ones_are_skipped() {
    let mut story = Story::new();
    story.create("root", |job| job.schedule = every(2));
    story.child("slow", &["root"], "7 ok");
    story.pass(11.5);
    let mut told = story.told();
    told.retain(|line| line.contains("slow"));
    assert_eq!(
        told,
        [
            "3 slow starts by parent",
            "7 slow: 1 skipped",
            "9 slow: 1 skipped",
            "10 slow succeeded",
            "10 slow starts by parent",
        ]
    );
}

#[test]
fn a_crash_does_not_cut_a_chain() {
    let mut story = Story::new();
    story.child("root", &[], "1 ok");
    story.child("a", &["root"], "5 ok");
    story.child("a1", &["a"], "1 ok");
    story.child("b", &["root"], "1 ok");
    story.child("c", &["root"], "1 ok");
    story.start("root", false);
    story.pass(3.0);
    story.crash();
    story.restart_after(10.0);
    story.pass(5.0);
    assert_eq!(
        story.told(),
        [
            "0 root starts by manual",
            "1 root succeeded",
            "1 a starts by parent",
            "3 crash",
            "13 a interrupted",
            "13 b starts by parent",
            "14 b succeeded",
            "14 c starts by parent",
            "15 c succeeded",
        ]
    );
    assert!(story.rows.chains.is_empty());
}

#[test]
fn an_interrupted_link_that_is_repeated_keeps_its_place_in_the_chain() {
    let mut story = Story::new();
    story.child("root", &[], "1 ok");
    let root = story.id("root").to_string();
    story.create("a", |job| {
        job.parents = vec![root];
        job.on_interrupted = crate::job::OnInterrupted::Retry;
    });
    story.child("b", &["root"], "1 ok");
    story.start("root", false);
    story.pass(1.5);
    story.crash();
    story.restart_after(1.0);
    story.told();
    story.pass(3.0);
    assert_eq!(
        story.told(),
        [
            "2.5 a starts by parent",
            "3.5 a succeeded",
            "3.5 b starts by parent",
            "4.5 b succeeded",
        ]
    );
}

#[test]
fn a_deleted_link_lets_its_chain_go_on() {
    let mut story = Story::new();
    story.child("root", &[], "1 ok");
    story.child("a", &["root"], "50 ok");
    story.child("b", &["root"], "1 ok");
    let to = story.start("root", true);
    story.pass(2.0);
    story.ask(Command::Delete {
        id: story.id("a"),
        expected_version: None,
    });
    story.pass(2.0);
    assert_eq!(
        story.told(),
        [
            "0 root starts by manual",
            "1 root succeeded",
            "1 a starts by parent",
            "2 a is stopped",
            "2 b starts by parent",
            "3 b succeeded",
        ]
    );
    story.answer(to).unwrap();
}

#[test]
fn deleting_a_parent_deletes_the_children_that_have_no_other() {
    let mut story = Story::new();
    story.child("p", &[], "1 ok");
    story.child("q", &[], "1 ok");
    story.child("only p", &["p"], "1 ok");
    story.child("both", &["p", "q"], "1 ok");
    story.child("below", &["only p"], "1 ok");
    let alarm = story.id("only p").to_string();
    story.create("watched", |job| {
        job.schedule = "@manual".to_owned();
        job.on_failure_job = alarm;
    });
    let to = story.ask(Command::Delete {
        id: story.id("p"),
        expected_version: None,
    });
    story.pass(0.1);
    story.answer(to).unwrap();
    let left: Vec<&str> = story
        .rows
        .jobs
        .values()
        .map(|job| job.spec.name())
        .collect();
    assert_eq!(left, ["q", "both", "watched"]);
    assert_eq!(story.job("both").spec.parents, [story.id("q")]);
    assert_eq!(story.job("both").linked.len(), 1);
    assert_eq!(story.job("watched").spec.on_failure_job, None);
    assert_eq!(
        story.live("q").children.as_deref(),
        Some(&[story.id("both")][..])
    );
}
