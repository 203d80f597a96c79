//! Schedules as users write them: none makes the parser panic, and what is taken yields occurrences in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nimesha::clock::Timestamp;
use nimesha::schedule::{Interval, Schedule, Zone};

fuzz_target!(|text: &str| {
    let _ = Interval::parse(text);
    let anchor = Timestamp::from_unix(1_700_000_000, 250_000_000);
    for name in ["UTC", "Europe/Berlin", "Australia/Lord_Howe"] {
        let zone = Zone::parse(name).expect("a zone that there is");
        if let Ok(schedule) = Schedule::parse(text, zone, true, anchor) {
            check(&schedule, anchor);
        }
    }
});

/// Occurrences come in order, and are as many as they are counted to be.
fn check(schedule: &Schedule, anchor: Timestamp) {
    for from in [Timestamp::MIN, anchor, Timestamp::MAX] {
        let (mut at, mut count) = (from, 0);
        while let Some(next) = schedule.next_after(at).filter(|_| count < 8) {
            assert!(next > at, "{next:?} is not after {at:?}");
            let before = Timestamp::from_unix_nanos(next.unix_nanos() - 1);
            assert_eq!(schedule.next_after(before), Some(next));
            (at, count) = (next, count + 1);
        }
        let passed = schedule.passed(from, at);
        assert_eq!(passed.map_or(0, |passed| passed.count), count);
        assert_eq!(passed.map(|passed| passed.latest), (count > 0).then_some(at));
    }
    let _ = schedule.check_start(anchor);
}
