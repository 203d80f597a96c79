//! Intervals, and the grid that one spans from a start: `start + k * interval`, for k = 0, 1, 2, ...
//!
//! Every place of a grid is computed from the start, never from the place before, so nothing drifts: 31 January plus
//! one, two and three months is 28 February, 31 March and 30 April. No place is looked for by walking: k comes from a
//! division, and for calendar steps from one by the average length with a correction of a step or two.
//!
//! Places never go back in time, whatever the mix of months, days, exact part and changes of clocks: the local times of
//! two places are at least a day apart, no change of clocks is longer than a day, and the exact part only adds. Two
//! places can fall on one instant in one case: with `P1D` where a zone skips a whole day (Samoa, 30 December 2011), the
//! skipped day's place moves forward to the next one's. They are one occurrence then, and take two of the grid's
//! places.

use std::time::Duration;

use chrono::{Datelike, Months};

use super::zone::{DAY, Zone, civil_time};
use crate::clock::Timestamp;

/// Seconds in an average month: the Gregorian calendar has 146,097 days in 4,800 months.
const MONTH_SECS: i128 = 146_097 * DAY as i128 / 4_800;
const NANOS_PER_SEC: i128 = crate::clock::NANOS_PER_SEC;

/// A length of time: calendar months and days first, then an exact part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Years and months, in months.
    pub months: u32,
    /// Weeks and days, in days.
    pub days: u32,
    /// Hours, minutes and seconds.
    pub exact: Duration,
}

impl Interval {
    /// Whether it is no time at all.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        !self.has_calendar_part() && self.exact.is_zero()
    }

    /// The instant this interval after `t`: calendar part first in `zone`, then the exact part; at most
    /// [`Timestamp::MAX`].
    #[must_use]
    pub fn after(&self, t: Timestamp, zone: Zone) -> Timestamp {
        if !self.has_calendar_part() {
            return t.plus(self.exact);
        }
        let civil = t.unix_secs() + i64::from(zone.offset_at(t.unix_secs()));
        let moved = add_calendar(civil, i128::from(self.months), i128::from(self.days));
        moved.map_or(Timestamp::MAX, |civil| {
            let unix = civil - i64::from(zone.offset_for(civil));
            let nanos = i128::from(unix) * NANOS_PER_SEC + i128::from(t.subsec_nanos());
            Timestamp::from_unix_nanos(nanos).plus(self.exact)
        })
    }

    pub(super) fn has_calendar_part(&self) -> bool {
        self.months > 0 || self.days > 0
    }
}

/// A start and the repeats after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) start: Timestamp,
    /// Not zero.
    pub(super) interval: Interval,
    /// The number of the last place; [`FOREVER`](Self::FOREVER) when there is none.
    pub(super) last: u64,
    /// Seconds from the start's instant to its local time as it was written. A start that the clocks skip keeps its
    /// time of day for the places after it.
    pub(super) shift: i32,
}

impl Grid {
    pub(super) const FOREVER: u64 = u64::MAX;

    /// The instant of place `k`; `None` when it lies after the year 9999, or after the last.
    pub(super) fn place(&self, zone: Zone, k: u64) -> Option<Timestamp> {
        if k > self.last {
            return None;
        }
        let k = i128::from(k);
        let nanos = if let Some(period) = self.period(zone) {
            self.start
                .unix_nanos()
                .checked_add(period.checked_mul(k)?)?
        } else if k == 0 {
            // Not by the rules for local times: a start with an offset may be the second of two.
            self.start.unix_nanos()
        } else {
            let months = k * i128::from(self.interval.months);
            let days = k * i128::from(self.interval.days);
            let civil = add_calendar(self.local_start(), months, days)?;
            let secs = civil - i64::from(zone.offset_for(civil));
            let nanos = i128::from(secs) * NANOS_PER_SEC + i128::from(self.start.subsec_nanos());
            nanos.checked_add(self.exact_nanos().checked_mul(k)?)?
        };
        (nanos <= Timestamp::MAX.unix_nanos()).then(|| Timestamp::from_unix_nanos(nanos))
    }

    /// How many places lie at or before `t`; this is the number of the first place after `t`.
    pub(super) fn places_until(&self, zone: Zone, t: Timestamp) -> u64 {
        let elapsed = t.unix_nanos() - self.start.unix_nanos();
        if elapsed < 0 {
            return 0;
        }
        let all = self.last.saturating_add(1);
        if let Some(period) = self.period(zone) {
            let before = u64::try_from(elapsed / period).unwrap_or(u64::MAX);
            return before.saturating_add(1).min(all);
        }
        let average = i128::from(self.interval.months) * MONTH_SECS * NANOS_PER_SEC
            + i128::from(self.interval.days) * i128::from(DAY) * NANOS_PER_SEC
            + self.exact_nanos();
        let mut k = u64::try_from(elapsed / average)
            .unwrap_or(u64::MAX)
            .min(all);
        // Months differ from their average by less than four days in all, and offsets by little more than one: a step
        // or two for intervals of a day, at most one for longer ones.
        let is_after = |k| self.place(zone, k).is_none_or(|place| place > t);
        while k > 0 && is_after(k - 1) {
            k -= 1;
        }
        while k < all && !is_after(k) {
            k += 1;
        }
        k
    }

    /// How many of the places `from..to` fall on the same instant as the one before them.
    pub(super) fn doubles(&self, zone: Zone, from: u64, to: u64) -> u64 {
        let daily = Interval {
            days: 1,
            ..Interval::default()
        };
        let (Some(first), Some(last)) = (self.place(zone, from), self.place(zone, to - 1)) else {
            return 0;
        };
        if self.interval != daily {
            return 0;
        }
        // A skipped day's place may come up to a day after the change.
        let changes = zone.changes(first.unix_secs() - DAY, last.unix_secs());
        let skipped_day = changes.filter(|change| i64::from(change.after - change.before) >= DAY);
        let skipped_place = skipped_day.map(|change| {
            let gap_start = change.at + i64::from(change.before);
            (gap_start - self.local_start() + DAY - 1).div_euclid(DAY)
        });
        let is_counted = |k: &i64| u64::try_from(*k).is_ok_and(|k| k >= from && k + 1 < to);
        skipped_place.filter(is_counted).count() as u64
    }

    /// Nanoseconds from place to place, where that is always the same.
    fn period(&self, zone: Zone) -> Option<i128> {
        let days_are_exact = matches!(zone, Zone::Fixed(_)) || self.interval.days == 0;
        (self.interval.months == 0 && days_are_exact).then(|| {
            i128::from(self.interval.days) * i128::from(DAY) * NANOS_PER_SEC + self.exact_nanos()
        })
    }

    fn exact_nanos(&self) -> i128 {
        let exact = self.interval.exact;
        i128::from(exact.as_secs()) * NANOS_PER_SEC + i128::from(exact.subsec_nanos())
    }

    fn local_start(&self) -> i64 {
        self.start.unix_secs() + i64::from(self.shift)
    }
}

/// `civil` and `months` months and `days` days: the same day of the month, or its last one; `None` when that is after
/// the year 9999.
fn add_calendar(civil: i64, months: i128, days: i128) -> Option<i64> {
    let time = civil_time(civil);
    let time = time.checked_add_months(Months::new(u32::try_from(months).ok()?))?;
    let secs = i128::from(time.and_utc().timestamp()) + days * i128::from(DAY);
    let limit = i128::from(Timestamp::MAX.unix_secs()) + i128::from(DAY);
    (time.year() <= 10_000 && secs <= limit).then_some(secs as i64)
}
