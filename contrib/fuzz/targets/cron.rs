//! Cron expressions, made of what stands in them, so that more of them are taken than of any text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nimesha::clock::Timestamp;
use nimesha::schedule::{Schedule, Zone};

/// What a byte of the input stands for.
const WORDS: [&str; 48] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "12", "15", "23", "28", "29", "30", "31", "59", "60", "*",
    "*/", "/", "-", ",", "?", "L", "W", "#", "MON", "sun", "FRI", "JAN", "feb", "DEC", " ", " ", " ", " ", " ", "*/5",
    " * ", "@daily", "@hourly", "LW", "+", "\t", "TZ=",
];

fuzz_target!(|bytes: &[u8]| {
    let words = bytes.iter().take(64);
    let text: String = words.map(|byte| WORDS[usize::from(*byte) % WORDS.len()]).collect();
    // A month before the clocks change, in a zone where they do.
    let anchor = Timestamp::from_unix(1_709_251_200, 0);
    let zone = Zone::parse("America/New_York").expect("a zone that there is");
    let Ok(schedule) = Schedule::parse(&text, zone, true, anchor) else {
        return;
    };
    let (mut at, mut count) = (anchor, 0);
    while let Some(next) = schedule.next_after(at).filter(|_| count < 50) {
        assert!(next > at, "{text:?}: {next:?} is not after {at:?}");
        (at, count) = (next, count + 1);
    }
    let passed = schedule.passed(anchor, at).map_or(0, |passed| passed.count);
    assert_eq!(passed, count, "{text:?}");
});
