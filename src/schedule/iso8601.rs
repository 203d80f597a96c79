//! The parts of an ISO 8601 schedule: intervals, start times, numbers of repeats.
//!
//! A strict parser of our own: what it does not understand to the last character it refuses, since a schedule that was
//! guessed wrong runs a command at the wrong time for years. It leaves out week dates, ordinal dates, the basic format
//! without separators, and intervals given by two instants.

use std::time::Duration;

use chrono::NaiveDate;

use super::calendar::Interval;
use super::error::ScheduleError;
use super::zone::DAY;
use crate::config;

const INTERVAL_EXAMPLE: &str = "PT10S";
pub(super) const START_EXAMPLE: &str = "2027-01-04T09:00:00Z";
const NANOS_PER_SEC: u128 = 1_000_000_000;

/// A start as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// Its local time, in seconds.
    pub(super) civil: i64,
    /// Its fraction of a second.
    pub(super) nanos: u32,
    /// Its offset in seconds east of UTC, if it has one.
    pub(super) offset: Option<i32>,
}

/// A unit of an interval, from large to small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

impl Unit {
    fn is_time(self) -> bool {
        self >= Unit::Hour
    }
}

/// What has been read of an interval.
#[derive(Default)]
struct Sum {
    months: u64,
    days: u64,
    nanos: u128,
    last: Option<Unit>,
}

impl Sum {
    /// Adds `whole` and `billionths` of a unit; `None` when that is too long.
    fn add(&mut self, unit: Unit, whole: u64, billionths: u32) -> Option<()> {
        const DAYS_MAX: u64 = config::INTERVAL_YEARS_MAX * 366;
        const SECS_MAX: u64 = DAYS_MAX * DAY.unsigned_abs();
        // No unit is shorter than a second: what is more than this is too long in each, and nothing below overflows.
        if whole > SECS_MAX {
            return None;
        }
        let mut exact = |secs: u64| {
            self.nanos += u128::from(whole * secs) * NANOS_PER_SEC
                + u128::from(billionths) * u128::from(secs);
        };
        match unit {
            Unit::Year => self.months += whole * 12,
            Unit::Month => self.months += whole,
            Unit::Week => self.days += whole * 7,
            Unit::Day => self.days += whole,
            Unit::Hour => exact(3_600),
            Unit::Minute => exact(60),
            Unit::Second => exact(1),
        }
        self.last = Some(unit);
        let fits = self.months <= config::INTERVAL_YEARS_MAX * 12
            && self.days <= DAYS_MAX
            && self.nanos <= u128::from(SECS_MAX) * NANOS_PER_SEC;
        fits.then_some(())
    }

    fn interval(&self) -> Interval {
        let secs = (self.nanos / NANOS_PER_SEC) as u64;
        Interval {
            months: self.months as u32,
            days: self.days as u32,
            exact: Duration::new(secs, (self.nanos % NANOS_PER_SEC) as u32),
        }
    }
}

/// Reads an ISO 8601 duration.
pub(super) fn interval(text: &str) -> Result<Interval, ScheduleError> {
    let wrong = |why: &str| ScheduleError::new("interval", text, why, INTERVAL_EXAMPLE);
    if text.is_empty() {
        return Err(ScheduleError(format!(
            "interval is empty: write for example {INTERVAL_EXAMPLE}"
        )));
    }
    if text.len() > config::SCHEDULE_BYTES_MAX {
        return Err(wrong("is too long a text"));
    }
    if text.starts_with('-') {
        return Err(wrong("is negative"));
    }
    let Some(mut rest) = text.strip_prefix('P') else {
        return Err(wrong("does not start with P"));
    };
    let mut sum = Sum::default();
    let mut in_time = false;
    if rest.is_empty() {
        return Err(wrong("has no unit after P"));
    }
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            if in_time {
                return Err(wrong("has a second T"));
            }
            if time.is_empty() {
                return Err(wrong("has no unit after T"));
            }
            (in_time, rest) = (true, time);
            continue;
        }
        rest = component(rest, in_time, &mut sum).map_err(|why| wrong(&why))?;
    }
    Ok(sum.interval())
}

/// Reads one number with its unit from the head of `rest` into `sum`; gives what follows, or what is wrong.
fn component<'a>(rest: &'a str, in_time: bool, sum: &mut Sum) -> Result<&'a str, String> {
    let (whole, after) = split_digits(rest);
    if whole.is_empty() {
        return Err(format!("has {} where a number belongs", first_char(rest)));
    }
    let (fraction, after) = match after.strip_prefix(['.', ',']) {
        Some(after) => {
            let (fraction, after) = split_digits(after);
            if fraction.is_empty() {
                return Err("has no digit after the decimal point".to_string());
            }
            (Some(fraction), after)
        }
        None => (None, after),
    };
    let letter = after
        .chars()
        .next()
        .ok_or_else(|| format!("has no unit after {}", shortened(rest)))?;
    let unit = unit(letter, in_time)?;
    let after = &after[1..];

    if sum.last == Some(Unit::Week) || (unit == Unit::Week && sum.last.is_some()) {
        return Err("has weeks beside another unit, weeks stand alone".to_string());
    }
    if sum.last.is_some_and(|last| last >= unit) {
        return Err(format!(
            "has {letter} too late, units go from large to small"
        ));
    }
    if fraction.is_some() && !unit.is_time() {
        return Err("has a fraction of a day or more, only H, M and S can have one".to_string());
    }
    if fraction.is_some() && !after.is_empty() {
        return Err("has a fraction before its last unit".to_string());
    }
    let billionths = billionths(fraction.unwrap_or_default())
        .ok_or_else(|| "has more than 9 decimals".to_string())?;
    let too_long = || format!("is over {} years", config::INTERVAL_YEARS_MAX);
    let whole = whole.parse().map_err(|_| too_long())?;
    sum.add(unit, whole, billionths).ok_or_else(too_long)?;
    Ok(after)
}

fn unit(letter: char, in_time: bool) -> Result<Unit, String> {
    match (in_time, letter) {
        (false, 'Y') => Ok(Unit::Year),
        (false, 'M') => Ok(Unit::Month),
        (false, 'W') => Ok(Unit::Week),
        (false, 'D') => Ok(Unit::Day),
        (true, 'H') => Ok(Unit::Hour),
        (true, 'M') => Ok(Unit::Minute),
        (true, 'S') => Ok(Unit::Second),
        (false, 'H' | 'S') => Err(format!("has {letter} without a T before it")),
        (true, 'Y' | 'W' | 'D') => Err(format!("has {letter} after T, it belongs before it")),
        _ => Err(format!("has {} where a unit belongs", escaped(letter))),
    }
}

/// Reads an RFC 3339 time; the offset may be missing.
pub(super) fn start(text: &str) -> Result<Start, ScheduleError> {
    scan_start(text).map_err(|why| ScheduleError::new("start", text, &why, START_EXAMPLE))
}

fn scan_start(text: &str) -> Result<Start, String> {
    let mut rest = text;
    let year = number(&mut rest, 4, "the year")?;
    mark(&mut rest, '-', "the year")?;
    let month = number(&mut rest, 2, "the month")?;
    mark(&mut rest, '-', "the month")?;
    let day = number(&mut rest, 2, "the day")?;
    mark(&mut rest, 'T', "the day")?;
    let hour = number(&mut rest, 2, "the hour")?;
    mark(&mut rest, ':', "the hour")?;
    let minute = number(&mut rest, 2, "the minute")?;
    mark(&mut rest, ':', "the minute")?;
    let second = number(&mut rest, 2, "the second")?;
    let nanos = match rest.strip_prefix('.') {
        Some(after) => {
            let (digits, after) = split_digits(after);
            rest = after;
            if digits.is_empty() {
                return Err("has no digit after the decimal point".to_string());
            }
            billionths(digits).ok_or("has more than 9 decimals")?
        }
        None => 0,
    };
    let offset = offset(&mut rest)?;
    if !rest.is_empty() {
        return Err(format!("has {} where it should end", first_char(rest)));
    }
    if year == 0 {
        return Err("is before the year 1".to_string());
    }
    let time = NaiveDate::from_ymd_opt(year as i32, month, day)
        .ok_or("has a day that does not exist")?
        .and_hms_opt(hour, minute, second)
        .ok_or("has a time of day that does not exist")?;
    Ok(Start {
        civil: time.and_utc().timestamp(),
        nanos,
        offset,
    })
}

/// Reads `Z`, `+hh:mm`, `-hh:mm` or nothing.
fn offset(rest: &mut &str) -> Result<Option<i32>, String> {
    let sign = match rest.chars().next() {
        Some('Z') => {
            *rest = &rest[1..];
            return Ok(Some(0));
        }
        Some('+') => 1,
        Some('-') => -1,
        _ => return Ok(None),
    };
    *rest = &rest[1..];
    let hours = number(rest, 2, "the offset's hours")?;
    mark(rest, ':', "the offset's hours")?;
    let minutes = number(rest, 2, "the offset's minutes")?;
    if hours > 23 || minutes > 59 {
        return Err("has an offset of over 23:59".to_string());
    }
    Ok(Some(sign * (hours * 3_600 + minutes * 60) as i32))
}

/// Reads a number of exactly so many digits.
fn number(rest: &mut &str, digits: usize, part: &str) -> Result<u32, String> {
    let head = rest.get(..digits).unwrap_or_default();
    if head.is_empty() || !head.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("needs {digits} digits for {part}"));
    }
    *rest = &rest[digits..];
    Ok(head.parse().expect("four digits at most"))
}

fn mark(rest: &mut &str, mark: char, part: &str) -> Result<(), String> {
    if rest.is_empty() {
        return Err(format!("ends after {part}"));
    }
    let after = rest.strip_prefix(mark);
    *rest = after.ok_or_else(|| format!("has {} after {part}, not {mark}", first_char(rest)))?;
    Ok(())
}

/// Reads what stands after the `R`: no number means for ever.
pub(super) fn repeats(text: &str) -> Result<Option<u64>, ScheduleError> {
    const EXAMPLE: &str = "R5, or R for ever";
    if text.is_empty() {
        return Ok(None);
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        let why = "is not a whole number in digits";
        return Err(ScheduleError::new("number of repeats", text, why, EXAMPLE));
    }
    // Kala's limit.
    let number = text.parse().ok().filter(|n| *n <= i64::MAX as u64);
    number.map(Some).ok_or_else(|| {
        let why = "is over 9223372036854775807";
        ScheduleError::new("number of repeats", text, why, EXAMPLE)
    })
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(end)
}

/// The digits of a decimal fraction as billionths; `None` when there are more than 9.
fn billionths(digits: &str) -> Option<u32> {
    if digits.len() > 9 {
        return None;
    }
    format!("{digits:0<9}").parse().ok()
}

fn first_char(text: &str) -> String {
    text.chars().next().map(escaped).unwrap_or_default()
}

fn escaped(c: char) -> String {
    format!("'{}'", c.escape_debug())
}

fn shortened(text: &str) -> &str {
    &text[..text.len().min(20)]
}
