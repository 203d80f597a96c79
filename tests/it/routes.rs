//! What all routes have in common: slashes, HEAD, methods, tags and compression. The description of the API says which
//! routes there are; that these are all is checked elsewhere.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::{Value, json};

use crate::support::{Client, Response, Server};

/// The paths that answer at once and without an end that somebody waits for, with what may be done there.
fn paths(server: &Server) -> BTreeMap<String, Vec<String>> {
    let job = json!({"name": "x", "command": "echo hello", "schedule": "@manual"});
    let id = server.create(&job);
    server.run(&id);
    let runs = server.get(&format!("/api/v1/job/{id}/runs/")).json();
    let run = runs["runs"][0]["id"].as_str().unwrap();
    let document = server.get("/api/v1/openapi.json").expect(200).json();
    let paths = document["paths"].as_object().unwrap().iter();
    let paths = paths.map(|(path, operations)| {
        let path = path.replace("{id}", &id).replace("{run}", run);
        let methods = operations.as_object().unwrap().keys();
        (path, methods.map(|method| method.to_uppercase()).collect())
    });
    paths.collect()
}

/// Those that can be read again and again with the same answer.
fn readable(server: &Server) -> Vec<String> {
    let paths = paths(server).into_iter();
    let read = paths.filter(|(_, methods)| methods.contains(&"GET".to_owned()));
    let read = read.map(|(path, _)| path);
    read.filter(|path| !path.contains("/events/")).collect()
}

fn ask(client: &mut Client, method: &str, path: &str, fields: &str) -> Response {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n");
    client.send(request.as_bytes()).unwrap();
    client.read(method).unwrap()
}

#[test]
fn a_slash_at_the_end_makes_no_difference() {
    let server = Server::start();
    for path in readable(&server) {
        let plain = server.get(path.trim_end_matches('/'));
        let slash = server.get(&format!("{}/", path.trim_end_matches('/')));
        assert_eq!((plain.status, slash.status), (200, 200), "{path}");
        let kinds = [&plain, &slash].map(|answer| answer.header("Content-Type"));
        assert_eq!(kinds[0], kinds[1], "{path}");
    }
}

#[test]
fn slashes_in_a_row_count_as_one() {
    let server = Server::start();
    let id = server.create(&json!({"name": "x", "command": "true", "schedule": "@manual"}));
    for path in ["//api/v1/job/", "/api/v1//job//", "/api//v1/job///?limit=1"] {
        let listed = server.get(path).expect(200).json();
        assert_eq!(listed["jobs"][&id]["name"], "x", "{path}");
    }
    server.delete(&format!("//api/v1/job//{id}")).expect(204);
    server.get(&format!("/api/v1/job/{id}/")).expect(404);
}

#[test]
fn letters_may_be_percent_encoded() {
    let server = Server::start();
    let id = server.create(&json!({"name": "x", "command": "true", "schedule": "@manual"}));
    let (first, rest) = id.split_at(1);
    let spelt = format!("/%61pi/v1/%6Aob/%{:02x}{rest}/", first.as_bytes()[0]);
    assert_eq!(server.get(&spelt).expect(200).json()["job"]["name"], "x");
    server.get("/%77ebui/").expect(200);
    server.get("/api%2Fv1%2Fjob/").expect(404);
}

#[test]
fn head_says_what_get_would() {
    let server = Server::start();
    for path in readable(&server) {
        let got = server.get(&path).expect(200);
        let head = server.request("HEAD", &path, None).expect(200);
        assert!(head.body.is_empty(), "{path}");
        assert_eq!(
            head.header("Content-Type"),
            got.header("Content-Type"),
            "{path}"
        );
    }
    // A stream has a head as well, and no listener is left behind.
    for _ in 0..nimesha::config::EVENT_STREAMS_MAX + 1 {
        let head = server.request("HEAD", "/api/v1/events/", None).expect(200);
        assert_eq!(head.header("Content-Type"), Some("text/event-stream"));
    }
}

#[test]
fn a_method_that_a_path_does_not_have_is_told_those_that_it_has() {
    let server = Server::start();
    for (path, methods) in paths(&server) {
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
        ] {
            let read = method == "HEAD" && methods.contains(&"GET".to_owned());
            if read || methods.iter().any(|known| known == method) {
                continue;
            }
            let answer = server.request(method, &path, None);
            assert_eq!(answer.status, 405, "{method} {path}");
            let allow = answer.header("Allow").unwrap_or_default();
            let mut allowed: Vec<&str> = allow
                .split(", ")
                .filter(|method| *method != "HEAD")
                .collect();
            allowed.sort_unstable();
            let mut known: Vec<&str> = methods.iter().map(String::as_str).collect();
            known.sort_unstable();
            assert_eq!(allowed, known, "{method} {path}");
            if method != "HEAD" {
                assert!(answer.json()["error"].is_string(), "{method} {path}");
            }
        }
    }
}

#[test]
fn who_has_it_already_gets_304() {
    let server = Server::start();
    let mut client = server.client();
    for path in readable(&server) {
        // These tell of the very moment in which they were made.
        let fleeting = [
            "/stats/",
            "/forecast/",
            "/backup/",
            "/metrics",
            "/healthz",
            "/readyz",
        ];
        if fleeting.iter().any(|part| path.ends_with(part)) {
            continue;
        }
        for accept in ["", "Accept-Encoding: gzip\r\n"] {
            let first = ask(&mut client, "GET", &path, accept);
            let tag = first
                .header("ETag")
                .unwrap_or_else(|| panic!("{path} has no tag"));
            let known = format!("{accept}If-None-Match: {tag}\r\n");
            for method in ["GET", "HEAD"] {
                let again = ask(&mut client, method, &path, &known);
                assert_eq!(again.status, 304, "{method} {path}");
                assert!(again.header("ETag").is_some(), "{path}");
            }
        }
    }
    let (jobs, tag) = tag_of(&mut client, "/api/v1/job/");
    server.create(&json!({"name": "another", "command": "true", "schedule": "@manual"}));
    let known = format!("If-None-Match: {tag}\r\n");
    let changed = ask(&mut client, "GET", "/api/v1/job/", &known)
        .expect(200)
        .json();
    assert_ne!(changed, jobs);
}

fn tag_of(client: &mut Client, path: &str) -> (Value, String) {
    let answer = ask(client, "GET", path, "").expect(200);
    let tag = answer.header("ETag").unwrap().to_owned();
    (answer.json(), tag)
}

#[test]
fn the_tag_of_a_job_says_both_what_it_is_and_how_it_went() {
    let server = Server::start();
    let mut client = server.client();
    let job = json!({"name": "x", "command": "true", "schedule": "@manual"});
    let id = server.create(&job);
    let path = format!("/api/v1/job/{id}/");
    let (_, before) = tag_of(&mut client, &path);
    server.run(&id);
    let (_, after) = tag_of(&mut client, &path);
    assert_ne!(before, after, "it has run");
    // For a change it matters only what it is.
    for (tag, status) in [(&before, 200), (&before, 412)] {
        let body = r#"{"owner":"me"}"#;
        let fields = format!("If-Match: {tag}\r\nContent-Length: {}\r\n", body.len());
        let request = format!("PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n{body}");
        client.send(request.as_bytes()).unwrap();
        assert_eq!(client.read("PATCH").unwrap().status, status);
    }
}

#[test]
fn a_job_that_was_changed_meanwhile_is_not_deleted() {
    let server = Server::start();
    let mut client = server.client();
    let job = json!({"name": "x", "command": "true", "schedule": "@manual"});
    let id = server.create(&job);
    let path = format!("/api/v1/job/{id}/");
    let (_, before) = tag_of(&mut client, &path);
    server.patch(&id, &json!({"owner": "me"})).expect(200);
    let (_, after) = tag_of(&mut client, &path);
    for (tag, status) in [(&before, 412), (&after, 204), (&after, 404)] {
        let fields = format!("If-Match: {tag}\r\n");
        let answer = ask(&mut client, "DELETE", &path, &fields);
        assert_eq!(answer.status, status, "{}", answer.text());
    }
}

#[test]
fn large_answers_are_compressed_for_those_who_take_it() {
    let server = Server::start();
    let mut client = server.client();
    let gzip = "Accept-Encoding: gzip\r\n";
    let plain = ask(&mut client, "GET", "/api/v1/openapi.json", "").expect(200);
    let zipped = ask(&mut client, "GET", "/api/v1/openapi.json", gzip).expect(200);
    assert_eq!(zipped.header("Content-Encoding"), Some("gzip"));
    assert_eq!(zipped.header("Vary"), Some("Accept-Encoding"));
    assert_ne!(zipped.header("ETag"), plain.header("ETag"));
    let mut text = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(&*zipped.body);
    reader.read_to_end(&mut text).unwrap();
    assert_eq!(text, plain.body);
}

#[test]
fn lists_are_narrowed_and_stay_in_order_of_creation() {
    let server = Server::start();
    for n in 0..9 {
        let tags = if n % 2 == 0 {
            json!(["even"])
        } else {
            json!([])
        };
        let name = format!("job {}", n % 3);
        let job = json!({
            "name": name, "command": "true", "schedule": "@manual", "tags": tags, "disabled": n == 8,
        });
        server.create(&job);
    }
    // Keys of an object have no order in JSON; in the text they do.
    let listed = |query: &str| -> Vec<String> {
        let text = server
            .get(&format!("/api/v1/job/?{query}"))
            .expect(200)
            .text();
        let ids = text.match_indices("\"created_at\":\"");
        ids.map(|(at, key)| text[at + key.len()..].split('"').next().unwrap().to_owned())
            .collect()
    };
    for (query, count) in [
        ("", 9),
        ("tag=even", 5),
        ("name=job+1", 3),
        ("name=job%201&tag=even", 1),
        ("status=disabled", 1),
        ("status=disabled&tag=odd", 0),
        ("limit=4", 4),
        ("tag=even&limit=2", 2),
    ] {
        let found = listed(query);
        assert_eq!(found.len(), count, "{query}");
        assert!(found.is_sorted(), "{query}: {found:?}");
    }
    let first = server.get("/api/v1/job/?tag=even&limit=2").json();
    let rest = format!("tag=even&after={}", first["next"].as_str().unwrap());
    assert_eq!(listed(&rest).len(), 3);
}
