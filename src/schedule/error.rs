//! Why a schedule, interval or zone was refused.
//!
//! Each message names the part, shows what was found and ends with something valid to write, because it is read by
//! somebody in front of a shell who wants to go on.

use std::fmt;
use std::time::Duration;

use crate::config;

/// Why a schedule, interval or zone was refused: which part, what was found, and a valid example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError(pub String);

impl ScheduleError {
    /// `part "found" why: write for example example`.
    pub(super) fn new(part: &str, found: &str, why: &str, example: &str) -> ScheduleError {
        let found = quoted(found);
        ScheduleError(format!("{part} {found} {why}: write for example {example}"))
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScheduleError {}

/// `text` in quotes, shortened, with everything escaped that would not show as itself: it ends in logs and terminals.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    let mut chars = text.chars();
    for c in chars.by_ref().take(config::QUOTED_CHARS_MAX) {
        match c {
            '\'' => out.push(c),
            _ => out.extend(c.escape_debug()),
        }
    }
    if chars.next().is_some() {
        out.push('…');
    }
    out.push('"');
    out
}

/// A duration to the nearest lower whole number of its largest unit: "3 days".
pub(super) fn rough(span: Duration) -> String {
    let secs = span.as_secs();
    let (number, unit) = match secs {
        0 => return format!("{} ms", span.as_millis()),
        1..60 => (secs, "second"),
        60..3_600 => (secs / 60, "minute"),
        3_600..86_400 => (secs / 3_600, "hour"),
        86_400..31_536_000 => (secs / 86_400, "day"),
        _ => (secs / 31_536_000, "year"),
    };
    counted(number, unit)
}

/// `1 day`, `2 days`.
pub(super) fn counted(number: u64, unit: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_shown_short_and_harmless() {
        for (text, shown) in [
            ("PT1S", r#""PT1S""#),
            ("it's", r#""it's""#),
            ("a\"b\n\u{1b}[0m", r#""a\"b\n\u{1b}[0m""#),
            ("\u{202e}x", r#""\u{202e}x""#),
            ("Zürich", r#""Zürich""#),
        ] {
            assert_eq!(quoted(text), shown);
        }
        let long = "x".repeat(41);
        assert_eq!(quoted(&long), format!("\"{}…\"", &long[..40]));
        assert_eq!(quoted(&long[..40]), format!("\"{}\"", &long[..40]));
    }

    #[test]
    fn durations_are_told_in_their_largest_unit() {
        for (secs, told) in [
            (1, "1 second"),
            (59, "59 seconds"),
            (119, "1 minute"),
            (7_200, "2 hours"),
            (3 * 86_400 + 5, "3 days"),
            (400 * 86_400, "1 year"),
        ] {
            assert_eq!(rough(Duration::from_secs(secs)), told);
        }
        assert_eq!(rough(Duration::from_millis(12)), "12 ms");
    }
}
