//! Secrets of jobs and settings: nobody who may only look sees them, and no log has them.

use serde_json::json;

use crate::security::{LOOK, OWN, ask, with_tokens};
use crate::support::{Server, nimesha, wait_until};

#[test]
fn what_went_wrong_is_told_without_secrets() {
    let server = with_tokens(&["--verbose"]);
    let job = json!({
        "name": "x", "type": 1, "schedule": "@manual", "retries": 1,
        "env": {"API_TOKEN": "hush-1"},
        "remote_properties": {
            "url": "http://me:hush-2@127.0.0.1:1/x",
            "headers": {"Cookie": ["a=hush-3"], "Authorization": ["Bearer hush-4"]},
            "timeout": 5,
        },
    });
    let created = ask(&server, "POST", "/api/v1/job/", &[OWN], &job.to_string())
        .expect(201)
        .json();
    let id = created["id"].as_str().unwrap();
    ask(
        &server,
        "POST",
        &format!("/api/v1/job/start/{id}/"),
        &[OWN],
        "",
    )
    .expect(204);
    let runs = ask(
        &server,
        "GET",
        &format!("/api/v1/job/{id}/runs/"),
        &[LOOK],
        "",
    )
    .expect(200)
    .json();
    assert_eq!(runs["runs"][0]["outcome"], "failed");
    let run = runs["runs"][0]["id"].as_str().unwrap();
    for path in [
        format!("/api/v1/job/{id}/"),
        format!("/api/v1/job/{id}/runs/"),
        format!("/api/v1/job/{id}/runs/{run}/"),
        format!("/api/v1/job/{id}/runs/{run}/output/"),
        format!("/api/v1/job/stats/{id}/"),
        "/api/v1/job/".to_owned(),
        "/api/v1/forecast/".to_owned(),
        "/metrics".to_owned(),
        "/webui/".to_owned(),
        "/webui/jobs".to_owned(),
        format!("/webui/job/{id}"),
        format!("/webui/job/{id}/run/{run}"),
    ] {
        let shown = ask(&server, "GET", &path, &[LOOK], "").expect(200).text();
        assert!(!shown.contains("hush"), "{path}: {shown}");
    }
    ask(&server, "DELETE", &format!("/api/v1/job/{id}/"), &[OWN], "").expect(204);
    wait_until("the last change is noted", || {
        server.log().contains("DELETE")
    });
    assert!(!server.log().contains("hush"), "{}", server.log());
}

#[test]
fn commands_are_not_given_the_server_s_own_secrets() {
    let server = Server::with_env(&[
        ("NIMESHA_JOBDB_PASSWORD", "hush"),
        ("NIMESHA_TOKEN", "hush"),
    ]);
    let id = server.create(&json!({"name": "x", "command": "env", "schedule": "@manual"}));
    server.run(&id);
    let runs = server.get(&format!("/api/v1/job/{id}/runs/")).json();
    let run = runs["runs"][0]["id"].as_str().unwrap();
    let output = server
        .get(&format!("/api/v1/job/{id}/runs/{run}/output/"))
        .text();
    assert!(
        output.contains("NIMESHA_RUN_ID") && !output.contains("hush"),
        "{output}"
    );
    assert!(!server.log().contains("hush"), "{}", server.log());
}

#[test]
fn a_password_on_the_command_line_is_warned_of() {
    let server = Server::with(&["--jobdb-password", "hush"]);
    wait_until("it is told", || {
        server.log().contains("NIMESHA_JOBDB_PASSWORD")
    });
    assert!(!server.log().contains("hush"), "{}", server.log());
    let shown = nimesha(&["config", "--jobdb-password", "hush"]);
    assert!(!format!("{shown:?}").contains("hush"), "{shown:?}");
}
