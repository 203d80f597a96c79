//! A database that has no room left: what is new is refused in words, nothing that was acknowledged goes, nothing runs
//! unclaimed, and with room it goes on by itself.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use serde_json::{Value, json};

use super::place::Place;
use crate::support::databases::{Database, Kind, PASSWORD, Setup};
use crate::support::{Server, SmallDisk, wait_for, wait_until};

/// Enough for the tables of an empty database and some jobs: PostgreSQL's own alone take 8 MiB.
const DISK_MEBIBYTES: u32 = 24;

/// A database that can be filled.
fn start_small(kind: Kind) -> Option<(Place, Option<SmallDisk>)> {
    let (setup, disk) = match kind {
        Kind::Redis => (Setup::default(), None),
        Kind::Postgres => {
            let disk = SmallDisk::mount(DISK_MEBIBYTES)?;
            let tables = Some(disk.path().to_owned());
            (
                Setup {
                    tables,
                    flags: Vec::new(),
                },
                Some(disk),
            )
        }
        Kind::MariaDb => (
            Setup {
                tables: None,
                flags: files_up_to("20M"),
            },
            None,
        ),
    };
    Some((Place::on(Database::start_as(kind, setup)?), disk))
}

/// All of MariaDB in one file, since it does not survive a disk that is full.
fn files_up_to(limit: &str) -> Vec<String> {
    vec![
        "--innodb-file-per-table=0".to_owned(),
        format!("--innodb-data-file-path=ibdata1:12M:autoextend:max:{limit}"),
    ]
}

/// Leaves no room but what is in the files.
fn fill(database: &Database, disk: Option<&SmallDisk>) {
    match (database.kind(), disk) {
        (Kind::Redis, _) => limit_memory(database, "1mb"),
        (_, Some(disk)) => disk.fill(),
        (_, None) => {}
    }
}

/// Makes room, as whoever runs the database would.
fn make_room(database: &mut Database, disk: Option<&SmallDisk>) {
    match (database.kind(), disk) {
        (Kind::Redis, _) => limit_memory(database, "0"),
        (_, Some(disk)) => disk.free(),
        (_, None) => {
            database.setup.flags = files_up_to("80M");
            database.restart();
        }
    }
}

fn limit_memory(redis: &Database, limit: &str) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.port())).expect("it listens");
    write!(
        stream,
        "AUTH {PASSWORD}\r\nCONFIG SET maxmemory {limit}\r\nQUIT\r\n"
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert_eq!(answer, "+OK\r\n".repeat(3));
}

pub(super) fn a_full_database_loses_nothing_and_heals(kind: Kind) {
    let Some((mut place, disk)) = start_small(kind) else {
        return;
    };
    let mut server = place.server();
    server.await_ready();
    let tick = server.create(&place.ticking());
    let kept = server.create(&json!({"name": "kept", "command": "true", "schedule": "@daily"}));
    place.await_ticks(2);

    fill(&place.database, disk.as_ref());
    let (big, why) = create_until_refused(&server);
    assert!(why.contains("it goes on by itself when"), "{why}");
    assert_eq!(server.job(&kept)["name"], "kept", "reads go on");
    wait_until("the log says so too", || {
        server.log().contains("it goes on by itself when")
    });
    make_room(&mut place.database, disk.as_ref());

    server.await_ready();
    place.await_ticks(3);
    let after = server.create(&big_job("after"));
    server.run(&after);
    server.kill9();
    server.start_again();
    server.await_ready();
    assert_eq!(server.outcomes(&after), ["succeeded"]);
    assert_eq!(server.job(&kept)["name"], "kept");
    for (id, job) in &big {
        assert_eq!(server.job(id)["description"], job["description"]);
    }
    let list = server.get("/api/v1/job/").expect(200).json();
    assert_eq!(list["jobs"].as_object().expect("jobs").len(), big.len() + 3);
    server.disable(&tick);
    place.assert_nothing_ran_twice();
}

/// Creates jobs until one is refused. Gives the others by id, and why.
fn create_until_refused(server: &Server) -> (Vec<(String, Value)>, String) {
    let mut stored = Vec::new();
    let why = wait_for("a job is refused", || {
        let job = big_job("big");
        let answer = server.post("/api/v1/job/", &job);
        if answer.status == 503 {
            return Some(answer.text());
        }
        let id = answer.expect(201).json()["id"].take();
        stored.push((id.as_str().expect("an id").to_owned(), job));
        None
    });
    (stored, why)
}

/// A job that fills a few pages, and cannot be made small.
fn big_job(name: &str) -> Value {
    let noise: String = (0..1_000)
        .map(|_| uuid::Uuid::new_v4().simple().to_string())
        .collect();
    json!({"name": name, "command": "true", "schedule": "@manual", "description": noise})
}
