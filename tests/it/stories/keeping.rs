//! What is kept, for how long, and whose it is.

use serde_json::{Value, json};

use super::manual;
use crate::support::{Server, wait_until};

#[test]
fn history_is_limited_and_counters_are_not() {
    let mut server = Server::with(&["--history-limit", "3"]);
    let id = server.create(&manual("x", "true", &json!({})));
    for _ in 0..7 {
        server.run(&id);
    }
    for _ in 0..2 {
        assert_eq!(server.history(&id).len(), 3);
        assert_eq!(server.figure(&id, "success_count"), 7);
        let stats = server.get("/api/v1/stats/").expect(200).json();
        assert_eq!(stats["Stats"]["success_count"], 7);
        server.restart();
    }
    let stats = server
        .get(&format!("/api/v1/job/stats/{id}/"))
        .expect(200)
        .json();
    assert_eq!(stats["job_stats"].as_array().map(Vec::len), Some(3));
}

#[test]
fn history_expires() {
    let server = Server::with(&["--jobstat-ttl", "0"]);
    let id = server.create(&manual("x", "true", &json!({})));
    server.run(&id);
    assert_eq!(server.history(&id), [] as [Value; 0]);
    assert_eq!(server.figure(&id, "success_count"), 1);
}

#[test]
fn jobs_that_were_to_run_once_go_when_they_are_done() {
    let mut server = Server::start();
    let once = server.create(&json!({"name": "once", "command": "true"}));
    let parent = server.create(&json!({"name": "parent", "command": "true"}));
    server.create(&json!({"name": "child", "command": "true", "parent_jobs": [parent]}));
    server.create(&manual("manual", "true", &json!({})));
    for id in [&once, &parent] {
        server.await_done(id);
    }
    server.give(&["--done-ttl", "0"]);
    server.restart();
    server.create(&json!({"name": "another", "command": "true"}));
    let names = |server: &Server| {
        let jobs = server.get("/api/v1/job/").expect(200).json();
        let jobs = jobs["jobs"].as_object().expect("an object").values();
        let mut names: Vec<_> = jobs.map(|job| job["name"].to_string()).collect();
        names.sort_unstable();
        names.join(" ")
    };
    wait_until("they have gone", || {
        names(&server) == r#""child" "manual" "parent""#
    });
    server.restart();
    assert_eq!(names(&server), r#""child" "manual" "parent""#);
}

#[test]
fn jobs_without_an_owner_get_the_default_one() {
    let server = Server::with(&["--default-owner", "ops@example.com"]);
    let unowned = server.create(&manual("x", "true", &json!({})));
    let owned = server.create(&manual("y", "true", &json!({"owner": "me"})));
    assert_eq!(server.job(&unowned)["owner"], "ops@example.com");
    assert_eq!(server.job(&owned)["owner"], "me");
}

#[test]
fn without_persistence_jobs_run_and_are_forgotten() {
    let mut server = Server::with(&["--no-persist"]);
    let id = server.create(&manual("x", "echo ran", &json!({})));
    server.run(&id);
    assert_eq!(server.outcomes(&id), ["succeeded"]);
    server.restart();
    assert_eq!(server.get("/api/v1/job/").text(), "{\"jobs\":{}}\n");
}

#[test]
fn with_rare_writes_an_orderly_end_loses_nothing() {
    let mut server = Server::with(&["--no-tx-persist"]);
    let id = server.create(&manual("x", "true", &json!({})));
    server.run(&id);
    server.restart();
    assert_eq!(server.figure(&id, "success_count"), 1);
    assert_eq!(server.outcomes(&id), ["succeeded"]);
}
