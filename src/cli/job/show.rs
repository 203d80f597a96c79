//! `nimesha job show`: all that is known of one job.

use serde_json::Value;

use super::list::status;
use crate::cli::connect::asking;
use crate::cli::screen::{Screen, Tone, printable};
use crate::cli::select::{find, path, text};
use crate::cli::server::when;
use crate::cli::{CliError, print, print_json};
use crate::clock::{self, Timestamp};

/// Keys that stand at the top, that are said in other words, or that only programs read.
const NOT_LISTED: [&str; 6] = ["id", "name", "metadata", "stats", "is_done", "running"];

asking! {
    /// Show a job: what it is, and how it goes.
    #[argh(subcommand, name = "show", help_triggers("--help", "-h", "help"))]
    Show {
        /// the job
        #[argh(positional)]
        job: String,

        /// print JSON, with its latest runs under stats
        #[argh(switch)]
        json: bool,
    }
}

impl Show {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let client = self.connect()?;
        let found = find(&client, &self.job)?;
        let job = client.get(&path(&found))?["job"].take();
        match self.json {
            true => print_json(&job),
            false => print(&lines(&job, clock::now(), Screen::of_stdout())),
        }
    }
}

/// A line for each key that says something.
fn lines(job: &Value, now: Timestamp, screen: Screen) -> String {
    let (status, tone) = status(job);
    let mut lines = format!(
        "{}\n{:<20} {}\n{:<20} {}\n",
        screen.paint(&printable(text(job, "name")), Tone::Head),
        "id",
        text(job, "id"),
        "status",
        screen.paint(status, tone)
    );
    let keys = job.as_object().into_iter().flatten();
    for (key, value) in keys.filter(|(key, _)| !NOT_LISTED.contains(&key.as_str())) {
        let is_remote = key == "remote_properties" && job["type"] == 1;
        if let Some(said) =
            said(key, value, now).filter(|_| is_remote || !value.is_object() || key == "env")
        {
            lines.push_str(&format!("{key:<20} {said}\n"));
        }
    }
    lines
}

/// A value in words; none where it says nothing.
fn said(key: &str, value: &Value, now: Timestamp) -> Option<String> {
    let is_time = key.ends_with("_at") || key.starts_with("last_");
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some("yes".to_owned()),
        Value::String(time) if is_time => Some(when(time, now)).filter(|said| said != "-"),
        Value::String(text) => (!text.is_empty()).then(|| printable(text)),
        Value::Number(number) => (number.as_u64() != Some(0)).then(|| number.to_string()),
        Value::Array(items) => (!items.is_empty()).then(|| printable(&join(items))),
        Value::Object(map) => (!map.is_empty()).then(|| printable(&value.to_string())),
    }
}

fn join(items: &[Value]) -> String {
    let texts = items.iter().map(|item| match item {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_says_something_is_shown() {
        let job = json!({
            "name": "x", "id": "1", "command": "true", "owner": "", "retries": 0, "success_count": 2,
            "last_error": "0001-01-01T00:00:00Z", "tags": ["a", "b"], "parent_jobs": null, "env": {},
            "remote_properties": {"url": ""}, "metadata": {"success_count": 2}, "disabled": true
        });
        let lines = lines(&job, Timestamp::EPOCH, Screen::default());
        let expected = [
            "x".to_owned(),
            format!("{:<20} 1", "id"),
            format!("{:<20} disabled", "status"),
            format!("{:<20} true", "command"),
            format!("{:<20} yes", "disabled"),
            format!("{:<20} 2", "success_count"),
            format!("{:<20} a, b", "tags"),
        ];
        assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
    }
}
