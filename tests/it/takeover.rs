//! Importing jobs: what one server shows, another takes over.

use serde_json::{Map, Value, json};

use crate::support::{NEVER, Server, TempDir, time, wait_until};

const IMPORT: &str = "/api/v1/import/";

/// All that a server shows of its jobs, each with its runs.
fn export(server: &Server) -> Value {
    let mut jobs = server.get("/api/v1/job/").expect(200).json()["jobs"].take();
    for (id, job) in jobs.as_object_mut().expect("an object") {
        job["runs"] = Value::Array(server.history(id));
    }
    json!({ "jobs": jobs })
}

/// What must be the same on both servers.
fn without_updates(mut all: Value) -> Value {
    for job in all["jobs"].as_object_mut().expect("an object").values_mut() {
        let job: &mut Map<String, Value> = job.as_object_mut().expect("an object");
        job.remove("updated_at");
    }
    all
}

/// A server with a bit of everything: a family, a failing job with a failure job, one that is done, schedules on a grid.
fn busy() -> Server {
    let server = Server::start();
    let parent =
        server.create(&json!({"name": "parent", "command": "echo hi", "schedule": "@manual"}));
    for name in ["first", "second"] {
        server.create(&json!({"name": name, "command": "true", "parent_jobs": [parent]}));
    }
    server.run(&parent);
    let alarm = server.create(&json!({"name": "alarm", "command": "true", "schedule": "@manual"}));
    let fails = server.create(&json!({
        "name": "fails", "command": "exit 3", "schedule": "R/2037-01-01T00:00:00Z/P1D", "on_failure_job": alarm,
        "retries": 1,
    }));
    server.run(&fails);
    server.await_figure(&alarm, "success_count", 1);
    let done = server.create(&json!({"name": "done", "command": "true"}));
    server.await_done(&done);
    let grid = server.create(&json!({"name": "grid", "command": "true", "schedule": "R//PT1H"}));
    server.await_figure(&grid, "success_count", 1);
    server
        .create(&json!({"name": "off", "command": "true", "schedule": "@daily", "disabled": true}));
    server
}

#[test]
fn what_a_server_shows_another_takes_over_whole() {
    let from = busy();
    let all = export(&from);
    let mut to = Server::start();
    let dry = to
        .post("/api/v1/import/?dry_run=true", &all)
        .expect(200)
        .json();
    assert_eq!(dry["created"].as_array().map(Vec::len), Some(8));
    assert_eq!(to.get("/api/v1/job/").text(), "{\"jobs\":{}}\n");
    let done = to.post(IMPORT, &all).expect(200).json();
    assert_eq!(done["created"], dry["created"]);
    let expected = without_updates(all.clone());
    assert_eq!(without_updates(export(&to)), expected);
    to.restart();
    assert_eq!(without_updates(export(&to)), expected);
    let lists = [&from, &to].map(|server| {
        let text = server.get("/api/v1/job/").text();
        let ids = text
            .split("\"id\":\"")
            .skip(1)
            .map(|rest| rest[..36].to_owned());
        ids.collect::<Vec<_>>()
    });
    assert_eq!(lists[0], lists[1], "in the order of creation");
    // A second time they are there.
    let refused = to.post(IMPORT, &all).expect(409).json();
    assert!(all["jobs"][refused["id"].as_str().expect("which")].is_object());
    let skipped = to
        .post("/api/v1/import/?existing=skip", &all)
        .expect(200)
        .json();
    assert_eq!(skipped["skipped"].as_array().map(Vec::len), Some(8));
    // Runs go on, and replacing brings the old figures back.
    let names = |name: &str| {
        let jobs = all["jobs"].as_object().expect("jobs").values();
        let id = jobs
            .filter(|job| job["name"] == name)
            .map(|job| &job["id"])
            .next();
        id.and_then(Value::as_str)
            .expect("one of that name")
            .to_owned()
    };
    let parent = names("parent");
    to.run(&parent);
    assert_eq!(to.figure(&names("second"), "success_count"), 2);
    assert_eq!(to.outcomes(&parent), ["succeeded", "succeeded"]);
    to.post("/api/v1/import/?existing=replace", &all)
        .expect(200);
    assert_eq!(without_updates(export(&to)), expected);
    to.run(&parent);
    assert_eq!(to.outcomes(&names("first")), ["succeeded", "succeeded"]);
}

#[test]
fn jobs_come_a_line_each_and_what_passed_is_caught_up() {
    let server = Server::start();
    let lines = [
        json!({
            "name": "daily", "command": "true", "schedule": "R/2020-01-01T12:00:00Z/P1D", "id": "93b65499-b211-49ce-57e0-19e735cc5abd",
            "created_at": "2020-01-01T00:00:00Z", "next_run_at": "2026-01-01T12:00:00Z", "success_count": 2190,
        }),
        json!({
            "name": "rests", "command": "true", "schedule": "R/2020-01-01T12:00:00Z/P1D", "resume_at_next_scheduled_time": true,
            "created_at": "2020-01-01T00:00:00Z", "next_run_at": "2026-01-01T12:00:00Z",
        }),
        json!({"name": "new", "command": "true"}),
    ];
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let imported = server.request("POST", IMPORT, Some(&lines.join("\n")));
    let imported = imported.expect(200).json();
    let ids: Vec<&str> = imported["created"]
        .as_array()
        .expect("ids")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let [daily, rests, new] = ids[..] else {
        panic!("{ids:?}")
    };
    assert_eq!(daily, "93b65499-b211-49ce-57e0-19e735cc5abd");
    server.await_figure(daily, "success_count", 2191);
    server.await_done(new);
    let missed = server.figure(daily, "missed_count");
    assert_eq!(server.figure(rests, "missed_count"), missed + 1);
    assert_eq!(server.outcomes(rests), ["missed"]);
    for id in [daily, rests] {
        let job = server.job(id);
        assert_ne!(job["next_run_at"], NEVER);
        let next = job["next_run_at"].as_str().expect("a time");
        assert!(next.ends_with("T12:00:00Z"), "{next}");
        assert_eq!(job["created_at"], "2020-01-01T00:00:00Z");
    }
}

#[test]
fn kalas_jobs_bring_their_figures_and_runs() {
    let server = Server::start();
    let zero = "0001-01-01T00:00:00Z";
    let id = "1b65499a-b211-49ce-57e0-19e735cc5abd";
    let kala = json!({"jobs": {id: {
        "name": "test_job", "id": id, "command": "true", "owner": "me", "disabled": false, "dependent_jobs": null,
        "parent_jobs": null, "on_failure_job": "", "schedule": "R/2020-06-04T19:25:16.828696-07:00/PT24H", "retries": 0,
        "epsilon": "PT5S", "next_run_at": "2037-06-04T19:25:16.828696-07:00", "TemplateDelimiters": "",
        "resume_at_next_scheduled_time": false, "metadata": {"success_count": 1, "last_success": "2026-01-02T00:00:00Z",
        "error_count": 1, "last_error": zero, "last_attempted_run": "2026-01-02T00:00:00Z", "number_of_finished_runs": 2},
        "type": 0, "remote_properties": {"url": "", "method": "", "body": "", "headers": null, "timeout": 0,
        "expected_response_codes": null}, "is_done": false, "stats": [
            {"job_id": id, "ran_at": "2026-01-01T00:00:00Z", "number_of_retries": 2, "success": false, "execution_duration": 5},
            {"JobId": id, "RanAt": "2026-01-02T00:00:00Z", "NumberOfRetries": 0, "Success": true, "ExecutionDuration": 7}]
    }}});
    server.post(IMPORT, &kala).expect(200);
    let job = server.job(id);
    assert_eq!(job["metadata"]["number_of_finished_runs"], 2);
    assert_eq!(job["stats"][0]["number_of_retries"], 2);
    assert_eq!(server.outcomes(id), ["failed", "succeeded"]);
    let next = time(&job["next_run_at"]);
    assert!(next > chrono::Utc::now());
    server.run(id);
    assert_eq!(server.outcomes(id), ["failed", "succeeded", "succeeded"]);
}

#[test]
fn all_of_a_request_or_nothing() {
    let server = Server::start();
    let good = json!({"name": "good", "command": "true", "schedule": "@manual"});
    let nowhere = "93b65499-b211-49ce-57e0-19e735cc5abd";
    for (bad, why) in [
        (json!({"name": "", "command": "true"}), "name is missing"),
        (
            json!({"name": "x", "command": "true", "schedule": "//"}),
            "schedule",
        ),
        (
            json!({"name": "x", "command": "true", "parent_jobs": [nowhere]}),
            nowhere,
        ),
        (
            json!({"name": "x", "command": "true", "shedule": "@daily"}),
            "did you mean",
        ),
        (
            json!({"name": "x", "command": "true", "runs": [{"outcome": "fine"}]}),
            "runs.outcome",
        ),
        (
            json!({"name": "x", "command": "true", "env": {"API_TOKEN": "***"}}),
            "env.API_TOKEN has ***",
        ),
        (json!(7), "no object"),
    ] {
        let refused = server.post(IMPORT, &json!([good, bad])).expect(400).text();
        assert!(refused.contains(why), "{refused}");
    }
    server
        .post("/api/v1/import/?existing=keep", &good)
        .expect(400);
    assert_eq!(server.get("/api/v1/job/").text(), "{\"jobs\":{}}\n");
    let no_commands = Server::with(&["--deny-local-jobs"]);
    no_commands.post(IMPORT, &json!([good])).expect(403);
}

#[test]
fn only_who_may_do_everything_may_import() {
    let dir = TempDir::new();
    let tokens = dir.path().join("tokens");
    std::fs::write(
        &tokens,
        "op operate operators-secret-0\nad admin admins-secret-00000\n",
    )
    .expect("a file");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&tokens, private).expect("a file of ours");
    let server = Server::in_dir(dir, &["--token-file", "tokens"], &[]);
    let body = json!({"name": "x", "command": "true", "schedule": "@manual"}).to_string();
    for (token, status) in [("operators-secret-0", 403), ("admins-secret-00000", 200)] {
        let mut client = server.client();
        let head = format!(
            "POST {IMPORT} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        );
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        client.send(request.as_bytes()).expect("it listens");
        client.read("POST").expect("an answer").expect(status);
    }
    wait_until("both are in the audit", || {
        server
            .log()
            .matches("what=\"POST /api/v1/import/\"")
            .count()
            == 2
    });
}
