//! `nimesha next`: when a schedule is due, told without a server.

use argh::{ArgsInfo, FromArgs};

use super::{CliError, print};
use crate::api::wire;
use crate::clock::{self, Timestamp};
use crate::config;
use crate::schedule::{Schedule, Zone};
use crate::settings::values;

/// Show the next occurrences of a schedule.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "next",
    help_triggers("--help", "-h", "help"),
    example = "Month ends, five times by default:\n  {command_name} 'R/2030-01-31T09:00:00Z/P1M'",
    example = "Cron, in the local time of a place:\n  {command_name} '30 2 * * *' --timezone Europe/Berlin --count 3"
)]
pub(super) struct Next {
    /// ISO 8601 (R/2030-01-31T09:00:00Z/P1M), cron (30 2 * * *) or @daily
    #[argh(positional)]
    schedule: String,

    /// time zone of a schedule that names none, such as Europe/Berlin (default UTC)
    #[argh(option, from_str_fn(values::zone), arg_name = "name")]
    timezone: Option<Zone>,

    /// how many (default 5)
    #[argh(option, default = "5", from_str_fn(count), arg_name = "number")]
    count: u64,

    /// from which instant on, such as 2030-01-01T00:00:00Z (default now)
    #[argh(option, from_str_fn(instant), arg_name = "time")]
    from: Option<Timestamp>,
}

impl Next {
    /// Prints the occurrences, one a line.
    pub(super) fn run(&self) -> Result<(), CliError> {
        print(&self.text(clock::now())?)
    }

    fn text(&self, now: Timestamp) -> Result<String, CliError> {
        let from = self.from.unwrap_or(now);
        let zone = self.timezone.unwrap_or(Zone::UTC);
        let schedule = Schedule::parse(&self.schedule, zone, self.timezone.is_some(), from)
            .map_err(|error| CliError::Failed(error.to_string()))?;
        let mut text = String::new();
        let mut after = from.minus(std::time::Duration::from_nanos(1));
        for _ in 0..self.count {
            let Some(occurrence) = schedule.next_after(after) else {
                break;
            };
            text.push_str(&schedule.zone().format(occurrence));
            text.push('\n');
            after = occurrence;
        }
        match text.is_empty() {
            true if schedule.is_manual() => failed("@manual never runs by itself".into()),
            true => {
                let from = schedule.zone().format(from);
                failed(format!("no occurrence at or after {from}"))
            }
            false => Ok(text),
        }
    }
}

fn failed(why: String) -> Result<String, CliError> {
    Err(CliError::Failed(why))
}

fn count(text: &str) -> Result<u64, String> {
    let max = config::NEXT_COUNT_MAX;
    let number = text.parse().ok().filter(|n| (1..=max).contains(n));
    number.ok_or_else(|| format!("expected a number from 1 to {max}"))
}

/// The instant that a word names.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    let expected = "expected a time with offset such as 2030-01-01T00:00:00Z";
    wire::instant(text).ok_or_else(|| expected.to_owned())
}
