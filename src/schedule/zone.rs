//! Zones: which offset an instant has, which instants a local time means, and how an instant is written.
//!
//! A local ("civil") time is counted in seconds from 1970-01-01T00:00:00 on the clock on the wall, so that calendar and
//! cron arithmetic is integer arithmetic. The rules are those of chrono-tz, compiled in: a small machine often has no
//! zone files. They end with the year 2099; after that a zone keeps its last offset.

use std::fmt::{self, Write as _};

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeZone, Timelike};
use chrono_tz::{GapInfo, TZ_VARIANTS, Tz};

use super::error::{ScheduleError, quoted};
use crate::clock::Timestamp;

/// Seconds in a day that has no change of clocks.
pub(super) const DAY: i64 = 86_400;
/// 2100-01-01T00:00:00Z, when the rules of chrono-tz have ended in every zone.
const RULES_END: i64 = 4_102_444_800;
/// 1800-01-01T00:00:00Z, before any zone had a rule.
const RULES_START: i64 = -5_364_662_400;

/// The zone that a schedule's local times are in, and that its times are shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Seconds east of UTC, less than a day.
    Fixed(i32),
    /// A zone of the IANA database.
    Iana(Tz),
}

/// What a local time means in a zone. Offsets are in seconds east of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Local {
    /// It comes once, with this offset.
    Once(i32),
    /// The clocks go back over it: it comes with the first offset, then again with the second.
    Twice { first: i32, second: i32 },
    /// The clocks skip it: `before` was the offset until then, at instant `end` they go on.
    Skipped { before: i32, end: i64 },
}

/// A range of local times that comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fold {
    /// First repeated local second.
    pub(super) start: i64,
    /// First local second after them.
    pub(super) end: i64,
    /// The offset when they come again.
    pub(super) second: i32,
    /// Whether the instant asked about lies in their second coming.
    pub(super) is_second: bool,
}

/// A change of a zone's offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The first second with the new offset.
    pub(super) at: i64,
    pub(super) before: i32,
    pub(super) after: i32,
}

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone::Fixed(0);

    /// The zone of that IANA name, in whatever case.
    ///
    /// # Errors
    /// When no zone has that name; names a near one.
    pub fn parse(name: &str) -> Result<Zone, ScheduleError> {
        let known = name.parse().ok().or_else(|| {
            let same = |zone: &&Tz| zone.name().eq_ignore_ascii_case(name);
            TZ_VARIANTS.iter().find(same).copied()
        });
        match known {
            Some(Tz::UTC | Tz::Etc__UTC) => Ok(Zone::UTC),
            Some(zone) => Ok(Zone::Iana(zone)),
            None => Err(ScheduleError(format!(
                "timezone {} is unknown: {}",
                quoted(name),
                near_name(name).map_or_else(
                    || "write for example Europe/Berlin".to_string(),
                    |near| format!("did you mean {near}?")
                )
            ))),
        }
    }

    /// `t` in this zone as RFC 3339 with offset and up to 9 decimals, trailing zeros dropped; `Z` where the offset is
    /// zero. The zero time, and what would lie outside the years 1 to 9999 here, is written in UTC.
    #[must_use]
    pub fn format(&self, t: Timestamp) -> String {
        let mut out = String::with_capacity(35);
        self.write(t, &mut out);
        out
    }

    /// Appends what [`format`](Self::format) gives. For lists: no allocation of its own.
    pub fn write(&self, t: Timestamp, out: &mut String) {
        // RFC 3339 has no seconds in offsets, as they were until about 1900: whole minutes are the same instant.
        let minutes = self.offset_at(t.unix_secs()) / 60;
        let local = civil_time(t.unix_secs() + i64::from(minutes) * 60);
        let (local, minutes) = if t == Timestamp::MIN || !(1..=9999).contains(&local.year()) {
            (civil_time(t.unix_secs()), 0)
        } else {
            (local, minutes)
        };
        push_date_time(&local, out);
        push_fraction(t.subsec_nanos(), out);
        push_offset(minutes, out);
    }

    /// The offset at a second since 1970, in seconds east of UTC.
    pub(super) fn offset_at(self, unix: i64) -> i32 {
        match self {
            Zone::Fixed(offset) => offset,
            Zone::Iana(zone) => seconds_east(&zone.offset_from_utc_datetime(&civil_time(unix))),
        }
    }

    /// What the local second `civil` means here.
    pub(super) fn local(self, civil: i64) -> Local {
        let zone = match self {
            Zone::Fixed(offset) => return Local::Once(offset),
            Zone::Iana(zone) => zone,
        };
        let time = civil_time(civil);
        match zone.offset_from_local_datetime(&time) {
            chrono::LocalResult::Single(offset) => Local::Once(seconds_east(&offset)),
            chrono::LocalResult::Ambiguous(first, second) => Local::Twice {
                first: seconds_east(&first),
                second: seconds_east(&second),
            },
            chrono::LocalResult::None => match GapInfo::new(&time, &zone) {
                Some(GapInfo {
                    begin: Some((_, before)),
                    end: Some(end),
                }) => Local::Skipped {
                    before: seconds_east(&before),
                    end: end.timestamp(),
                },
                _ => Local::Once(self.offset_at(civil)),
            },
        }
    }

    /// The offset by which the local second `civil` is read: the first of two, and the one before a gap, so that a time
    /// in the gap moves forward by the gap.
    pub(super) fn offset_for(self, civil: i64) -> i32 {
        match self.local(civil) {
            Local::Once(offset) => offset,
            Local::Twice { first, .. } => first,
            Local::Skipped { before, .. } => before,
        }
    }

    /// The repeated local times that the second `unix` lies in, if it does.
    pub(super) fn fold_at(self, unix: i64) -> Option<Fold> {
        let civil = unix + i64::from(self.offset_at(unix));
        let Local::Twice { first, second } = self.local(civil) else {
            return None;
        };
        let (first, again) = (i64::from(first), i64::from(second));
        let change = self.change_between(civil - first, civil - again);
        Some(Fold {
            start: change + again,
            end: change + first,
            second,
            is_second: unix >= change,
        })
    }

    /// The changes of the offset in (`after`, `until`]. Looks at the offset once a day: no zone has ever changed twice
    /// within one.
    pub(super) fn changes(self, after: i64, until: i64) -> impl Iterator<Item = Change> {
        let until = match self {
            Zone::Fixed(_) => after,
            Zone::Iana(_) => until.min(RULES_END),
        };
        let mut at = after.max(RULES_START);
        let mut before = self.offset_at(at);
        std::iter::from_fn(move || {
            while at < until {
                let from = at;
                at = until.min(at + DAY);
                let after = self.offset_at(at);
                if after != before {
                    let change = Change {
                        at: self.change_between(from, at),
                        before,
                        after,
                    };
                    before = after;
                    return Some(change);
                }
            }
            None
        })
    }

    /// The first second in (`from`, `to`] with the offset of `to`, which `from` must not have.
    fn change_between(self, mut from: i64, mut to: i64) -> i64 {
        let offset = self.offset_at(to);
        while to - from > 1 {
            let middle = from + (to - from) / 2;
            if self.offset_at(middle) == offset {
                to = middle;
            } else {
                from = middle;
            }
        }
        to
    }
}

impl fmt::Display for Zone {
    /// The IANA name, `UTC`, or an offset such as `+05:30`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Fixed(0) => f.write_str("UTC"),
            Zone::Fixed(offset) => {
                let mut text = String::new();
                push_offset(offset / 60, &mut text);
                f.write_str(&text)
            }
            Zone::Iana(zone) => f.write_str(zone.name()),
        }
    }
}

fn seconds_east(offset: &impl Offset) -> i32 {
    offset.fix().local_minus_utc()
}

/// Seconds since 1970 as a date and time, whether local or UTC.
pub(super) fn civil_time(secs: i64) -> NaiveDateTime {
    // Two days more on either side: a local time may lie beyond the first or last instant.
    let min = Timestamp::MIN.unix_secs() - 2 * DAY;
    let max = Timestamp::MAX.unix_secs() + 2 * DAY;
    DateTime::from_timestamp(secs.clamp(min, max), 0)
        .expect("the years 0 to 10000 are within chrono's")
        .naive_utc()
}

fn push_date_time(time: &NaiveDateTime, out: &mut String) {
    let year = time.year().unsigned_abs();
    push_two(year / 100, out);
    push_two(year % 100, out);
    for (mark, number) in [
        ('-', time.month()),
        ('-', time.day()),
        ('T', time.hour()),
        (':', time.minute()),
        (':', time.second()),
    ] {
        out.push(mark);
        push_two(number, out);
    }
}

/// Appends a number below 100 as two digits. `format!` would take most of the time of a list of jobs.
fn push_two(number: u32, out: &mut String) {
    out.push(char::from(b'0' + (number / 10 % 10) as u8));
    out.push(char::from(b'0' + (number % 10) as u8));
}

fn push_fraction(nanos: u32, out: &mut String) {
    if nanos == 0 {
        return;
    }
    write!(out, ".{nanos:09}").expect("a String takes everything");
    out.truncate(out.trim_end_matches('0').len());
}

fn push_offset(minutes: i32, out: &mut String) {
    if minutes == 0 {
        return out.push('Z');
    }
    out.push(if minutes < 0 { '-' } else { '+' });
    push_two(minutes.unsigned_abs() / 60, out);
    out.push(':');
    push_two(minutes.unsigned_abs() % 60, out);
}

/// The zone whose name, or whose city, is nearest to `name`, if any is near.
fn near_name(name: &str) -> Option<&'static str> {
    const NAME_BYTES_MAX: usize = 40;
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let wanted = name.to_ascii_lowercase().replace(' ', "_");
    let distance = |known: &str| {
        let known = known.to_ascii_lowercase();
        let city = known.rsplit('/').next().unwrap_or_default();
        edits(&wanted, &known).min(edits(&wanted, city))
    };
    TZ_VARIANTS
        .iter()
        .map(|zone| (distance(zone.name()), zone.name()))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= wanted.len() / 4)
        .map(|(_, name)| name)
}

/// How many bytes have to be put in, taken out or replaced to make `a` into `b` (Levenshtein's distance).
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
