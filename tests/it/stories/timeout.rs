//! The end of commands that take too long, and of those that leave something behind.

use std::fs;

use serde_json::json;

use super::manual;
use crate::support::{Server, wait_until};

/// Whether a process is there and not merely waiting to be reaped.
fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

#[test]
fn what_ignores_the_first_signal_is_killed_with_its_whole_group() {
    let server = Server::start();
    let command =
        "trap '' TERM; (exec sleep 60) & echo $! > pids; echo $$ >> pids; echo up; wait; sleep 60";
    let id = server.create(&manual("deaf", command, &json!({"timeout": "PT0.5S"})));
    let run = server.begin(&id);
    let pids = server.await_lines("pids", 2);
    wait_until("it is ended", || server.outcomes(&id) == ["timed_out"]);
    for pid in &pids {
        wait_until("all of it is gone", || !lives(pid));
    }
    assert_eq!(
        server.get(&format!("{run}output/")).expect(200).text(),
        "up\n"
    );
    assert_eq!(server.figure(&id, "error_count"), 1);
}

#[test]
fn what_heeds_the_first_signal_may_say_goodbye() {
    let server = Server::start();
    // The signal goes to the shell and to its sleep: words of the shell about that one may come first.
    let command = "trap 'echo bye; exit 0' TERM; while :; do sleep 0.02; done";
    let id = server.create(&manual("polite", command, &json!({"timeout": "PT0.5S"})));
    let run = server.begin(&id);
    wait_until("it is ended", || server.outcomes(&id) == ["timed_out"]);
    let told = server.get(&format!("{run}output/")).expect(200).text();
    assert!(told.ends_with("bye\n"), "{told}");
}

#[test]
fn each_attempt_has_the_whole_timeout() {
    let server = Server::start();
    let keys = json!({"timeout": "PT0.2S", "retries": 2});
    let id = server.create(&manual("slow", "echo x >> tries; exec sleep 60", &keys));
    server.run(&id);
    let run = &server.history(&id)[0];
    assert_eq!(
        (&run["attempts"], &run["outcome"]),
        (&json!(3), &json!("timed_out"))
    );
    assert_eq!(server.figure(&id, "error_count"), 3);
}

#[test]
fn what_outlives_its_command_is_not_waited_for_and_left_alone() {
    let server = Server::start();
    let command = "sleep 60 & echo $! > pid; echo out";
    let id = server.create(&manual("parent", command, &json!({})));
    let run = server.begin(&id);
    // It holds the pipe open for a minute.
    wait_until("the run is over", || server.outcomes(&id) == ["succeeded"]);
    assert_eq!(
        server.get(&format!("{run}output/")).expect(200).text(),
        "out\n"
    );
    let pid = &server.lines("pid")[0];
    assert!(lives(pid));
    let ended = std::process::Command::new("kill").arg(pid).status();
    assert!(ended.unwrap().success());
}

#[test]
fn a_cancelled_run_is_ended_and_repeated_no_more() {
    let server = Server::start();
    let command = "echo $$ >> pids; exec sleep 60";
    let id = server.create(&manual("long", command, &json!({"retries": 3})));
    let run = server.begin(&id);
    let pids = server.await_lines("pids", 1);
    server
        .post(&format!("{run}cancel/"), &json!({}))
        .expect(204);
    wait_until("it is over", || server.outcomes(&id) == ["cancelled"]);
    assert!(!lives(&pids[0]));
    assert_eq!(server.lines("pids").len(), 1);
}

#[test]
fn a_deleted_job_takes_its_runs_along() {
    let mut server = Server::start();
    let parent = server.create(&manual(
        "parent",
        "echo $$ >> pids; exec sleep 60",
        &json!({}),
    ));
    let other = server.create(&manual("other", "true", &json!({})));
    let kept =
        json!({"name": "kept", "command": "echo kept >> kept", "parent_jobs": [parent, other]});
    let kept = server.create(&kept);
    server.begin(&parent);
    let pids = server.await_lines("pids", 1);
    server.remove(&parent);
    wait_until("its command is gone", || !lives(&pids[0]));
    server.restart();
    server.get(&format!("/api/v1/job/{parent}/")).expect(404);
    assert_eq!(server.job(&kept)["parent_jobs"], json!([other]));
    assert_eq!(server.lines("kept").len(), 0);
}
