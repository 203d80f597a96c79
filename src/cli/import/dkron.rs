//! Jobs of Dkron, as `GET /v1/jobs` shows them (<https://dkron.io/api/>).
//!
//! Its executors `shell` and `http` are what jobs do here; the others are lost. Tags choose nodes there, and are only
//! labels here.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::json::{copy, says, text};
use crate::cli::jobset::Wanted;

/// Keys that only Dkron has.
const OWN: [&str; 4] = ["executor_config", "displayname", "parent_job", "processors"];

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
    let lost = |why: &str| format!("{path}: job {name:?}: {why}");
    let mut keys = copy(
        job,
        &[
            ("name", "name"),
            ("displayname", "description"),
            ("timezone", "timezone"),
            ("owner", "owner"),
            ("disabled", "disabled"),
            ("retries", "retries"),
        ],
    );
    match says(job, "parent_job") {
        true => keys.insert("parent_jobs".to_owned(), json!([text(job, "parent_job")])),
        false => keys.insert(
            "schedule".to_owned(),
            schedule(text(job, "schedule"))?.into(),
        ),
    };
    let overlap = if text(job, "concurrency") == "forbid" {
        "skip"
    } else {
        "allow"
    };
    keys.insert("overlap".to_owned(), overlap.into());
    let empty = Map::new();
    let config = job
        .get("executor_config")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    match text(job, "executor") {
        "shell" | "" => shell(config, &mut keys)?,
        "http" => http(config, &mut keys),
        other => return Err(lost(&format!("there is no executor {other} here"))),
    }
    if says(job, "tags") {
        keys.insert("tags".to_owned(), tags(job));
        notes.push(format!("job {name:?}: its tags choose no node here"));
    }
    for key in ["processors", "expires_at", "starts_at", "ephemeral"] {
        if says(job, key) {
            notes.push(format!("job {name:?}: {key} means nothing here"));
        }
    }
    Wanted::read(&keys, path)
}

fn shell(config: &Map<String, Value>, keys: &mut Map<String, Value>) -> Result<(), String> {
    keys.extend(copy(config, &[("command", "command"), ("cwd", "cwd")]));
    let pairs = text(config, "env")
        .split(',')
        .filter_map(|pair| pair.split_once('='));
    let env: BTreeMap<&str, &str> = pairs.collect();
    keys.insert("env".to_owned(), json!(env));
    if says(config, "timeout") {
        keys.insert(
            "timeout".to_owned(),
            duration(text(config, "timeout"))?.into(),
        );
    }
    Ok(())
}

fn http(config: &Map<String, Value>, keys: &mut Map<String, Value>) {
    let mut request = copy(
        config,
        &[("url", "url"), ("method", "method"), ("body", "body")],
    );
    let codes = text(config, "expectCode").split(',');
    let codes: Vec<u16> = codes.filter_map(|code| code.trim().parse().ok()).collect();
    request.insert("expected_response_codes".to_owned(), json!(codes));
    if let Ok(seconds) = text(config, "timeout").parse::<u64>() {
        request.insert("timeout".to_owned(), seconds.into());
    }
    // A text that holds a list: ["Content-Type: application/json"].
    let fields: Vec<String> = serde_json::from_str(text(config, "headers")).unwrap_or_default();
    let mut headers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in fields.iter().filter_map(|field| field.split_once(':')) {
        headers.entry(name.trim()).or_default().push(value.trim());
    }
    request.insert("headers".to_owned(), json!(headers));
    keys.insert("type".to_owned(), 1.into());
    keys.insert("remote_properties".to_owned(), Value::Object(request));
}

fn tags(job: &Map<String, Value>) -> Value {
    let tags = job.get("tags").and_then(Value::as_object);
    let tags = tags.into_iter().flatten();
    tags.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect()
}

/// Its words for times that cron has none for.
fn schedule(text: &str) -> Result<String, String> {
    match text.split_once(' ') {
        Some(("@every", every)) => Ok(format!("R//{}", duration(every)?)),
        Some(("@at", time)) => Ok(time.trim().to_owned()),
        _ => Ok(match text {
            "@manually" => "@manual",
            "@minutely" => "* * * * *",
            "@annually" => "@yearly",
            other => other,
        }
        .to_owned()),
    }
}

/// A duration of Go, such as `1h30m`, in ISO 8601.
fn duration(text: &str) -> Result<String, String> {
    let wrong = || format!("{text:?} is no duration such as 1h30m");
    let mut iso = "PT".to_owned();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let (number, after) = rest.split_at(end);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        match unit {
            "h" | "m" | "s" => iso.push_str(&format!("{number}{}", unit.to_ascii_uppercase())),
            "ms" => {
                let millis: u64 = number.parse().map_err(|_| wrong())?;
                iso.push_str(&format!("{}.{:03}S", millis / 1_000, millis % 1_000));
            }
            _ => return Err(wrong()),
        }
        rest = after;
    }
    match iso.as_str() {
        "PT" => Err(wrong()),
        _ => Ok(iso),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_of_dkron_come_over() {
        let job = json!({
            "name": "job1", "displayname": "A job", "schedule": "@every 1h30m", "timezone": "Europe/Berlin", "owner": "me",
            "owner_email": "me@example.com", "disabled": false, "tags": {"server": "true:1"}, "retries": 5,
            "processors": {"log": {"forward": "true"}}, "concurrency": "forbid", "executor": "shell",
            "executor_config": {"command": "date", "shell": "true", "env": "A=1,B=2", "timeout": "90s"},
            "success_count": 7
        });
        let job = job.as_object().unwrap();
        assert!(is_job(job));
        let mut notes = Vec::new();
        let read = read(job, "f", &mut notes).unwrap();
        assert_eq!(
            Value::Object(read.keys),
            json!({
                "name": "job1", "description": "A job", "schedule": "R//PT1H30M", "timezone": "Europe/Berlin", "owner": "me",
                "retries": 5, "overlap": "skip", "command": "date", "env": {"A": "1", "B": "2"}, "timeout": "PT90S",
                "tags": ["server=true:1"]
            })
        );
        assert_eq!(notes.len(), 2, "{notes:?}");
    }

    #[test]
    fn requests_and_children_come_over_and_other_executors_are_lost() {
        let job = json!({
            "name": "ping", "displayname": "", "parent_job": "job1", "executor": "http", "concurrency": "allow",
            "executor_config": {"url": "http://x", "method": "POST", "headers": "[\"A: 1\"]", "expectCode": "200, 204",
            "timeout": "30"}
        });
        let read_job = read(job.as_object().unwrap(), "f", &mut Vec::new()).unwrap();
        assert_eq!(
            (&read_job.keys["type"], &read_job.keys["parent_jobs"]),
            (&json!(1), &json!(["job1"]))
        );
        assert_eq!(
            read_job.keys["remote_properties"],
            json!({"url": "http://x", "method": "POST", "headers": {"A": ["1"]}, "timeout": 30,
                   "expected_response_codes": [200, 204]})
        );
        let job =
            json!({"name": "x", "schedule": "@hourly", "executor": "kafka", "displayname": ""});
        let lost = read(job.as_object().unwrap(), "f", &mut Vec::new()).unwrap_err();
        assert!(lost.contains("kafka"), "{lost}");
    }

    #[test]
    fn durations_of_go() {
        for (text, iso) in [
            ("1h30m10s", "PT1H30M10S"),
            ("90s", "PT90S"),
            ("1500ms", "PT1.500S"),
        ] {
            assert_eq!(duration(text), Ok(iso.to_owned()));
        }
        for text in ["", "5", "5 bananas", "1d"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(schedule("@manually"), Ok("@manual".to_owned()));
        assert_eq!(schedule("0 30 * * * *"), Ok("0 30 * * * *".to_owned()));
    }
}
