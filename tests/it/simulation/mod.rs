//! Histories of the whole core, drawn from seeds: jobs of every kind, users, slow and failing workers, crashes, stops,
//! steps of the clock, a store that is away, or that another server takes over. After each step everything that must always hold is checked.
//!
//! `SIM_SEED=n cargo test --test it simulation::one -- --nocapture` repeats one history and tells it;
//! `SIM_SEEDS=10000-99999` goes through others.

mod chance;
mod dice;
mod disk;
mod draw;
mod shared;
mod tell;
mod watch;
mod workers;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use self::world::World;

fn histories(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let history = AssertUnwindSafe(|| World::new(seed, false).live());
        if let Err(panic) = catch_unwind(history) {
            eprintln!("this was SIM_SEED={seed}");
            resume_unwind(panic);
        }
    }
}

#[test]
fn one_history() {
    if let Ok(seed) = std::env::var("SIM_SEED") {
        World::new(seed.parse().expect("a number"), true).live();
    }
    if let Ok(seeds) = std::env::var("SIM_SEEDS") {
        let (first, last) = seeds.split_once('-').expect("two numbers");
        histories(first.parse().expect("a number")..last.parse().expect("a number"));
    }
}

#[test]
fn histories_1() {
    histories(0..2_500);
}

#[test]
fn histories_2() {
    histories(2_500..5_000);
}

#[test]
fn histories_3() {
    histories(5_000..7_500);
}

#[test]
fn histories_4() {
    histories(7_500..10_000);
}
