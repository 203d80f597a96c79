//! Schedules: the rule that yields a job's occurrences. Pure: no clock is read here.

pub mod calendar;
pub mod cron;
pub mod iso8601;

use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;

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

/// The zone that a schedule's local times are in, and that its times are shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Seconds east of UTC.
    Fixed(i32),
    /// A zone of the IANA database.
    Iana(chrono_tz::Tz),
}

/// Why a schedule, interval or zone was refused: which part, what was found, and a valid example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError(pub String);

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScheduleError {}

/// Occurrences that passed: how many, and the latest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The first of them.
    pub first: Timestamp,
    /// The latest of them.
    pub latest: Timestamp,
    /// How many, the first and the latest included.
    pub count: u64,
}

/// A parsed schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    kind: (),
}

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone::Fixed(0);

    /// The zone of that IANA name.
    ///
    /// # Errors
    /// When no zone has that name; names a near one.
    pub fn parse(_name: &str) -> Result<Zone, ScheduleError> {
        unimplemented!()
    }

    /// `t` in this zone as RFC 3339 with offset and up to 9 decimals, trailing zeros dropped.
    #[must_use]
    pub fn format(&self, _t: Timestamp) -> String {
        unimplemented!()
    }
}

impl Interval {
    /// An ISO 8601 duration.
    ///
    /// # Errors
    /// Names the part that was wrong and a valid example.
    pub fn parse(_text: &str) -> Result<Interval, ScheduleError> {
        unimplemented!()
    }

    /// Whether it is no time at all.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        unimplemented!()
    }

    /// The instant this interval after `t`: calendar part first in `zone`, then the exact part.
    #[must_use]
    pub fn after(&self, _t: Timestamp, _zone: Zone) -> Timestamp {
        unimplemented!()
    }
}

impl Schedule {
    /// Parses what stands in a job's `schedule`. `zone` is the job's `timezone`, else the server's, in which times
    /// without offset, cron fields and calendar steps are meant; `zone_given` says that it is the job's own (then a
    /// calendar step keeps that zone's local time even where the start has an offset). `anchor` stands for an empty
    /// start, and for the start of the empty schedule, which is once at once.
    ///
    /// # Errors
    /// Names the part that was wrong and a valid example.
    pub fn parse(
        _text: &str,
        _zone: Zone,
        _zone_given: bool,
        _anchor: Timestamp,
    ) -> Result<Schedule, ScheduleError> {
        unimplemented!()
    }

    /// Refuses a start that lies before `now`, saying by how much.
    ///
    /// # Errors
    /// When the schedule has a start and it has passed.
    pub fn check_start(&self, _now: Timestamp) -> Result<(), ScheduleError> {
        unimplemented!()
    }

    /// The first occurrence, if it has one fixed: the start.
    #[must_use]
    pub fn start(&self) -> Option<Timestamp> {
        unimplemented!()
    }

    /// The first occurrence strictly after `t`.
    #[must_use]
    pub fn next_after(&self, _t: Timestamp) -> Option<Timestamp> {
        unimplemented!()
    }

    /// The occurrences after `after` and not after `until`, counted without walking through them.
    #[must_use]
    pub fn passed(&self, _after: Timestamp, _until: Timestamp) -> Option<Passed> {
        unimplemented!()
    }

    /// Whether it never yields an occurrence by itself (`@manual`).
    #[must_use]
    pub fn is_manual(&self) -> bool {
        unimplemented!()
    }

    /// The zone that the job's times are shown in.
    #[must_use]
    pub fn zone(&self) -> Zone {
        unimplemented!()
    }
}
