//! The API, as scripts use it: whole stories over a real server.

use std::io::Read;
use std::thread;

use serde_json::{Value, json};

use crate::support::{Response, Server, wait_for, wait_until};

/// Never by itself.
fn manual(name: &str, command: &str) -> Value {
    json!({"name": name, "command": command, "schedule": "@manual"})
}

/// The body of an error, its words.
#[track_caller]
fn error(response: Response, status: u16) -> String {
    let body = response.expect(status).json();
    body["error"].as_str().expect("an error").to_owned()
}

#[test]
fn the_document_of_kala_holds() {
    let server = Server::start();
    assert_eq!(server.get("/api/v1/job/").text(), "{\"jobs\":{}}\n");
    let job = json!({
        "epsilon": "PT5S",
        "command": "echo done",
        "Name": "test_job",
        "schedule": "R2/2037-06-04T19:25:16.828696-07:00/PT10S",
    });
    let created = server.post("/api/v1/job/", &job).expect(201);
    assert_eq!(
        created.header("Content-Type"),
        Some("application/json;charset=UTF-8")
    );
    let id = created.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(created.text(), format!("{{\"id\":\"{id}\"}}\n"));

    let listed = server.get("/api/v1/job/").json();
    assert_eq!(listed["jobs"][&id], server.job(&id));
    assert_eq!(
        server.job(&id)["next_run_at"],
        "2037-06-04T19:25:16.828696-07:00"
    );
    let stats = server.get(&format!("/api/v1/job/stats/{id}/"));
    assert_eq!(stats.text(), "{\"job_stats\":null}\n");

    server.run(&id);
    let stats = server.get(&format!("/api/v1/job/stats/{id}/")).json();
    assert_eq!(stats["job_stats"][0]["JobId"], id.as_str());
    assert_eq!(stats["job_stats"][0]["success"], true);
    let job = server.job(&id);
    assert_eq!(
        (&job["success_count"], &job["metadata"]["success_count"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(job["stats"], stats["job_stats"]);

    server
        .post(&format!("/api/v1/job/disable/{id}/"), &json!({}))
        .expect(204);
    assert_eq!(server.job(&id)["disabled"], true);
    error(
        server.post(&format!("/api/v1/job/start/{id}/"), &json!({})),
        409,
    );
    let stats = server.get("/api/v1/stats/").json();
    assert_eq!(
        (
            &stats["Stats"]["DisabledJobs"],
            &stats["Stats"]["active_jobs"]
        ),
        (&json!(1), &json!(0))
    );
    server
        .post(&format!("/api/v1/job/enable/{id}/"), &json!({}))
        .expect(204);
    assert_eq!(server.job(&id)["disabled"], false);

    server.delete(&format!("/api/v1/job/{id}/")).expect(204);
    error(server.get(&format!("/api/v1/job/{id}/")), 404);
    server.create(&manual("another", "true"));
    server.delete("/api/v1/job/all/").expect(204);
    assert_eq!(server.get("/api/v1/job/").text(), "{\"jobs\":{}}\n");
}

#[test]
fn paths_and_methods() {
    let server = Server::start();
    let id = server.create(&manual("x", "true"));
    for path in [
        "/api/v1/job",
        &format!("/api/v1/job/{id}"),
        &format!("/api/v1/job/{id}/runs"),
    ] {
        let plain = server.get(path).expect(200);
        let slash = server.get(&format!("{path}/")).expect(200);
        assert_eq!(plain.body, slash.body, "{path}");
        let head = server.request("HEAD", path, None).expect(200);
        assert_eq!(
            head.header("Content-Length"),
            slash.header("Content-Length"),
            "{path}"
        );
    }
    // Its own time stands in it, so that no two are alike.
    server.get("/api/v1/stats").expect(200);
    server.request("HEAD", "/api/v1/stats/", None).expect(200);
    error(server.get("/api/v1/nothing/"), 404);
    let wrong = server
        .request("PUT", "/api/v1/job/", Some("{}"))
        .expect(405);
    assert_eq!(wrong.header("Allow"), Some("GET, HEAD, POST"));
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1_048_576));
    server
        .request("POST", "/api/v1/job/", Some(&large))
        .expect(413);
}

#[test]
fn what_is_refused_leaves_nothing() {
    let server = Server::start();
    for (job, why) in [
        (
            json!({"name": "x", "command": "true", "shedule": "R//PT1H"}),
            "did you mean \"schedule\"?",
        ),
        (
            json!({"name": "x", "command": "true", "schedule": "//"}),
            "schedule: ",
        ),
        (
            json!({"name": "x", "command": "true", "schedule": "R/2001-01-01T00:00:00Z/PT1H"}),
            "ago",
        ),
        (
            json!({"name": "x", "command": "true", "parent_jobs": ["93b65499-b211-49ce-57e0-19e735cc5abd"]}),
            "create the parent first",
        ),
        (
            json!({"name": "x", "command": "true", "on_failure_job": "93b65499-b211-49ce-57e0-19e735cc5abd"}),
            "create the failure job first",
        ),
        (json!({"name": "x"}), "command is missing"),
    ] {
        let words = error(server.post("/api/v1/job/", &job), 400);
        assert!(words.contains(why), "{words}");
    }
    assert_eq!(server.get("/api/v1/job/").text(), "{\"jobs\":{}}\n");
}

#[test]
fn a_name_can_be_the_only_one() {
    let server = Server::start();
    let id = server.create(&manual("x", "true"));
    let taken = server
        .post("/api/v1/job/?unique=name", &manual("x", "true"))
        .expect(409)
        .json();
    assert_eq!(taken["id"], id.as_str());
    server
        .post("/api/v1/job/?unique=name", &manual("y", "true"))
        .expect(201);
    server
        .post("/api/v1/job/", &manual("x", "true"))
        .expect(201);
}

#[test]
fn a_job_is_changed_whole_or_in_part() {
    let server = Server::start();
    let id = server.create(&json!({
        "name": "x", "command": "true", "schedule": "R/2037-06-04T19:25:16Z/PT10S", "retries": 2, "tags": ["a"],
    }));
    let path = format!("/api/v1/job/{id}/");
    let shown = server.get(&path).expect(200);
    let first = shown.header("ETag").unwrap().to_owned();

    let patched = server
        .request("PATCH", &path, Some(r#"{"command":"date"}"#))
        .expect(200);
    let job = &patched.json()["job"];
    assert_eq!(
        (&job["command"], &job["retries"], &job["tags"]),
        (&json!("date"), &json!(2), &json!(["a"]))
    );
    assert_ne!(patched.header("ETag"), Some(&*first));

    // What was shown before goes back as it is, wrapping and all.
    let put = server
        .request("PUT", &path, Some(&shown.text()))
        .expect(200);
    assert_eq!(put.json()["job"]["command"], "true");
    assert_eq!(put.json()["job"]["next_run_at"], "2037-06-04T19:25:16Z");

    let mut client = server.client();
    let body = r#"{"retries":3}"#;
    let request = format!(
        "PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nIf-Match: {first}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.send(request.as_bytes()).unwrap();
    error(client.read("PATCH").unwrap(), 412);
    assert_eq!(server.job(&id)["retries"], 2);
}

#[test]
fn patches_of_different_keys_do_not_undo_each_other() {
    let server = Server::start();
    let id = server.create(&manual("x", "true"));
    let path = format!("/api/v1/job/{id}/");
    let last = |key: &str| {
        let mut client = server.client();
        for number in 1..=40 {
            let body = format!(r#"{{"{key}":"{number}"}}"#);
            client
                .request("PATCH", &path, Some(&body))
                .unwrap()
                .expect(200);
        }
    };
    thread::scope(|scope| {
        for key in ["description", "owner", "cwd"] {
            scope.spawn(move || last(key));
        }
    });
    let job = server.job(&id);
    for key in ["description", "owner", "cwd"] {
        assert_eq!(job[key], "40", "{key}");
    }
}

#[test]
fn runs_tell_how_they_went() {
    let server = Server::start();
    let good = server.create(&manual("good", "echo it works"));
    let started = server
        .post(&format!("/api/v1/job/start/{good}/"), &json!({}))
        .expect(204);
    let run = started.header("Location").unwrap().to_owned();
    let shown = &server.get(&run).expect(200).json()["run"];
    assert_eq!(
        (&shown["outcome"], &shown["exit_code"], &shown["trigger"]),
        (&json!("succeeded"), &json!(0), &json!("manual"))
    );
    let output = server.get(&format!("{run}output/")).expect(200);
    assert_eq!(
        (output.text().as_str(), output.header("Content-Type")),
        ("it works\n", Some("text/plain; charset=utf-8"))
    );

    let bad = server.create(&manual("bad", "exit 3"));
    server.run(&bad);
    let runs = server.get(&format!("/api/v1/job/{bad}/runs/")).json();
    let failed = &runs["runs"][0];
    assert_eq!(
        (&failed["outcome"], &failed["exit_code"], &failed["error"]),
        (&json!("failed"), &json!(3), &json!("exit status 3"))
    );
    assert_eq!(
        server.get("/api/v1/job/?status=failed").json()["jobs"]
            .as_object()
            .unwrap()
            .len(),
        1
    );
    error(
        server.get(&format!(
            "/api/v1/job/{good}/runs/{}/",
            failed["id"].as_str().unwrap()
        )),
        404,
    );
}

#[test]
fn history_is_read_page_by_page() {
    let server = Server::start();
    let id = server.create(&manual("x", "true"));
    for _ in 0..5 {
        server.run(&id);
    }
    let mut found = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = server
            .get(&format!("/api/v1/job/{id}/runs/{query}"))
            .expect(200)
            .json();
        let runs = page["runs"].as_array().unwrap();
        found.extend(
            runs.iter()
                .map(|run| run["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => query = format!("?limit=2&before={next}"),
            None => break,
        }
    }
    assert_eq!(found.len(), 5);
    assert!(
        found.is_sorted_by(|newer, older| newer > older),
        "{found:?}"
    );
}

#[test]
fn a_run_in_progress_is_seen_and_cancelled() {
    let server = Server::start();
    let id = server.create(&manual("x", "echo begun; sleep 1000"));
    let started = server
        .post(&format!("/api/v1/job/start/{id}/?wait=false"), &json!({}))
        .expect(204);
    let run = started.header("Location").unwrap().to_owned();
    wait_until("it has written", || {
        server.get(&format!("{run}output/")).text() == "begun\n"
    });
    assert_eq!(server.get(&run).json()["run"]["outcome"], Value::Null);
    assert_eq!(server.job(&id)["running"], 1);
    assert_eq!(
        server.get("/api/v1/job/?status=running").json()["jobs"]
            .as_object()
            .unwrap()
            .len(),
        1
    );
    server
        .post(&format!("{run}cancel/"), &json!({}))
        .expect(204);
    let outcome = wait_for("it is over", || {
        let run = server.get(&run).expect(200).json();
        run["run"]["outcome"].as_str().map(str::to_owned)
    });
    assert_eq!(outcome, "cancelled");
    error(server.post(&format!("{run}cancel/"), &json!({})), 404);
}

#[test]
fn waiting_starts_hold_nobody_up() {
    let server = Server::start();
    let id = server.create(&manual("x", "while [ ! -e go ]; do sleep 0.05; done"));
    let path = format!("/api/v1/job/start/{id}/");
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| server.post(&path, &json!({})).status))
            .collect();
        wait_until("all have begun", || server.job(&id)["running"] == 20);
        std::fs::write(server.dir().join("go"), "").unwrap();
        for start in waiting {
            assert_eq!(start.join().unwrap(), 204);
        }
    });
    assert_eq!(server.job(&id)["success_count"], 20);
}

#[test]
fn long_lists_come_whole_and_compressed() {
    let server = Server::start();
    let mut client = server.client();
    for number in 0..200 {
        let job = manual(&format!("job {number}"), "true").to_string();
        client
            .request("POST", "/api/v1/job/", Some(&job))
            .unwrap()
            .expect(201);
    }
    let list = server.get("/api/v1/job/").expect(200);
    assert_eq!(list.json()["jobs"].as_object().unwrap().len(), 200);
    client
        .send(b"GET /api/v1/job/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n")
        .unwrap();
    let zipped = client.read("GET").unwrap();
    assert_eq!(zipped.header("Content-Encoding"), Some("gzip"));
    assert_eq!(zipped.header("Vary"), Some("Accept-Encoding"));
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&*zipped.body)
        .read_to_end(&mut text)
        .unwrap();
    assert_eq!(text, list.body);

    let page = server.get("/api/v1/job/?limit=150").json();
    let next = page["next"].as_str().unwrap();
    let rest = server
        .get(&format!("/api/v1/job/?limit=150&after={next}"))
        .json();
    assert_eq!(rest["jobs"].as_object().unwrap().len(), 50);
    assert_eq!(rest["next"], Value::Null);
}

#[test]
fn a_family_goes_with_its_last_parent() {
    let server = Server::start();
    let parent = server.create(&manual("parent", "true"));
    let child = server
        .create(&json!({"name": "child", "command": "true", "parent_jobs": [parent, parent]}));
    assert_eq!(server.job(&parent)["dependent_jobs"], json!([child]));
    assert_eq!(server.job(&child)["parent_jobs"], json!([parent]));
    server.run(&parent);
    assert_eq!(server.job(&child)["success_count"], 1);
    let cycle = json!({"name": "parent", "command": "true", "parent_jobs": [child]}).to_string();
    let words = error(
        server.request("PUT", &format!("/api/v1/job/{parent}/"), Some(&cycle)),
        400,
    );
    assert!(words.contains("for ever"), "{words}");
    server.delete(&format!("/api/v1/job/{parent}/")).expect(204);
    error(server.get(&format!("/api/v1/job/{child}/")), 404);
}

#[test]
fn past_occurrences_are_run_when_asked_for() {
    let server = Server::start();
    let job = json!({"name": "x", "command": "true", "schedule": "R/2020-01-01T00:00:00Z/P1D"});
    let created = server
        .post("/api/v1/job/?past_start=keep", &job)
        .expect(201)
        .json();
    let id = created["id"].as_str().unwrap();
    let path = format!("/api/v1/job/{id}/backfill/");
    let window = json!({"from": "2021-03-01T00:00:00Z", "to": "2021-03-03T12:00:00Z"});
    assert_eq!(server.post(&path, &window).expect(202).json()["runs"], 3);
    wait_until("they have run", || server.job(id)["success_count"] == 3);
    let runs = server.get(&format!("/api/v1/job/{id}/runs/")).json();
    let days: Vec<&str> = runs["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["scheduled_at"].as_str().unwrap())
        .collect();
    assert_eq!(
        days,
        [
            "2021-03-03T00:00:00Z",
            "2021-03-02T00:00:00Z",
            "2021-03-01T00:00:00Z"
        ]
    );
    error(
        server.post(
            &path,
            &json!({"from": "2019-01-01T00:00:00Z", "to": "2019-02-01T00:00:00Z"}),
        ),
        400,
    );
}

#[test]
fn all_scheduling_can_pause() {
    let server = Server::start();
    let paused = |server: &Server| server.get("/api/v1/stats/").json()["Stats"]["paused"].clone();
    server.post("/api/v1/pause/", &json!({})).expect(204);
    assert_eq!(paused(&server), true);
    server.post("/api/v1/resume/", &json!({})).expect(204);
    assert_eq!(paused(&server), false);
}

#[test]
fn a_schedule_is_tried_out() {
    let server = Server::start();
    let asked = json!({"schedule": "0 9 * * 1", "timezone": "Europe/Berlin", "count": 2});
    let shown = server
        .post("/api/v1/schedule/preview/", &asked)
        .expect(200)
        .json();
    assert_eq!(shown["occurrences"].as_array().unwrap().len(), 2);
    let words = error(
        server.post(
            "/api/v1/schedule/preview/",
            &json!({"schedule": "R/x/PT1H"}),
        ),
        400,
    );
    assert!(words.contains("\"x\""), "{words}");
}
