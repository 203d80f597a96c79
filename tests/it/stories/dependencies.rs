//! Parents, children, and what becomes of the ones without the others.

use serde_json::json;

use super::{child, manual};
use crate::support::{Server, wait_until};

/// A command that tells its job's name.
const TELL: &str = "echo $NIMESHA_JOB_NAME >> ran";

#[test]
fn children_run_one_after_the_other_each_with_its_own() {
    let server = Server::start();
    let parent = server.create(&manual("parent", TELL, &json!({})));
    let a = server.create(&child(
        "a",
        &format!("{TELL}; sleep 0.1"),
        &[&parent],
        &json!({}),
    ));
    let b = server.create(&child(
        "b",
        &format!("{TELL}; exit 1"),
        &[&parent],
        &json!({"retries": 1}),
    ));
    server.create(&child("c", TELL, &[&parent], &json!({})));
    server.create(&child("a1", TELL, &[&a], &json!({})));
    server.create(&child("b1", TELL, &[&b], &json!({})));
    server.run(&parent);
    // What is below a failed child does not run, what comes after it does.
    assert_eq!(server.lines("ran"), ["parent", "a", "a1", "b", "b", "c"]);
    assert_eq!(server.history(&a)[0]["trigger"], "parent");
}

#[test]
fn children_run_together_if_their_parent_wants_that() {
    let server = Server::start();
    let parent = server.create(&manual(
        "parent",
        "true",
        &json!({"children_run": "together"}),
    ));
    // Each waits for the other one to have begun.
    let meet = |own: &str, other: &str| {
        format!(
            "touch {own}; n=0; while [ ! -e {other} ]; do sleep 0.02; n=$((n+1)); [ $n -lt 2000 ] || exit 1; done"
        )
    };
    let left = server.create(&child("left", &meet("l", "r"), &[&parent], &json!({})));
    let right = server.create(&child("right", &meet("r", "l"), &[&parent], &json!({})));
    server.run(&parent);
    assert_eq!(server.outcomes(&left), ["succeeded"]);
    assert_eq!(server.outcomes(&right), ["succeeded"]);
}

#[test]
fn a_failed_parent_and_a_disabled_child_trigger_nothing() {
    let server = Server::start();
    let bad = server.create(&manual("bad", "exit 1", &json!({})));
    server.create(&child("of bad", TELL, &[&bad], &json!({})));
    server.run(&bad);
    let good = server.create(&manual("good", TELL, &json!({})));
    let off = server.create(&child("off", TELL, &[&good], &json!({"disabled": true})));
    server.create(&child("below off", TELL, &[&off], &json!({})));
    server.create(&child("on", TELL, &[&good], &json!({})));
    server.run(&good);
    assert_eq!(server.lines("ran"), ["good", "on"]);
    server.enable(&off);
    server.run(&good);
    assert_eq!(server.lines("ran")[2..], ["good", "off", "below off", "on"]);
}

#[test]
fn any_parent_triggers_or_all_of_them_do() {
    let mut server = Server::start();
    let first = server.create(&manual("first", "true", &json!({})));
    let second = server.create(&manual("second", "true", &json!({})));
    let parents = [first.as_str(), second.as_str()];
    let any = server.create(&child("any", "true", &parents, &json!({})));
    let all = server.create(&child(
        "all",
        "true",
        &parents,
        &json!({"run_after": "all"}),
    ));
    let counts = |server: &Server| {
        (
            server.figure(&any, "success_count"),
            server.figure(&all, "success_count"),
        )
    };
    server.run(&first);
    assert_eq!(counts(&server), (1, 0));
    // Who has succeeded so far outlives a crash.
    server.kill9();
    server.start_again();
    server.run(&second);
    assert_eq!(counts(&server), (2, 1));
    server.run(&second);
    server.run(&second);
    assert_eq!(counts(&server), (4, 1));
    // A run by hand changes nothing about who has succeeded.
    server.run(&all);
    server.run(&first);
    assert_eq!(counts(&server), (5, 3));
}

#[test]
fn a_deleted_parent_takes_those_along_that_have_no_other() {
    let mut server = Server::start();
    let top = server.create(&manual("top", "true", &json!({})));
    let other = server.create(&manual("other", "true", &json!({})));
    let only = server.create(&child("only", "true", &[&top], &json!({})));
    let below = server.create(&child("below", "true", &[&only], &json!({})));
    let shared = server.create(&child("shared", "true", &[&top, &other], &json!({})));
    let leaf = server.create(&child("leaf", "true", &[&top], &json!({})));
    server.remove(&leaf);
    assert_eq!(server.job(&top)["dependent_jobs"], json!([only, shared]));
    server.remove(&top);
    for _ in 0..2 {
        for gone in [&top, &only, &below, &leaf] {
            server.get(&format!("/api/v1/job/{gone}/")).expect(404);
        }
        assert_eq!(server.job(&shared)["parent_jobs"], json!([other]));
        assert_eq!(server.job(&other)["dependent_jobs"], json!([shared]));
        server.kill9();
        server.start_again();
    }
    server.run(&other);
    assert_eq!(server.figure(&shared, "success_count"), 1);
}

#[test]
fn a_long_chain_is_not_a_deep_one() {
    let server = Server::start();
    let top = server.create(&manual("0", "true", &json!({})));
    let mut last = top.clone();
    for number in 1..=60 {
        last = server.create(&child(&number.to_string(), "true", &[&last], &json!({})));
    }
    server.run(&top);
    wait_until("the last one has run", || {
        server.figure(&last, "success_count") == 1
    });
    server.remove(&top);
    assert_eq!(server.get("/api/v1/job/").text(), "{\"jobs\":{}}\n");
}
