//! Remote jobs, against a real HTTP server of a few lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::with;
use crate::support::{DEADLINE, Server, wait_until};

/// A server that answers `/STATUS` with that status and `/silence` never, and remembers what it was asked.
struct Answering {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

#[derive(Clone, Debug)]
struct Asked {
    line: String,
    headers: String,
    body: String,
}

impl Answering {
    fn start() -> Answering {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let asked = Arc::default();
        let answering = Answering { port, asked };
        let asked = answering.asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = asked.clone();
                // A client that goes away is none of our business.
                thread::spawn(move || drop(answer(stream, &asked)));
            }
        });
        answering
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }
}

fn answer(stream: TcpStream, asked: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(DEADLINE))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (mut headers, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim_end().to_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().unwrap_or(0);
        }
        headers += &format!("{header}\n");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let line = line.trim_end().to_owned();
    asked.lock().push(Asked {
        line,
        headers,
        body,
    });
    if path == "/silence" {
        // Until the other side gives up.
        let _ = reader.read(&mut [0]);
        return Ok(());
    }
    let status = path.trim_matches('/').split('?').next().unwrap_or_default();
    let text =
        format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    reader.get_mut().write_all(text.as_bytes())
}

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
