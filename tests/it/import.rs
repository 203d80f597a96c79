//! Jobs of other schedulers: crontabs, a Kala that runs, Chronos and Dkron.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};

use crate::client::{JOBS, Story, write};

/// A job as Kala answers it, key for key.
fn kala_job(id: &str, name: &str, more: &Value) -> Value {
    let mut job = json!({
        "name": name, "id": id, "command": "true", "owner": "", "disabled": false, "dependent_jobs": null,
        "parent_jobs": null, "on_failure_job": "", "schedule": "R2/2037-06-04T19:25:16.828696-07:00/PT10S", "retries": 0,
        "epsilon": "PT5S", "next_run_at": "2037-06-05T02:25:16.828714501Z", "TemplateDelimiters": "",
        "resume_at_next_scheduled_time": false, "metadata": {"success_count": 1,
        "last_success": "2026-11-23T06:49:12.306339215Z", "error_count": 0, "last_error": "0001-01-01T00:00:00Z",
        "last_attempted_run": "2026-11-23T06:49:12.404107369Z", "number_of_finished_runs": 1}, "type": 0,
        "remote_properties": {"url": "", "method": "", "body": "", "headers": null, "timeout": 0,
        "expected_response_codes": null}, "stats": [{"job_id": id, "ran_at": "2026-11-23T06:49:12.304384159Z",
        "number_of_retries": 0, "success": true, "execution_duration": 1955292}], "is_done": false
    });
    let keys = job.as_object_mut().expect("an object");
    keys.extend(more.as_object().expect("an object").clone());
    job
}

/// A server that answers the list of Kala to whatever it is asked, and where it listens.
fn kala(jobs: &[Value]) -> String {
    let by_id = jobs
        .iter()
        .map(|job| (job["id"].as_str().expect("an id").to_owned(), job.clone()));
    let body = json!({"jobs": Value::Object(by_id.collect())}).to_string() + "\n";
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            let mut head = BufReader::new(stream.try_clone().expect("the same socket")).lines();
            while head
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\nConnection: close";
            let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).expect("it reads");
        }
    });
    url
}

#[test]
fn a_kala_that_runs_is_imported() {
    let request = json!({"url": "http://127.0.0.1:9/", "method": "POST", "body": "x", "headers": {"A": ["1"]},
                         "timeout": 3, "expected_response_codes": [200, 201]});
    let source = kala(&[
        kala_job(
            "3cd64050-ed4a-4095-5e11-538470dde90d",
            "counted",
            &json!({"retries": 3, "owner": "ops"}),
        ),
        kala_job(
            "1",
            "hourly",
            &json!({"schedule": "R/2020-01-01T00:30:00/PT1H", "epsilon": "", "is_done": true}),
        ),
        kala_job("2", "child", &json!({"parent_jobs": ["1"]})),
        kala_job(
            "3",
            "hourly",
            &json!({"type": 1, "command": "", "remote_properties": request, "disabled": true}),
        ),
        kala_job("4", "once", &json!({"schedule": "", "is_done": true})),
        kala_job("5", "broken", &json!({"schedule": "//"})),
        kala_job("6", "piped", &json!({"command": "a | b"})),
    ]);
    let story = Story::begin();
    for (summary, flags) in [
        ("5 new", &["--dry-run"][..]),
        ("5 new", &[]),
        ("0 new, 0 changed", &[]),
    ] {
        let words = [&["import", &source], flags].concat();
        let (stdout, stderr) = story.ends(1, &words);
        assert!(stdout.contains(summary), "{stdout}");
        for part in [
            "job \"broken\"",
            "becomes \"hourly (2)\"",
            "\"piped\": Kala gave |",
            "\"child\" has parents",
            "stop it",
        ] {
            assert!(stderr.contains(part), "{part} in {stderr}");
        }
    }
    let job = |name: &str| story.json(&["job", "show", name, "--json"]);
    let counted = job("counted");
    for (key, value) in [
        (
            "schedule",
            json!("R2/2037-06-04T19:25:16.828696-07:00/PT10S"),
        ),
        ("retries", json!(3)),
        ("owner", json!("ops")),
        ("epsilon", json!("PT5S")),
        ("next_run_at", json!("2037-06-04T19:25:16.828696-07:00")),
    ] {
        assert_eq!(counted[key], value, "{key}");
    }
    // The grid of the start goes on.
    let next = job("hourly")["next_run_at"]
        .as_str()
        .expect("a time")
        .to_owned();
    assert!(
        next.ends_with(":30:00Z") && !next.starts_with("0001"),
        "{next}"
    );
    let child = job("child");
    assert_eq!(child["parent_jobs"], json!([job("hourly")["id"]]));
    let remote = job("hourly (2)");
    assert_eq!(
        (&remote["type"], &remote["disabled"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(remote["remote_properties"], request);
}

#[test]
fn jobs_of_chronos_and_dkron_are_imported() {
    let story = Story::begin();
    let jobs = json!([
        {"name": "parent", "command": "true", "schedule": "R/2014-03-08T20:00:00Z/PT2H", "epsilon": "PT60S", "cpus": 0.1,
         "scheduleTimeZone": ""},
        {"name": "child", "command": "true", "parents": ["parent"], "cpus": 0.1},
        {"name": "boxed", "command": "true", "schedule": "R//PT2H", "cpus": 0.1, "container": {"image": "i"}},
        {"name": "dkron", "schedule": "0 30 2 * * *", "executor": "shell", "executor_config": {"command": "date"}},
        {"name": "ours", "command": "true", "schedule": "@manual"}
    ]);
    let file = write(&story, "jobs.json", &jobs.to_string());
    let (stdout, stderr) = story.ends(1, &["import", &file]);
    assert!(stdout.contains("4 new"), "{stdout}");
    assert!(stderr.contains("\"boxed\" runs in a container"), "{stderr}");
    let job = |name: &str| story.json(&["job", "show", name, "--json"]);
    assert_eq!(job("child")["parent_jobs"], json!([job("parent")["id"]]));
    assert_eq!(job("dkron")["schedule"], "0 30 2 * * *");
    // One a line is as good.
    let lines: Vec<String> = jobs
        .as_array()
        .expect("a list")
        .iter()
        .map(Value::to_string)
        .collect();
    let lines = write(&story, "jobs.jsonl", &lines.join("\n"));
    assert!(
        story
            .ends(1, &["import", &lines])
            .0
            .contains("0 new, 0 changed")
    );
}

#[test]
fn a_crontab_is_imported() {
    let story = Story::begin();
    let tab = "MAILTO=me\nA=1\n30 2 * * * backup --all\n@reboot start\n";
    let file = write(&story, "tab", tab);
    let words = ["import", &file, "--timezone", "Europe/Berlin"];
    for (summary, flags) in [
        ("1 new", &["--dry-run"][..]),
        ("1 new", &[]),
        ("0 new", &[]),
    ] {
        let words: Vec<&str> = words.iter().chain(flags).copied().collect();
        let (stdout, stderr) = story.ends(1, &words);
        assert!(stdout.contains(summary), "{stdout}");
        assert!(
            stderr.contains("line 4: @reboot is no time") && stderr.contains("no mail"),
            "{stderr}"
        );
    }
    let job = story.json(&["job", "show", "backup --all", "--json"]);
    assert_eq!(
        (&job["schedule"], &job["timezone"]),
        (&json!("30 2 * * *"), &json!("Europe/Berlin"))
    );
    assert_eq!(job["env"], json!({"A": "1"}));
}

#[test]
fn jobs_of_another_server_are_imported() {
    let (old, new) = (Story::begin(), Story::begin());
    let file = write(&old, "jobs.json", JOBS);
    old.ok(&["apply", &file]);
    let source = old.url.trim_start_matches("--url=");
    let (stdout, stderr) = new.ends(0, &["import", source]);
    assert!(stdout.contains("3 new"), "{stdout}");
    assert!(stderr.contains("stop it, or they run twice"), "{stderr}");
    let child = new.json(&["job", "show", "child", "--json"]);
    let parent = new.json(&["job", "show", "parent", "--json"]);
    assert_eq!(child["parent_jobs"], json!([parent["id"]]));
    assert!(
        new.ends(0, &["import", source])
            .0
            .contains("0 new, 0 changed")
    );
}
