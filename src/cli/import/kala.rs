//! The jobs of a running Kala: what it answers is nearly what we take, since its routes and keys are ours.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Found, free_name};
use crate::cli::jobset::Wanted;
use crate::client::{Client, ClientError};

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
        match Wanted::read(&keys, "Kala") {
            Ok(job) => found.jobs.push(job),
            Err(why) => found.lost.push(why),
        }
    }
    leave_orphans(&mut found);
    found
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
            job("2", "a", json!({"is_done": true})),
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
