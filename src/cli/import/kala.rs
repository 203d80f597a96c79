//! The jobs of a running Kala: what it answers is nearly what we take, since its routes and keys are ours.
//!
//! Ids, counters and runs come over. Occurrences go on on the grid of each schedule, not from Kala's `next_run_at`, which
//! drifts. A server of ours is read the same way, for which nothing needs to be translated.

use serde_json::{Map, Value};

use super::Found;
use super::whole::Whole;
use crate::client::{Client, ClientError};
use crate::config;

/// A key that tells another Nimesha, whose jobs need no translation.
const OURS: &str = "created_at";

/// What a shell heeds, and Kala did not.
const SHELL_ONLY: [char; 4] = ['|', '>', ';', '&'];

/// The keys of Kala's jobs, those of counters as its program has them and as its document does. A later version's key is
/// no reason to refuse the job.
const KEYS: [&str; 24] = [
    "name",
    "id",
    "command",
    "type",
    "remote_properties",
    "owner",
    "schedule",
    "parent_jobs",
    "on_failure_job",
    "retries",
    "epsilon",
    "disabled",
    "resume_at_next_scheduled_time",
    "templatedelimiters",
    "is_done",
    "dependent_jobs",
    "next_run_at",
    "metadata",
    "success_count",
    "last_success",
    "error_count",
    "last_error",
    "last_attempted_run",
    "stats",
];

pub(super) fn read(kala: &Client) -> Result<Found, ClientError> {
    let mut found = convert(kala.jobs("", usize::MAX)?);
    if !found.whole.is_empty() {
        found.notes.push(format!(
            "{} still runs its jobs: stop it, or they run twice",
            kala.url()
        ));
    }
    Ok(found)
}

fn convert(jobs: Vec<Value>) -> Found {
    let mut found = Found::default();
    for job in jobs {
        let Value::Object(job) = job else { continue };
        let read = match job.contains_key(OURS) {
            true => Whole::read(&job, "Nimesha"),
            false => Whole::read(&translated(job, &mut found.notes), "Kala"),
        };
        match read {
            Ok(job) => found.whole.push(job),
            Err(why) => found.lost.push(why),
        }
    }
    found
}

/// Says in our words what Kala did, and tells what is different now.
fn translated(job: Map<String, Value>, notes: &mut Vec<String>) -> Map<String, Value> {
    let known = |key: &str| KEYS.contains(&key.to_ascii_lowercase().as_str());
    let keys = job.into_iter().filter(|(key, _)| known(key));
    let mut keys: Map<String, Value> = keys.collect();
    let text = |key: &str| {
        let text = keys.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let (name, command) = (text("name"), text("command"));
    let mut schedule = as_meant(&text("schedule"));
    if command.contains(SHELL_ONLY) {
        notes.push(format!(
            "job {name:?}: Kala gave |, >, ; and & to the command as words, here a shell heeds them: {command}"
        ));
    }
    let parents = keys.get("parent_jobs").and_then(Value::as_array);
    if parents.is_some_and(|parents| !parents.is_empty()) && !schedule.is_empty() {
        notes.push(format!(
            "job {name:?} has parents: its schedule, which Kala ignored, stays there"
        ));
        schedule.clear();
    }
    keys.insert("schedule".to_owned(), schedule.into());
    if let Some(Value::Array(runs)) = keys.get_mut("stats")
        && runs.len() > config::CLIENT_IMPORT_RUNS
    {
        let all = runs.len();
        runs.drain(..all - config::CLIENT_IMPORT_RUNS);
        let kept = runs.len();
        notes.push(format!(
            "job {name:?}: the last {kept} of its {all} runs come over"
        ));
    }
    keys
}

/// A schedule in the words that mean here what it meant there: a start without a zone was UTC, and a negative number of
/// repeats none at all.
fn as_meant(schedule: &str) -> String {
    let parts: Vec<&str> = schedule.split('/').collect();
    let [repeat, start, interval] = parts[..] else {
        return schedule.to_owned();
    };
    let repeat = if repeat.starts_with("R-") {
        "R"
    } else {
        repeat
    };
    let has_zone =
        |(_, time): (&str, &str)| time.ends_with(['Z', 'z']) || time.contains(['+', '-']);
    let zone = match start.split_once(['T', 't']) {
        Some(parts) if !has_zone(parts) => "Z",
        _ => "",
    };
    format!("{repeat}/{start}{zone}/{interval}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schedules_keep_their_meaning() {
        for (there, here) in [
            (
                "R2/2037-06-04T19:25:16.8-07:00/PT10S",
                "R2/2037-06-04T19:25:16.8-07:00/PT10S",
            ),
            (
                "R/2037-06-04T19:25:16/PT10S",
                "R/2037-06-04T19:25:16Z/PT10S",
            ),
            ("R-1/2037-06-04T19:25:16Z/P1D", "R/2037-06-04T19:25:16Z/P1D"),
            ("", ""),
            ("//", "//"),
        ] {
            assert_eq!(as_meant(there), here);
        }
    }

    #[test]
    fn jobs_are_translated_and_what_is_different_is_told() {
        let runs = vec![json!({"success": true}); config::CLIENT_IMPORT_RUNS + 1];
        let job = json!({
            "name": "a", "command": "b | c", "schedule": "R/2020-01-01T00:00:00/PT1H", "parent_jobs": ["1"],
            "TemplateDelimiters": "", "something_new": 1, "stats": runs,
        });
        let mut notes = Vec::new();
        let keys = translated(job.as_object().unwrap().clone(), &mut notes);
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert_eq!(keys["schedule"], "");
        assert_eq!(
            keys["stats"].as_array().map(Vec::len),
            Some(config::CLIENT_IMPORT_RUNS)
        );
        assert!(keys.contains_key("TemplateDelimiters") && !keys.contains_key("something_new"));
    }

    #[test]
    fn jobs_of_ours_are_left_as_they_are() {
        let id = "93b65499-b211-49ce-57e0-19e735cc5abd";
        let job = json!({"name": "a", "id": id, "command": "b | c", "created_at": "2026-01-01T00:00:00Z", "env": {}});
        let found = convert(vec![
            job,
            json!({"name": "b", "id": "1", "command": "true"}),
        ]);
        assert_eq!((found.whole.len(), found.notes.len()), (1, 0));
        assert_eq!(found.lost, ["Kala: job \"b\": its id is none"]);
    }
}
