//! How many occurrences a second the core takes from the wheel to the recorded end, with nothing around it.
//!
//! A run ends as it starts and the store takes everything at once, so this is the ceiling that decisions alone set.
//! Counted in occurrences; each takes some steps of the core. Without `--bench` each case runs once, small.

mod jobs;
mod manual;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use self::manual::Manual;

fn occurrences(c: &mut Criterion) {
    let measured = std::env::args().any(|arg| arg == "--bench");
    let (sizes, runs): (&[u64], u64) = match measured {
        true => (&[1_000, 10_000, 100_000], 100_000),
        false => (&[10, 100], 200),
    };
    let mut group = c.benchmark_group("core");
    group.throughput(Throughput::Elements(runs));
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));
    for &jobs in sizes {
        let mut manual = Manual::new(jobs);
        group.bench_function(BenchmarkId::new("occurrences", jobs), |b| {
            b.iter(|| {
                let before = manual.runs;
                manual.run(runs);
                // Some more may come due with the last.
                assert!((runs..2 * runs).contains(&(manual.runs - before)));
            });
        });
        assert!(manual.steps > manual.runs);
    }
    group.finish();
}

criterion_group!(benches, occurrences);
criterion_main!(benches);
