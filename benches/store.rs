//! What durability costs: a batch of ended runs in one transaction of redb, against the same bytes appended to a file
//! and synced; a start with many jobs; and the disk form alone.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_channel::{Receiver, unbounded};
use nimesha::clock::Timestamp;
use nimesha::job::run::{AttemptEnd, HistoryEntry, Outcome, RunId, RunRecord, Trigger};
use nimesha::job::state::{JobState, OpenRun};
use nimesha::job::texts::TextsOf;
use nimesha::job::{Action, Job, JobId, JobSpec};
use nimesha::schedule::{Schedule, Zone};
use nimesha::store::change::{Change, Unit};
use nimesha::store::redb::RedbStore;
use nimesha::store::writer::{Committed, Keep, Writer, WriterConfig};
use nimesha::store::{Op, Store, Table, load, record};
use uuid::Uuid;

/// 2026-11-23T08:00:00Z.
const NOW: Timestamp = Timestamp::from_unix(1_795_420_800, 0);
const CONFIG: WriterConfig = WriterConfig {
    keep: Keep {
        history_limit: 1_000,
        history_ttl: None,
        output_total: 1 << 28,
    },
    persist_every: None,
};

/// A directory, gone with this.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> TempDir {
        let path = std::env::temp_dir().join(format!("nimesha-bench-{}", Uuid::new_v4()));
        std::fs::create_dir(&path).expect("the temporary directory can be written");
        TempDir(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // nothing depends on it
    }
}

/// Whether each benchmark is only to be run once, to see that it works.
fn testing() -> bool {
    !std::env::args().any(|arg| arg == "--bench")
}

fn job(seq: u64) -> Job {
    let text = "R/2026-01-01T00:00:00Z/PT1H";
    Job {
        id: JobId(Uuid::from_u128(
            u128::from(seq).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835),
        )),
        seq,
        version: 1,
        created_at: NOW,
        updated_at: NOW,
        linked: Box::default(),
        anchor: NOW,
        spec: JobSpec {
            texts: TextsOf {
                name: &format!("job {seq}"),
                command: "/usr/local/bin/backup --all --quiet",
                owner: "someone@example.com",
                schedule: text,
                timezone: "",
            }
            .into(),
            action: Action::Local,
            parents: Vec::new(),
            on_failure_job: None,
            retries: 0,
            retry_delay: None,
            epsilon: None,
            timeout: None,
            overlap: Default::default(),
            run_after: Default::default(),
            children_run: Default::default(),
            on_interrupted: Default::default(),
            resume_at_next_scheduled_time: false,
            disabled: false,
            extras: None,
        },
        schedule: Schedule::parse(text, Zone::UTC, false, NOW).expect("it is valid"),
    }
}

fn state(next_number: u64) -> JobState {
    let mut state = JobState::new(NOW);
    state.next_number = next_number;
    state.figures.success_count = next_number;
    state.figures.finished_runs = next_number;
    state.figures.last_success = Some(NOW);
    state.figures.last_attempted_run = Some(NOW);
    state
}

fn claim(job: JobId, number: u64) -> OpenRun {
    let at = NOW.plus(Duration::from_secs(number));
    OpenRun {
        id: RunId::new(job, number, at),
        job,
        trigger: Trigger::Schedule,
        scheduled_at: Some(at),
        created_at: at,
        claimed: true,
        repeats: false,
        chain: None,
    }
}

fn ended(job: JobId, number: u64) -> HistoryEntry {
    let at = NOW.plus(Duration::from_secs(number));
    HistoryEntry::Run(Box::new(RunRecord {
        id: RunId::new(job, number, at),
        trigger: Trigger::Schedule,
        scheduled_at: Some(at),
        started_at: Some(at),
        finished_at: at,
        attempts: 1,
        duration: Duration::from_millis(3),
        outcome: Outcome::Succeeded,
        end: Some(AttemptEnd::Exited(0)),
        output_total: 0,
    }))
}

/// The end of a run and the claim of the next, as the scheduler writes them, one for each job.
fn units(jobs: &[JobId], number: u64) -> Vec<Unit> {
    let unit = |(ticket, &job): (usize, &JobId)| Unit {
        ticket: ticket as u64,
        changes: vec![
            Change::RemoveRun(claim(job, number)),
            Change::PutHistory(job, Arc::new(ended(job, number)), None),
            Change::InsertRun(claim(job, number + 1)),
            Change::PutState(job, Box::new(state(number + 1))),
        ],
    };
    jobs.iter().enumerate().map(unit).collect()
}

/// The bytes that such a unit puts into the store.
fn unit_bytes(job: JobId, number: u64) -> usize {
    let (entry, run) = (ended(job, number), claim(job, number + 1));
    record::entry_key(job, number).len()
        + record::encode_entry(&entry).len()
        + record::run_key(&run).len()
        + record::encode_run(&run).len()
        + record::job_key(job).len()
        + record::encode_state(&state(number + 1)).len()
}

fn start(directory: &Path) -> (Writer, Receiver<Committed>) {
    let store = RedbStore::open(directory).expect("a new directory");
    let (report, committed) = unbounded();
    let report = move |done| report.send(done).expect("the benchmark waits for it");
    let writer = Writer::start(Arc::new(store), CONFIG, report).expect("an empty store");
    (writer, committed)
}

fn commit(c: &mut Criterion) {
    let mut group = c.benchmark_group("store_commit");
    for size in [1, 8, 64, 512] {
        let jobs: Vec<_> = (0..size).map(|seq| job(seq).id).collect();
        let directory = TempDir::new();
        let (writer, committed) = start(&directory.0);
        let mut number = 0;
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("redb_{size}"), |b| {
            b.iter_batched(
                || {
                    number += 1;
                    units(&jobs, number)
                },
                |units| {
                    writer.submit(units);
                    let done = committed.recv().expect("the writer reports");
                    assert_eq!(done.outcomes.len() as u64, size);
                    assert!(done.outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
                },
                BatchSize::PerIteration,
            );
        });
        let bytes = vec![b'x'; jobs.iter().map(|job| unit_bytes(*job, 1)).sum()];
        let mut file = File::create(directory.0.join("appended")).expect("a new file");
        group.bench_function(format!("append_{size}"), |b| {
            b.iter(|| {
                file.write_all(&bytes).expect("there is space");
                file.sync_data().expect("the disk works");
            });
        });
    }
    group.finish();
}

fn start_up(c: &mut Criterion) {
    let count = if testing() { 1_000 } else { 100_000 };
    let directory = TempDir::new();
    let store = RedbStore::open(&directory.0).expect("a new directory");
    assert!(load::prepare(&store).expect("a new database"));
    let rows: Vec<_> = (0..count)
        .map(job)
        .flat_map(|job| {
            let (key, state) = (
                record::job_key(job.id),
                record::encode_state(&state(job.seq)),
            );
            [
                Op::Put(Table::Jobs, key.clone(), record::encode_job(&job)),
                Op::Put(Table::States, key, state),
            ]
        })
        .collect();
    store.commit(&rows).expect("there is space");

    let mut group = c.benchmark_group("store_load");
    group.sample_size(10);
    group.throughput(Throughput::Elements(count));
    group.bench_function(format!("{count}_jobs"), |b| {
        b.iter_with_large_drop(|| {
            let loaded = load::load(&store, Zone::UTC).expect("all can be read");
            assert_eq!(loaded.jobs.len() as u64, count);
            assert!(loaded.jobs.iter().map(|(job, _)| job.seq).eq(0..count));
            loaded
        });
    });
    group.finish();
}

fn records(c: &mut Criterion) {
    let mut group = c.benchmark_group("store_record");
    let job = job(1);
    let (state, run, entry) = (state(1_000_000), claim(job.id, 1), ended(job.id, 1));
    group.bench_function("encode_state_claim_history", |b| {
        b.iter(|| {
            let state = record::encode_state(&state);
            (
                state,
                record::encode_run(&run),
                record::encode_entry(&entry),
            )
        });
    });
    let (key, value) = (record::job_key(job.id), record::encode_job(&job));
    let decode = || record::decode_job(&key, &value, Zone::UTC).expect("it was just encoded");
    assert_eq!(decode(), job);
    group.bench_function("decode_job", |b| b.iter(decode));
    let value = record::encode_state(&state);
    group.bench_function("decode_state", |b| {
        b.iter(|| record::decode_state(job.id, &value).expect("it was just encoded"));
    });
    group.finish();
}

criterion_group!(benches, commit, start_up, records);
criterion_main!(benches);
