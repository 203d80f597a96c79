//! What each job database makes of the same work, on this machine: creates a second by how many go into one transaction,
//! and whole runs a second of a real server, with their claims and ends committed. redb, which has no server, stands
//! beside them. The bench starts the servers; a database that is not installed here is left out.

#[path = "../tests/it/support/mod.rs"]
#[allow(dead_code, unused_imports)]
mod support;

use std::path::PathBuf;
use std::thread;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use nimesha::config;
use nimesha::settings::database::Database;
use nimesha::settings::values::{JobDb, Secret};
use nimesha::store::redb::RedbStore;
use nimesha::store::{Op, Store, Table, shared};
use serde_json::json;
use uuid::Uuid;

use support::databases::{self, Kind};
use support::{Server, TempDir};

/// Bytes of a job's definition and of its state, as they are for a plain job.
const JOB_BYTES: usize = 350;
const STATE_BYTES: usize = 120;
/// Runs that each client starts and awaits, one after the other.
const RUNS_EACH: usize = 4;

/// The rows of new jobs.
fn creates(count: u64) -> Vec<Op> {
    let rows = (0..count).flat_map(|_| {
        let key = Uuid::new_v4().as_bytes().to_vec();
        [
            Op::Put(Table::Jobs, key.clone(), vec![b'j'; JOB_BYTES]),
            Op::Put(Table::States, key, vec![b's'; STATE_BYTES]),
        ]
    });
    rows.collect()
}

fn bench_store(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, store: &dyn Store) {
    for size in [1, 8, 64, 512] {
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("{name}_{size}"), |b| {
            b.iter_batched(
                || creates(size),
                |ops| store.commit(&ops).expect("the database is there"),
                criterion::BatchSize::PerIteration,
            );
        });
    }
    let mut stored = 0_u64;
    let count = &mut |_: &[u8], _: &[u8]| {
        stored += 1;
        true
    };
    let scanned = store.scan(Table::Jobs, b"", b"", false, count);
    scanned.expect("the database is there");
    assert!(stored >= 1 + 8 + 64 + 512, "{name}: {stored}");
}

fn open(server: &databases::Database) -> Box<dyn Store> {
    let store = shared::open(&Database {
        kind: match server.kind() {
            Kind::Redis => JobDb::Redis,
            Kind::Postgres => JobDb::Postgres,
            Kind::MariaDb => JobDb::Mysql,
        },
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        name: match server.kind() {
            Kind::Redis => "0".to_owned(),
            Kind::Postgres | Kind::MariaDb => databases::NAME.to_owned(),
        },
        user: (server.kind() != Kind::Redis).then(|| databases::USER.to_owned()),
        password: Some(Secret(databases::PASSWORD.to_owned())),
        tls: None,
        prefix: databases::fresh_prefix(),
    });
    let store = store.expect("it was just started");
    let lease = store.lease().expect("others could use it as well");
    let held = lease.take("the bench", config::LEASE_TTL);
    held.expect("nobody else wants it");
    store
}

/// Each client starts a job of its own and waits until the run is over and stored, and does so again.
fn run_all(server: &Server, jobs: &[String]) {
    thread::scope(|threads| {
        for job in jobs {
            threads.spawn(move || {
                let mut client = server.client();
                let path = format!("/api/v1/job/start/{job}/");
                for _ in 0..RUNS_EACH {
                    let answer = client.request("POST", &path, Some("{}"));
                    answer.expect("the server is there").expect(204);
                }
            });
        }
    });
}

fn bench_runs(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, server: &Server) {
    server.await_ready();
    let job = json!({"name": "run", "command": "true", "schedule": "@manual"});
    let jobs: Vec<String> = (0..64).map(|_| server.create(&job)).collect();
    for clients in [1, 8, 64] {
        group.throughput(Throughput::Elements((clients * RUNS_EACH) as u64));
        group.bench_function(format!("{name}_{clients}"), |b| {
            b.iter(|| run_all(server, &jobs[..clients]));
        });
    }
    let stats = server.get("/api/v1/stats/").expect(200).json();
    assert_eq!(stats["Stats"]["error_count"], 0, "{name}");
}

fn creates_by_database(c: &mut Criterion) {
    let mut group = c.benchmark_group("database_creates");
    group.sample_size(20);
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
    std::fs::create_dir(&directory).expect("a new directory");
    let redb = RedbStore::open(&directory).expect("a new directory");
    bench_store(&mut group, "redb", &redb);
    drop(redb);
    let _ = std::fs::remove_dir_all(&directory); // nothing depends on it
    for kind in Kind::ALL {
        if let Some(server) = databases::Database::shared(kind) {
            bench_store(&mut group, kind.name(), &*open(server));
        }
    }
    group.finish();
}

fn runs_by_database(c: &mut Criterion) {
    let mut group = c.benchmark_group("database_runs");
    group.sample_size(10);
    bench_runs(&mut group, "redb", &Server::start());
    for kind in Kind::ALL {
        if let Some(database) = databases::Database::shared(kind) {
            let variables = database.variables(database.port(), &databases::fresh_prefix());
            let variables: Vec<_> = variables
                .iter()
                .map(|(name, value)| (*name, &**value))
                .collect();
            let server = Server::in_dir(TempDir::new(), &[], &variables);
            bench_runs(&mut group, kind.name(), &server);
        }
    }
    group.finish();
}

criterion_group!(benches, creates_by_database, runs_by_database);
criterion_main!(benches);
