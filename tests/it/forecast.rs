//! Forecasts, of a server's jobs and of jobs in files.

use serde_json::json;

use crate::support::{Server, nimesha};

const DAY: &str = "from=2037-01-05T00:00:00Z&to=2037-01-06T00:00:00Z";

#[test]
fn a_server_tells_what_a_day_will_be_like() {
    let server = Server::with(&["--workers", "3"]);
    let parent =
        server.create(&json!({"name": "hourly", "command": "true", "schedule": "0 * * * *"}));
    server.create(&json!({"name": "child", "command": "true", "parent_jobs": [parent]}));
    server.create(
        &json!({"name": "off", "command": "true", "schedule": "@hourly", "disabled": true}),
    );
    server.run(&parent);
    let found = server
        .get(&format!("/api/v1/forecast/?{DAY}"))
        .expect(200)
        .json();
    assert_eq!((&found["runs"], &found["workers"]), (&json!(48), &json!(3)));
    assert_eq!(found["until"], "2037-01-06T00:00:00Z");
    let hours = found["hours"].as_array().unwrap();
    assert!(hours.iter().all(|hour| hour["runs"] == 2), "{hours:?}");
    assert_eq!(found["jobs"][0]["is_run_time_assumed"], false);
    // Nothing of it has happened.
    assert_eq!(server.job(&parent)["success_count"], 1);

    let url = format!("http://127.0.0.1:{}", server.port());
    let from = ["--from", "2037-01-05T00:00:00+00:00"];
    let told = nimesha(&["forecast", "--url", &url, from[0], from[1]]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(
        told.stdout
            .contains(": 48 runs, at most 1 of 3 workers busy"),
        "{}",
        told.stdout
    );
    assert_eq!(told.stdout.matches('█').count(), 24 * 60);
}

#[test]
fn jobs_in_files_need_no_server() {
    let server = Server::start();
    let file = server.dir().join("jobs.json");
    let jobs = json!([
        {"name": "a", "command": "true", "schedule": "0 * * * *"},
        {"name": "b", "command": "true", "schedule": "0 * * * *", "epsilon": "PT0.1S"},
    ]);
    std::fs::write(&file, jobs.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let window = [
        "--from",
        "2037-01-05T00:00:00Z",
        "--to",
        "2037-01-06T00:00:00Z",
    ];
    let told = nimesha(&[&["forecast", file, "--workers", "1"][..], &window].concat());
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(
        told.stdout
            .contains("! b misses its epsilon 24 of 24 times"),
        "{}",
        told.stdout
    );
    let told = nimesha(&[&["forecast", file, "--json"][..], &window].concat());
    let found: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&found["runs"], &found["missed"]), (&json!(48), &json!(0)));
    let told = nimesha(&["forecast", "/nowhere.json"]);
    assert_eq!(told.code, Some(1));
}
