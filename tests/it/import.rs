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

/// An id as Kala makes them.
fn kala_id(number: u64) -> String {
    format!("3cd64050-ed4a-4095-5e11-{number:012}")
}

/// Jobs of a Kala that has been used for a while.
fn used_kala() -> Vec<Value> {
    let request = json!({"url": "http://127.0.0.1:9/", "method": "POST", "body": "x", "headers": {"A": ["1"]},
                         "timeout": 3, "expected_response_codes": [200, 201]});
    let jobs = [
        ("counted", json!({"retries": 3, "owner": "ops"})),
        (
            "hourly",
            json!({"schedule": "R/2020-01-01T00:30:00/PT1H", "epsilon": "", "is_done": true,
                   "dependent_jobs": [kala_id(2)], "metadata": {"success_count": 5, "error_count": 2,
                   "number_of_finished_runs": 6, "last_error": "2026-11-23T05:30:00Z"}}),
        ),
        (
            "child",
            json!({"parent_jobs": [kala_id(1)], "next_run_at": "0001-01-01T00:00:00Z"}),
        ),
        (
            "hourly",
            json!({"type": 1, "command": "", "remote_properties": request, "disabled": true}),
        ),
        (
            "once",
            json!({"schedule": "", "is_done": true, "next_run_at": "0001-01-01T00:00:00Z"}),
        ),
        ("broken", json!({"schedule": "//"})),
        ("piped", json!({"command": "a | b"})),
        (
            "orphan",
            json!({"parent_jobs": [kala_id(5)], "schedule": ""}),
        ),
        // Its document has the counters elsewhere.
        (
            "documented",
            json!({"metadata": null, "success_count": 3, "last_attempted_run": "2026-11-23T06:49:12Z"}),
        ),
    ];
    let numbered = jobs.into_iter().zip(0..);
    numbered
        .map(|((name, more), number)| kala_job(&kala_id(number), name, &more))
        .collect()
}

#[test]
fn a_kala_that_runs_is_imported() {
    let source = kala(&used_kala());
    let story = Story::begin();
    for (summary, flags) in [
        ("7 new, 0 replaced, 0 skipped", &["--dry-run"][..]),
        ("7 new, 0 replaced, 0 skipped", &[]),
        ("0 new, 0 replaced, 7 skipped", &[]),
        ("0 new, 7 replaced, 0 skipped", &["--replace", "--dry-run"]),
        ("0 new, 7 replaced, 0 skipped", &["--replace"]),
    ] {
        let words = [&["import", &source], flags].concat();
        let (stdout, stderr) = story.ends(1, &words);
        assert!(stdout.contains(summary), "{stdout}");
        assert_eq!(
            stderr.contains("becomes \"hourly (2)\""),
            !summary.contains("7 skipped"),
            "{stderr}"
        );
        for part in [
            "job \"broken\"",
            "job \"orphan\": a job that it names",
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
        ("id", json!(kala_id(0))),
        (
            "schedule",
            json!("R2/2037-06-04T19:25:16.828696-07:00/PT10S"),
        ),
        ("retries", json!(3)),
        ("owner", json!("ops")),
        ("epsilon", json!("PT5S")),
        ("next_run_at", json!("2037-06-04T19:25:16.828696-07:00")),
        ("success_count", json!(1)),
        ("last_success", json!("2026-11-22T23:49:12.306339215-07:00")),
        (
            "last_attempted_run",
            json!("2026-11-22T23:49:12.404107369-07:00"),
        ),
    ] {
        assert_eq!(counted[key], value, "{key}");
    }
    let hourly = job("hourly");
    // The grid of the start goes on.
    let next = hourly["next_run_at"].as_str().expect("a time");
    assert!(
        next.ends_with(":30:00Z") && !next.starts_with("0001"),
        "{next}"
    );
    assert_eq!(hourly["metadata"]["number_of_finished_runs"], 6);
    assert_eq!(
        (&hourly["error_count"], &hourly["dependent_jobs"]),
        (&json!(2), &json!([kala_id(2)]))
    );
    assert_eq!(job("child")["parent_jobs"], json!([kala_id(1)]));
    let remote = job("hourly (2)");
    assert_eq!(
        (&remote["type"], &remote["disabled"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(
        remote["remote_properties"],
        used_kala()[3]["remote_properties"]
    );
    assert_eq!(job("once")["is_done"], true);
    assert_eq!(job("documented")["success_count"], 3);
    let runs = story.json(&["job", "runs", "counted", "--json"]);
    assert_eq!(
        (&runs[0]["outcome"], &runs[0]["execution_duration"]),
        (&json!("succeeded"), &json!(1_955_292))
    );
}

#[test]
fn many_whole_jobs_come_in_several_requests_and_only_what_is_wrong_stays() {
    let mut jobs: Vec<Value> = (0..60)
        .map(|number| {
            let mut more = json!({"schedule": "", "is_done": true, "command": format!("true {}", "x".repeat(30_000))});
            if number > 0 {
                // Its parent stands after it.
                more["parent_jobs"] = json!([kala_id(number - 1)]);
            }
            kala_job(&kala_id(number), &format!("link {number}"), &more)
        })
        .rev()
        .collect();
    // These two would start each other for ever.
    for (number, other) in [(100, 101), (101, 100)] {
        let more = json!({"schedule": "", "is_done": true, "on_failure_job": kala_id(other)});
        jobs.push(kala_job(&kala_id(number), &format!("turn {number}"), &more));
    }
    let story = Story::begin();
    let lines: Vec<String> = jobs.iter().map(Value::to_string).collect();
    let file = write(&story, "jobs.jsonl", &lines.join("\n"));
    let (stdout, stderr) = story.ends(1, &["import", &file]);
    assert!(
        stdout.contains("60 new, 0 replaced, 0 skipped"),
        "{stdout}{stderr}"
    );
    assert!(
        stderr.contains("\"turn 100\"") && stderr.contains("\"turn 101\""),
        "{stderr}"
    );
    let last = story.json(&["job", "show", "link 59", "--json"]);
    assert_eq!(last["parent_jobs"], json!([kala_id(58)]));
    assert_eq!(last["success_count"], 1);
}

#[test]
fn what_is_exported_comes_back_whole() {
    let story = Story::begin();
    let file = write(&story, "jobs.json", JOBS);
    story.ok(&["apply", &file]);
    story.ok(&["job", "start", "parent"]);
    let exported = story.ok(&["export"]);
    let saved = write(&story, "saved.jsonl", &exported);
    story.ok(&["job", "delete", "parent"]);
    let (stdout, _) = story.ends(0, &["import", &saved]);
    assert!(stdout.contains("new, 0 replaced"), "{stdout}");
    let without_updates = |lines: &str| -> Vec<Value> {
        let jobs = lines.lines().map(serde_json::from_str::<Value>);
        let mut jobs: Vec<Value> = jobs.map(|job| job.expect("JSON")).collect();
        jobs.iter_mut().for_each(|job| {
            job.as_object_mut().expect("an object").remove("updated_at");
        });
        jobs.sort_by_key(|job| job["name"].to_string());
        jobs
    };
    assert_eq!(
        without_updates(&story.ok(&["export"])),
        without_updates(&exported)
    );
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
    assert_eq!(
        parent["id"],
        old.json(&["job", "show", "parent", "--json"])["id"]
    );
    assert!(
        new.ends(0, &["import", source])
            .0
            .contains("0 new, 0 replaced, 3 skipped")
    );
}
