//! What a schedule costs: its next occurrence, of which the dispatcher asks one for each run, and how many have passed,
//! of which it asks one for each job after a standstill. Neither may depend on how long the schedule has been running.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use nimesha::clock::Timestamp;
use nimesha::schedule::{Schedule, Zone};

/// 2026-11-23T08:00:00Z.
const NOW: Timestamp = Timestamp::from_unix(1_795_420_800, 0);
/// 2126-11-23T08:00:00Z.
const IN_A_CENTURY: Timestamp = Timestamp::from_unix(4_951_094_400, 0);

/// Name, zone, schedule, and the next occurrence after [`NOW`].
const CASES: [(&str, &str, &str, &str); 10] = [
    (
        "exact",
        "",
        "R/1970-01-01T00:00:00Z/PT1S",
        "2026-11-23T08:00:01Z",
    ),
    (
        "days_utc",
        "",
        "R/1970-01-01T09:00:00Z/P1D",
        "2026-11-23T09:00:00Z",
    ),
    (
        "days_zone",
        "Europe/Berlin",
        "R/1970-01-01T09:30:00/P1D",
        "2026-11-23T09:30:00+01:00",
    ),
    (
        "months_utc",
        "",
        "R/1970-01-31T09:00:00Z/P1M",
        "2026-11-30T09:00:00Z",
    ),
    (
        "months_zone",
        "Europe/Berlin",
        "R/1970-01-31T09:00:00/P1M",
        "2026-11-30T09:00:00+01:00",
    ),
    (
        "months_days_exact",
        "Europe/Berlin",
        "R/1970-01-31T09:00:00/P1M1DT1H",
        "2026-12-19T21:00:00+01:00",
    ),
    ("cron_second", "", "* * * * * *", "2026-11-23T08:00:01Z"),
    ("cron_utc", "", "0 9 * * MON-FRI", "2026-11-23T09:00:00Z"),
    (
        "cron_zone",
        "Europe/Berlin",
        "30 9 * * MON-FRI",
        "2026-11-23T09:30:00+01:00",
    ),
    ("cron_leap_day", "", "0 0 29 2 +MON", "2044-02-29T00:00:00Z"),
];

/// A schedule of a job with that timezone, or with none.
fn parse(zone: &str, text: &str) -> Schedule {
    let zone = (!zone.is_empty()).then(|| Zone::parse(zone).expect("the cases' zones exist"));
    Schedule::parse(text, zone.unwrap_or(Zone::UTC), zone.is_some(), NOW)
        .expect("the cases are valid")
}

fn next(c: &mut Criterion) {
    let mut group = c.benchmark_group("schedule_next");
    for (name, zone, text, expected) in CASES {
        let schedule = parse(zone, text);
        let next = schedule.next_after(NOW).expect("all cases go on");
        assert_eq!(schedule.zone().format(next), expected, "{name}");
        group.bench_function(name, |b| b.iter(|| schedule.next_after(black_box(NOW))));
    }
    group.finish();
}

fn passed(c: &mut Criterion) {
    let mut group = c.benchmark_group("schedule_passed_in_a_century");
    for (name, zone, text, expected) in [
        ("exact", "", "R/1970-01-01T00:00:00Z/PT1S", 3_155_673_600),
        (
            "days_zone",
            "Europe/Berlin",
            "R/1970-01-01T09:30:00/P1D",
            36_524,
        ),
        ("cron_second_utc", "", "* * * * * *", 3_155_673_600),
        (
            "cron_second_zone",
            "Europe/Berlin",
            "* * * * * *",
            3_155_673_600,
        ),
        ("cron_fixed_zone", "Europe/Berlin", "30 2 * * *", 36_524),
    ] {
        let schedule = parse(zone, text);
        let count = |until| schedule.passed(NOW, until).map(|passed| passed.count);
        assert_eq!(count(IN_A_CENTURY), Some(expected), "{name}");
        group.bench_function(name, |b| b.iter(|| count(black_box(IN_A_CENTURY))));
    }
    group.finish();
}

fn text(c: &mut Criterion) {
    let mut group = c.benchmark_group("schedule_text");
    for (name, zone, text, _) in [CASES[0], CASES[5], CASES[8]] {
        group.bench_function(format!("parse_{name}"), |b| {
            b.iter(|| parse(zone, black_box(text)));
        });
    }
    let zone = Zone::parse("Europe/Berlin").expect("there is such a zone");
    let mut out = String::with_capacity(64);
    zone.write(NOW, &mut out);
    assert_eq!(out, "2026-11-23T09:00:00+01:00");
    group.bench_function("write_instant", |b| {
        b.iter(|| {
            out.clear();
            zone.write(black_box(NOW), &mut out);
        });
    });
    group.finish();
}

criterion_group!(benches, next, passed, text);
criterion_main!(benches);
