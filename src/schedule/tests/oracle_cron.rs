//! Cron expressions against two other implementations.
//!
//! The `cron` crate in UTC, on what both understand alike: it wants the day of the month and the day of the week both
//! to match where croner and Vixie cron take either, so one of the two is always `*`; it numbers weekdays from 1, so
//! they are named; it doubles and disorders occurrences when clocks change, so the zone is UTC. Croner itself in all
//! zones, on single fixed times and on fields with `*` or steps; it has other rules for fixed lists and ranges, gives
//! up on gaps of more than two hours, and carries a skipped time only to a day that matches as well.

use std::str::FromStr;

use chrono::{DateTime, Offset, TimeZone, Utc};

use super::*;
use crate::schedule::zone::{Change, DAY};

const YEAR_1970: i64 = 0;
const YEAR_2099: i64 = 4_070_908_800;

/// A field: `*`, a step, a value, a list, a range.
fn field(random: &mut Random, min: i64, max: i64) -> String {
    let (a, b) = (random.between(min, max), random.between(min, max));
    let (low, high) = (a.min(b), a.max(b));
    match random.below(6) {
        0 | 1 => "*".to_string(),
        2 => format!("*/{}", random.between(2, max.min(20))),
        3 => a.to_string(),
        4 => format!("{low}-{high}"),
        _ => format!("{a},{b}"),
    }
}

fn days(random: &mut Random) -> (String, String) {
    const NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    match random.below(3) {
        0 => ("*".to_string(), "*".to_string()),
        1 => (field(random, 1, 28), "*".to_string()),
        _ => {
            let from = random.below(7);
            let to = random.between(from, 6);
            let names = match from == to {
                true => NAMES[from as usize].to_string(),
                false => format!("{}-{}", NAMES[from as usize], NAMES[to as usize]),
            };
            ("*".to_string(), names)
        }
    }
}

fn utc(secs: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(secs, 0).unwrap()
}

#[test]
fn a_hundred_thousand_occurrences_are_the_cron_crates() {
    let mut random = Random(3);
    for case in 0..12_500 {
        let times = [
            field(&mut random, 0, 59),
            field(&mut random, 0, 59),
            field(&mut random, 0, 23),
        ];
        let (dom, dow) = days(&mut random);
        let text = format!(
            "{} {dom} {} {dow}",
            times.join(" "),
            field(&mut random, 1, 12)
        );
        let expected = ::cron::Schedule::from_str(&text).unwrap();
        let schedule = schedule(&text);
        let mut t = random.between(YEAR_1970, YEAR_2099);
        for found in expected.after(&utc(t)).take(8) {
            let next = schedule.next_after(Timestamp::from_unix(t, 0)).unwrap();
            assert_eq!(
                next.unix_secs(),
                found.timestamp(),
                "case {case}: {text} after {}",
                utc(t)
            );
            t = next.unix_secs();
        }
    }
}

/// Times of day that both treat alike: one fixed time, or a field with `*` or a step.
fn time_fields(random: &mut Random) -> String {
    let hour = random.between(0, 4);
    match random.below(5) {
        0 => format!("{} {} {hour}", random.below(60), random.below(60)),
        1 => format!("0 {} {hour}", random.below(60)),
        2 => format!("0 */{} {hour}", random.between(2, 30)),
        3 => format!("0 {} */{}", random.below(60), random.between(2, 6)),
        _ => format!("*/{} {} *", random.between(2, 30), random.below(60)),
    }
}

/// The zones of which chrono-tz, whose copy of the rules is of another year, knows the same changes.
fn common_zones() -> Vec<(Zone, chrono_tz::Tz, Vec<Change>)> {
    let offset = |tz: chrono_tz::Tz, unix| {
        let offset = tz.offset_from_utc_datetime(&utc(unix).naive_utc());
        offset.fix().local_minus_utc()
    };
    let zones = chrono_tz::TZ_VARIANTS.into_iter().filter_map(|tz| {
        let zone = Zone::parse(tz.name()).ok()?;
        let changes: Vec<_> = zone.changes(YEAR_1970, YEAR_2099).collect();
        let is_same = |change: &Change| {
            (offset(tz, change.at - 1), offset(tz, change.at)) == (change.before, change.after)
        };
        changes.iter().all(is_same).then_some((zone, tz, changes))
    });
    let zones: Vec<_> = zones.collect();
    assert!(zones.len() > 550, "{}", zones.len());
    zones
}

#[test]
fn changes_of_clocks_are_croners() {
    let mut random = Random(4);
    for (zone, tz, changes) in common_zones() {
        for case in 0..30 {
            if changes.is_empty() {
                break;
            }
            let change = changes[random.below(changes.len() as i64) as usize];
            if (change.after - change.before).abs() > 7_200 {
                continue;
            }
            let text = format!(
                "{} * * {}",
                time_fields(&mut random),
                ["*", "SUN", "MON-SAT"][random.below(3) as usize]
            );
            let croner = croner::Cron::from_str(&text).unwrap();
            let schedule = Schedule::parse(&text, zone, true, Timestamp::EPOCH).unwrap();
            let mut t = change.at + random.between(-DAY, 7_200);
            for _ in 0..5 {
                let after = tz.timestamp_opt(t, 0).unwrap();
                let found = croner
                    .find_next_occurrence(&after, false)
                    .unwrap()
                    .timestamp();
                let next = schedule.next_after(Timestamp::from_unix(t, 0)).unwrap();
                assert_eq!(
                    next.unix_secs(),
                    found,
                    "{zone} case {case}: {text} after {after}"
                );
                t = found;
            }
        }
    }
}

#[test]
fn rules_for_days_are_croners() {
    let mut random = Random(5);
    let croner = |text: &str| croner::Cron::from_str(text).unwrap();
    for text in [
        "0 0 L * *",
        "0 0 LW * *",
        "0 0 1W,15W,31W * *",
        "0 0 * * MON#1,FRI#5",
        "0 0 * * 5L,SUN#2",
        "0 0 13 * FRI",
        "0 0 13 * +FRI",
        "0 0 L 2,6 +7",
        "0 0 29,30 2-3 *",
        "0 0 */10 * */3",
        "0 0 1-7 * +WED",
    ] {
        let (expected, schedule) = (croner(text), schedule(text));
        let mut t = random.between(YEAR_1970, YEAR_1970 + 400 * DAY);
        while t < YEAR_2099 {
            let found = expected
                .find_next_occurrence(&utc(t), false)
                .unwrap()
                .timestamp();
            assert_eq!(
                schedule.next_after(Timestamp::from_unix(t, 0)),
                Some(Timestamp::from_unix(found, 0)),
                "{text}"
            );
            t = found;
        }
    }
}
