//! Zones: which offset an instant has, which instants a local time means, and how an instant is written.
//!
//! A local ("civil") time is counted in seconds from 1970-01-01T00:00:00 on the clock on the wall, so that calendar and
//! cron arithmetic is integer arithmetic.

mod named;
mod rules;
mod yearly;

use std::fmt::{self, Write as _};

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};

use self::named::Named;
use super::error::{ScheduleError, quoted};
use crate::clock::Timestamp;

/// Seconds in a day that has no change of clocks.
pub(super) const DAY: i64 = 86_400;
/// More seconds than any local time has ever been away from UTC: Manila was 15:56 hours behind, until 1844.
const OFFSET_MAX: i64 = 16 * 3_600;

/// The zone that a schedule's local times are in, and that its times are shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Seconds east of UTC, less than a day.
    Fixed(i32),
    /// A zone of the IANA database.
    Iana(Named),
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
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        if is("UTC") || is("Etc/UTC") {
            return Ok(Zone::UTC);
        }
        Named::find(name).map(Zone::Iana).ok_or_else(|| {
            let way_out = named::near_name(name).map_or_else(
                || "write for example Europe/Berlin".to_owned(),
                |near| format!("did you mean {near}?"),
            );
            ScheduleError(format!("timezone {} is unknown: {way_out}", quoted(name)))
        })
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
            Zone::Iana(zone) => zone.rules().offset_at(unix),
        }
    }

    /// What the local second `civil` means here.
    pub(super) fn local(self, civil: i64) -> Local {
        match self.offset_or_change(civil) {
            Ok(offset) => Local::Once(offset),
            Err(Change { at, before, after }) if before < after => {
                Local::Skipped { before, end: at }
            }
            Err(Change { before, after, .. }) => Local::Twice {
                first: before,
                second: after,
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
        let change = self.offset_or_change(civil).err()?;
        Some(Fold {
            start: change.at + i64::from(change.after),
            end: change.at + i64::from(change.before),
            second: change.after,
            is_second: unix >= change.at,
        })
    }

    /// The changes of the offset in (`after`, `until`].
    pub(super) fn changes(self, after: i64, until: i64) -> impl Iterator<Item = Change> {
        let next = move |after| self.change_after(after).filter(|change| change.at <= until);
        std::iter::successors(next(after), move |change| next(change.at))
    }

    /// The offset of the local second `civil`, or the change that skips or repeats it.
    fn offset_or_change(self, civil: i64) -> Result<i32, Change> {
        let mut from = civil - OFFSET_MAX;
        let mut offset = self.offset_at(from);
        while let Some(change) = self.change_after(from) {
            let (earlier, later) = (
                change.before.min(change.after),
                change.before.max(change.after),
            );
            if civil < change.at + i64::from(earlier) {
                break;
            }
            if civil < change.at + i64::from(later) {
                return Err(change);
            }
            (from, offset) = (change.at, change.after);
        }
        Ok(offset)
    }

    fn change_after(self, unix: i64) -> Option<Change> {
        match self {
            Zone::Fixed(_) => None,
            Zone::Iana(zone) => zone.rules().change_after(unix),
        }
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
