//! The timing wheel beside what else keeps timers: a binary heap, a B-tree, two wheels of others.
//!
//! `cargo bench --bench wheel -- --quick`; a time is for all timers of the case, the throughput is in timers. Without
//! `--bench` it runs each case once, small, and so checks all of them.

mod rivals;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group};
use nimesha::scheduler::wheel::Wheel;

use self::rivals::{Delays, HashWheel, Heap, RUNTIME, Timers, Tree};

/// Timers are spread over a minute of microseconds.
const SPREAD: u64 = 60_000_000;
/// The time passes in so many steps a minute, since tokio's clock is slow to move.
const STEPS: u64 = 64;
/// One timer is cancelled for so many that come due.
const FIRES_PER_CANCEL: u64 = 8;

/// Numbers without pattern, the same ones in each run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

fn spread(timers: u64) -> Vec<u64> {
    let mut random = Random(timers);
    (0..timers).map(|_| 1 + random.below(SPREAD)).collect()
}

fn filled<Q: Timers>(deadlines: &[u64]) -> (Q, Vec<Q::Key>) {
    let mut queue = Q::new();
    let keys = (0..)
        .zip(deadlines)
        .map(|(n, &deadline)| queue.insert(deadline, n))
        .collect();
    (queue, keys)
}

/// Inserts timers into an empty queue.
fn insert<Q: Timers>(mut queue: Q, deadlines: &[u64]) -> Q {
    for (n, &deadline) in (0..).zip(deadlines) {
        black_box(queue.insert(deadline, n));
    }
    assert!(queue.next_deadline().is_some());
    queue
}

/// Cancels all timers in no order. What puts off the work has to do it when asked whether one is left.
fn cancel<Q: Timers>(mut queue: Q, keys: &[Q::Key]) -> Q {
    for &key in keys {
        assert!(queue.cancel(key).is_some());
    }
    assert_eq!(queue.next_deadline(), None);
    queue
}

/// Takes all timers out in order.
fn fire<Q: Timers>(mut queue: Q, timers: u64) -> Q {
    let mut sum = 0;
    while let Some(value) = queue.pop_due(2 * SPREAD) {
        sum += u64::from(value);
    }
    assert_eq!(sum, timers * (timers - 1) / 2);
    queue
}

/// A scheduler's load: a timer that comes due is set again, some are cancelled and set anew, until as many have come
/// due as there are.
fn rearm<Q: Timers>(mut queue: Q, mut keys: Vec<Q::Key>) -> (Q, Vec<Q::Key>) {
    let timers = keys.len() as u64;
    let mut random = Random(timers);
    let (mut now, mut fired) = (0, 0);
    while fired < timers {
        now += SPREAD / STEPS;
        while let Some(value) = queue.pop_due(now) {
            keys[value as usize] = queue.insert(now + SPREAD / 2 + random.below(SPREAD), value);
            fired += 1;
            if fired % FIRES_PER_CANCEL == 0 {
                let other = random.below(timers) as u32;
                // One that is due, and taken out of its wheel already, comes anyway.
                if queue.cancel(keys[other as usize]).is_some() {
                    keys[other as usize] =
                        queue.insert(now + SPREAD / 2 + random.below(SPREAD), other);
                }
            }
        }
        assert!(queue.next_deadline().is_some());
    }
    (queue, keys)
}

/// All cases of one rival at one size.
fn cases<Q: Timers>(c: &mut Criterion, name: &str, timers: u64) {
    let deadlines = spread(timers);
    // One at a time: a thousand queues built ahead would be measured cold.
    let batch = BatchSize::PerIteration;
    let mut case = |case: &str, routine: &mut dyn FnMut(&mut criterion::Bencher<'_>)| {
        let mut group = c.benchmark_group(case);
        group.throughput(Throughput::Elements(timers));
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_secs(1));
        group.bench_function(BenchmarkId::new(name, timers), |b| routine(b));
    };
    case("insert", &mut |b| {
        b.iter_batched(Q::new, |queue| insert(queue, &deadlines), batch);
    });
    let shuffled = || {
        let (queue, mut keys) = filled::<Q>(&deadlines);
        let mut random = Random(timers);
        for n in (1..keys.len()).rev() {
            keys.swap(n, random.below(n as u64 + 1) as usize);
        }
        (queue, keys)
    };
    case("cancel", &mut |b| {
        b.iter_batched(
            shuffled,
            |(queue, keys)| (cancel(queue, &keys), keys),
            batch,
        );
    });
    case("fire", &mut |b| {
        b.iter_batched(
            || filled::<Q>(&deadlines).0,
            |queue| fire(queue, timers),
            batch,
        );
    });
    let same = vec![SPREAD; timers as usize];
    case("fire_at_once", &mut |b| {
        b.iter_batched(|| filled::<Q>(&same).0, |queue| fire(queue, timers), batch);
    });
    case("rearm", &mut |b| {
        b.iter_batched(
            || filled::<Q>(&deadlines),
            |(queue, keys)| rearm(queue, keys),
            batch,
        );
    });
}

fn all(c: &mut Criterion) {
    let measured = std::env::args().any(|arg| arg == "--bench");
    let sizes: &[u64] = if measured {
        &[1_000, 100_000, 1_000_000]
    } else {
        &[100]
    };
    let _inside = RUNTIME.enter();
    for &timers in sizes {
        cases::<Wheel<u32>>(c, "wheel", timers);
        cases::<Heap>(c, "heap", timers);
        cases::<Tree>(c, "tree", timers);
        cases::<Delays>(c, "tokio", timers);
        cases::<HashWheel>(c, "hash", timers);
    }
}

criterion_group!(benches, all);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
}
