//! Jobs of Chronos, as `GET /v1/scheduler/jobs` shows them (<https://mesos.github.io/chronos/docs/api.html>).
//!
//! Chronos hands commands to a cluster: what says where and with how much of it a command runs means nothing here, and is
//! told. A job in a container is lost, since its command may mean something else outside.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::json::{copy, says, text};
use crate::cli::jobset::Wanted;

/// Keys that only Chronos has.
const OWN: [&str; 5] = [
    "scheduleTimeZone",
    "executorFlags",
    "softError",
    "ownerName",
    "cpus",
];
/// What asks for a part of a cluster.
const IGNORED: [&str; 4] = ["runAsUser", "uris", "constraints", "fetch"];

/// Whether that is one.
pub(super) fn is_job(job: &Map<String, Value>) -> bool {
    OWN.iter().any(|key| job.contains_key(*key))
}

/// The job as it is here.
pub(super) fn read(
    job: &Map<String, Value>,
    path: &str,
    notes: &mut Vec<String>,
) -> Result<Wanted, String> {
    let name = text(job, "name");
    if says(job, "container") {
        return Err(format!("{path}: job {name:?} runs in a container"));
    }
    let ignored: Vec<&str> = IGNORED.into_iter().filter(|key| says(job, key)).collect();
    if !ignored.is_empty() {
        notes.push(format!(
            "job {name:?}: {} means nothing here",
            ignored.join(", ")
        ));
    }
    let mut keys = copy(
        job,
        &[
            ("name", "name"),
            ("schedule", "schedule"),
            ("scheduleTimeZone", "timezone"),
            ("epsilon", "epsilon"),
            ("retries", "retries"),
            ("description", "description"),
            ("disabled", "disabled"),
            ("parents", "parent_jobs"),
        ],
    );
    let owner = if says(job, "ownerName") {
        "ownerName"
    } else {
        "owner"
    };
    keys.extend(copy(job, &[(owner, "owner")]));
    keys.insert("command".to_owned(), command(job).into());
    // A Chronos job runs once all its parents have, and not beside itself unless told so.
    keys.insert("run_after".to_owned(), "all".into());
    let overlap = if says(job, "concurrent") {
        "allow"
    } else {
        "skip"
    };
    keys.insert("overlap".to_owned(), overlap.into());
    keys.insert("env".to_owned(), json!(variables(job)));
    keys.insert("tags".to_owned(), json!(["chronos"]));
    Wanted::read(&keys, path)
}

/// The command with its arguments, which stand apart where no shell is wanted.
fn command(job: &Map<String, Value>) -> String {
    let command = text(job, "command");
    let arguments = job.get("arguments").and_then(Value::as_array);
    let arguments: Vec<&str> = arguments
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    match arguments.is_empty() {
        true => command.to_owned(),
        false => format!("{command} {}", shell_words::join(arguments)),
    }
}

fn variables(job: &Map<String, Value>) -> BTreeMap<&str, &str> {
    let list = job.get("environmentVariables").and_then(Value::as_array);
    let pairs = list.into_iter().flatten().filter_map(Value::as_object);
    pairs
        .map(|pair| (text(pair, "name"), text(pair, "value")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_of_chronos_come_over() {
        let job = json!({
            "name": "report", "command": "report", "shell": false, "arguments": ["--out", "a b"],
            "schedule": "R/2014-03-08T20:00:00.000Z/PT2H", "scheduleTimeZone": "Europe/Berlin", "epsilon": "PT15M",
            "retries": 2, "owner": "ops@example.com", "ownerName": "", "cpus": 0.1, "disk": 256.0, "mem": 128.0,
            "disabled": false, "softError": false, "environmentVariables": [{"name": "A", "value": "1"}],
            "runAsUser": "root", "successCount": 190, "uris": []
        });
        let job = job.as_object().unwrap();
        assert!(is_job(job));
        let mut notes = Vec::new();
        let read = read(job, "f", &mut notes).unwrap();
        assert_eq!(
            Value::Object(read.keys),
            json!({
                "name": "report", "command": "report --out 'a b'", "schedule": "R/2014-03-08T20:00:00.000Z/PT2H",
                "timezone": "Europe/Berlin", "epsilon": "PT15M", "retries": 2, "owner": "ops@example.com",
                "run_after": "all", "overlap": "skip", "env": {"A": "1"}, "tags": ["chronos"]
            })
        );
        assert_eq!(notes, ["job \"report\": runAsUser means nothing here"]);
    }

    #[test]
    fn dependent_jobs_name_their_parents_and_containers_are_lost() {
        let job = json!({"name": "x", "command": "true", "parents": ["a", "b"], "cpus": 1, "concurrent": true});
        let read_job = read(job.as_object().unwrap(), "f", &mut Vec::new()).unwrap();
        assert_eq!(read_job.keys["parent_jobs"], json!(["a", "b"]));
        assert_eq!(read_job.keys["overlap"], "allow");
        let job = json!({"name": "x", "command": "true", "schedule": "R//PT1H", "container": {"image": "i"}, "cpus": 1});
        let lost = read(job.as_object().unwrap(), "f", &mut Vec::new()).unwrap_err();
        assert!(lost.contains("container"), "{lost}");
    }
}
