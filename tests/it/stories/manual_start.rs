//! Starts by hand: beside the schedule, waited for or not, and by other jobs.

use serde_json::json;

use super::{child, manual, scheduled};
use crate::support::{HOLD, Server, wait_until};

#[test]
fn a_start_answers_when_all_that_follows_is_over_and_durable() {
    let mut server = Server::start();
    let flaky = "echo $NIMESHA_ATTEMPT >> tries; [ $NIMESHA_ATTEMPT = 2 ]";
    let parent = server.create(&manual("parent", flaky, &json!({"retries": 2})));
    let slow = server.create(&child(
        "child",
        "sleep 0.2; echo done >> done",
        &[&parent],
        &json!({}),
    ));
    let slower = server.create(&child(
        "grandchild",
        "sleep 0.2; echo done >> done",
        &[&slow],
        &json!({}),
    ));
    server.run(&parent);
    server.kill9();
    assert_eq!(server.lines("tries"), ["1", "2"]);
    assert_eq!(server.lines("done").len(), 2);
    server.start_again();
    for id in [&parent, &slow, &slower] {
        assert_eq!(server.outcomes(id), ["succeeded"]);
        assert_eq!(server.figure(id, "success_count"), 1);
    }
}

#[test]
fn a_start_can_answer_at_the_claim() {
    let mut server = Server::start();
    let id = server.create(&manual("held", HOLD, &json!({})));
    let run = server.begin(&id);
    assert_eq!(
        server.get(&run).expect(200).json()["run"]["trigger"],
        "manual"
    );
    // It is claimed by then, so not even a crash makes it unheard of.
    server.kill9();
    server.start_again();
    assert_eq!(
        server.get(&run).expect(200).json()["run"]["outcome"],
        "interrupted"
    );
    server.go();
}

#[test]
fn a_start_takes_nothing_from_the_schedule() {
    let server = Server::start();
    let id = server.create(&scheduled("R0/2037-06-04T19:25:16Z/", "true", &json!({})));
    server.run(&id);
    server.run(&id);
    let job = server.job(&id);
    assert_eq!(
        (&job["next_run_at"], &job["is_done"], &job["success_count"]),
        (&json!("2037-06-04T19:25:16Z"), &json!(false), &json!(2))
    );
}

#[test]
fn a_start_runs_beside_a_run_in_progress() {
    let server = Server::start();
    let id = server.create(&manual("held", HOLD, &json!({"overlap": "skip"})));
    server.begin(&id);
    server.begin(&id);
    wait_until("both run", || server.figure(&id, "running") == 2);
    server.go();
    server.await_figure(&id, "success_count", 2);
}

#[test]
fn a_disabled_job_is_not_started() {
    let server = Server::start();
    let id = server.create(&manual(
        "off",
        "echo ran >> ran",
        &json!({"disabled": true}),
    ));
    server
        .post(&format!("/api/v1/job/start/{id}/"), &json!({}))
        .expect(409);
    server.enable(&id);
    server.run(&id);
    assert_eq!(server.lines("ran").len(), 1);
}

#[test]
fn a_job_that_starts_a_job_does_not_wait_for_its_own_worker() {
    let server = Server::with(&["--workers", "1"]);
    let inner = server.create(&manual("inner", "echo inner >> ran", &json!({})));
    let url = format!(
        "http://127.0.0.1:{}/api/v1/job/start/{inner}/",
        server.port()
    );
    let command = format!("curl -sSf -X POST {url} && echo outer >> ran");
    let outer = server.create(&manual("outer", &command, &json!({})));
    server.run(&outer);
    assert_eq!(server.outcomes(&outer), ["succeeded"]);
    assert_eq!(server.lines("ran"), ["inner", "outer"]);
}

#[test]
fn a_start_whose_job_is_deleted_is_answered() {
    let server = Server::start();
    let id = server.create(&manual(
        "held",
        "echo $$ > begun; exec sleep 60",
        &json!({}),
    ));
    std::thread::scope(|scope| {
        let start = scope.spawn(|| {
            server
                .post(&format!("/api/v1/job/start/{id}/"), &json!({}))
                .status
        });
        server.await_lines("begun", 1);
        server.remove(&id);
        assert_ne!(start.join().unwrap(), 204);
    });
}
