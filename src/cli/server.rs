//! `nimesha stats`, `pause` and `resume`: the server as a whole.

use serde_json::Value;

use super::connect::asking;
use super::screen::{distance, instant, local};
use super::{CliError, print, print_json};
use crate::clock::{self, Timestamp};

asking! {
    /// Show the figures of the server.
    #[argh(subcommand, name = "stats", help_triggers("--help", "-h", "help"))]
    Stats {
        /// print JSON
        #[argh(switch)]
        json: bool,
    }
}

asking! {
    /// Let nothing start by schedule until it is resumed, a restart of the server notwithstanding.
    #[argh(subcommand, name = "pause", help_triggers("--help", "-h", "help"))]
    Pause {}
}

asking! {
    /// Let schedules go on after a pause.
    #[argh(subcommand, name = "resume", help_triggers("--help", "-h", "help"))]
    Resume {}
}

impl Stats {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let stats = self.connect()?.get("/stats/")?["Stats"].take();
        match self.json {
            true => print_json(&stats),
            false => print(&figures(&stats, clock::now())),
        }
    }
}

impl Pause {
    pub(super) fn run(&self) -> Result<(), CliError> {
        self.connect()?.post("/pause/", None)?;
        Ok(())
    }
}

impl Resume {
    pub(super) fn run(&self) -> Result<(), CliError> {
        self.connect()?.post("/resume/", None)?;
        Ok(())
    }
}

fn figures(stats: &Value, now: Timestamp) -> String {
    const ROWS: [(&str, &str); 11] = [
        ("jobs", "jobs"),
        ("disabled", "disabled_jobs"),
        ("running", "running"),
        ("queued", "queued"),
        ("succeeded", "success_count"),
        ("failed", "error_count"),
        ("missed", "missed_count"),
        ("skipped", "skipped_count"),
        ("last run", "last_attempted_run"),
        ("next run", "next_run_at"),
        ("paused", "paused"),
    ];
    let mut text = String::new();
    for (title, key) in ROWS {
        let value = match &stats[key] {
            Value::String(time) => when(time, now),
            Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
            other => other.to_string(),
        };
        text.push_str(&format!("{title:<10} {value}\n"));
    }
    text
}

/// A time of an answer, local and from now.
pub(super) fn when(time: &str, now: Timestamp) -> String {
    match instant(time) {
        Some(at) => format!("{} ({})", local(at), distance(at, now)),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_stand_below_each_other() {
        let stats = json!({"jobs": 3, "paused": true, "next_run_at": "0001-01-01T00:00:00Z"});
        let text = figures(&stats, Timestamp::EPOCH);
        assert!(text.starts_with("jobs       3\n"), "{text}");
        assert!(text.ends_with("next run   -\npaused     yes\n"), "{text}");
    }
}
