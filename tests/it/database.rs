//! The job database as a whole: checked, backed up while a server works on it, restored, and moved elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nimesha::store::redb::RedbStore;
use nimesha::store::{Op, Store, Table, record};
use rustix::process::Signal;
use serde_json::json;

use crate::support::{HOLD, Server, TempDir, bare_command, nimesha};

/// Runs a command that is to succeed, and gives what it printed.
#[track_caller]
fn ok(words: &[&str]) -> String {
    let ended = nimesha(words);
    assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.stderr);
    ended.stdout
}

/// Runs a command that is to fail, and say why.
#[track_caller]
fn refused(words: &[&str], why: &str) {
    let ended = nimesha(words);
    assert_eq!(ended.code, Some(1), "{words:?}: {}", ended.stderr);
    assert!(ended.stderr.contains(why), "{why}: {}", ended.stderr);
}

fn redb(dir: &Path) -> String {
    format!("redb:{}", dir.display())
}

fn url(server: &Server) -> String {
    format!("http://127.0.0.1:{}", server.port())
}

/// A server with jobs of each kind that have run.
fn busy_server() -> (Server, String) {
    let server = Server::start();
    let done = server.create(&json!({"name": "done", "command": "echo ran"}));
    server.await_done(&done);
    server.create(&json!({"name": "daily", "command": "true", "schedule": "@daily", "env": {"API_TOKEN": "s3cret"}}));
    let manual =
        server.create(&json!({"name": "manual", "command": "true", "schedule": "@manual"}));
    server.create(&json!({"name": "child", "command": "true", "parent_jobs": [manual]}));
    server
        .create(&json!({"name": "off", "command": "true", "schedule": "@daily", "disabled": true}));
    server.run(&manual);
    server.create(&json!({"name": "tick", "command": "echo tick", "schedule": "R//PT0.05S"}));
    (server, done)
}

fn stop(mut server: Server) -> Server {
    server.signal(Signal::TERM);
    assert!(server.exit().success());
    server
}

#[test]
fn a_backup_of_a_working_server_is_one_instant_and_can_be_restored() {
    let (server, done) = busy_server();
    let held = server.create(&json!({"name": "held", "command": HOLD, "schedule": "@manual"}));
    server.begin(&held);
    let file = server.dir().join("nimesha.backup");
    let file = file.to_str().unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        // Others write meanwhile, so that a backup of several instants would not fit together.
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let id = server.create(&json!({"name": "short", "command": "true"}));
                server.await_done(&id);
                server.remove(&id);
            }
        });
        for _ in 0..5 {
            let said = ok(&["backup", file, "--url", &url(&server)]);
            assert!(said.contains("rows are in"), "{said}");
            assert!(ok(&["check", file]).contains("problems   none"));
        }
        over.store(true, Ordering::Relaxed);
    });
    let mode = fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.go();

    let dir = TempDir::new();
    let said = ok(&["restore", file, "--to", &redb(dir.path())]);
    assert!(said.contains(" jobs, "), "{said}");
    assert!(ok(&["check", dir.path().to_str().unwrap()]).contains("problems   none"));
    let restored = Server::in_dir(dir, &[], &[]);
    assert_eq!(restored.outcomes(&done), ["succeeded"]);
    let run = restored.history(&done)[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let output = restored.get(&format!("/api/v1/job/{done}/runs/{run}/output/"));
    assert_eq!(output.text(), "ran\n");
    assert_eq!(restored.outcomes(&held), ["interrupted"]);
    assert_eq!(restored.job(&done)["success_count"], 1);
}

#[test]
fn a_backup_goes_to_the_standard_output_and_through_it_to_anything() {
    let (server, _) = busy_server();
    let printed = ok(&["backup", "-", "--url", &url(&server)]);
    assert!(printed.starts_with("{\"nimesha\":\"backup\",\"version\":1}\n"));
    assert!(printed.lines().last().unwrap().starts_with("{\"crc32\":"));
    assert!(printed.contains("s3cret"), "whole jobs");
}

#[test]
fn a_backup_is_for_admins_alone() {
    let dir = TempDir::new();
    let tokens = dir.path().join("tokens");
    fs::write(
        &tokens,
        "a admin admin-secret-0123456789\nr read reader-secret-0123456789\n",
    )
    .unwrap();
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::with(&["--token-file", tokens.to_str().unwrap()]);
    for (token, code) in [
        ("reader-secret-0123456789", 1),
        ("admin-secret-0123456789", 0),
    ] {
        let file = dir.path().join(token);
        let mut command = bare_command();
        command.args(["backup", file.to_str().unwrap(), "--url", &url(&server)]);
        let ended = command.env("NIMESHA_TOKEN", token).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        assert_eq!(file.exists(), code == 0, "half a backup has no name");
    }
    assert!(!dir.path().join("reader-secret-0123456789.part").exists());
}

#[test]
fn without_a_server_the_database_itself_is_read() {
    let (server, _) = busy_server();
    let address = redb(server.dir());
    let file = server.dir().join("backup");
    let file = file.to_str().unwrap().to_owned();
    refused(
        &["backup", &file, "--from", &address],
        "a server works on redb:",
    );
    refused(&["check", &address], "a server works on redb:");
    let gone = format!("http://127.0.0.1:{}", server.port());
    let server = stop(server);
    assert_eq!(nimesha(&["backup", &file, "--url", &gone]).code, Some(4));
    ok(&["backup", &file, "--from", &address]);
    let summed = ok(&["check", &address]);
    assert!(
        summed.contains("6: 2 scheduled, 1 children, 1 manual, 1 done, 1 disabled"),
        "{summed}"
    );
    assert_eq!(
        nimesha(&["backup", &file, "--from", "/some/where"]).code,
        Some(2)
    );
    refused(
        &["backup", &file, "--from", "redb:/no/such/dir"],
        "does not exist",
    );
    drop(server);
}

#[test]
fn what_is_not_whole_or_not_empty_is_refused() {
    let (server, done) = busy_server();
    let file = server.dir().join("backup");
    let file = file.to_str().unwrap().to_owned();
    ok(&["backup", &file, "--url", &url(&server)]);
    let whole = fs::read_to_string(&file).unwrap();
    let empty = TempDir::new();
    let to = redb(empty.path());
    for (text, why) in [
        (whole.replacen("daily", "dolly", 1), "its sum is wrong"),
        (
            whole[..whole.len() / 2].to_owned(),
            "is no whole backup of Nimesha",
        ),
        ("hello\n".to_owned(), "does not begin as one"),
    ] {
        let damaged = server.dir().join("damaged");
        fs::write(&damaged, text).unwrap();
        refused(&["restore", damaged.to_str().unwrap(), "--to", &to], why);
        refused(&["check", damaged.to_str().unwrap()], why);
        assert!(
            !empty.path().join("nimesha.redb").exists(),
            "nothing is made of it"
        );
    }
    ok(&["restore", &file, "--to", &to]);
    refused(
        &["restore", &file, "--to", &to],
        "there are rows in jobs already",
    );
    let restored = Server::in_dir(empty, &[], &[]);
    assert_eq!(restored.outcomes(&done), ["succeeded"]);
}

#[test]
fn a_database_moves_whole_and_stays_where_it_was() {
    let (server, done) = busy_server();
    let server = stop(server);
    let (from, dir) = (redb(server.dir()), TempDir::new());
    let to = redb(dir.path());
    let said = ok(&["migrate", "--from", &from, "--to", &to]);
    assert!(said.starts_with("6 jobs, "), "{said}");
    refused(
        &["migrate", "--from", &from, "--to", &to],
        "there are rows in jobs already",
    );
    assert_eq!(
        nimesha(&["migrate", "--from", &from, "--to", &from]).code,
        Some(2)
    );
    let copies = [server.dir(), dir.path()].map(|dir| rows(&RedbStore::open(dir).unwrap()));
    assert!(copies[0] == copies[1]);
    let moved = Server::in_dir(dir, &[], &[]);
    assert_eq!(moved.outcomes(&done), ["succeeded"]);
}

fn rows(store: &dyn Store) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    for table in Table::ALL {
        let mut add = |key: &[u8], value: &[u8]| {
            rows.push((table, key.to_vec(), value.to_vec()));
            true
        };
        store.scan(table, b"", b"", false, &mut add).unwrap();
    }
    rows
}

#[test]
fn a_check_names_all_that_is_wrong() {
    let (server, done) = busy_server();
    let server = stop(server);
    let dir = server.dir().to_str().unwrap();
    assert!(ok(&["check", dir]).contains("problems   none"));
    let id: nimesha::job::JobId = done.parse().unwrap();
    let ops = [
        Op::Put(Table::Jobs, record::job_key(id), vec![1, b'{']),
        Op::Put(Table::Chains, vec![0; 16], vec![7]),
    ];
    RedbStore::open(server.dir()).unwrap().commit(&ops).unwrap();
    refused(&["check", dir], "2 problems:");
    refused(
        &["check", dir],
        &format!("the definition of job {done} cannot be read"),
    );
    refused(&["check", "redb:/no/such/dir"], "does not exist");
}
