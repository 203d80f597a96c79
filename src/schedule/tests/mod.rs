//! Tests of schedules: tables of texts, known instants around changes of clocks, properties, and two other libraries
//! as oracles.

mod cron;
mod grid;
mod oracle_cron;
mod oracle_jiff;
mod properties;
mod text;
mod zone;

use super::{Schedule, Zone, iso8601};
use crate::clock::Timestamp;

/// When the schedules of these tests are stored, unless they say otherwise.
const ANCHOR: &str = "2026-11-23T06:49:12.5Z";

fn at(text: &str) -> Timestamp {
    let start = iso8601::start(text).unwrap();
    let offset = start.offset.unwrap();
    Timestamp::from_unix(start.civil - i64::from(offset), start.nanos)
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

/// A schedule of a job with a timezone of its own, or without one where `name` is empty.
fn schedule_in(name: &str, text: &str) -> Schedule {
    let (zone, given) = match name {
        "" => (Zone::UTC, false),
        name => (zone(name), true),
    };
    Schedule::parse(text, zone, given, at(ANCHOR)).unwrap()
}

fn schedule(text: &str) -> Schedule {
    schedule_in("", text)
}

/// The first `count` occurrences after `after`, as they are shown.
fn next(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let mut t = at(after);
    let mut shown = Vec::new();
    while shown.len() < count
        && let Some(next) = schedule.next_after(t)
    {
        assert!(next > t);
        shown.push(schedule.zone().format(next));
        t = next;
    }
    shown
}

/// Occurrences in (`after`, `until`] by walking.
fn walk(schedule: &Schedule, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    std::iter::successors(schedule.next_after(after), |t| schedule.next_after(*t))
        .take_while(|t| *t <= until)
        .collect()
}

/// A small generator of numbers (xorshift64*), so that each case can be told by its number and repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 1;
        number as i64 % limit
    }

    fn between(&mut self, from: i64, to: i64) -> i64 {
        from + self.below(to - from + 1)
    }
}

#[test]
fn a_schedule_stays_small() {
    assert!(size_of::<Schedule>() <= 72, "{}", size_of::<Schedule>());
    assert_eq!(size_of::<super::Cron>(), 136);
}
