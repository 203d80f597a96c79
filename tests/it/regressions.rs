//! What brought the predecessor down, hung it or lost its jobs: each fault was seen there, and has a test here.

use std::fs;
use std::thread;

use chrono::TimeDelta;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Client, HOLD, NEVER, Server, assert_accounted, time, wait_until};

const FAR: &str = "R/2037-06-04T19:25:16Z/PT1H";

fn job(schedule: &str, command: &str) -> Value {
    json!({"name": "x", "command": command, "schedule": schedule})
}

fn child(parents: &[&str], command: &str) -> Value {
    json!({"name": "child", "command": command, "parent_jobs": parents})
}

/// Ids of all jobs, sorted.
fn ids(server: &Server) -> Vec<String> {
    let list = server.get("/api/v1/job/").expect(200).json();
    let jobs = list["jobs"].as_object().expect("jobs");
    let mut ids: Vec<String> = jobs.keys().cloned().collect();
    ids.sort_unstable();
    ids
}

fn crash(server: &mut Server) {
    server.kill9();
    server.start_again();
}

/// A figure of the server's process, from a file of `/proc` with lines such as `VmHWM:  1234 kB`.
fn of_process(server: &Server, file: &str, key: &str) -> u64 {
    let path = format!("/proc/{}/{file}", server.pid().as_raw_nonzero());
    let text = fs::read_to_string(path).expect("the server runs");
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

#[test]
fn no_schedule_takes_the_server_down() {
    let mut server = Server::start();
    for schedule in [
        "//",
        "/",
        "///",
        "r2//PT1H",
        "r2/2037-06-04T19:25:16Z/PT1H",
        "2/2037-06-04T19:25:16Z/PT1H",
        "/x",
        "R",
        "R/",
        "R//",
        "R2/",
        "Rx//PT1H",
        "R-1//PT1H",
        "R99999999999999999999//PT1H",
        "R//P",
        "R//PT",
        "R//-PT1H",
        "R//PT0S",
        "R//PT0.001S",
        "R/2037-06-04T19:25:16Z/PT0S",
        "R/0000-00-00T00:00:00Z/PT1H",
        "R/2037-02-30T00:00:00Z/PT1H",
        "\0",
        "@",
        "@never",
        "* * *",
        "61 * * * *",
    ] {
        let answer = server.post("/api/v1/job/", &job(schedule, "true"));
        assert_eq!(answer.status, 400, "{schedule}: {}", answer.text());
        assert!(
            answer.json()["error"]
                .as_str()
                .is_some_and(|words| words.contains("schedule"))
        );
    }
    assert_eq!(ids(&server), [] as [&str; 0]);
    crash(&mut server);
    assert_eq!(ids(&server), [] as [&str; 0]);
}

#[test]
fn recurring_jobs_go_on_after_every_restart() {
    let mut server = Server::start();
    let jobs: Vec<String> = (0..10)
        .map(|_| server.create(&job("R//PT0.5S", "true")))
        .collect();
    for signal in [Signal::TERM, Signal::INT, Signal::KILL] {
        server.signal(signal);
        server.exit();
        let before: Vec<u64> = {
            server.start_again();
            jobs.iter()
                .map(|id| server.figure(id, "success_count"))
                .collect()
        };
        for (id, before) in jobs.iter().zip(before) {
            wait_until("it goes on", || {
                server.figure(id, "success_count") >= before + 2
            });
        }
    }
}

#[test]
fn starts_disables_and_enables_make_no_second_chain() {
    let server = Server::start();
    let id = server.create(&job("R//PT0.2S", "true"));
    for _ in 0..3 {
        server.run(&id);
        server.disable(&id);
        server.disable(&id);
        server.enable(&id);
        server.enable(&id);
    }
    let before = server.history(&id).len();
    wait_until("it has run some more", || {
        server.history(&id).len() >= before + 5
    });
    server.disable(&id);
    server.await_figure(&id, "running", 0);
    assert_accounted(&server.history(&id), TimeDelta::milliseconds(200));

    let twice = server.create(&job("R1//PT0.3S", "true"));
    server.run(&twice);
    server.await_done(&twice);
    let history = server.history(&twice);
    let by_hand = history.iter().filter(|run| run["trigger"] == "manual");
    assert_eq!((by_hand.count(), history.len()), (1, 3), "{history:#?}");
}

#[test]
fn a_job_disabled_over_a_restart_can_be_enabled() {
    let mut server = Server::start();
    let far = server.create(&job(FAR, "true"));
    let near = server.create(&job("R//PT0.2S", "true"));
    for id in [&far, &near] {
        server.disable(id);
    }
    crash(&mut server);
    for id in [&far, &near] {
        assert_eq!(server.job(id)["disabled"], true);
        server.enable(id);
    }
    assert_eq!(server.job(&far)["next_run_at"], "2037-06-04T19:25:16Z");
    let before = server.figure(&near, "success_count");
    wait_until("it runs", || {
        server.figure(&near, "success_count") >= before + 2
    });
}

#[test]
fn children_and_their_links_outlive_restarts_and_crashes() {
    let mut server = Server::start();
    let parent = server.create(&job(FAR, "true"));
    let first = server.create(&child(&[&parent], "true"));
    let second = server.create(&child(&[&first], "true"));
    let once = server.create(&json!({"name": "once", "command": "true"}));
    server.await_done(&once);
    for count in 1..=3 {
        match count {
            1 => server.restart(),
            _ => crash(&mut server),
        }
        assert_eq!(ids(&server).len(), 4);
        assert_eq!(server.job(&parent)["dependent_jobs"], json!([first]));
        assert_eq!(server.job(&first)["dependent_jobs"], json!([second]));
        assert_eq!(server.job(&second)["parent_jobs"], json!([first]));
        server.run(&parent);
        assert_eq!(server.figure(&second, "success_count"), count);
    }
}

#[test]
fn a_refused_job_leaves_nothing_behind() {
    let mut server = Server::start();
    let good = server.create(&job(FAR, "true"));
    let gone = "93b65499-b211-49ce-57e0-19e735cc5abd";
    for refused in [
        child(&[gone], "echo ran >> ran"),
        child(&[&good, gone], "echo ran >> ran"),
        json!({"name": "x", "command": "echo ran >> ran", "parent_jobs": [good], "on_failure_job": gone}),
        json!({"name": "x", "command": "echo ran >> ran", "parent_jobs": [good], "schedule": FAR}),
        json!({"name": "x", "command": "echo 'ran", "parent_jobs": [good]}),
    ] {
        server.post("/api/v1/job/", &refused).expect(400);
    }
    for _ in 0..2 {
        assert_eq!(ids(&server), [good.as_str()]);
        assert_eq!(server.job(&good)["dependent_jobs"], Value::Null);
        server.run(&good);
        assert_eq!(server.lines("ran").len(), 0);
        crash(&mut server);
    }
}

#[test]
fn nothing_waits_for_a_run_in_progress() {
    let mut server = Server::with(&["--grace", "0"]);
    let held = format!("echo begun >> begun; {HOLD}");
    let id = server.create(&job(FAR, &held));
    let other = server.create(&job(FAR, &held));
    server.begin(&id);
    server.begin(&other);
    server.await_lines("begun", 2);
    server.disable(&id);
    server.enable(&id);
    server.disable(&id);
    server
        .patch(&id, &json!({"description": "runs"}))
        .expect(200);
    assert_eq!(server.figure(&id, "running"), 1);
    assert_eq!(ids(&server).len(), 2);
    server.get("/api/v1/stats/").expect(200);
    server.remove(&other);
    assert_eq!(ids(&server), [id.as_str()]);
    server.signal(Signal::TERM);
    assert!(server.exit().success());
}

#[test]
fn jobs_cannot_trigger_each_other_for_ever() {
    let server = Server::start();
    let a = server.create(&job(FAR, "echo a >> ran"));
    let mut b = child(&[&a], "echo b >> ran");
    // As a client posts back what it was shown: taken, and ignored.
    b["dependent_jobs"] = json!([a]);
    let b = server.create(&b);
    assert_eq!(server.job(&b)["dependent_jobs"], Value::Null);
    server.run(&a);
    assert_eq!(server.lines("ran"), ["a", "b"]);
    for keys in [
        json!({"parent_jobs": [b], "schedule": ""}),
        json!({"parent_jobs": [a], "schedule": ""}),
        json!({"on_failure_job": a}),
    ] {
        let words = server.patch(&a, &keys).expect(400).text();
        assert!(words.contains("for ever"), "{words}");
    }
    assert_eq!(server.job(&a)["parent_jobs"], Value::Null);
    server.patch(&b, &json!({"on_failure_job": a})).expect(400);
    server.run(&a);
    assert_eq!(server.lines("ran").len(), 4);
}

#[test]
fn delete_all_deletes_all() {
    let mut server = Server::start();
    for round in 0..3 {
        let parent = server.create(&job(FAR, HOLD));
        let children: Vec<String> = (0..20)
            .map(|_| server.create(&child(&[&parent], "true")))
            .collect();
        server.create(&child(&[&parent, &children[0]], "true"));
        if round > 0 {
            server.begin(&parent);
        }
        server.delete("/api/v1/job/all/").expect(204);
        assert_eq!(ids(&server), [] as [&str; 0]);
        crash(&mut server);
        assert_eq!(ids(&server), [] as [&str; 0]);
    }
}

#[test]
fn a_failing_child_with_a_window_fails_alone() {
    let server = Server::start();
    // By hand, and by the clock, where it took the whole process along.
    for schedule in ["@manual", "R0//"] {
        server.pause();
        let parent = server.create(&job(schedule, "true"));
        let failing = server.create(&json!({
            "name": "failing", "command": "exit 1", "parent_jobs": [parent], "epsilon": "PT30S", "retries": 2,
        }));
        if schedule == "@manual" {
            server.run(&parent);
        }
        server.resume();
        wait_until("it has failed", || server.outcomes(&failing) == ["failed"]);
        assert_eq!(server.history(&failing)[0]["attempts"], 3);
        assert_eq!(server.outcomes(&parent), ["succeeded"]);
    }
}

#[test]
fn durations_of_nothing_keep_nobody_busy() {
    let server = Server::start();
    let nothing = json!({
        "name": "x", "command": "[ $NIMESHA_ATTEMPT = 2 ]", "schedule": "@manual", "retries": 3,
        "epsilon": "PT0S", "retry_delay": "PT0S",
    });
    let id = server.create(&nothing);
    server.run(&id);
    // No limit: the second attempt may start, whenever that is.
    assert_eq!(server.outcomes(&id), ["succeeded"]);
    assert_eq!(server.history(&id)[0]["attempts"], 2);
}

#[test]
fn the_far_future_is_not_now() {
    let mut server = Server::start();
    let starts = ["2300-01-01T00:00:00Z", "9999-12-31T23:59:59Z"];
    let far = starts.map(|start| server.create(&job(&format!("R/{start}/P1Y"), "echo ran >> ran")));
    for _ in 0..2 {
        let now = server.create(&json!({"name": "now", "command": "true"}));
        server.await_done(&now);
        for (id, start) in far.iter().zip(starts) {
            assert_eq!(server.job(id)["next_run_at"], start);
            assert_eq!(server.history(id), [] as [Value; 0]);
        }
        crash(&mut server);
    }
    assert_eq!(server.lines("ran").len(), 0);
}

#[test]
fn what_a_command_writes_takes_no_memory() {
    let server = Server::start();
    let id = server.create(&job("@manual", "yes | head -c 500000000"));
    let before = of_process(&server, "status", "VmHWM");
    server.run(&id);
    let after = of_process(&server, "status", "VmHWM");
    assert_eq!(server.history(&id)[0]["output_size"], 500_000_000);
    assert!(after - before < 32 * 1024, "from {before} to {after} KiB");
}

#[test]
fn a_run_costs_the_same_after_many_runs() {
    let server = Server::start();
    let id = server.create(&job("@manual", "echo some words of output"));
    let run = |count: usize| {
        let mut client: Client = server.client();
        for _ in 0..count {
            let path = format!("/api/v1/job/start/{id}/");
            client
                .request("POST", &path, Some("{}"))
                .unwrap()
                .expect(204);
        }
    };
    // Bytes given to the disk: they say what a run costs on any machine.
    let written_by = |count: usize| {
        let before = of_process(&server, "io", "wchar");
        run(count);
        of_process(&server, "io", "wchar") - before
    };
    run(5);
    let young = written_by(20);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| run(40));
        }
    });
    let old = written_by(20);
    assert!(
        old < young * 3,
        "20 runs wrote {young} bytes, and {old} after 320 others"
    );
}

#[test]
fn done_is_done_after_a_crash() {
    let mut server = Server::start();
    let ran = server.create(&json!({"name": "ran", "command": "true"}));
    let begun = server.create(&json!({"name": "begun", "command": "echo x > begun; exec sleep 5"}));
    server.await_done(&ran);
    server.await_lines("begun", 1);
    crash(&mut server);
    for id in [&ran, &begun] {
        let job = server.job(id);
        assert_eq!(
            (&job["is_done"], &job["next_run_at"]),
            (&json!(true), &json!(NEVER))
        );
        assert_eq!(server.history(id).len(), 1);
    }
}

#[test]
fn errors_are_logged_only_where_there_are_any() {
    let mut server = Server::start();
    let id = server.create(&job(FAR, "true"));
    server.run(&id);
    server.remove(&id);
    server.signal(Signal::TERM);
    assert!(server.exit().success());
    let log = server.log();
    assert!(!log.contains("[ERROR]") && !log.contains("[WARN]"), "{log}");
}

#[test]
fn idle_connections_keep_neither_requests_nor_jobs_from_their_descriptors() {
    let server = Server::with_files(256);
    let id = server.create(&job("R2//PT0.5S", "true"));
    let idle: Vec<_> = (0..400)
        .map(|_| std::net::TcpStream::connect(("127.0.0.1", server.port())))
        .collect();
    server.get("/api/v1/stats/").expect(200);
    server.await_done(&id);
    assert_eq!(server.figure(&id, "success_count"), 3);
    drop(idle);
}

#[test]
fn nobody_s_list_stands_in_memory_whole() {
    let server = Server::start();
    let words = "x".repeat(20_000);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = server.client();
                let body =
                    json!({"name": "x", "command": "true", "schedule": FAR, "description": words})
                        .to_string();
                for _ in 0..50 {
                    client
                        .request("POST", "/api/v1/job/", Some(&body))
                        .unwrap()
                        .expect(201);
                }
            });
        }
    });
    // 64 clients ask for 8 MB each and read nothing yet.
    let before = of_process(&server, "status", "VmRSS");
    let mut clients: Vec<Client> = (0..64).map(|_| server.client()).collect();
    for client in &mut clients {
        client
            .send(b"GET /api/v1/job/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            .unwrap();
    }
    server.get("/api/v1/stats/").expect(200);
    let list = clients[0].read("GET").unwrap().expect(200);
    assert!(list.body.len() > 8_000_000);
    let after = of_process(&server, "status", "VmRSS");
    assert!(after < before + 64 * 1024, "from {before} to {after} KiB");
}

#[test]
fn the_answer_to_stats_says_when_it_was_made() {
    let server = Server::start();
    let stats = server.get("/api/v1/stats/").expect(200).json();
    assert_eq!(stats["Stats"]["CreatedAt"], stats["Stats"]["created"]);
    let later = server.get("/api/v1/stats/").expect(200).json();
    assert!(time(&later["Stats"]["created"]) > time(&stats["Stats"]["created"]));
}
