//! What the README shows of the program's words: they are the words that come, but for names, numbers and times.

use std::fs;

use serde_json::json;

use super::{block, printed};
use crate::support::{Server, TempDir, wait_for};

/// The command behind a `$`, and what is shown below it.
fn session(text: &str) -> (&str, &str) {
    let (command, shown) = text.split_once('\n').expect("a line");
    (command.strip_prefix("$ ").expect("a command"), shown)
}

/// Its columns or words, which two blanks keep apart.
fn cells(line: &str) -> Vec<&str> {
    let cells = line.split("  ").map(str::trim);
    cells.filter(|cell| !cell.is_empty()).collect()
}

/// A line with each number in it as one sign.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    for c in line.chars() {
        match c {
            '0'..='9' if shape.ends_with('#') => {}
            '0'..='9' => shape.push('#'),
            c => shape.push(c),
        }
    }
    shape
}

/// A server with the jobs of the README's tables; one runs, one has failed.
fn server() -> Server {
    let server = Server::start();
    let mut ids = Vec::new();
    for (name, command, schedule, more) in [
        (
            "backup",
            "sleep 300; echo saved",
            "30 2 * * *",
            json!({"timezone": "Europe/Berlin", "retries": 3}),
        ),
        ("mirror", "true", "R/2999-01-01T00:00:00Z/PT10S", json!({})),
        ("report", "exit 3", "@manual", json!({"tags": ["nightly"]})),
        ("mail", "true", "0 9 * * 1-5", json!({})),
    ] {
        let mut job = json!({"name": name, "command": command, "schedule": schedule});
        let keys = job.as_object_mut().expect("an object");
        keys.extend(more.as_object().expect("an object").clone());
        ids.push(server.create(&job));
    }
    for name in [&ids[1], &ids[2]] {
        server.run(name);
    }
    let started = format!("/api/v1/job/start/{}/?wait=false", ids[0]);
    server.post(&started, &json!({})).expect(204);
    wait_for("it runs", || {
        let stats = server.get("/api/v1/stats/").json();
        (stats["Stats"]["running"] == 1).then_some(())
    });
    server
}

fn said(command: &str, server: &Server) -> String {
    let url = format!("http://127.0.0.1:{}", server.port());
    printed(command, server.dir(), &[("NIMESHA_URL", &url)])
}

/// The log of a start, in its order.
pub(super) fn start(text: &str) {
    let (_, shown) = session(text);
    let server = Server::start();
    let log = server.log();
    for (shown, line) in shown.lines().zip(log.lines()) {
        assert_eq!(shape(shown), shape(line));
    }
}

/// Tables have the columns that are shown.
pub(super) fn tables(text: &str) {
    let server = server();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(command) = line.strip_prefix("$ ") else {
            continue;
        };
        let said = said(command, &server);
        let head = said.lines().next().expect("a head");
        assert_eq!(
            cells(lines.next().expect("a head")),
            cells(head),
            "{command}"
        );
    }
}

/// All that has a heading stands under the same, and sums are told in the same words.
pub(super) fn top(text: &str) {
    let said = said("nimesha top --once", &server());
    let is_heading = |line: &&str| line.starts_with(|c: char| c.is_uppercase());
    let headings = |text| -> Vec<Vec<&str>> {
        let lines = str::lines(text).filter(is_heading);
        lines.map(cells).collect()
    };
    assert_eq!(headings(text), headings(&said), "{said}");
    let shown = text.lines().nth(1).expect("sums");
    let sums = said.lines().nth(1).expect("sums");
    assert_eq!(shape(shown), shape(sums));
}

/// A file of jobs is one.
pub(super) fn files(text: &str) {
    let dir = TempDir::new();
    fs::write(dir.path().join("jobs.toml"), text).expect("it can be written");
    printed("nimesha validate jobs.toml", dir.path(), &[]);
}

/// What that file would change is told to the letter.
pub(super) fn difference(text: &str) {
    let (command, shown) = session(text);
    let server = server();
    fs::write(server.dir().join("jobs.toml"), block("[[job]]")).expect("it can be written");
    assert_eq!(said(command, &server).trim_end(), shown);
}

/// A forecast begins with the same words and draws the same lines.
pub(super) fn forecast(text: &str) {
    let (command, shown) = session(text);
    // A day that is still to come.
    let command = command.replace("2026-11-24", "2999-11-24");
    let said = said(&command, &server());
    for (shown, line) in shown.lines().zip(said.lines()).take(2) {
        assert_eq!(shape(shown), shape(line));
    }
    let line = said.lines().nth(2).expect("an hour");
    let shown = shown.lines().nth(2).expect("an hour");
    assert_eq!(
        shape(shown).split(' ').next(),
        shape(line).split(' ').next()
    );
}

/// Settings come from where it is said.
pub(super) fn settings(text: &str) {
    let (command, shown) = session(text);
    let dir = TempDir::new();
    let file = dir.path().join("nimesha.toml");
    let lines = "# Settings.\n\nallow-host = [\"jobs.example.com\"]\n";
    fs::write(&file, lines).expect("it can be written");
    let named = |text: &str| text.replace("/etc/nimesha.toml", &file.display().to_string());
    let said = printed(&named(command), dir.path(), &[]);
    for line in named(shown).lines().filter(|line| *line != "...") {
        assert!(said.lines().any(|said| said == line), "{line} in {said}");
    }
}

/// A database is summed up in these words.
pub(super) fn check(text: &str) {
    let (command, shown) = session(text);
    let mut server = server();
    server.signal(rustix::process::Signal::KILL);
    server.exit();
    let place = server.dir().display().to_string();
    let said = said(&command.replace("/var/lib/nimesha", &place), &server);
    let words = |text: &str| -> Vec<String> {
        let first = |line| str::split(line, "  ").next().map(str::to_owned);
        text.lines().filter_map(first).collect()
    };
    assert_eq!(words(shown), words(&said), "{said}");
}
