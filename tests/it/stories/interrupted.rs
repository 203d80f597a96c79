//! Runs that the server died under.

use std::process::Command;

use serde_json::json;

use super::{child, manual};
use crate::support::{Server, wait_until};

/// Hangs the first time.
const HANGS_ONCE: &str = "echo $$ >> begun; [ $(wc -l < begun) -ge 2 ] || exec sleep 60";

/// Ends what a killed server has left running.
fn end_orphan(server: &Server, line: usize) {
    let pid = &server.lines("begun")[line];
    let ended = Command::new("kill").arg(pid).status();
    assert!(ended.expect("kill starts").success(), "{pid}");
}

fn crash(server: &mut Server) {
    server.await_lines("begun", 1);
    server.kill9();
    end_orphan(server, 0);
    server.start_again();
}

#[test]
fn it_is_known_as_such_and_not_repeated() {
    let mut server = Server::start();
    let id = server.create(&json!({"name": "once", "command": HANGS_ONCE}));
    crash(&mut server);
    let job = server.job(&id);
    assert_eq!(
        (&job["is_done"], &job["running"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(server.outcomes(&id), ["interrupted"]);
    server.restart();
    assert_eq!(server.outcomes(&id), ["interrupted"]);
    assert_eq!(server.lines("begun").len(), 1);
}

#[test]
fn it_is_repeated_if_the_job_wants_that() {
    let mut server = Server::start();
    let job = json!({"name": "again", "command": HANGS_ONCE, "on_interrupted": "retry"});
    let id = server.create(&job);
    crash(&mut server);
    wait_until("it is repeated", || {
        server.outcomes(&id) == ["interrupted", "succeeded"]
    });
    assert_eq!(server.lines("begun").len(), 2);
    assert_eq!(server.job(&id)["is_done"], true);
    let history = server.history(&id);
    assert_eq!(history[0]["scheduled_at"], history[1]["scheduled_at"]);
}

#[test]
fn it_is_not_repeated_after_its_window() {
    let mut server = Server::start();
    let job = json!({
        "name": "late", "command": HANGS_ONCE, "on_interrupted": "retry", "epsilon": "PT0.5S",
    });
    let id = server.create(&job);
    server.await_lines("begun", 1);
    crate::support::await_time(chrono::Utc::now() + chrono::TimeDelta::milliseconds(600));
    crash(&mut server);
    assert_eq!(server.outcomes(&id)[0], "interrupted");
    assert_eq!(server.figure(&id, "success_count"), 0);
    assert_eq!(server.lines("begun").len(), 1);
}

#[test]
fn the_chain_that_it_belongs_to_goes_on() {
    let mut server = Server::start();
    let parent = server.create(&manual("parent", "true", &json!({})));
    let first = server.create(&child("first", HANGS_ONCE, &[&parent], &json!({})));
    let below = server.create(&child("below", "true", &[&first], &json!({})));
    let second = server.create(&child("second", "true", &[&parent], &json!({})));
    server.begin(&parent);
    crash(&mut server);
    server.await_figure(&second, "success_count", 1);
    assert_eq!(server.outcomes(&parent), ["succeeded"]);
    assert_eq!(server.outcomes(&first), ["interrupted"]);
    assert_eq!(server.outcomes(&below), [] as [&str; 0]);
}
