//! Cron expressions: read by croner, searched and counted here.
//!
//! Croner knows the language: names, lists, ranges, steps, `L`, `W`, `#`. What it makes of an expression takes 6 KB and
//! is searched field by field, so all of it is asked once, at parse time, and kept as bit masks in 136 bytes: the
//! seconds, minutes, hours and months, and for each shape that a month can have (4 lengths, 7 first weekdays) its days.
//! A search is a handful of shifts then, plus a step for each month without a match: at most 480, for a 29 February on
//! a given weekday across a century that is no leap year. Years cannot be given.
//!
//! Changes of clocks: where the second, minute or hour field has a `*` or a step, the expression follows real time:
//! local times that are skipped do not come, repeated ones come twice. All others are fixed times of day: skipped ones
//! come at the end of the gap (several at once are one occurrence), repeated ones at the first. Lists and ranges are
//! fixed times here, as in Vixie cron; croner counts them as real time and would drop the first of `0 2,14 * * *` on
//! the day of a change.

mod parse;

use chrono::Datelike;

pub(super) use self::parse::words;

use super::zone::{DAY, Local, Zone, civil_time};

/// The year that no search goes beyond.
const YEAR_MAX: i32 = 9999;
/// 2100-01-01T00:00:00: from then on every zone changes its clocks by one rule for all years, or not at all.
const RULES_REPEAT: i64 = 4_102_444_800;
/// Seconds after which days, weekdays, and by such rules changes of clocks, repeat: 400 years.
const CALENDAR_REPEATS: i64 = 146_097 * DAY;

/// An expression as masks: bit n stands for second, minute, hour, month or day n.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    seconds: u64,
    minutes: u64,
    hours: u32,
    months: u16,
    /// Whether changes of clocks skip and repeat occurrences; else each is a fixed time of day.
    real_time: bool,
    /// By the month's length less 28, then by the weekday of its first, from Sunday.
    days: [[u32; 7]; 4],
}

impl Cron {
    /// The first occurrence after second `unix`.
    pub(super) fn next_after(&self, zone: Zone, unix: i64) -> Option<i64> {
        let civil = unix + i64::from(zone.offset_at(unix));
        let fold = zone.fold_at(unix);
        if !self.real_time {
            // In the second half of a fold all its times have come already.
            let from = fold
                .filter(|fold| fold.is_second)
                .map_or(civil + 1, |fold| fold.end);
            let next = self.civil_from(from)?;
            return Some(match zone.local(next) {
                Local::Once(offset) | Local::Twice { first: offset, .. } => {
                    next - i64::from(offset)
                }
                Local::Skipped { end, .. } => end,
            });
        }
        let onward = self.real_from(zone, civil + 1, unix);
        // From within the first half, the second half's times lie ahead, though the clock shows them as past.
        let again = fold.filter(|fold| !fold.is_second).and_then(|fold| {
            let civil = self.civil_from(fold.start)?;
            (civil < fold.end).then(|| civil - i64::from(fold.second))
        });
        match (onward, again) {
            (Some(onward), Some(again)) => Some(onward.min(again)),
            (onward, again) => onward.or(again),
        }
    }

    /// The first instant after `unix` of a local time from `civil` on that the clocks do not skip. Looks once at each
    /// gap that swallows a match, until the calendar repeats itself.
    fn real_from(&self, zone: Zone, mut civil: i64, unix: i64) -> Option<i64> {
        let end = civil.max(RULES_REPEAT) + CALENDAR_REPEATS;
        while civil < end {
            let next = self.civil_from(civil)?;
            match zone.local(next) {
                Local::Once(offset) => return Some(next - i64::from(offset)),
                Local::Twice { first, second } => {
                    let first = next - i64::from(first);
                    let second = next - i64::from(second);
                    return Some(if first > unix { first } else { second });
                }
                Local::Skipped { end, .. } => civil = end + i64::from(zone.offset_at(end)),
            }
        }
        None
    }

    /// How many occurrences lie in (`after`, `until`].
    pub(super) fn count(&self, zone: Zone, after: i64, until: i64) -> u64 {
        let changes = zone.changes(after, until);
        if self.real_time {
            let mut count = 0;
            let (mut from, mut offset) = (after, zone.offset_at(after));
            for change in changes {
                let shift = i64::from(offset);
                count += self.count_civil(from + shift, change.at - 1 + shift);
                (from, offset) = (change.at - 1, change.after);
            }
            let shift = i64::from(offset);
            return count + self.count_civil(from + shift, until + shift);
        }
        // The last local time whose fixed times have come by then.
        let reached = |unix| match zone.fold_at(unix) {
            Some(fold) if fold.is_second => fold.end - 1,
            _ => unix + i64::from(zone.offset_at(unix)),
        };
        let doubles = changes.map(|change| {
            // What is skipped comes at the end of the gap, together with what is due there anyway.
            let gap_start = change.at + i64::from(change.before);
            let gap_end = change.at + i64::from(change.after);
            self.count_civil(gap_start - 1, gap_end).saturating_sub(1)
        });
        let doubles: u64 = doubles.sum();
        self.count_civil(reached(after), reached(until)) - doubles
    }

    /// The first matching local time from `civil` on.
    fn civil_from(&self, civil: i64) -> Option<i64> {
        let (day, second) = (civil.div_euclid(DAY), civil.rem_euclid(DAY) as u32);
        if self.days_in(day, day + 1) == 1
            && let Some(second) = self.time_from(second)
        {
            return Some(day * DAY + i64::from(second));
        }
        let first = self.time_from(0).expect("no field of time is empty");
        Some(self.day_from(day + 1)? * DAY + i64::from(first))
    }

    /// The first matching time of day from `second` on, in seconds.
    fn time_from(&self, second: u32) -> Option<u32> {
        let (h, m, s) = (second / 3_600, second / 60 % 60, second % 60);
        let time = |h, m, s| h * 3_600 + m * 60 + s;
        if has(u64::from(self.hours), h) {
            if has(self.minutes, m)
                && let Some(s) = bit_from(self.seconds, s)
            {
                return Some(time(h, m, s));
            }
            if let Some(m) = bit_from(self.minutes, m + 1) {
                return Some(time(h, m, self.seconds.trailing_zeros()));
            }
        }
        let h = bit_from(u64::from(self.hours), h + 1)?;
        Some(time(
            h,
            self.minutes.trailing_zeros(),
            self.seconds.trailing_zeros(),
        ))
    }

    /// The first matching day from `day` on, in days since 1970.
    fn day_from(&self, day: i64) -> Option<i64> {
        let (mut month, first) = Month::of_day(day);
        let mut mask = self.days_of(month) & u32::MAX << first;
        while mask == 0 {
            month = month.next();
            if month.year > YEAR_MAX {
                return None;
            }
            mask = self.days_of(month);
        }
        Some(month.first_day + i64::from(mask.trailing_zeros()) - 1)
    }

    /// How many local times in (`after`, `until`] match.
    fn count_civil(&self, after: i64, until: i64) -> u64 {
        if until <= after {
            return 0;
        }
        // The days from the first one on, whole, and the part of the last; less the part before.
        let (from, to) = (after.div_euclid(DAY), until.div_euclid(DAY));
        let on_day = |civil: i64| {
            let day = civil.div_euclid(DAY);
            self.days_in(day, day + 1) * self.times_until(civil.rem_euclid(DAY) as u32)
        };
        let in_a_day = self.times_until(DAY as u32 - 1);
        self.days_in(from, to) * in_a_day + on_day(until) - on_day(after)
    }

    /// How many times of a matching day come up to `second`, that second included.
    fn times_until(&self, second: u32) -> u64 {
        let (h, m, s) = (second / 3_600, second / 60 % 60, second % 60);
        let below = |mask: u64, bit: u32| u64::from((mask & ((1 << bit) - 1)).count_ones());
        let in_a_minute = u64::from(self.seconds.count_ones());
        let in_an_hour = in_a_minute * u64::from(self.minutes.count_ones());
        let in_this_minute = u64::from(has(self.minutes, m)) * below(self.seconds, s + 1);
        let in_this_hour = below(self.minutes, m) * in_a_minute + in_this_minute;
        below(u64::from(self.hours), h) * in_an_hour
            + u64::from(has(u64::from(self.hours), h)) * in_this_hour
    }

    /// How many of the days `from..to` match. Takes a step a month.
    fn days_in(&self, from: i64, to: i64) -> u64 {
        let (mut month, first) = Month::of_day(from);
        let mut wanted = u32::MAX << first;
        let mut count = 0;
        while month.first_day < to {
            let last = (to - month.first_day).min(31) as u32;
            wanted &= u32::MAX >> (31 - last);
            count += u64::from((self.days_of(month) & wanted).count_ones());
            wanted = u32::MAX;
            month = month.next();
        }
        count
    }

    fn days_of(&self, month: Month) -> u32 {
        if has(u64::from(self.months), month.month) {
            self.days[month.length() as usize - 28][month.first_weekday()]
        } else {
            0
        }
    }
}

/// A month of a year.
#[derive(Clone, Copy)]
struct Month {
    year: i32,
    month: u32,
    /// In days since 1970.
    first_day: i64,
}

impl Month {
    /// The month of a day, in days since 1970, and which day of the month it is.
    fn of_day(day: i64) -> (Month, u32) {
        let date = civil_time(day * DAY);
        let month = Month {
            year: date.year(),
            month: date.month(),
            first_day: day - i64::from(date.day0()),
        };
        (month, date.day())
    }

    fn next(self) -> Month {
        let first_day = self.first_day + i64::from(self.length());
        match self.month {
            12 => Month {
                year: self.year + 1,
                month: 1,
                first_day,
            },
            month => Month {
                year: self.year,
                month: month + 1,
                first_day,
            },
        }
    }

    fn length(self) -> u32 {
        let is_leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        match self.month {
            2 => 28 + u32::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// From Sunday; 1 January 1970 was a Thursday.
    fn first_weekday(self) -> usize {
        (self.first_day + 4).rem_euclid(7) as usize
    }
}

fn has(mask: u64, bit: u32) -> bool {
    mask >> bit & 1 == 1
}

/// The lowest bit of `mask` that is at least `bit`, which is below 64.
fn bit_from(mask: u64, bit: u32) -> Option<u32> {
    let rest = mask >> bit;
    (rest != 0).then(|| bit + rest.trailing_zeros())
}
