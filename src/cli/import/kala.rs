//! The jobs of a running Kala: what it answers is nearly what we take, since its routes and keys are ours.
//!
//! Occurrences go on on the grid of each schedule, not from Kala's `next_run_at`, which drifts. Left with Kala are the
//! counters and the history of runs.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Found, free_name};
use crate::cli::jobset::Wanted;
use crate::client::{Client, ClientError};
use crate::clock;
use crate::schedule::{Schedule, Zone};

/// What a shell heeds, and Kala did not.
const SHELL_ONLY: [char; 4] = ['|', '>', ';', '&'];

/// The keys of Kala's jobs that make a job; the others say how it went there.
const KEYS: [&str; 15] = [
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
];

pub(super) fn read(kala: &Client) -> Result<Found, ClientError> {
    let mut found = convert(kala.jobs("", usize::MAX)?);
    if !found.jobs.is_empty() {
        found
            .notes
            .push("counters and history of runs stay with Kala".to_owned());
        found.notes.push(format!(
            "{} still runs its jobs: stop it, or they run twice",
            kala.url()
        ));
    }
    Ok(found)
}

fn convert(jobs: Vec<Value>) -> Found {
    let mut found = Found::default();
    let mut names = BTreeSet::new();
    for job in jobs {
        let Value::Object(job) = job else { continue };
        let mut keys: Map<String, Value> = job
            .into_iter()
            .filter(|(key, _)| KEYS.contains(&key.to_ascii_lowercase().as_str()))
            .collect();
        // Jobs know each other by id there, so names need not be unique.
        if let Some(Value::String(name)) = keys.get_mut("name") {
            let free = free_name(name, |name| names.contains(name));
            if free != *name {
                found
                    .notes
                    .push(format!("another job {name:?} becomes {free:?}"));
            }
            names.insert(free.clone());
            *name = free;
        }
        translate(&mut keys, &mut found.notes);
        match Wanted::read(&keys, "Kala") {
            Ok(mut job) => {
                // Kala calls a job done after a manual start, too.
                job.is_done &= !is_due_again(&job);
                found.jobs.push(job);
            }
            Err(why) => found.lost.push(why),
        }
    }
    leave_orphans(&mut found);
    found
}

/// Says in our words what Kala did, and tells what is different now.
fn translate(keys: &mut Map<String, Value>, notes: &mut Vec<String>) {
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

/// Whether the grid of its schedule has an occurrence that is still to come.
fn is_due_again(job: &Wanted) -> bool {
    let schedule = job.keys.get("schedule").and_then(Value::as_str);
    let schedule = schedule.filter(|schedule| !schedule.is_empty());
    let now = clock::now();
    let parsed = schedule.and_then(|text| Schedule::parse(text, Zone::UTC, false, now).ok());
    parsed.is_some_and(|schedule| schedule.next_after(now).is_some())
}

/// Jobs that name one that is not carried over cannot be, either.
fn leave_orphans(found: &mut Found) {
    loop {
        // Done jobs are not created, so nothing can wait for them.
        let known: BTreeSet<&str> = found
            .jobs
            .iter()
            .filter(|job| !job.is_done)
            .map(|job| &*job.id)
            .collect();
        let orphan = found
            .jobs
            .iter()
            .position(|job| !job.is_done && job.references().any(|(_, id)| !known.contains(id)));
        let Some(orphan) = orphan else { break };
        let job = found.jobs.remove(orphan);
        found.lost.push(format!(
            "{}: a job that it names is done, lost or gone",
            job.title()
        ));
    }
    // What is done names what it likes.
    for job in found.jobs.iter_mut().filter(|job| job.is_done) {
        job.keys.remove("parent_jobs");
        job.keys.remove("on_failure_job");
    }
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
    fn jobs_of_kala_come_over_and_what_cannot_is_told() {
        let job = |id: &str, name: &str, more: Value| {
            let mut job = json!({
                "name": name, "id": id, "command": "true", "owner": "", "disabled": false, "dependent_jobs": null,
                "parent_jobs": null, "on_failure_job": "", "schedule": "R/2020-01-01T00:00:00Z/PT1H", "retries": 0,
                "epsilon": "PT5S", "next_run_at": "2020-01-01T00:00:00Z", "TemplateDelimiters": "",
                "resume_at_next_scheduled_time": false, "metadata": {"success_count": 1}, "type": 0, "is_done": false,
                "remote_properties": {"url": "", "method": "", "body": "", "headers": null, "timeout": 0,
                "expected_response_codes": null}, "stats": [{}], "something_new": 1
            });
            job.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            job
        };
        let found = convert(vec![
            job("1", "a", json!({})),
            job("2", "a", json!({"is_done": true, "schedule": ""})),
            job("3", "child", json!({"parent_jobs": ["1"], "schedule": ""})),
            job("4", "orphan", json!({"parent_jobs": ["2"], "schedule": ""})),
            job(
                "5",
                "grandchild",
                json!({"parent_jobs": ["4"], "schedule": ""}),
            ),
            job("6", "broken", json!({"schedule": "//"})),
        ]);
        let names: Vec<&str> = found.jobs.iter().map(|job| &*job.name).collect();
        assert_eq!(names, ["a", "a (2)", "child"]);
        assert_eq!(found.notes, ["another job \"a\" becomes \"a (2)\""]);
        assert_eq!(found.lost.len(), 3, "{:?}", found.lost);
        assert!(
            found.lost[0].contains("job \"broken\": schedule: "),
            "{:?}",
            found.lost
        );
    }
}
