//! Files that are not what they were: refused at the start with what to do about it, and left as they are.

use std::fs;
use std::path::Path;

use nimesha::job::JobId;
use nimesha::job::state::JobState;
use nimesha::store::redb::RedbStore;
use nimesha::store::{Op, Store, Table, record};
use serde_json::json;

use super::disk::refused;
use crate::support::{Server, TempDir, nimesha};

/// By which pages with jobs are found in the file.
const MARK: &[u8] = b"by this a page is found";

/// A directory with a database that a server made and closed.
fn made_by_a_server() -> TempDir {
    let dir = TempDir::new();
    let path = dir.path().to_str().expect("a name of ours");
    let mut server = Server::with(&["--boltpath", path]);
    for number in 0..50 {
        server.create(&json!({
            "name": format!("job {number}"), "command": "true", "schedule": "@daily",
            "description": String::from_utf8_lossy(MARK),
        }));
    }
    server.restart();
    drop(server);
    // The one that was started again was killed: let it be closed well, so that nothing is to be repaired.
    drop(RedbStore::open(dir.path()).expect("it is whole"));
    dir
}

fn file(dir: &Path) -> std::path::PathBuf {
    dir.join("nimesha.redb")
}

/// Turns a bit in the middle of each mark.
fn flip(bytes: &mut [u8]) {
    let places: Vec<usize> = bytes
        .windows(MARK.len())
        .enumerate()
        .filter_map(|(at, window)| (window == MARK).then_some(at))
        .collect();
    assert!(places.len() >= 50, "the jobs are not compressed");
    for at in places {
        bytes[at + MARK.len() / 2] ^= 0x04;
    }
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    type Damage = fn(&mut Vec<u8>);
    let rows: [(&str, Damage, &str); 7] = [
        ("flipped bits", |bytes| flip(bytes), "is damaged"),
        (
            "cut off",
            |bytes| bytes.truncate(bytes.len() / 2),
            "is damaged",
        ),
        (
            "cut off in its head",
            |bytes| bytes.truncate(100),
            "nimesha.redb",
        ),
        (
            "zeros behind its head",
            |bytes| bytes[4_096..].fill(0),
            "is damaged",
        ),
        ("zeros", |bytes| bytes.fill(0), "is no database of Nimesha"),
        ("nothing", Vec::clear, "is empty"),
        (
            "another program's",
            |bytes| *bytes = b"SQLite format 3\0".repeat(1_000),
            "is no database of Nimesha",
        ),
    ];
    let dir = made_by_a_server();
    let whole = fs::read(file(dir.path())).unwrap();
    for (what, damage, why) in rows {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(file(dir.path()), &bytes).unwrap();
        refused(dir.path(), why);
        let now = fs::read(file(dir.path())).unwrap();
        assert!(now == bytes, "{what}: the file was touched");
    }
    fs::write(file(dir.path()), &whole).unwrap();
    let path = dir.path().to_str().expect("a name of ours");
    let server = Server::with(&["--boltpath", path]);
    let list = server.get("/api/v1/job/").expect(200).json();
    assert_eq!(list["jobs"].as_object().unwrap().len(), 50);
}

#[test]
fn what_a_newer_version_wrote_is_refused_by_name() {
    let dir = made_by_a_server();
    let whole = fs::read(file(dir.path())).unwrap();
    let first_job = {
        let store = RedbStore::open(dir.path()).unwrap();
        let mut found = Vec::new();
        store
            .scan(Table::Jobs, b"", b"", false, &mut |key, value| {
                found = vec![key.to_vec(), value.to_vec()];
                false
            })
            .unwrap();
        found
    };
    let format = record::encode_number(u64::from(record::FORMAT) + 1);
    let mut newer = first_job[1].clone();
    newer[0] = record::VERSION + 1;
    let state = record::encode_state(&JobState::new(nimesha::clock::now()));
    let half = Op::Put(Table::States, record::job_key(JobId::random()), state);
    let rows = [
        (
            Op::Put(Table::Meta, record::FORMAT_KEY.to_vec(), format),
            "made by a newer Nimesha",
        ),
        (
            Op::Put(Table::Jobs, first_job[0].clone(), newer),
            "was written by a newer Nimesha (record version 2",
        ),
        (half, "has no definition: the database is damaged"),
    ];
    for (op, why) in rows {
        fs::write(file(dir.path()), &whole).unwrap();
        RedbStore::open(dir.path()).unwrap().commit(&[op]).unwrap();
        refused(dir.path(), why);
    }
}

#[test]
fn a_file_in_use_is_left_to_the_server_that_has_it() {
    let server = Server::start();
    let id = server.create(&json!({"name": "mine", "command": "true", "schedule": "@daily"}));
    refused(server.dir(), "is in use: another Nimesha works on it");
    assert_eq!(server.job(&id)["name"], "mine");
    let words = ["serve", "--port", "0", "--boltpath", "/proc/version"];
    let ended = nimesha(&words);
    assert!(
        ended.stderr.contains("--boltpath names a file"),
        "{}",
        ended.stderr
    );
}
