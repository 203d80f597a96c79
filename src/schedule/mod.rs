//! Schedules: the rule that yields a job's occurrences.
//!
//! A schedule is parsed once, against the instant at which its job was stored (the anchor), and then asked two things:
//! the first occurrence after an instant, and how many lie between two. Both take constant time, so that a job that
//! repeats every second since 1970, or a server that was down for a year, costs no more than any other. Pure: no clock
//! is read here, and a schedule does not change; which occurrences have been used up is known to the scheduler alone.

mod calendar;
mod cron;
mod describe;
mod error;
mod iso8601;
mod zone;

#[cfg(test)]
mod tests;

pub use self::calendar::Interval;
pub use self::error::ScheduleError;
pub use self::zone::Zone;

use self::calendar::Grid;
use self::cron::Cron;
use self::error::{quoted, rough};
use crate::clock::Timestamp;
use crate::config;

/// Occurrences that passed: how many, the first and the latest of them.
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
    kind: Kind,
    zone: Zone,
}

/// A million schedules are kept in memory: what is large is boxed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Manual,
    Once(Timestamp),
    Grid(Grid),
    Cron(Box<Cron>),
}

impl Interval {
    /// An ISO 8601 duration, `PnYnMnDTnHnMnS` or `PnW`, with a fraction on the last unit if that is below a day.
    ///
    /// # Errors
    /// Names the part that was wrong and a valid example.
    pub fn parse(text: &str) -> Result<Interval, ScheduleError> {
        iso8601::interval(text)
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
        text: &str,
        zone: Zone,
        zone_given: bool,
        anchor: Timestamp,
    ) -> Result<Schedule, ScheduleError> {
        let context = Context {
            zone,
            zone_given,
            anchor,
        };
        let (kind, zone) = context.read(text)?;
        Ok(Schedule { kind, zone })
    }

    /// Refuses a start that lies before `now`, saying by how much.
    ///
    /// # Errors
    /// When the schedule has a start and it has passed.
    pub fn check_start(&self, now: Timestamp) -> Result<(), ScheduleError> {
        match self.start() {
            Some(start) if start < now => Err(ScheduleError(format!(
                "schedule starts {} ago, at {}: write a start that is still to come, leave it empty for now \
                 (as in R//PT1H), or pass ?past_start=keep to go on with the next occurrence",
                rough(now.since(start)),
                self.zone.format(start)
            ))),
            _ => Ok(()),
        }
    }

    /// The first occurrence, if it has one fixed: the start.
    #[must_use]
    pub fn start(&self) -> Option<Timestamp> {
        match &self.kind {
            Kind::Once(start) => Some(*start),
            Kind::Grid(grid) => Some(grid.start),
            Kind::Manual | Kind::Cron(_) => None,
        }
    }

    /// The first occurrence strictly after `t`. A start at `t` itself is not among them: whoever wants it asks for
    /// what comes after the nanosecond before.
    #[must_use]
    pub fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        match &self.kind {
            Kind::Manual => None,
            Kind::Once(start) => (*start > t).then_some(*start),
            Kind::Grid(grid) => grid.place(self.zone, grid.places_until(self.zone, t)),
            Kind::Cron(cron) => {
                let next = cron.next_after(self.zone, t.unix_secs())?;
                (next <= Timestamp::MAX.unix_secs()).then(|| Timestamp::from_unix(next, 0))
            }
        }
    }

    /// The occurrences after `after` and not after `until`, counted without walking through them; `None` when there
    /// are none.
    #[must_use]
    pub fn passed(&self, after: Timestamp, until: Timestamp) -> Option<Passed> {
        let first = self.next_after(after).filter(|first| *first <= until)?;
        let (latest, count) = match &self.kind {
            Kind::Manual | Kind::Once(_) => (first, 1),
            Kind::Grid(grid) => {
                let from = grid.places_until(self.zone, after);
                let to = grid.places_until(self.zone, until);
                let latest = grid.place(self.zone, to - 1)?;
                (latest, to - from - grid.doubles(self.zone, from, to))
            }
            Kind::Cron(cron) => {
                let latest = self.latest_until(after, until);
                let count = cron.count(self.zone, after.unix_secs(), until.unix_secs());
                (latest, count)
            }
        };
        Some(Passed {
            first,
            latest,
            count,
        })
    }

    /// The latest occurrence in (`after`, `until`], on whole seconds; there must be one. Found by halving: the later
    /// one begins to look for the next occurrence, the later it is, up to where there is none until `until`.
    fn latest_until(&self, after: Timestamp, until: Timestamp) -> Timestamp {
        let next = |secs| {
            self.next_after(Timestamp::from_unix(secs, 0))
                .filter(|next| *next <= until)
        };
        let mut latest = Timestamp::from_unix(after.unix_secs(), 0);
        let mut none_from = until.unix_secs();
        while latest.unix_secs() < none_from {
            let middle = latest.unix_secs() + (none_from - latest.unix_secs()) / 2;
            match next(middle) {
                Some(found) => latest = found,
                None => none_from = middle,
            }
        }
        latest
    }

    /// Whether it never yields an occurrence by itself (`@manual`).
    #[must_use]
    pub fn is_manual(&self) -> bool {
        matches!(self.kind, Kind::Manual)
    }

    /// Whether it yields one occurrence and no more.
    #[must_use]
    pub fn is_once(&self) -> bool {
        matches!(self.kind, Kind::Once(_))
    }

    /// The zone that the job's times are shown in.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.zone
    }
}

/// What a schedule is read against.
#[derive(Clone, Copy)]
struct Context {
    zone: Zone,
    zone_given: bool,
    anchor: Timestamp,
}

impl Context {
    fn read(self, given: &str) -> Result<(Kind, Zone), ScheduleError> {
        if given.is_empty() {
            return Ok((Kind::Once(self.anchor), self.zone));
        }
        let text = given.trim_ascii();
        if text.len() > config::SCHEDULE_BYTES_MAX {
            return Err(ScheduleError(format!(
                "schedule {} is {} bytes long, at most {} are allowed",
                quoted(text),
                text.len(),
                config::SCHEDULE_BYTES_MAX
            )));
        }
        if let Some(parts) = text.strip_prefix('R') {
            self.repeating(text, parts)
        } else if starts_with_date(text) {
            let (start, _, zone) = self.start(text)?;
            Ok((Kind::Once(start), zone))
        } else if text.eq_ignore_ascii_case("@manual") {
            Ok((Kind::Manual, self.zone))
        } else if is_cron(text) {
            Ok((Kind::Cron(Box::new(Cron::parse(text)?)), self.zone))
        } else {
            Err(unknown(given))
        }
    }

    /// `R[n]/start/interval`, of which `parts` is what follows the `R`.
    fn repeating(self, text: &str, parts: &str) -> Result<(Kind, Zone), ScheduleError> {
        const EXAMPLE: &str = "R/2027-01-04T09:00:00Z/PT10M";
        let parts: Vec<&str> = parts.split('/').collect();
        let &[repeats, start, interval_text] = parts.as_slice() else {
            let why = "is not made of R, start and interval with a slash between them";
            return Err(ScheduleError::new("schedule", text, why, EXAMPLE));
        };
        let repeats = iso8601::repeats(repeats)?;
        let (start, shift, zone) = match start {
            "" => (
                self.anchor,
                self.zone.offset_at(self.anchor.unix_secs()),
                self.zone,
            ),
            start => self.start(start)?,
        };
        if repeats == Some(0) && interval_text.is_empty() {
            return Ok((Kind::Once(start), zone));
        }
        let interval = iso8601::interval(interval_text)?;
        if repeats == Some(0) {
            return Ok((Kind::Once(start), zone));
        }
        if !interval.has_calendar_part() && interval.exact < config::INTERVAL_MIN {
            let why = format!("is under {}", rough(config::INTERVAL_MIN));
            return Err(ScheduleError::new(
                "interval",
                interval_text,
                &why,
                "PT0.25S",
            ));
        }
        let last = repeats.unwrap_or(Grid::FOREVER);
        let grid = Grid {
            start,
            interval,
            last,
            shift,
        };
        Ok((Kind::Grid(grid), zone))
    }

    /// The instant of a start, the seconds from there to its local time, and the zone of the schedule.
    fn start(self, text: &str) -> Result<(Timestamp, i32, Zone), ScheduleError> {
        let start = iso8601::start(text)?;
        let offset = start
            .offset
            .unwrap_or_else(|| self.zone.offset_for(start.civil));
        let unix = start.civil - i64::from(offset);
        if !(Timestamp::MIN.unix_secs()..=Timestamp::MAX.unix_secs()).contains(&unix) {
            let why = "is outside the years 1 to 9999 of UTC";
            return Err(ScheduleError::new(
                "start",
                text,
                why,
                iso8601::START_EXAMPLE,
            ));
        }
        let instant = Timestamp::from_unix(unix, start.nanos);
        match start.offset {
            None => Ok((instant, offset, self.zone)),
            Some(_) if self.zone_given => Ok((instant, self.zone.offset_at(unix), self.zone)),
            Some(offset) => Ok((instant, offset, Zone::Fixed(offset))),
        }
    }
}

/// Whether `text` begins with a year and a hyphen, as no cron expression does.
fn starts_with_date(text: &str) -> bool {
    let head = text.as_bytes().first_chunk::<5>();
    head.is_some_and(|[year @ .., hyphen]| *hyphen == b'-' && year.iter().all(u8::is_ascii_digit))
}

/// Whether `text` is meant as a cron expression, right or wrong.
fn is_cron(text: &str) -> bool {
    text.starts_with('@') || (text.contains(char::is_whitespace) && !text.starts_with(['r', '/']))
}

fn unknown(text: &str) -> ScheduleError {
    let why = match text.chars().next() {
        _ if text.trim_ascii().is_empty() => "is blank",
        Some('r') => "begins with a small r instead of R",
        _ if text.contains('/') => "does not begin with R",
        _ => "is neither a start, a repetition, a cron expression nor a word such as @daily",
    };
    let examples = "R/2027-01-04T09:00:00Z/PT10M (every 10 minutes), 2027-01-04T09:00:00Z (once) or 0 9 * * MON-FRI";
    ScheduleError::new("schedule", text, why, examples)
}
