//! `nimesha job runs` and `cancel`: what became of a job's occurrences, and ending what goes on.

use serde_json::Value;

use super::output::run_path;
use crate::cli::connect::asking;
use crate::cli::screen::{Cell, Screen, Table, Tone, distance, instant, local, span};
use crate::cli::select::{find, path, text};
use crate::cli::{CliError, print, print_json};
use crate::clock::{self, Timestamp};

asking! {
    /// Show the runs of a job, the newest first.
    #[argh(subcommand, name = "runs", help_triggers("--help", "-h", "help"))]
    Runs {
        /// the job
        #[argh(positional)]
        job: String,

        /// at most so many (default 20)
        #[argh(option, default = "20", arg_name = "number")]
        limit: usize,

        /// print JSON
        #[argh(switch)]
        json: bool,
    }
}

asking! {
    /// End a run that is in progress.
    #[argh(subcommand, name = "cancel", help_triggers("--help", "-h", "help"))]
    Cancel {
        /// the job
        #[argh(positional)]
        job: String,

        /// the run (default: the only one in progress)
        #[argh(positional)]
        run: Option<String>,
    }
}

impl Runs {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let client = self.connect()?;
        let job = find(&client, &self.job)?;
        let limit = self.limit;
        let mut runs = client.get(&format!("{}runs/?limit={limit}", path(&job)))?["runs"].take();
        // Those in progress come beside as many that have ended.
        if let Some(runs) = runs.as_array_mut() {
            runs.truncate(limit);
        }
        match (self.json, runs.as_array()) {
            (false, Some(runs)) => print(&table(runs, clock::now()).text(Screen::of_stdout())),
            _ => print_json(&runs),
        }
    }
}

impl Cancel {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let client = self.connect()?;
        let job = find(&client, &self.job)?;
        let run = match &self.run {
            Some(run) => run.clone(),
            None => {
                let runs = client.get(&format!("{}runs/?limit=1000", path(&job)))?;
                only_one(&self.job, &runs["runs"])?
            }
        };
        client.post(
            &format!("{}cancel/", run_path(text(&job, "id"), &run)),
            None,
        )?;
        Ok(())
    }
}

/// The id of the only run in progress.
fn only_one(name: &str, runs: &Value) -> Result<String, CliError> {
    let runs = runs.as_array().map(Vec::as_slice).unwrap_or_default();
    let running: Vec<&str> = runs
        .iter()
        .filter(|run| run["outcome"].is_null())
        .map(|run| text(run, "id"))
        .collect();
    match running[..] {
        [] => Err(CliError::NotFound(format!(
            "no run of {name} is in progress"
        ))),
        [run] => Ok(run.to_owned()),
        _ => Err(CliError::Usage(format!(
            "several runs of {name} are in progress; say which one:\n  {}",
            running.join("\n  ")
        ))),
    }
}

fn table(runs: &[Value], now: Timestamp) -> Table {
    let mut table = Table::new(&[
        "RUN", "OUTCOME", "TRIGGER", "STARTED", "AGO", "TOOK", "TRIES", "WHY",
    ]);
    for run in runs {
        let is_gap = run["count"].is_u64();
        let started = match is_gap {
            true => instant(text(run, "scheduled_at")),
            false => instant(text(run, "started_at")),
        };
        let took = run["execution_duration"]
            .as_u64()
            .filter(|nanos| *nanos > 0);
        let why = match is_gap {
            true => format!("{} occurrences", run["count"]),
            false => text(run, "error").to_owned(),
        };
        let (outcome, tone) = outcome(run);
        table.row([
            Cell::new(text(run, "id"), Tone::Faint),
            Cell::new(outcome, tone),
            text(run, "trigger").into(),
            started.map_or("-".to_owned(), local).into(),
            started
                .map_or("-".to_owned(), |at| distance(at, now))
                .into(),
            took.map_or("-".to_owned(), span).into(),
            run["attempts"]
                .as_u64()
                .map_or("-".to_owned(), |n| n.to_string())
                .into(),
            why.into(),
        ]);
    }
    table
}

fn outcome(run: &Value) -> (&str, Tone) {
    match text(run, "outcome") {
        "" => ("in progress", Tone::Busy),
        "succeeded" => ("succeeded", Tone::Good),
        outcome @ ("missed" | "skipped") => (outcome, Tone::Faint),
        outcome => (outcome, Tone::Bad),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_of_runs_tells_gaps_too() {
        let runs = json!([
            {"id": "r3", "outcome": null, "trigger": "manual", "started_at": "1970-01-01T00:00:00Z",
             "attempts": 1, "error": null, "execution_duration": 0},
            {"id": "r2", "outcome": "failed", "trigger": "schedule", "started_at": "1970-01-01T00:00:00Z",
             "attempts": 2, "error": "exit status 3", "execution_duration": 1_500_000_000},
            {"id": "r1", "outcome": "missed", "count": 7, "scheduled_at": "1970-01-01T00:00:00Z"},
        ]);
        let now = Timestamp::from_unix(180, 0);
        let text = table(runs.as_array().unwrap(), now).text(Screen::default());
        for part in [
            "in progress",
            "3 min ago",
            "1.5 s",
            "exit status 3",
            "7 occurrences",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn one_run_in_progress_needs_no_name() {
        let runs = |ids: &[&str]| {
            let runs = ids.iter().map(|id| json!({"id": id, "outcome": null}));
            Value::Array(
                runs.chain([json!({"id": "old", "outcome": "failed"})])
                    .collect(),
            )
        };
        assert_eq!(only_one("x", &runs(&["a"])), Ok("a".to_owned()));
        assert!(matches!(
            only_one("x", &runs(&[])),
            Err(CliError::NotFound(_))
        ));
        assert!(matches!(
            only_one("x", &runs(&["a", "b"])),
            Err(CliError::Usage(_))
        ));
    }
}
