//! Numbers, durations and instants in words for people. Machines get the exact form beside them.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::schedule::Zone;

/// `12,345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 job`, `2 jobs`.
pub(super) fn counted(number: u64, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {word}{plural}", count(number))
}

/// `812 B`, `1.4 KiB`, `64 MiB`.
pub(super) fn bytes(number: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    match value < 10.0 {
        true => format!("{value:.1} {}", units[unit]),
        false => format!("{value:.0} {}", units[unit]),
    }
}

/// A measured duration, with two or three figures that matter: `0.2 ms`, `42 ms`, `1.3 s`, `4 min 05 s`, `2 h 10 min`.
pub(super) fn measured(duration: Duration) -> String {
    let secs = duration.as_secs();
    match duration.as_micros() {
        0 => "0 ms".to_owned(),
        micros @ 1..10_000 => format!("{:.1} ms", micros as f64 / 1e3),
        micros @ 10_000..1_000_000 => format!("{} ms", micros / 1_000),
        micros @ 1_000_000..60_000_000 => format!("{:.1} s", micros as f64 / 1e6),
        _ if secs < 3_600 => format!("{} min {:02} s", secs / 60, secs % 60),
        _ => rough(duration),
    }
}

/// A distance, as one says it: `now`, `12 s`, `4 min`, `2 h 10 min`, `3 d 4 h`.
pub(super) fn rough(distance: Duration) -> String {
    let secs = distance.as_secs();
    let (days, hours, minutes) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
    match secs {
        0 => "now".to_owned(),
        1..60 => format!("{secs} s"),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 if minutes == 0 => format!("{hours} h"),
        3_600..86_400 => format!("{hours} h {minutes} min"),
        86_400..864_000 if hours > 0 => format!("{days} d {hours} h"),
        _ => format!("{} d", count(days)),
    }
}

/// Where `t` is seen from `now`: `in 4 min`, `4 min ago`, `now`.
pub(super) fn relative(t: Timestamp, now: Timestamp) -> String {
    let (distance, ahead) = match t > now {
        true => (t.since(now), true),
        false => (now.since(t), false),
    };
    match rough(distance).as_str() {
        "now" => "now".to_owned(),
        distance if ahead => format!("in {distance}"),
        distance => format!("{distance} ago"),
    }
}

/// The date and the time of day: `Mon 23 Nov 14:05:10`, with the year where it is not this one.
pub(super) fn date_time(t: Timestamp, zone: Zone, now: Timestamp) -> String {
    let text = zone.format(t);
    let this_year = text.get(..4) == zone.format(now).get(..4);
    let year = if this_year {
        String::new()
    } else {
        format!(" {}", &text[..4])
    };
    format!(
        "{} {}{year} {}",
        weekday(&text),
        day_and_month(&text),
        &text[11..19]
    )
}

/// The time of day, `14:05:10`, or the day where that is another: `23 Nov 14:05`.
pub(super) fn brief(t: Timestamp, zone: Zone, now: Timestamp) -> String {
    let text = zone.format(t);
    if text.get(..10) == zone.format(now).get(..10) {
        return text[11..19].to_owned();
    }
    format!("{} {}", day_and_month(&text), &text[11..16])
}

/// `14:05`.
pub(super) fn hour_minute(t: Timestamp, zone: Zone) -> String {
    zone.format(t)[11..16].to_owned()
}

/// `23 Nov` of an RFC 3339 text.
fn day_and_month(text: &str) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month: usize = text[5..7].parse().unwrap_or(1);
    format!(
        "{} {}",
        text[8..10].trim_start_matches('0'),
        MONTHS[(month - 1) % 12]
    )
}

/// `Mon` of an RFC 3339 text, by Sakamoto's method.
fn weekday(text: &str) -> &'static str {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const SHIFTS: [u32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    let number = |range: std::ops::Range<usize>| -> u32 { text[range].parse().unwrap_or(1) };
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let year = if month < 3 {
        year.saturating_sub(1)
    } else {
        year
    };
    let shift = SHIFTS[(month as usize + 11) % 12];
    DAYS[((year + year / 4 - year / 100 + year / 400 + shift + day) % 7) as usize]
}

/// At most `chars` characters of `text`, with a mark where some are left out.
pub(super) fn clipped(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(number), text);
        }
        assert_eq!(
            (counted(1, "job"), counted(2, "job")),
            ("1 job".into(), "2 jobs".into())
        );
        for (number, text) in [
            (0, "0 B"),
            (1_536, "1.5 KiB"),
            (65_536, "64 KiB"),
            (1 << 20, "1.0 MiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn durations_are_as_long_as_they_matter() {
        for (micros, text) in [
            (0, "0 ms"),
            (240, "0.2 ms"),
            (42_400, "42 ms"),
            (1_340_000, "1.3 s"),
            (245_000_000, "4 min 05 s"),
            (7_800_000_000, "2 h 10 min"),
        ] {
            assert_eq!(measured(Duration::from_micros(micros)), text);
        }
        for (secs, text) in [
            (0, "now"),
            (59, "59 s"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (273_600, "3 d 4 h"),
            (8_640_000, "100 d"),
        ] {
            assert_eq!(rough(Duration::from_secs(secs)), text);
        }
    }

    #[test]
    fn instants_are_seen_from_now() {
        let now = Timestamp::from_unix(1_795_416_552, 0);
        assert_eq!(
            relative(now.plus(Duration::from_secs(240)), now),
            "in 4 min"
        );
        assert_eq!(relative(now.minus(Duration::from_secs(7)), now), "7 s ago");
        assert_eq!(relative(now, now), "now");
    }

    #[test]
    fn dates_are_in_the_zone_that_is_asked_for() {
        let now = Timestamp::from_unix(1_795_416_552, 0);
        let tokyo = Zone::parse("Asia/Tokyo").unwrap();
        assert_eq!(date_time(now, Zone::UTC, now), "Mon 23 Nov 06:49:12");
        assert_eq!(date_time(now, tokyo, now), "Mon 23 Nov 15:49:12");
        assert_eq!(
            date_time(Timestamp::EPOCH, Zone::UTC, now),
            "Thu 1 Jan 1970 00:00:00"
        );
        assert_eq!(
            date_time(Timestamp::MIN, tokyo, now),
            "Mon 1 Jan 0001 00:00:00"
        );
        assert_eq!(
            date_time(Timestamp::MAX, tokyo, now),
            "Fri 31 Dec 9999 23:59:59"
        );
        assert_eq!(hour_minute(now, tokyo), "15:49");
        assert_eq!(brief(now, tokyo, now), "15:49:12");
        assert_eq!(brief(Timestamp::EPOCH, tokyo, now), "1 Jan 09:00");
    }

    #[test]
    fn long_text_is_clipped_between_characters() {
        assert_eq!(clipped("\u{e9}\u{e8}\u{ea}", 3), "\u{e9}\u{e8}\u{ea}");
        assert_eq!(clipped("\u{e9}\u{e8}\u{ea}", 2), "\u{e9}\u{e8}\u{2026}");
    }
}
