//! What is read from which text, and how what is wrong is told.

use std::time::Duration;

use super::*;
use crate::schedule::{Grid, Interval, Kind};

#[test]
fn ok_intervals() {
    let exact = |secs, nanos| (0, 0, Duration::new(secs, nanos));
    for (text, (months, days, exact)) in [
        ("PT10S", exact(10, 0)),
        ("PT0S", exact(0, 0)),
        ("P0D", exact(0, 0)),
        ("PT0.25S", exact(0, 250_000_000)),
        ("PT0,25S", exact(0, 250_000_000)),
        ("PT1.5H", exact(5_400, 0)),
        ("PT0.000000001H", exact(0, 3_600)),
        ("PT1M0.123456789S", exact(60, 123_456_789)),
        ("PT36H", exact(129_600, 0)),
        ("PT100M", exact(6_000, 0)),
        ("P2W", (0, 14, Duration::ZERO)),
        ("P1Y", (12, 0, Duration::ZERO)),
        ("P1M", (1, 0, Duration::ZERO)),
        ("P0001Y", (12, 0, Duration::ZERO)),
        ("P1YT1M", (12, 0, Duration::from_secs(60))),
        ("P1Y2M10DT2H30M15S", (14, 10, Duration::from_secs(9_015))),
        ("P10000Y", (120_000, 0, Duration::ZERO)),
        ("P3660000D", (0, 3_660_000, Duration::ZERO)),
        ("PT316224000000S", exact(316_224_000_000, 0)),
    ] {
        let expected = Interval {
            months,
            days,
            exact,
        };
        assert_eq!(Interval::parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn err_intervals() {
    for (text, why) in [
        ("P", "has no unit after P"),
        ("PT", "has no unit after T"),
        ("P1DT", "has no unit after T"),
        ("P1", "has no unit after 1"),
        ("PT1.5", "has no unit after 1.5"),
        ("10S", "does not start with P"),
        ("pt10s", "does not start with P"),
        ("xxPT1Syy", "does not start with P"),
        ("-PT1S", "is negative"),
        ("PT-1S", "has '-' where a number belongs"),
        ("PT+1S", "has '+' where a number belongs"),
        ("PTS", "has 'S' where a number belongs"),
        ("PT1S ", "has ' ' where a number belongs"),
        ("PT1Syy", "has 'y' where a number belongs"),
        ("PT.5S", "has '.' where a number belongs"),
        ("PT1.S", "has no digit after the decimal point"),
        ("PT1..5S", "has no digit after the decimal point"),
        ("PT1x", "has 'x' where a unit belongs"),
        ("P1é", "has 'é' where a unit belongs"),
        ("P1S", "has S without a T before it"),
        ("P1H", "has H without a T before it"),
        ("PT1D", "has D after T, it belongs before it"),
        ("PT1HT1S", "has a second T"),
        ("P1D1Y", "has Y too late, units go from large to small"),
        ("PT1S1S", "has S too late, units go from large to small"),
        ("PT1M1H", "has H too late, units go from large to small"),
        ("P1W2D", "has weeks beside another unit, weeks stand alone"),
        ("P1Y1W", "has weeks beside another unit, weeks stand alone"),
        ("P1WT1S", "has weeks beside another unit, weeks stand alone"),
        ("PT1.5H1M", "has a fraction before its last unit"),
        (
            "P1.5D",
            "has a fraction of a day or more, only H, M and S can have one",
        ),
        ("PT0.1234567890S", "has more than 9 decimals"),
        ("P10001Y", "is over 10000 years"),
        ("P9999Y13M", "is over 10000 years"),
        ("PT999999999999S", "is over 10000 years"),
        ("PT99999999999999999999999S", "is over 10000 years"),
        ("P18446744073709551615D", "is over 10000 years"),
    ] {
        let expected = format!("interval \"{text}\" {why}: write for example PT10S");
        assert_eq!(Interval::parse(text).unwrap_err().0, expected);
    }
    assert_eq!(
        Interval::parse("").unwrap_err().0,
        "interval is empty: write for example PT10S"
    );
    let long = format!("PT{}1S", "0".repeat(2_000));
    assert_eq!(
        Interval::parse(&long).unwrap_err().0,
        format!(
            "interval \"PT{}…\" is too long a text: write for example PT10S",
            "0".repeat(38)
        )
    );
}

#[test]
fn ok_starts() {
    for (text, shown) in [
        ("2037-06-04T19:25:16Z", "2037-06-04T19:25:16Z"),
        ("2037-06-04T19:25:16", "2037-06-04T19:25:16Z"),
        ("2037-06-04T19:25:16.828696", "2037-06-04T19:25:16.828696Z"),
        (
            "2037-06-04T19:25:16.828696-07:00",
            "2037-06-04T19:25:16.828696-07:00",
        ),
        (
            "2037-06-04T19:25:16.123456789+05:30",
            "2037-06-04T19:25:16.123456789+05:30",
        ),
        ("2037-06-04T19:25:16.100Z", "2037-06-04T19:25:16.1Z"),
        ("2036-02-29T00:00:00-00:00", "2036-02-29T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        (
            "9999-12-31T23:59:59.999999999Z",
            "9999-12-31T23:59:59.999999999Z",
        ),
        ("  2037-06-04T19:25:16Z\n", "2037-06-04T19:25:16Z"),
    ] {
        for (text, is_grid) in [
            (text.to_string(), false),
            (format!("R2/{}/PT10S", text.trim()), true),
        ] {
            let schedule = schedule(&text);
            let start = schedule.start().unwrap();
            assert_eq!(schedule.zone().format(start), shown, "{text}");
            assert_eq!(matches!(schedule.kind, Kind::Grid(_)), is_grid);
        }
    }
}

#[test]
fn err_starts() {
    for (start, why) in [
        ("2037-06-04", "ends after the day"),
        ("2037-06-04t19:25:16Z", "has 't' after the day, not T"),
        ("2037-06-04 19:25:16Z", "has ' ' after the day, not T"),
        ("2037-06-04T19:25Z", "has 'Z' after the minute, not :"),
        ("2037-06-04T19:25", "ends after the minute"),
        ("2037-06-04T19:25:16z", "has 'z' where it should end"),
        ("2037-06-04T19:25:16,5Z", "has ',' where it should end"),
        ("2037-06-04T19:25:16Zulu", "has 'u' where it should end"),
        (
            "2037-06-04T19:25:16.Z",
            "has no digit after the decimal point",
        ),
        (
            "2037-06-04T19:25:16.1234567890Z",
            "has more than 9 decimals",
        ),
        (
            "2037-06-04T19:25:16-0700",
            "has '0' after the offset's hours, not :",
        ),
        ("2037-06-04T19:25:16+07", "ends after the offset's hours"),
        ("2037-06-04T19:25:16+24:00", "has an offset of over 23:59"),
        (
            "2037-06-04T19:25:16+1:00",
            "needs 2 digits for the offset's hours",
        ),
        ("2037-6-4T19:25:16Z", "needs 2 digits for the month"),
        (
            "2037-06-04T24:00:00Z",
            "has a time of day that does not exist",
        ),
        (
            "2036-12-31T23:59:60Z",
            "has a time of day that does not exist",
        ),
        ("2037-02-29T00:00:00Z", "has a day that does not exist"),
        ("2037-13-01T00:00:00Z", "has a day that does not exist"),
        ("0000-01-01T00:00:00Z", "is before the year 1"),
        (
            "0001-01-01T00:00:00+00:01",
            "is outside the years 1 to 9999 of UTC",
        ),
        (
            "9999-12-31T23:59:59-00:01",
            "is outside the years 1 to 9999 of UTC",
        ),
    ] {
        let expected = format!("start \"{start}\" {why}: write for example 2027-01-04T09:00:00Z");
        let parse = |text: &str| Schedule::parse(text, Zone::UTC, false, at(ANCHOR));
        assert_eq!(parse(start).unwrap_err().0, expected);
        let repeating = format!("R2/{start}/PT10S");
        assert_eq!(parse(&repeating).unwrap_err().0, expected);
    }
    let basic = Schedule::parse("R2/20370604T192516Z/PT10S", Zone::UTC, false, at(ANCHOR));
    assert_eq!(
        basic.unwrap_err().0,
        "start \"20370604T192516Z\" has '0' after the year, not -: write for example 2027-01-04T09:00:00Z"
    );
}

#[test]
fn ok_repeats() {
    const START: &str = "2026-11-23T08:49:12Z";
    for (repeats, last) in [
        ("R", Grid::FOREVER),
        ("R1", 1),
        ("R2", 2),
        ("R007", 7),
        ("R9223372036854775807", i64::MAX as u64),
    ] {
        let schedule = schedule(&format!("{repeats}/{START}/PT10S"));
        let Kind::Grid(grid) = schedule.kind else {
            panic!("{repeats}")
        };
        assert_eq!(grid.last, last);
    }
    for once in [
        "R0/2026-11-23T08:49:12Z/",
        "R0/2026-11-23T08:49:12Z/PT0S",
        "R00/2026-11-23T08:49:12Z/P1D",
        START,
    ] {
        assert_eq!(schedule(once).kind, Kind::Once(at(START)), "{once}");
    }
    assert_eq!(schedule("").kind, Kind::Once(at(ANCHOR)));
    assert_eq!(schedule("R//PT1H").start(), Some(at(ANCHOR)));
    assert_eq!(schedule("R0//").kind, Kind::Once(at(ANCHOR)));
    assert!(schedule("@manual").is_manual());
    assert_eq!(schedule("@manual").next_after(at(ANCHOR)), None);
    assert_eq!(schedule("@manual").start(), None);
    assert_eq!(
        schedule(" R2/2026-11-23T08:49:12Z/PT10S"),
        schedule("R2/2026-11-23T08:49:12Z/PT10S")
    );
}

#[test]
fn err_schedules() {
    const PARTS: &str = "is not made of R, start and interval with a slash between them: \
        write for example R/2027-01-04T09:00:00Z/PT10M";
    const KINDS: &str = "write for example R/2027-01-04T09:00:00Z/PT10M (every 10 minutes), \
        2027-01-04T09:00:00Z (once) or 0 9 * * MON-FRI";
    const REPEATS: &str = "write for example R5, or R for ever";
    for (text, message) in [
        ("R0/2026-11-23T08:49:12Z", format!("schedule \"R0/2026-11-23T08:49:12Z\" {PARTS}")),
        ("R2//PT10S/extra", format!("schedule \"R2//PT10S/extra\" {PARTS}")),
        ("R", format!("schedule \"R\" {PARTS}")),
        ("//", format!("schedule \"//\" does not begin with R: {KINDS}")),
        ("2//PT10S", format!("schedule \"2//PT10S\" does not begin with R: {KINDS}")),
        ("r2//PT10S", format!("schedule \"r2//PT10S\" begins with a small r instead of R: {KINDS}")),
        (
            "garbage",
            format!("schedule \"garbage\" is neither a start, a repetition, a cron expression nor a word such as @daily: {KINDS}"),
        ),
        (" \t", format!("schedule \" \\t\" is blank: {KINDS}")),
        ("R-1//PT1S", format!("number of repeats \"-1\" is not a whole number in digits: {REPEATS}")),
        ("R+3//PT1S", format!("number of repeats \"+3\" is not a whole number in digits: {REPEATS}")),
        ("R2.5//PT1S", format!("number of repeats \"2.5\" is not a whole number in digits: {REPEATS}")),
        ("RR2//PT1S", format!("number of repeats \"R2\" is not a whole number in digits: {REPEATS}")),
        ("R2R3//PT1S", format!("number of repeats \"2R3\" is not a whole number in digits: {REPEATS}")),
        (
            "R9223372036854775808//PT1S",
            format!("number of repeats \"9223372036854775808\" is over 9223372036854775807: {REPEATS}"),
        ),
        ("R2//", "interval is empty: write for example PT10S".to_string()),
        ("R//P1W2D", "interval \"P1W2D\" has weeks beside another unit, weeks stand alone: write for example PT10S".to_string()),
        ("R0//garbage", "interval \"garbage\" does not start with P: write for example PT10S".to_string()),
        ("R//PT0S", "interval \"PT0S\" is under 10 ms: write for example PT0.25S".to_string()),
        ("R//PT0.009999999S", "interval \"PT0.009999999S\" is under 10 ms: write for example PT0.25S".to_string()),
        ("@fortnightly", "schedule \"@fortnightly\" is no word for a schedule: write for example @manual, @hourly, @daily, @weekly, @monthly or @yearly".to_string()),
        ("R//PT1\u{1b}[2J", "interval \"PT1\\u{1b}[2J\" has '\\u{1b}' where a unit belongs: write for example PT10S".to_string()),
    ] {
        let error = Schedule::parse(text, Zone::UTC, false, at(ANCHOR)).unwrap_err();
        assert_eq!(error.0, message);
    }
    let long = "0 9 * * ".repeat(200);
    let error = Schedule::parse(&long, Zone::UTC, false, at(ANCHOR)).unwrap_err();
    assert_eq!(
        error.0,
        "schedule \"0 9 * * 0 9 * * 0 9 * * 0 9 * * 0 9 * * …\" is 1599 bytes long, at most 1024 are allowed"
    );
}

#[test]
fn a_start_in_the_past_is_refused_with_by_how_much() {
    let now = at("2027-01-04T09:00:00Z");
    for (text, told) in [
        (
            "R/2027-01-01T08:00:00Z/PT1H",
            Some("3 days ago, at 2027-01-01T08:00:00Z"),
        ),
        (
            "2027-01-04T09:59:59+01:00",
            Some("1 second ago, at 2027-01-04T09:59:59+01:00"),
        ),
        (
            "2027-01-04T08:59:59.995Z",
            Some("5 ms ago, at 2027-01-04T08:59:59.995Z"),
        ),
        (
            "R/1970-01-01T00:00:00Z/PT1S",
            Some("57 years ago, at 1970-01-01T00:00:00Z"),
        ),
        ("2027-01-04T09:00:00Z", None),
        ("R/2027-01-04T09:00:01Z/PT1H", None),
        ("0 9 * * *", None),
        ("@manual", None),
    ] {
        let message = told.map(|told| {
            format!(
                "schedule starts {told}: write a start that is still to come, leave it empty for now (as in R//PT1H), \
                 or pass ?past_start=keep to go on with the next occurrence"
            )
        });
        assert_eq!(
            schedule(text).check_start(now).err().map(|e| e.0),
            message,
            "{text}"
        );
    }
    for text in ["", "R//PT1H", "R0//"] {
        let schedule = Schedule::parse(text, Zone::UTC, false, now).unwrap();
        assert_eq!(schedule.check_start(now), Ok(()));
    }
}

#[test]
fn ok_cron_shapes() {
    for (text, same) in [
        ("@hourly", "0 * * * *"),
        ("@Daily", "0 0 * * *"),
        ("@midnight", "0 0 0 * * *"),
        ("@weekly", "0 0 * * SUN"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 JAN *"),
        ("@annually", "0 0 1 1 ?"),
        ("  0   9 * * mon-fri ", "0 9 * * 1,2,3,4,5"),
        ("0 9 * * 7", "0 9 * * 0"),
        ("0 9 * * SAT-SUN", "0 9 * * 6-7"),
        ("0 9 * * FRIL", "0 9 * * 5L"),
        ("0 0,30 9 * * *", "0,30 9 * * *"),
    ] {
        assert_eq!(schedule(text).kind, schedule(same).kind, "{text}");
    }
}

#[test]
fn err_cron() {
    const COUNT: &str =
        "instead of 5, or 6 with leading seconds: write for example 0 9 * * MON-FRI";
    for (text, message) in [
        ("0 9 * *", format!("cron \"0 9 * *\" has 4 fields {COUNT}")),
        ("0 0 9 * * * 2027", format!("cron \"0 0 9 * * * 2027\" has 7 fields {COUNT}")),
        ("61 * * * *", "cron minute \"61\" is not valid: write for example 0-59, such as 30 or */5".to_string()),
        ("61 0 9 * * *", "cron second \"61\" is not valid: write for example 0-59, such as 0 or */15".to_string()),
        ("0 24 * * *", "cron hour \"24\" is not valid: write for example 0-23, such as 9 or 8-18/2".to_string()),
        ("0 0 0 * *", "cron day of month \"0\" is not valid: write for example 1-31, such as 1,15 or L or 15W".to_string()),
        ("0 0 1 13 *", "cron month \"13\" is not valid: write for example 1-12 or JAN-DEC, such as */3 or JAN,JUL".to_string()),
        ("0 0 * * 8", "cron day of week \"8\" is not valid: write for example 0-7 or SUN-SAT, such as MON-FRI or FRI#2 or 5L".to_string()),
        ("*/0 * * * *", "cron minute \"*/0\" is not valid: write for example 0-59, such as 30 or */5".to_string()),
        ("5-1 * * * *", "cron minute \"5-1\" is not valid: write for example 0-59, such as 30 or */5".to_string()),
        ("5/10 * * * *", "cron minute \"5/10\" is not valid: write for example 0-59, such as 30 or */5".to_string()),
        ("1,,2 * * * *", "cron minute \"1,,2\" is incomplete: write for example 0-59, such as 30 or */5".to_string()),
        (", * * * *", "cron minute \",\" is incomplete: write for example 0-59, such as 30 or */5".to_string()),
        ("MON * * * *", "cron minute \"MON\" has the unknown word \"MON\": write for example 0-59, such as 30 or */5".to_string()),
        ("0 0 * * MONDAY", "cron day of week \"MONDAY\" has the unknown word \"MONDAY\": write for example 0-7 or SUN-SAT, such as MON-FRI or FRI#2 or 5L".to_string()),
        ("0 0 * 1JAN *", "cron month \"1JAN\" has the unknown word \"1JAN\": write for example 1-12 or JAN-DEC, such as */3 or JAN,JUL".to_string()),
        ("0 0 31 2 *", "cron \"0 0 31 2 *\" never comes, no month has such a day: write for example 0 9 * * MON-FRI".to_string()),
        ("0 0 31 4,6,9,11 *", "cron \"0 0 31 4,6,9,11 *\" never comes, no month has such a day: write for example 0 9 * * MON-FRI".to_string()),
    ] {
        let error = Schedule::parse(text, Zone::UTC, false, at(ANCHOR)).unwrap_err();
        assert_eq!(error.0, message);
    }
}

#[test]
fn words_for_people() {
    let now = at("2027-01-04T09:00:00Z");
    for (text, words) in [
        ("@manual", "only when it is started"),
        (
            "2027-01-04T10:00:00+01:00",
            "once at 2027-01-04T10:00:00+01:00",
        ),
        (
            "R/2027-01-04T09:00:00Z/PT10M",
            "every 10 minutes from 2027-01-04T09:00:00Z",
        ),
        (
            "R3/2027-01-04T09:00:00Z/PT1H",
            "every hour from 2027-01-04T09:00:00Z, 3 left",
        ),
        (
            "R3/2020-01-04T09:00:00Z/P1M",
            "every month from 2020-01-04T09:00:00Z, none left",
        ),
        (
            "R/2027-01-04T09:00:00Z/P1DT12H",
            "every 1 day and 12 hours from 2027-01-04T09:00:00Z",
        ),
        (
            "R/2027-01-04T09:00:00Z/P1Y2M3DT4H5M6S",
            "every 1 year, 2 months, 3 days, 4 hours, 5 minutes and 6 seconds from 2027-01-04T09:00:00Z",
        ),
        (
            "R/2027-01-04T09:00:00Z/P14D",
            "every 2 weeks from 2027-01-04T09:00:00Z",
        ),
        (
            "R/2027-01-04T09:00:00Z/PT0.25S",
            "every 0.25 seconds from 2027-01-04T09:00:00Z",
        ),
        (
            "R/2027-01-04T09:00:00Z/PT1S",
            "every second from 2027-01-04T09:00:00Z",
        ),
    ] {
        assert_eq!(schedule(text).describe(text, now), words);
    }
    let text = "30 9 * * MON-FRI";
    assert_eq!(
        schedule_in("Europe/Berlin", text).describe(text, now),
        "At 09:30, on Monday, Tuesday, Wednesday, Thursday, and Friday (Europe/Berlin)"
    );
}
