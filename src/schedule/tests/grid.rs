//! Known instants of repeating schedules: no drift, ends of months, changes of clocks.

use super::*;

#[test]
fn exact_steps_count_from_the_start() {
    for (text, after, expected) in [
        (
            "R2/2026-11-23T08:00:00Z/PT10S",
            "2026-11-23T07:00:00Z",
            &[
                "2026-11-23T08:00:00Z",
                "2026-11-23T08:00:10Z",
                "2026-11-23T08:00:20Z",
            ][..],
        ),
        (
            "R2/2026-11-23T08:00:00Z/PT10S",
            "2026-11-23T08:00:00Z",
            &["2026-11-23T08:00:10Z", "2026-11-23T08:00:20Z"],
        ),
        ("R2/2026-11-23T08:00:00Z/PT10S", "2026-11-23T08:00:20Z", &[]),
        (
            "R0/2026-11-23T08:00:00Z/",
            "2026-11-23T07:00:00Z",
            &["2026-11-23T08:00:00Z"],
        ),
        ("R0/2026-11-23T08:00:00Z/", "2026-11-23T08:00:00Z", &[]),
        (
            "R1/2037-06-04T19:25:16.828696-07:00/PT0.25S",
            "2026-01-01T00:00:00Z",
            &[
                "2037-06-04T19:25:16.828696-07:00",
                "2037-06-04T19:25:17.078696-07:00",
            ],
        ),
        (
            "R1/1970-01-01T00:00:00.25Z/PT1S",
            "1970-01-01T00:00:00Z",
            &["1970-01-01T00:00:00.25Z", "1970-01-01T00:00:01.25Z"],
        ),
        // The last that can be written, and no further.
        (
            "R/9999-12-31T23:59:58Z/PT1S",
            "9999-01-01T00:00:00Z",
            &["9999-12-31T23:59:58Z", "9999-12-31T23:59:59Z"],
        ),
        ("R/2026-01-01T00:00:00Z/P9000Y", "2026-01-01T00:00:00Z", &[]),
        (
            "R/2026-01-01T00:00:00Z/PT316224000000S",
            "2026-01-01T00:00:00Z",
            &[],
        ),
    ] {
        assert_eq!(
            next(&schedule(text), after, 3),
            expected,
            "{text} after {after}"
        );
    }
    let old = schedule("R/1970-01-01T00:00:00Z/PT1S");
    assert_eq!(
        next(&old, "2026-11-23T08:00:00.5Z", 1),
        ["2026-11-23T08:00:01Z"]
    );
    let fine = schedule("R/0001-01-01T00:00:00Z/PT0.01S");
    assert_eq!(
        next(&fine, "9999-12-31T23:59:59.98Z", 3),
        ["9999-12-31T23:59:59.99Z"]
    );
}

#[test]
fn calendar_steps_keep_the_day_or_take_the_last() {
    for (text, expected) in [
        (
            "R/2027-01-31T09:00:00Z/P1M",
            [
                "2027-01-31T09:00:00Z",
                "2027-02-28T09:00:00Z",
                "2027-03-31T09:00:00Z",
                "2027-04-30T09:00:00Z",
            ],
        ),
        (
            "R/2028-02-29T09:00:00Z/P1Y",
            [
                "2028-02-29T09:00:00Z",
                "2029-02-28T09:00:00Z",
                "2030-02-28T09:00:00Z",
                "2031-02-28T09:00:00Z",
            ],
        ),
        (
            "R/2027-12-31T00:00:00Z/P2M",
            [
                "2027-12-31T00:00:00Z",
                "2028-02-29T00:00:00Z",
                "2028-04-30T00:00:00Z",
                "2028-06-30T00:00:00Z",
            ],
        ),
        (
            "R/2027-01-31T00:00:00Z/P1M1D",
            [
                "2027-01-31T00:00:00Z",
                "2027-03-01T00:00:00Z",
                "2027-04-02T00:00:00Z",
                "2027-05-03T00:00:00Z",
            ],
        ),
        (
            "R/2027-01-31T23:00:00Z/P1MT1H",
            [
                "2027-01-31T23:00:00Z",
                "2027-03-01T00:00:00Z",
                "2027-04-01T01:00:00Z",
                "2027-05-01T02:00:00Z",
            ],
        ),
        // The offset of the start is the zone: 31 January there, though 1 February in UTC.
        (
            "R/2027-01-31T20:00:00-07:00/P1M",
            [
                "2027-01-31T20:00:00-07:00",
                "2027-02-28T20:00:00-07:00",
                "2027-03-31T20:00:00-07:00",
                "2027-04-30T20:00:00-07:00",
            ],
        ),
    ] {
        assert_eq!(
            next(&schedule(text), "2026-01-01T00:00:00Z", 4),
            expected,
            "{text}"
        );
    }
}

#[test]
fn calendar_steps_follow_the_clocks_of_the_zone() {
    for (zone, text, expected) in [
        // Spring forward, at 2:00: the local time stays, a skipped one moves on by the gap, and is kept in mind.
        (
            "America/New_York",
            "R/2027-03-13T09:00:00/P1D",
            [
                "2027-03-13T09:00:00-05:00",
                "2027-03-14T09:00:00-04:00",
                "2027-03-15T09:00:00-04:00",
            ],
        ),
        (
            "America/New_York",
            "R/2027-03-13T02:30:00/P1D",
            [
                "2027-03-13T02:30:00-05:00",
                "2027-03-14T03:30:00-04:00",
                "2027-03-15T02:30:00-04:00",
            ],
        ),
        (
            "America/New_York",
            "R/2027-03-14T02:30:00/P1D",
            [
                "2027-03-14T03:30:00-04:00",
                "2027-03-15T02:30:00-04:00",
                "2027-03-16T02:30:00-04:00",
            ],
        ),
        // Fall back, at 2:00: the first of two, unless the start says the second.
        (
            "America/New_York",
            "R/2027-11-06T01:30:00/P1D",
            [
                "2027-11-06T01:30:00-04:00",
                "2027-11-07T01:30:00-04:00",
                "2027-11-08T01:30:00-05:00",
            ],
        ),
        (
            "America/New_York",
            "R/2027-11-07T01:30:00-05:00/P1D",
            [
                "2027-11-07T01:30:00-05:00",
                "2027-11-08T01:30:00-05:00",
                "2027-11-09T01:30:00-05:00",
            ],
        ),
        // Exact steps do not follow them.
        (
            "America/New_York",
            "R/2027-03-13T09:00:00/PT24H",
            [
                "2027-03-13T09:00:00-05:00",
                "2027-03-14T10:00:00-04:00",
                "2027-03-15T10:00:00-04:00",
            ],
        ),
        // The calendar part first, in local time, then the exact part.
        (
            "America/New_York",
            "R/2027-03-13T01:00:00/P1DT2H",
            [
                "2027-03-13T01:00:00-05:00",
                "2027-03-14T04:00:00-04:00",
                "2027-03-15T05:00:00-04:00",
            ],
        ),
        // A start with an offset in a job with a zone: the zone's local time.
        (
            "Europe/Berlin",
            "R/2027-03-27T08:00:00Z/P1D",
            [
                "2027-03-27T09:00:00+01:00",
                "2027-03-28T09:00:00+02:00",
                "2027-03-29T09:00:00+02:00",
            ],
        ),
        // Half an hour of summer time.
        (
            "Australia/Lord_Howe",
            "R/2027-10-02T02:15:00/P1D",
            [
                "2027-10-02T02:15:00+10:30",
                "2027-10-03T02:45:00+11:00",
                "2027-10-04T02:15:00+11:00",
            ],
        ),
        // Midnight does not exist there on that day.
        (
            "Asia/Beirut",
            "R/2027-03-27T00:00:00/P1D",
            [
                "2027-03-27T00:00:00+02:00",
                "2027-03-28T01:00:00+03:00",
                "2027-03-29T00:00:00+03:00",
            ],
        ),
        // A whole day does not exist: its occurrence and the next one's are the same.
        (
            "Pacific/Apia",
            "R/2011-12-29T10:00:00/P1D",
            [
                "2011-12-29T10:00:00-10:00",
                "2011-12-31T10:00:00+14:00",
                "2012-01-01T10:00:00+14:00",
            ],
        ),
    ] {
        assert_eq!(
            next(&schedule_in(zone, text), "2011-01-01T00:00:00Z", 3),
            expected,
            "{zone} {text}"
        );
    }
}

#[test]
fn a_skipped_day_uses_a_place_but_counts_once() {
    let schedule = schedule_in("Pacific/Apia", "R4/2011-12-28T10:00:00/P1D");
    let (after, until) = (at("2011-01-01T00:00:00Z"), at("2013-01-01T00:00:00Z"));
    let walked = walk(&schedule, after, until);
    assert_eq!(walked.len(), 4);
    let passed = schedule.passed(after, until).unwrap();
    assert_eq!(
        (passed.first, passed.latest, passed.count),
        (walked[0], walked[3], 4)
    );
}

#[test]
fn passed_counts_by_division() {
    for (text, after, until, count) in [
        (
            "R/1970-01-01T00:00:00Z/PT1S",
            "1970-01-01T00:00:00Z",
            "2026-11-23T00:00:00Z",
            1_795_392_000,
        ),
        (
            "R/1970-01-01T00:00:00Z/PT0.01S",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            25_340_230_079_901,
        ),
        (
            "R5/2026-11-23T00:00:00Z/PT1M",
            "2026-11-23T00:00:00Z",
            "2026-11-24T00:00:00Z",
            5,
        ),
        (
            "R5/2026-11-23T00:00:00Z/PT1M",
            "2026-11-22T00:00:00Z",
            "2026-11-24T00:00:00Z",
            6,
        ),
        (
            "R/2000-01-31T00:00:00Z/P1M",
            "2000-01-31T00:00:00Z",
            "2026-11-23T00:00:00Z",
            321,
        ),
        (
            "2026-11-23T00:00:00Z",
            "2026-11-22T00:00:00Z",
            "2026-11-23T00:00:00Z",
            1,
        ),
    ] {
        let passed = schedule(text).passed(at(after), at(until)).unwrap();
        assert_eq!(passed.count, count, "{text}");
        assert!(passed.first <= passed.latest && passed.latest <= at(until));
    }
    for (after, until) in [
        ("2026-11-23T00:00:00Z", "2026-11-23T00:00:59Z"),
        ("2026-11-24T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("2026-11-22T23:59:59Z", "2026-11-22T23:59:59Z"),
    ] {
        assert_eq!(
            schedule("R/2026-11-23T00:00:00Z/PT1M").passed(at(after), at(until)),
            None
        );
    }
}

#[test]
fn an_interval_moves_an_instant() {
    use crate::schedule::Interval;
    for (zone_name, t, interval, moved) in [
        (
            "UTC",
            "2027-01-31T00:00:00Z",
            "PT1H",
            "2027-01-31T01:00:00Z",
        ),
        ("UTC", "2027-01-31T00:00:00Z", "P1M", "2027-02-28T00:00:00Z"),
        (
            "UTC",
            "2027-01-31T00:00:00.5Z",
            "PT0S",
            "2027-01-31T00:00:00.5Z",
        ),
        (
            "America/New_York",
            "2027-11-07T06:30:00Z",
            "PT0S",
            "2027-11-07T01:30:00-05:00",
        ),
        (
            "America/New_York",
            "2027-03-13T09:00:00.25-05:00",
            "P1DT1H",
            "2027-03-14T10:00:00.25-04:00",
        ),
        (
            "UTC",
            "2027-01-31T00:00:00Z",
            "P9999Y",
            "9999-12-31T23:59:59.999999999Z",
        ),
    ] {
        let interval = Interval::parse(interval).unwrap();
        assert_eq!(
            zone(zone_name).format(interval.after(at(t), zone(zone_name))),
            moved
        );
    }
}
