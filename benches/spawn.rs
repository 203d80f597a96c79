//! What a run costs beside the start of its process: the pool against a bare start and wait on as many threads as the
//! machine has cores. Not a word of scheduling or storing is in it.

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_channel::unbounded;
use nimesha::clock;
use nimesha::job::output::OutputBuffer;
use nimesha::job::run::{AttemptEnd, Completion, Figures, RunId, RunOrder, Trigger};
use nimesha::job::texts::TextsOf;
use nimesha::job::{Action, Job, JobId, JobSpec};
use nimesha::schedule::{Schedule, Zone};
use nimesha::worker::{Pool, PoolConfig};

/// Does nothing, and does it quickly.
const PROGRAM: &str = "/bin/true";

fn job() -> Arc<Job> {
    let now = clock::now();
    let spec = JobSpec {
        texts: TextsOf {
            name: "bench",
            command: PROGRAM,
            schedule: "@manual",
            ..TextsOf::default()
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
    };
    Arc::new(Job {
        id: JobId::random(),
        seq: 1,
        version: 1,
        created_at: now,
        updated_at: now,
        anchor: now,
        linked: Box::default(),
        spec,
        schedule: Schedule::parse("@manual", Zone::UTC, false, now).expect("a schedule"),
    })
}

fn order(job: &Arc<Job>, number: u64) -> RunOrder {
    RunOrder {
        run: RunId::new(job.id, number, clock::now()),
        job: Arc::clone(job),
        attempt: 1,
        trigger: Trigger::Schedule,
        scheduled_at: Some(clock::now()),
        not_after: None,
        output: Arc::new(OutputBuffer::new(65_536)),
        figures: Figures::default(),
        extra: false,
    }
}

/// `count` runs through a warm pool of 64, as many at a time as it takes.
fn pool_runs(count: u64) -> Duration {
    let (sender, ends) = unbounded::<Completion>();
    let pool = Pool::start(PoolConfig::default(), move |end| {
        sender.send(end).expect("someone listens");
    });
    let pool = pool.expect("a pool");
    let job = job();
    let rounds = |first: u64, count: u64| {
        for number in 0..count.min(64) {
            pool.submit(order(&job, first + number));
        }
        for number in 0..count {
            let end = ends.recv().expect("an end");
            assert_eq!(end.end, AttemptEnd::Exited(0));
            if number + 64 < count {
                pool.submit(order(&job, first + number + 64));
            }
        }
    };
    rounds(1, 64);
    let start = Instant::now();
    rounds(65, count);
    let took = start.elapsed();
    pool.shutdown();
    took
}

/// The machine's own limit: nothing but start and wait.
fn bare_runs(count: u64) -> Duration {
    let cores = thread::available_parallelism().map_or(1, usize::from) as u64;
    let start = Instant::now();
    thread::scope(|scope| {
        for core in 0..cores {
            let share = count / cores + u64::from(core < count % cores);
            scope.spawn(move || {
                for _ in 0..share {
                    let status = Command::new(PROGRAM).stdin(Stdio::inherit()).status();
                    assert!(black_box(status.expect("a process")).success());
                }
            });
        }
    });
    start.elapsed()
}

fn spawn(c: &mut Criterion) {
    let mut group = c.benchmark_group("spawn");
    group
        .throughput(Throughput::Elements(1))
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    group.bench_function("bare", |b| b.iter_custom(bare_runs));
    group.bench_function("pool", |b| b.iter_custom(pool_runs));
    group.finish();
}

criterion_group!(benches, spawn);
criterion_main!(benches);
