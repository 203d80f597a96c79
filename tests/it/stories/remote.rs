//! Remote jobs, against a real HTTP server of a few lines.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::with;
use crate::support::{Answering, Server, wait_until};

/// A remote job that never runs by itself.
fn remote(properties: &Value) -> Value {
    json!({
        "name": "remote", "type": 1, "schedule": "@manual", "owner": "ops", "remote_properties": properties,
        "TemplateDelimiters": "{{ }}",
    })
}

/// Runs a job and gives its only run.
fn ran(server: &Server, job: &Value) -> Value {
    let id = server.create(job);
    server.run(&id);
    let mut history = server.history(&id);
    assert_eq!(history.len(), 1);
    history.remove(0)
}

#[test]
fn an_address_that_is_none_is_not_asked() {
    let server = Server::start();
    for url in ["http://", "http://h:99999/", "https:///x"] {
        let job = json!({"name": "x", "type": 1, "schedule": "@manual", "remote_properties": {"url": url}});
        let why = server.post("/api/v1/job/", &job).expect(400).json();
        let expected = format!("remote_properties.url is {url:?}, but must be an address such as");
        assert!(
            why["error"].as_str().unwrap().starts_with(&expected),
            "{why}"
        );
    }
    // Only at the run is it known what a template makes of it; port 80 is not meant.
    let url = "http://127.0.0.1:99999/{{.Owner}}";
    let run = ran(&server, &remote(&json!({"url": url})));
    assert_eq!(
        (&run["outcome"], &run["status"]),
        (&json!("failed"), &Value::Null)
    );
    assert!(
        run["error"]
            .as_str()
            .unwrap()
            .starts_with("the URL must begin with"),
        "{run}"
    );
}

#[test]
fn a_request_goes_out_as_it_was_described() {
    let server = Server::start();
    let there = Answering::start();
    let run = ran(
        &server,
        &remote(&json!({
            "url": there.url("200?by={{.Owner}}"), "method": "POST", "body": "{\"job\":\"{{.Name}}\"}",
            "headers": {"X-One": ["1"], "X-Two": ["a", "b"]},
        })),
    );
    assert_eq!(
        (&run["outcome"], &run["status"]),
        (&json!("succeeded"), &json!(200))
    );
    let [asked] = &there.asked()[..] else {
        panic!("asked more than once: {:?}", there.asked())
    };
    assert_eq!(asked.line, "POST /200?by=ops HTTP/1.1");
    assert_eq!(asked.body, "{\"job\":\"remote\"}");
    for header in [
        "x-one: 1\n",
        "x-two: a\n",
        "x-two: b\n",
        "content-type: application/json\n",
    ] {
        assert!(
            asked.headers.contains(header),
            "{header}: {}",
            asked.headers
        );
    }
    let (job, id) = (run["job_id"].as_str().unwrap(), run["id"].as_str().unwrap());
    let output = server
        .get(&format!("/api/v1/job/{job}/runs/{id}/output/"))
        .expect(200);
    assert_eq!(output.text(), "hello");
}

#[test]
fn the_status_decides() {
    let server = Server::start();
    let there = Answering::start();
    for (status, expected, outcome) in [
        (200, json!([]), "succeeded"),
        (201, json!([]), "failed"),
        (201, json!([200, 201]), "succeeded"),
        (500, json!([500]), "succeeded"),
        (404, json!(null), "failed"),
    ] {
        let url = there.url(&status.to_string());
        let run = ran(
            &server,
            &remote(&json!({"url": url, "expected_response_codes": expected})),
        );
        assert_eq!(
            (&run["outcome"], &run["status"]),
            (&json!(outcome), &json!(status)),
            "{expected}"
        );
    }
    assert!(
        there
            .asked()
            .iter()
            .all(|asked| asked.line.starts_with("GET "))
    );
}

#[test]
fn who_does_not_answer_in_time_is_given_up() {
    let server = Server::start();
    let there = Answering::start();
    // By the request's own timeout it has failed, by the job's it is ended.
    for (timeout, keys, outcome) in [
        (1, json!({"retries": 1}), "failed"),
        (0, json!({"retries": 1, "timeout": "PT0.5S"}), "timed_out"),
    ] {
        let job = remote(&json!({"url": there.url("silence"), "timeout": timeout}));
        let run = ran(&server, &with(job, &keys));
        assert_eq!(
            (&run["outcome"], &run["attempts"]),
            (&json!(outcome), &json!(2))
        );
    }
    assert_eq!(there.asked().len(), 4);
}

#[test]
fn nobody_there_is_a_failure_with_words() {
    let server = Server::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let run = ran(
        &server,
        &remote(&json!({"url": format!("http://127.0.0.1:{port}/")})),
    );
    assert_eq!(run["outcome"], "failed");
    assert_ne!(run["error"], Value::Null);
}

#[test]
fn a_request_in_progress_is_cancelled() {
    let server = Server::start();
    let there = Answering::start();
    let id = server.create(&remote(&json!({"url": there.url("silence")})));
    let run = server.begin(&id);
    wait_until("it is asked", || there.asked().len() == 1);
    server
        .post(&format!("{run}cancel/"), &json!({}))
        .expect(204);
    wait_until("it is over", || server.outcomes(&id) == ["cancelled"]);
}

#[test]
fn a_remote_job_has_children_too() {
    let server = Server::start();
    let there = Answering::start();
    let parent = server.create(&remote(&json!({"url": there.url("200")})));
    let mut job = remote(&json!({"url": there.url("200?child")}));
    job["schedule"] = json!("");
    job["parent_jobs"] = json!([parent]);
    let child = server.create(&job);
    server.run(&parent);
    assert_eq!(server.outcomes(&child), ["succeeded"]);
    assert_eq!(there.asked()[1].line, "GET /200?child HTTP/1.1");
}
