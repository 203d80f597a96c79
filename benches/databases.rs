//! Creates a second, by database and by how many go into one transaction, against servers on this machine that the bench
//! starts. redb, which has no server, stands beside them. A database that is not installed here is left out.

#[path = "../tests/it/support/databases/mod.rs"]
mod databases;

use std::path::PathBuf;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use nimesha::config;
use nimesha::settings::database::Database;
use nimesha::settings::values::{JobDb, Secret};
use nimesha::store::redb::RedbStore;
use nimesha::store::{Op, Store, Table, shared};
use uuid::Uuid;

use databases::Kind;

/// Bytes of a job's definition and of its state, as they are for a plain job.
const JOB_BYTES: usize = 350;
const STATE_BYTES: usize = 120;

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

fn open(server: &databases::Database, kind: JobDb) -> Box<dyn Store> {
    let store = shared::open(&Database {
        kind,
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        name: databases::NAME.to_owned(),
        user: Some(databases::USER.to_owned()),
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

fn creates_by_database(c: &mut Criterion) {
    let mut group = c.benchmark_group("database_creates");
    group.sample_size(20);
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
    std::fs::create_dir(&directory).expect("a new directory");
    let redb = RedbStore::open(&directory).expect("a new directory");
    bench_store(&mut group, "redb", &redb);
    drop(redb);
    let _ = std::fs::remove_dir_all(&directory); // nothing depends on it
    for (name, kind, driver) in [
        ("postgres", Kind::Postgres, JobDb::Postgres),
        ("mariadb", Kind::MariaDb, JobDb::Mysql),
    ] {
        if let Some(server) = databases::Database::start(kind) {
            bench_store(&mut group, name, &*open(&server, driver));
        }
    }
    group.finish();
}

criterion_group!(benches, creates_by_database);
criterion_main!(benches);
