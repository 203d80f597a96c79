//! Events and output as they happen, read from answers that have no end in sight.

use serde_json::{Value, json};

use crate::support::{Client, Server};

/// One who listens to events.
struct Listener {
    client: Client,
    /// What has been read and not been looked at.
    rest: String,
}

/// An event, as a listener gets it.
#[derive(Debug)]
struct Event {
    id: Option<u64>,
    kind: String,
    data: Value,
}

impl Listener {
    /// Listens from now on, or from behind an event on.
    fn new(server: &Server, after: Option<u64>) -> Listener {
        let after = after.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
        Listener::with(server, "", &after)
    }

    /// Listens also to what runs write, from now on.
    fn to_outputs(server: &Server) -> Listener {
        Listener::with(server, "?output=true", "")
    }

    fn with(server: &Server, query: &str, header: &str) -> Listener {
        let mut client = server.client();
        let request =
            format!("GET /api/v1/events{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n");
        client.send(request.as_bytes()).expect("it listens");
        let head = client.read_head().expect("a head").expect(200);
        assert_eq!(head.header("Content-Type"), Some("text/event-stream"));
        Listener {
            client,
            rest: String::new(),
        }
    }

    /// The next block of lines.
    fn block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.rest = rest;
                return block;
            }
            let chunk = self.client.read_chunk().expect("more is to come");
            assert!(!chunk.is_empty(), "the answer ended");
            self.rest += std::str::from_utf8(&chunk).expect("events are text, sent whole");
        }
    }

    /// The next event; comments and the first words are none.
    fn next(&mut self) -> Event {
        loop {
            let block = self.block();
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            if let (Some(kind), Some(data)) = (field("event: "), field("data: ")) {
                return Event {
                    id: field("id: ").map(|id| id.parse().expect("a number")),
                    kind: kind.to_owned(),
                    data: serde_json::from_str(data).expect("JSON"),
                };
            }
        }
    }

    /// Reads up to an event of that kind, which is given back last.
    fn upto(&mut self, kind: &str) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            events.push(self.next());
            if events.last().is_some_and(|event| event.kind == kind) {
                return events;
            }
        }
    }
}

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

#[test]
fn what_happens_is_told_in_order() {
    let server = Server::start();
    let mut listener = Listener::new(&server, None);
    let id = server.create(&json!({
        "name": "x", "command": "false", "schedule": "@manual", "retries": 1
    }));
    server.run(&id);
    for path in [format!("job/disable/{id}"), "pause".into(), "resume".into()] {
        let path = format!("/api/v1/{path}/");
        server.post(&path, &json!({})).expect(204);
    }
    server.delete(&format!("/api/v1/job/{id}/")).expect(204);

    let events = listener.upto("job_deleted");
    assert_eq!(
        kinds(&events),
        [
            "job_created",
            "run_started",
            "run_retrying",
            "run_ended",
            "job_changed",
            "paused",
            "resumed",
            "job_deleted",
        ]
    );
    for event in events.iter().filter(|event| event.kind.starts_with("job_")) {
        assert_eq!(event.data["job_id"], id.as_str(), "{event:?}");
        assert_eq!(event.data["name"], "x", "{event:?}");
    }
    assert_eq!(events[1].data["trigger"], "manual");
    assert_eq!(events[2].data["end"], "exit status 1");
    assert_eq!(events[3].data["outcome"], "failed");
    let run = &events[1].data["run_id"];
    assert!(
        events[1..4]
            .iter()
            .all(|event| event.data["run_id"] == *run)
    );
}

#[test]
fn who_lost_the_connection_goes_on_where_it_was() {
    let mut server = Server::start();
    let mut listener = Listener::new(&server, None);
    let hello = listener.block();
    let start = hello.lines().find_map(|line| line.strip_prefix("id: "));
    let start = start.and_then(|id| id.parse().ok()).expect("a number");
    drop(listener);
    let pause = |server: &Server| {
        for path in ["/api/v1/pause/", "/api/v1/resume/"] {
            server.post(path, &json!({})).expect(204);
        }
    };
    pause(&server);
    pause(&server);
    let ids = |after| {
        let mut listener = Listener::new(&server, Some(after));
        let mut events = listener.upto("resumed");
        events.extend(listener.upto("resumed"));
        assert_eq!(kinds(&events), ["paused", "resumed", "paused", "resumed"]);
        events.into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    let heard = ids(start);
    assert_eq!(heard, (1..=4).map(|n| Some(start + n)).collect::<Vec<_>>());
    assert_eq!(heard, ids(start), "again");
    let mut last = Listener::new(&server, heard[2]);
    assert_eq!(last.next().kind, "resumed");

    // A number of another life of the server leads nowhere, and the client is told so.
    server.restart();
    for foreign in [start, start + 4, 1, u64::MAX] {
        let mut listener = Listener::new(&server, Some(foreign));
        assert_eq!(listener.next().kind, "lost", "{foreign}");
        pause(&server);
        let kind = listener.upto("paused").pop();
        assert!(kind.is_some_and(|event| event.id > Some(start + 4)));
    }
}

#[test]
fn what_runs_write_is_told_to_those_who_ask() {
    let server = Server::start();
    let mut usual = Listener::new(&server, None);
    let mut listener = Listener::to_outputs(&server);
    let id = server.create(&json!({
        "name": "x", "schedule": "@manual", "cwd": server.dir().to_str().expect("text"),
        "command": "echo one; until [ -e go ]; do sleep 0.01; done; echo zw\u{f6}lf >&2; printf '\\377'",
    }));
    let path = format!("/api/v1/job/start/{id}/?wait=false");
    server.post(&path, &json!({})).expect(204);
    let begin = listener.upto("output");
    assert_eq!(kinds(&begin), ["job_created", "run_started", "output"]);
    // One who comes later hears what is written from then on.
    let mut late = Listener::to_outputs(&server);
    std::fs::write(server.dir().join("go"), "").expect("the directory is there");
    let whole: Vec<Event> = begin
        .into_iter()
        .chain(listener.upto("run_ended"))
        .collect();
    let rest = late.upto("run_ended");
    for (events, expected) in [
        (&whole, vec![(0, "one\n"), (4, "zw\u{f6}lf\n\u{fffd}")]),
        (&rest, vec![(4, "zw\u{f6}lf\n\u{fffd}")]),
    ] {
        let pieces: Vec<&Event> = events.iter().filter(|it| it.kind == "output").collect();
        let begins: Vec<u64> = expected.iter().map(|(offset, _)| *offset).collect();
        assert_eq!(pieces[0].data["offset"], begins[0]);
        let text = |piece: &&Event| piece.data["text"].as_str().expect("text").to_owned();
        let told: String = pieces.iter().map(text).collect();
        let written: String = expected.into_iter().map(|(_, text)| text).collect();
        assert_eq!(told, written, "however it was cut");
        for piece in pieces {
            assert_eq!((piece.id, &piece.data["job_id"]), (None, &json!(id)));
            assert_eq!(piece.data["run_id"], whole[1].data["run_id"]);
            assert_eq!(piece.data["name"], "x");
        }
    }
    let events = usual.upto("run_ended");
    assert_eq!(kinds(&events), ["job_created", "run_started", "run_ended"]);
    let refused = server.get("/api/v1/events/?output=yes").expect(400);
    assert!(refused.text().contains("output"), "{}", refused.text());
}

#[test]
fn a_flood_of_output_leaves_room_for_events() {
    let server = Server::start();
    let id = server.create(&json!({
        "name": "x", "command": "seq 1000000", "schedule": "@manual"
    }));
    // It reads nothing until the run is over.
    let mut listener = Listener::to_outputs(&server);
    server.run(&id);
    listener.upto("run_started");
    let events = listener.upto("run_ended");
    // What is there is right, and what is not can be seen by the offsets.
    let written: String = (1..=1_000_000)
        .map(|number| format!("{number}\n"))
        .collect();
    for piece in events.iter().filter(|event| event.kind == "output") {
        let offset = piece.data["offset"].as_u64().expect("a number") as usize;
        let text = piece.data["text"].as_str().expect("text");
        assert_eq!(&written[offset..offset + text.len()], text);
    }
}

#[test]
fn only_so_many_may_listen() {
    let server = Server::start();
    let listeners: Vec<_> = (0..64).map(|_| Listener::new(&server, None)).collect();
    let refused = server.get("/api/v1/events/").expect(503);
    assert!(refused.text().contains("64 clients"), "{}", refused.text());
    drop(listeners);
    crate::support::wait_until("there is room again", || {
        let mut client = server.client();
        let request = b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        client.send(request).expect("it listens");
        client.read_head().expect("a head").status == 200
    });
}

/// Begins to follow the output of a run.
fn follow(server: &Server, run: &str) -> Client {
    let mut client = server.client();
    let request = format!("GET {run}output/?follow=true HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    client.send(request.as_bytes()).expect("it listens");
    client
}

/// Reads so many bytes of a followed output, however they are cut.
fn read_text(client: &mut Client, bytes: usize) -> String {
    let mut text = Vec::new();
    while text.len() < bytes {
        let mut chunk = client.read_chunk().expect("more is to come");
        assert!(!chunk.is_empty(), "it ended after {text:?}");
        text.append(&mut chunk);
    }
    String::from_utf8(text).expect("text")
}

#[test]
fn output_is_followed_through_all_attempts_to_the_end_of_the_run() {
    let server = Server::start();
    let command = "echo $NIMESHA_ATTEMPT begins; until [ -e go$NIMESHA_ATTEMPT ]; do sleep 0.01; done; echo and ends; false";
    let id = server.create(&json!({
        "name": "x", "command": command, "schedule": "@manual", "retries": 1,
        "cwd": server.dir().to_str().expect("text"),
    }));
    let started = server
        .post(&format!("/api/v1/job/start/{id}/?wait=false"), &json!({}))
        .expect(204);
    let run = started.header("Location").expect("a run").to_owned();
    let mut clients: Vec<Client> = (0..16).map(|_| follow(&server, &run)).collect();
    for client in &mut clients {
        let head = client.read_head().expect("a head").expect(200);
        assert_eq!(
            head.header("Content-Type"),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(read_text(client, 9), "1 begins\n");
    }
    let one_more = follow(&server, &run).read("GET").expect("an answer");
    assert!(one_more.expect(503).text().contains("16 clients follow"));

    std::fs::write(server.dir().join("go1"), "").expect("the directory is there");
    for client in &mut clients {
        assert_eq!(read_text(client, 18), "and ends\n2 begins\n");
    }
    std::fs::write(server.dir().join("go2"), "").expect("the directory is there");
    for client in &mut clients {
        assert_eq!(read_text(client, 9), "and ends\n");
        assert_eq!(client.read_chunk().expect("the end"), b"");
        // How it ended is there, and the connection goes on.
        let ended = client.request("GET", &run, None).expect("an answer");
        assert_eq!(ended.json()["run"]["outcome"], "failed");
    }
    let whole = follow(&server, &run)
        .read("GET")
        .expect("an answer")
        .expect(200);
    assert_eq!(whole.text(), "1 begins\nand ends\n2 begins\nand ends\n");
    server.get(&format!("{run}output/?follow=yes")).expect(400);
}

#[test]
fn a_command_on_trial_is_run_and_stored_nowhere() {
    let server = Server::start();
    let run = |body: Value| server.post("/api/v1/run/", &body).expect(200).json();
    assert_eq!(
        run(json!({"command": "echo $A; pwd; exit 3", "env": {"A": "b"}, "cwd": "/"})),
        json!({
            "outcome": "failed", "exit_code": 3, "signal": null, "status": null, "error": null, "output": "b\n/\n"
        })
    );
    assert_eq!(run(json!({"command": "true"}))["outcome"], "succeeded");
    let endless = run(json!({"command": "sleep 3600", "timeout": "PT0.1S"}));
    assert_eq!(endless["outcome"], "timed_out");
    assert_eq!(server.get("/api/v1/job/").text(), "{\"jobs\":{}}\n");
}
