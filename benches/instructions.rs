//! A guard that no clock can disturb: how many instructions the processor takes for a fixed load of the wheel and of the
//! core, counted by valgrind's callgrind, beside the counts of `instructions.txt`.
//!
//! `cargo bench --bench instructions` fails when a count is more than a tenth above what is written down; with
//! `-- --record` it writes down what it finds. The counts are those of an optimized build: without `--bench` each load
//! runs once, and only its result is checked.

mod jobs;
mod manual;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use nimesha::scheduler::wheel::Wheel;

use self::manual::Manual;

const LOADS: [(&str, fn()); 2] = [("wheel", wheel), ("core", core)];
/// More than this many hundredths of the recorded count is too many.
const PERCENT_MAX: u64 = 110;

/// Ten thousand timers that are set again as they come due, with some cancelled, for five rounds.
fn wheel() {
    const TIMERS: u64 = 10_000;
    const PERIOD: u64 = 10_000_000;
    let mut wheel = Wheel::new(0);
    let mut keys: Vec<_> = (0..TIMERS)
        .map(|n| wheel.insert(1 + n * 7_919 % PERIOD, n))
        .collect();
    let mut fired = 0;
    for now in (0..=5 * PERIOD).step_by(10_000) {
        while let Some((deadline, n)) = wheel.pop_due(now) {
            fired += 1;
            keys[n as usize] = wheel.insert(deadline + PERIOD, n);
            let other = (n * 31 + 7) % TIMERS;
            if n % 8 == 0 && wheel.cancel(keys[other as usize]).is_some() {
                keys[other as usize] = wheel.insert(deadline + PERIOD, other);
            }
        }
    }
    assert_eq!(wheel.len() as u64, TIMERS);
    assert!((40_000..=50_000).contains(&fired), "{fired}");
}

/// Five thousand occurrences of a hundred jobs.
fn core() {
    let mut manual = Manual::new(100);
    manual.run(5_000);
    assert!((5_000..5_100).contains(&manual.runs), "{}", manual.runs);
}

/// Instructions that this program takes for a load; none where there is no valgrind.
fn count(load: &str) -> Option<u64> {
    let program = std::env::current_exe().expect("the system knows what it runs");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .arg(load)
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{load}: {told}");
    let (_, count) = told.split_once("Collected : ")?;
    count.split_whitespace().next()?.parse().ok()
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.txt")
}

/// The recorded count of a load.
fn recorded(load: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file()).ok()?;
    let mut rows = text.lines().filter_map(|line| line.split_once(' '));
    rows.find(|(name, _)| *name == load)?.1.trim().parse().ok()
}

fn compare(record: bool) -> ExitCode {
    let mut rows = String::new();
    let mut worse = false;
    for (load, _) in LOADS {
        let Some(found) = count(load) else {
            println!("instructions: skipped, valgrind is not installed");
            return ExitCode::SUCCESS;
        };
        rows += &format!("{load} {found}\n");
        let known = recorded(load);
        println!("{load}: {found} instructions, {known:?} recorded");
        worse |= known.is_none_or(|known| found * 100 > known * PERCENT_MAX);
    }
    if record {
        std::fs::write(file(), rows).expect("the sources can be written");
    } else if worse {
        println!(
            "instructions: over a tenth more than recorded; if that is as it should be: -- --record"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some((_, load)) = LOADS
        .iter()
        .find(|(name, _)| args.iter().any(|arg| arg == name))
    {
        load();
        ExitCode::SUCCESS
    } else if args.iter().any(|arg| arg == "--bench") {
        compare(args.iter().any(|arg| arg == "--record"))
    } else {
        LOADS.iter().for_each(|(_, load)| load());
        ExitCode::SUCCESS
    }
}
