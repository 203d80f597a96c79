//! The end of the server as its jobs see it: nothing is lost, nothing is repeated.

use rustix::process::Signal;
use serde_json::json;

use super::{child, manual};
use crate::support::{HOLD, Server, wait_until};

fn ask_to_stop(server: &Server) {
    server.signal(Signal::TERM);
    wait_until("the signal is heard", || server.log().contains("Stopping"));
}

#[test]
fn what_waits_is_given_back_and_what_runs_may_finish() {
    let mut server = Server::with(&["--workers", "1", "--grace", "3600"]);
    let running = format!("echo running >> ran; {HOLD}");
    let running = server.create(&manual("running", &running, &json!({})));
    let after = server.create(&child(
        "after",
        "echo after >> ran",
        &[&running],
        &json!({}),
    ));
    server.begin(&running);
    server.await_lines("ran", 1);
    let queued: Vec<String> = (0..20)
        .map(|_| server.create(&json!({"name": "queued", "command": "echo queued >> ran"})))
        .collect();
    ask_to_stop(&server);
    let job = json!({"name": "late", "command": "true"});
    server.post("/api/v1/job/", &job).expect(503);
    server
        .post(&format!("/api/v1/job/start/{running}/"), &json!({}))
        .expect(503);
    assert_eq!(server.figure(&running, "running"), 1);
    server.go();
    assert!(server.exit().success());
    assert_eq!(server.lines("ran"), ["running"]);
    server.start_again();
    for id in &queued {
        server.await_done(id);
        assert_eq!(server.outcomes(id), ["succeeded"]);
    }
    server.await_figure(&after, "success_count", 1);
    assert_eq!(server.outcomes(&running), ["succeeded"]);
    assert_eq!(server.lines("ran").len(), 22);
}

#[test]
fn whoever_waits_for_a_run_that_never_began_is_told() {
    let mut server = Server::with(&["--workers", "1", "--grace", "3600"]);
    let keys = json!({"retries": 1, "retry_delay": "PT1H"});
    let id = server.create(&manual("fails", "echo x >> tries; [ -e go ]", &keys));
    let path = format!("/api/v1/job/start/{id}/");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.post(&path, &json!({})).status);
        server.await_lines("tries", 1);
        ask_to_stop(&server);
        assert_eq!(waiting.join().unwrap(), 503);
    });
    assert!(server.exit().success());
    // The retry that was given back is made at the next start.
    server.go();
    server.start_again();
    server.await_figure(&id, "success_count", 1);
    assert_eq!(server.figure(&id, "running"), 0);
}

#[test]
fn what_does_not_end_in_time_is_killed_with_all_that_it_started() {
    let mut server = Server::with(&["--grace", "0"]);
    let command =
        "trap '' TERM; (exec sleep 60) & echo $! >> pids; echo $$ >> pids; wait; sleep 60";
    let id = server.create(&manual(
        "deaf",
        command,
        &json!({"on_interrupted": "leave"}),
    ));
    server.begin(&id);
    let pids = server.await_lines("pids", 2);
    server.signal(Signal::TERM);
    assert!(server.exit().success());
    for pid in pids {
        wait_until("all of it is gone", || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.map_or(true, |stat| stat.contains(") Z"))
        });
    }
    server.start_again();
    assert_eq!(server.outcomes(&id), ["interrupted"]);
}
