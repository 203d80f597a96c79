//! `nimesha forecast`: what a window of time will be like, of a server's jobs or of those in files.
//!
//! Files need no server: their jobs are simulated here, by what the server itself would use, and have no past yet.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::connect::asking;
use super::jobset::{Wanted, file, id_of_name};
use super::next;
use super::screen::{Screen, Tone, instant, local, printable, span};
use super::select::text;
use super::{CliError, print, print_json};
use crate::api::wire;
use crate::client::escape;
use crate::clock::{self, Timestamp};
use crate::config;
use crate::job::{Job, validate};
use crate::schedule::Zone;
use crate::scheduler::forecast::{Subject, Window, forecast};
use crate::settings::values;

/// Characters of the longest bar, where the terminal has room for it.
const BAR_MAX: usize = 60;
/// Characters of a line beside its bar.
const BESIDE_BAR: usize = 40;
/// Hours up to which each has a line; of more, each day has one.
const HOURS_SHOWN: usize = 49;
/// Busiest minutes and troubled jobs that are told of.
const TOLD: usize = 5;

asking! {
    /// Show what a window of time will be like: runs an hour, busy minutes, overlaps, queues.
    #[argh(
        subcommand,
        name = "forecast",
        help_triggers("--help", "-h", "help"),
        example = "The next day of the server's jobs, with the run times of the past:\n  {command_name}",
        example = "Before they are applied, without a server:\n  {command_name} jobs.json --workers 8",
        note = "Jobs in files have no past: their runs are taken to last a second each."
    )]
    Forecast {
        /// files of jobs as for apply, - for the standard input; without any, the server's jobs
        #[argh(positional, arg_name = "file")]
        files: Vec<String>,

        /// from when, such as 2030-01-01T00:00:00Z (default now)
        #[argh(option, from_str_fn(next::instant), arg_name = "time")]
        from: Option<Timestamp>,

        /// until when (default a day later)
        #[argh(option, from_str_fn(next::instant), arg_name = "time")]
        to: Option<Timestamp>,

        /// for jobs in files: how many of their runs are executed at one moment (default 64)
        #[argh(
            option,
            default = "config::WORKERS",
            from_str_fn(values::workers),
            arg_name = "number"
        )]
        workers: usize,

        /// for jobs in files: zone of schedules that name none (default UTC)
        #[argh(option, default = "Zone::UTC", from_str_fn(values::zone), arg_name = "name")]
        timezone: Zone,

        /// print JSON
        #[argh(switch)]
        json: bool,
    }
}

impl Forecast {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let found = match self.files.is_empty() {
            true => self.connect()?.get(&self.query())?,
            false => self.of_files(&file::read(&self.files)?, clock::now())?,
        };
        match self.json {
            true => print_json(&found),
            false => print(&picture(&found, Screen::of_stdout())),
        }
    }

    fn query(&self) -> String {
        let mut query = "/forecast/?".to_owned();
        for (name, time) in [("from", self.from), ("to", self.to)] {
            if let Some(time) = time {
                query += &format!("{name}={}&", escape(&Zone::UTC.format(time)));
            }
        }
        query
    }

    fn of_files(&self, wanted: &[Wanted], now: Timestamp) -> Result<Value, CliError> {
        let from = self.from.unwrap_or(now);
        let to = self.to.unwrap_or_else(|| from.plus(config::FORECAST_SPAN));
        if to < from {
            return Err(CliError::Usage(
                "--to is before --from: exchange them".into(),
            ));
        }
        let asked = Window { from, to };
        let subjects = subjects(wanted, self.timezone, from).map_err(CliError::Failed)?;
        let (found, cuts) = forecast(asked, self.workers, &subjects);
        let text = wire::forecast(asked, self.workers, &found, &cuts, self.timezone);
        serde_json::from_slice(&text).map_err(|why| CliError::Failed(why.to_string()))
    }
}

/// The jobs as a server would have them that was given them at `from`.
fn subjects(wanted: &[Wanted], zone: Zone, from: Timestamp) -> Result<Vec<Subject>, String> {
    let names: HashMap<&str, &str> = wanted
        .iter()
        .map(|job| (&*job.id, &*job.name))
        .filter(|(id, _)| !id.is_empty())
        .collect();
    let id_of = |word: &str| id_of_name(names.get(word).copied().unwrap_or(word));
    let numbered = (1..).zip(wanted.iter().filter(|job| !job.is_done));
    let subjects = numbered.map(|(seq, wanted)| {
        let told = |why: String| format!("{}: {why}", wanted.title());
        let spec = wanted.spec(id_of).map_err(told)?;
        let schedule = validate::schedule(&spec, zone, from).map_err(|why| told(why.0))?;
        let job = Job {
            id: id_of_name(&wanted.name),
            seq,
            version: 1,
            created_at: from,
            updated_at: from,
            linked: vec![seq; spec.parents.len()].into(),
            anchor: from,
            spec,
            schedule,
        };
        Ok(Subject {
            job: Arc::new(job),
            past: Box::default(),
        })
    });
    subjects.collect()
}

/// The forecast for people: a summary, a bar for each hour or day, and what to look after.
fn picture(found: &Value, screen: Screen) -> String {
    let time = |value: &Value| instant(value.as_str().unwrap_or_default());
    let shown = |value: &Value| time(value).map_or_else(|| "-".to_owned(), local);
    let mut text = format!(
        "{} to {}: {} runs, at most {} of {} workers busy\n\n",
        shown(&found["from"]),
        shown(&found["until"]),
        found["runs"],
        found["workers_busy_max"],
        found["workers"],
    );
    text += &bars(&slots(found), screen);
    let minutes = list(&found["busiest_minutes"]).iter().take(TOLD);
    let minutes = minutes.map(|minute| {
        let at = shown(&minute["at"]);
        format!("{} ({})", at.get(5..16).unwrap_or(&at), minute["runs"])
    });
    let minutes: Vec<String> = minutes.collect();
    if !minutes.is_empty() {
        text += &format!("\nbusiest minutes: {}\n", minutes.join(", "));
    }
    for warning in warnings(found) {
        text += &screen.paint(&format!("! {}", printable(&warning)), Tone::Bad);
        text.push('\n');
    }
    for note in list(&found["notes"]).iter().filter_map(Value::as_str) {
        text += &format!("{}\n", printable(note));
    }
    text
}

/// A line of the picture: when, runs, and occurrences that come to nothing.
type Slot = (String, u64, u64);

/// Hours, or days where there are many.
fn slots(found: &Value) -> Vec<Slot> {
    let hours = list(&found["hours"]);
    let label = match hours.len() {
        ..=HOURS_SHOWN => 5..16,
        _ => 0..10,
    };
    let mut slots: Vec<Slot> = Vec::new();
    for hour in hours {
        let at = instant(text(hour, "at")).map(local).unwrap_or_default();
        let at = at.get(label.clone()).unwrap_or(&at);
        let (runs, lost) = (number(hour, "runs"), number(hour, "lost"));
        match slots.last_mut().filter(|(last, ..)| last == at) {
            Some(slot) => {
                slot.1 += runs;
                slot.2 += lost;
            }
            None => slots.push((at.to_owned(), runs, lost)),
        }
    }
    slots
}

fn bars(slots: &[Slot], screen: Screen) -> String {
    let most = slots.iter().map(|(_, runs, _)| *runs).max();
    let most = most.unwrap_or_default().max(1);
    let digits = most.to_string().len();
    let room = screen.width().unwrap_or(BAR_MAX + BESIDE_BAR);
    let room = room.saturating_sub(BESIDE_BAR).clamp(1, BAR_MAX);
    let mut text = String::new();
    for (at, runs, lost) in slots {
        let length = (u128::from(*runs) * room as u128).div_ceil(u128::from(most));
        let bar = screen.paint(&"█".repeat(length as usize), Tone::Busy);
        let lost = match lost {
            0 => String::new(),
            lost => screen.paint(&format!(" {lost} come to nothing"), Tone::Bad),
        };
        let line = format!("{at}  {runs:>digits$}  {bar}{lost}");
        writeln!(text, "{}", line.trim_end()).expect("a String takes everything");
    }
    text
}

/// What somebody should look after: the most troubled jobs, and queues.
fn warnings(found: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    for job in list(&found["jobs"]).iter() {
        let (runs, missed) = (number(job, "runs"), number(job, "missed"));
        let (skipped, overlaps) = (number(job, "skipped"), number(job, "overlaps"));
        let mut troubles = Vec::new();
        if missed > 0 {
            let all = runs + missed + skipped;
            troubles.push(format!("misses its epsilon {missed} of {all} times"));
        }
        if overlaps > 0 {
            let took = span(number(job, "run_ms_mean").saturating_mul(1_000_000));
            troubles.push(format!(
                "is due {overlaps} times while it still runs ({skipped} skipped, a run takes {took})"
            ));
        }
        if !troubles.is_empty() {
            warnings.push(format!("{} {}", text(job, "name"), troubles.join(", ")));
        }
    }
    if warnings.len() > TOLD {
        let more = warnings.len() - TOLD;
        warnings.truncate(TOLD);
        warnings.push(format!("so do {more} more jobs; --json lists them"));
    }
    let longest = Duration::from_millis(number(found, "queue_wait_ms_max"));
    if longest > config::QUEUE_WAIT_WARN {
        warnings.push(format!(
            "{} runs wait for a worker, up to {}; more --workers would shorten that",
            found["queue_waits"],
            span(u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX))
        ));
    }
    warnings
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_files(jobs: &Value, workers: usize) -> Value {
        let from = Timestamp::from_unix(1_798_848_000, 0);
        let wanted = jobs.as_array().unwrap().iter();
        let wanted = wanted.map(|job| Wanted::read(job.as_object().unwrap(), "file").unwrap());
        let command = Forecast {
            files: Vec::new(),
            from: Some(from),
            to: Some(from.plus(Duration::from_secs(3 * 3_600))),
            workers,
            timezone: Zone::UTC,
            json: false,
            url: crate::client::Url::default(),
            cacert: None,
        };
        let wanted: Vec<Wanted> = wanted.collect();
        command.of_files(&wanted, from).unwrap()
    }

    #[test]
    fn jobs_of_files_are_simulated_with_their_children() {
        let found = of_files(
            &json!([
                {"name": "a", "command": "true", "schedule": "0 * * * *"},
                {"name": "b", "command": "true", "parent_jobs": ["a"]},
                {"name": "c", "command": "true", "parent_jobs": ["the-id-of-b"]},
                {"name": "b2", "id": "the-id-of-b", "command": "true", "parent_jobs": ["b"]},
                {"name": "d", "command": "true", "schedule": "0 * * * *", "is_done": true},
            ]),
            1,
        );
        assert_eq!(found["runs"], 12);
        assert_eq!(found["workers"], 1);
    }

    #[test]
    fn a_picture_has_a_bar_for_each_hour_and_says_what_is_wrong() {
        let found = of_files(
            &json!([
                {"name": "busy", "command": "true", "schedule": "R3/2027-01-02T01:00:00Z/PT0.5S", "overlap": "skip"},
                {"name": "late", "command": "true", "schedule": "0 1 * * *", "epsilon": "PT0.5S"},
                {"name": "second", "command": "true", "schedule": "0 2 * * *"},
            ]),
            1,
        );
        let text = picture(&found, Screen::default());
        for part in [
            ": 3 runs, at most 1 of 1 workers busy\n",
            "busiest minutes: ",
            "! late misses its epsilon 1 of 1 times\n",
            "! busy is due ",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let bars: Vec<&str> = text.lines().filter(|line| line.contains('█')).collect();
        assert_eq!(bars.len(), 2, "{text}");
        assert!(bars[0].ends_with(" come to nothing"), "{text}");
        assert_eq!(bars[0].matches('█').count(), BAR_MAX);
    }

    #[test]
    fn many_hours_are_told_by_days() {
        let hours = (0..72).map(|hour| {
            let at = Timestamp::from_unix(hour * 3_600, 0);
            json!({"at": Zone::UTC.format(at), "runs": 1, "lost": 0})
        });
        let found = json!({"hours": hours.collect::<Vec<_>>()});
        let slots = slots(&found);
        assert!((3..=4).contains(&slots.len()), "{slots:?}");
        assert_eq!(slots.iter().map(|(_, runs, _)| runs).sum::<u64>(), 72);
        assert_eq!(slots[0].0.len(), 10);
    }
}
