//! Schedules in plain words, for people who do not read ISO 8601.

use std::time::Duration;

use super::cron;
use super::error::counted;
use super::{Grid, Interval, Kind, Schedule};
use crate::clock::Timestamp;

impl Schedule {
    /// This schedule in plain words at `now`: "every 10 minutes from 2027-01-04T09:00:00Z, 3 left". `text` is what it
    /// was parsed from; a schedule does not keep it.
    #[must_use]
    pub fn describe(&self, text: &str, now: Timestamp) -> String {
        match &self.kind {
            Kind::Manual => "only when it is started".to_string(),
            Kind::Once(start) => format!("once at {}", self.zone.format(*start)),
            Kind::Grid(grid) => {
                let every = interval_words(&grid.interval);
                let start = self.zone.format(grid.start);
                format!("every {every} from {start}{}", self.left_words(grid, now))
            }
            Kind::Cron(_) => match cron::words(text) {
                Some(words) => format!("{words} ({})", self.zone),
                None => format!("{text} ({})", self.zone),
            },
        }
    }

    fn left_words(&self, grid: &Grid, now: Timestamp) -> String {
        if grid.last == Grid::FOREVER {
            return String::new();
        }
        match grid.last.saturating_add(1) - grid.places_until(self.zone, now) {
            0 => ", none left".to_string(),
            left => format!(", {left} left"),
        }
    }
}

/// "10 minutes", "month", "day and 2 hours".
fn interval_words(interval: &Interval) -> String {
    let secs = interval.exact.as_secs();
    let (weeks, days) = match interval.days % 7 {
        0 => (interval.days / 7, 0),
        _ => (0, interval.days),
    };
    let mut words: Vec<String> = [
        (u64::from(interval.months / 12), "year"),
        (u64::from(interval.months % 12), "month"),
        (u64::from(weeks), "week"),
        (u64::from(days), "day"),
        (secs / 3_600, "hour"),
        (secs / 60 % 60, "minute"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, unit)| counted(number, unit))
    .collect();
    let rest = Duration::new(secs % 60, interval.exact.subsec_nanos());
    if rest.subsec_nanos() > 0 {
        words.push(format!("{} seconds", rest.as_secs_f64()));
    } else if rest.as_secs() > 0 {
        words.push(counted(rest.as_secs(), "second"));
    }
    let last = words.pop().unwrap_or_default();
    if words.is_empty() {
        last.strip_prefix("1 ").unwrap_or(&last).to_string()
    } else {
        format!("{} and {last}", words.join(", "))
    }
}
