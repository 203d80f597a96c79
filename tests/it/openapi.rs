//! The description of the API holds: each operation is answered as it says, and its examples are what is sent and shown.

use serde_json::{Map, Value, json};

use crate::support::{Server, wait_until};

/// What stands in the paths of one operation.
struct Subject {
    job: String,
    run: String,
}

/// A job that has run, with nothing that another operation has done to it.
fn subject(server: &Server) -> Subject {
    let job = server.create(&json!({
        "name": "hello", "command": "echo hello", "schedule": "0 0 * * *"
    }));
    server.run(&job);
    let runs = server.get(&format!("/api/v1/job/{job}/runs/")).json();
    let run = runs["runs"][0]["id"].as_str().expect("a run").to_owned();
    Subject { job, run }
}

/// A job whose run is in progress.
fn busy_subject(server: &Server) -> Subject {
    let job = server.create(&json!({
        "name": "slow", "command": "exec sleep 3600", "schedule": "@manual"
    }));
    let start = format!("/api/v1/job/start/{job}/?wait=false");
    let started = server.post(&start, &json!({})).expect(204);
    let path = started.header("Location").expect("its run").to_owned();
    let run = path.trim_end_matches('/').rsplit('/').next();
    let run = run.expect("an id").to_owned();
    wait_until("it runs", || server.job(&job)["running"] == 1);
    Subject { job, run }
}

/// The status of success, and what the document says of it.
fn success(operation: &Value) -> (u16, &Value) {
    let responses = operation["responses"].as_object().expect("an object");
    let (status, response) = responses.iter().next().expect("one at least");
    (status.parse().expect("a status"), response)
}

/// Whether `shown` has the form of `example`: the same keys, and values of the same types where both have some.
#[track_caller]
fn same_form(example: &Value, shown: &Value, at: &str) {
    match (example, shown) {
        (Value::Object(example), Value::Object(shown)) => {
            let keys = |map: &Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(example), keys(shown), "{at}");
            for (key, value) in example {
                same_form(value, &shown[key], &format!("{at}.{key}"));
            }
        }
        (Value::Array(example), Value::Array(shown)) => {
            let [first, ..] = example.as_slice() else {
                return;
            };
            assert!(!shown.is_empty(), "{at} is empty");
            for item in shown {
                same_form(first, item, at);
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        _ => {
            let kinds = [example, shown].map(std::mem::discriminant);
            assert_eq!(kinds[0], kinds[1], "{at}: {example} {shown}");
        }
    }
}

/// The bodies that are given as examples; none at all is one as well where there is no body.
fn examples(content: &Value) -> Vec<Option<String>> {
    let several = content["examples"].as_object().into_iter().flatten();
    let several = several.map(|(_, example)| example["value"].to_string());
    let one = content.get("example").map(Value::to_string);
    let all: Vec<_> = several.chain(one).map(Some).collect();
    match all.is_empty() {
        true => vec![None],
        false => all,
    }
}

#[test]
fn its_operations_and_examples_hold() {
    let server = Server::start();
    let document = server.get("/api/v1/openapi.json").expect(200).json();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let at = format!("{method} {path}");
            let (status, response) = success(operation);
            let subject = match path.contains("/cancel/") {
                true => busy_subject(&server),
                false => subject(&server),
            };
            let target = path
                .replace("{id}", &subject.job)
                .replace("{run}", &subject.run);
            let bodies = examples(&operation["requestBody"]["content"]["application/json"]);
            if response["content"]["text/event-stream"].is_object() {
                let mut client = server.client();
                let request = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
                client.send(request.as_bytes()).expect("it listens");
                assert_eq!(client.read_head().expect("a head").status, status, "{at}");
                continue;
            }
            let method = method.to_uppercase();
            let mut answers = Vec::new();
            for body in &bodies {
                let answer = server.request(&method, &target, body.as_deref());
                assert_eq!(answer.status, status, "{at}: {}", answer.text());
                answers.push(answer);
            }
            let answer = answers.pop().expect("one at least");
            let content = response["content"].as_object();
            if let Some((kind, described)) = content.and_then(|content| content.iter().next()) {
                let shown = answer.header("Content-Type").expect("a type");
                assert!(shown.starts_with(kind.as_str()), "{at}: {shown}");
                if let Some(example) = described.get("example") {
                    same_form(example, &answer.json(), &at);
                }
            }
        }
    }
}

#[test]
fn it_knows_the_keys_of_a_job() {
    let server = Server::start();
    let document = server.get("/api/v1/openapi.json").json();
    let schemas = &document["components"]["schemas"];
    let keys = |schema: &Value| {
        let keys = schema["properties"].as_object().expect("properties").keys();
        keys.cloned().collect::<Vec<String>>()
    };
    let mut described = keys(&schemas["JobKeys"]);
    described.extend(keys(&schemas["Job"]["allOf"][1]));
    described.sort_unstable();
    let Subject { job, .. } = subject(&server);
    let job = server.job(&job);
    let mut shown: Vec<_> = job
        .as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect();
    shown.sort_unstable();
    assert_eq!(described, shown);
}
