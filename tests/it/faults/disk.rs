//! Disks that take no more: what is acknowledged stays, runs go on, and space that comes back is enough.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, Signal, prlimit};
use serde_json::{Value, json};

use crate::support::{BrokenDisk, Response, Server, SmallDisk, nimesha, wait_for, wait_until};

/// Writes beyond the limit of a file's size fail, as on a full disk, instead of ending the process.
const NO_SIGNAL: &str = "trap '' XFSZ";

/// Limits the size of files that the server may write; none takes the limit away.
fn limit_files(server: &Server, bytes: Option<u64>) {
    let limit = Rlimit {
        current: bytes,
        maximum: None,
    };
    prlimit(Some(server.pid()), Resource::Fsize, limit).expect("a process of ours");
}

/// A job that fills a few pages of the database.
fn big_job(number: usize) -> Value {
    json!({
        "name": format!("big {number}"), "command": "true", "schedule": "@daily", "description": "x".repeat(30_000),
    })
}

fn create_ticking(server: &Server) -> String {
    server.create(&json!({
        "name": "tick", "command": "echo $NIMESHA_RUN_ID >> started", "schedule": "R//PT0.1S",
    }))
}

/// Creates jobs until one is refused. Gives the ids of the others, and the refusal.
fn create_until_refused(server: &Server) -> (Vec<String>, Response) {
    let mut ids = Vec::new();
    let refusal = wait_for("a job is refused", || {
        let answer = server.post("/api/v1/job/", &big_job(ids.len()));
        if answer.status == 503 {
            return Some(answer);
        }
        let id = answer.expect(201).json()["id"].take();
        ids.push(id.as_str().expect("an id").to_owned());
        None
    });
    (ids, refusal)
}

/// What holds of a server whose disk `fill` fills and `free` frees.
fn check_full_disk(mut server: Server, fill: impl FnOnce(&Server), free: impl FnOnce(&Server)) {
    let tick = create_ticking(&server);
    let kept = server.create(&json!({"name": "kept", "command": "true", "schedule": "@daily"}));
    server.await_lines("started", 2);
    fill(&server);

    let (big, refusal) = create_until_refused(&server);
    let why = refusal.json()["error"].take();
    assert!(why.as_str().unwrap().contains("cannot be written"), "{why}");
    assert_eq!(server.patch(&kept, &json!({"name": "changed"})).status, 503);
    assert_eq!(server.delete(&format!("/api/v1/job/{kept}/")).status, 503);
    assert_eq!(server.get("/readyz").status, 503);
    assert_eq!(server.job(&kept)["name"], "kept", "reads go on");
    assert!(
        server
            .get("/metrics")
            .text()
            .contains("\nnimesha_store_up 0\n")
    );
    wait_until("the log says so too", || {
        let log = server.log();
        log.contains("[ERROR] the job database cannot be written: ")
    });
    let before = server.lines("started").len();
    server.await_lines("started", before + 5);

    free(&server);
    wait_until("it takes writes again", || {
        server.get("/readyz").status == 200
    });
    let after = server.create(&json!({"name": "after", "command": "true", "schedule": "@daily"}));
    wait_until("the log says so too", || {
        server.log().contains("takes writes again")
    });
    server.disable(&tick);
    wait_until("nothing runs", || server.job(&tick)["running"] == 0);
    let ran = server.lines("started");
    wait_until("its ends are stored", || {
        server.figure(&tick, "success_count") == ran.len() as u64
    });
    // Ends are durable within a tenth of a second; this commit is behind them.
    server.remove(&after);
    assert!(!server.log().contains("panicked"), "{}", server.log());
    server.kill9();
    server.start_again();
    check_afterwards(&server, &tick, &kept, &big, &ran);
}

fn check_afterwards(server: &Server, tick: &str, kept: &str, big: &[String], ran: &[String]) {
    assert_eq!(server.job(kept)["name"], "kept");
    let list = server.get("/api/v1/job/").expect(200).json();
    assert_eq!(list["jobs"].as_object().unwrap().len(), big.len() + 2);
    for (number, id) in big.iter().enumerate() {
        assert_eq!(
            server.job(id)["description"],
            big_job(number)["description"]
        );
    }
    let history = server.history(tick);
    let runs = history
        .iter()
        .filter(|entry| entry["outcome"] == "succeeded");
    let runs: Vec<&str> = runs.map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(runs, ran, "each run once, in order");
}

#[test]
fn files_that_may_not_grow_lose_nothing_and_heal() {
    let size = |server: &Server| {
        let file = fs::metadata(server.dir().join("nimesha.redb"));
        file.expect("the database").len()
    };
    check_full_disk(
        Server::after(NO_SIGNAL, &[]),
        |server| limit_files(server, Some(size(server))),
        |server| limit_files(server, None),
    );
}

#[test]
fn a_disk_that_turns_read_only_loses_nothing_and_heals() {
    let Some(disk) = BrokenDisk::mount() else {
        return;
    };
    let server = Server::with(&["--boltpath", disk.name()]);
    check_full_disk(server, |_| disk.turn_read_only(), |_| disk.mount_anew());
}

#[test]
fn a_full_disk_loses_nothing_and_heals() {
    let Some(disk) = SmallDisk::mount(4) else {
        return;
    };
    check_full_disk(
        Server::with(&["--boltpath", disk.name()]),
        |_| disk.fill(),
        |_| disk.free(),
    );
}

#[test]
fn a_server_that_stops_on_a_full_disk_says_what_is_lost() {
    let mut server = Server::after(NO_SIGNAL, &["--grace", "1"]);
    let tick = create_ticking(&server);
    server.await_lines("started", 2);
    // Enough for the lines, not for the database.
    limit_files(&server, Some(16 * 1024));
    let before = server.lines("started").len();
    server.await_lines("started", before + 3);
    server.signal(Signal::TERM);
    assert!(server.exit().success());
    wait_until("the log says what is lost", || {
        let log = server.log();
        log.contains("runs are lost, and after the next start")
    });
    server.start_again();
    // What was known before is there, and the grid goes on.
    let count = server.figure(&tick, "success_count");
    wait_until("it goes on", || {
        server.figure(&tick, "success_count") > count + 2
    });
}

#[test]
fn a_read_only_disk_is_named_at_the_start() {
    let Some(disk) = SmallDisk::mount(4) else {
        return;
    };
    disk.make_read_only();
    refused(disk.path(), "the file system is read-only");
}

/// Starts a server on that directory, which is to end and say why.
pub(super) fn refused(dir: &Path, why: &str) {
    let dir = dir.to_str().expect("a name of ours");
    let ended = nimesha(&["serve", "--port", "0", "--boltpath", dir]);
    assert_eq!(ended.code, Some(1), "{why}: {}", ended.stderr);
    assert!(ended.stderr.contains(why), "{why}: {}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}
