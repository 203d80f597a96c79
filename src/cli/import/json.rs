//! Jobs in JSON, of whichever scheduler: each object tells by its keys whose job it is.

use serde_json::{Map, Value};

use super::whole::Whole;
use super::{Found, chronos, dkron};
use crate::cli::jobset::{Wanted, file};

/// The jobs of a text that was read from `path`.
///
/// # Errors
/// When it is no JSON.
pub(super) fn read(path: &str, text: &str) -> Result<Found, String> {
    let objects = file::objects(text).map_err(|(_, why)| format!("{path}: {why}"))?;
    let mut found = Found::default();
    for object in objects {
        let Value::Object(job) = object else {
            found.lost.push(format!("{path}: {object} is no job"));
            continue;
        };
        let read = if chronos::is_job(&job) {
            chronos::read(&job, path, &mut found.notes).map(|job| found.jobs.push(job))
        } else if dkron::is_job(&job) {
            dkron::read(&job, path, &mut found.notes).map(|job| found.jobs.push(job))
        } else if Whole::is_one(&job) {
            Whole::read(&job, path).map(|job| found.whole.push(job))
        } else {
            Wanted::read(&job, path).map(|job| found.jobs.push(job))
        };
        found.lost.extend(read.err());
    }
    found.notes.sort();
    found.notes.dedup();
    Ok(found)
}

/// A text of a job; empty where it has none.
pub(super) fn text<'a>(job: &'a Map<String, Value>, key: &str) -> &'a str {
    job.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a key of a job says something: not zero, empty or false.
pub(super) fn says(job: &Map<String, Value>, key: &str) -> bool {
    match job.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::Bool(true)) => true,
    }
}

/// Copies the keys that mean the same here, if they say something.
pub(super) fn copy(job: &Map<String, Value>, keys: &[(&str, &str)]) -> Map<String, Value> {
    let said = keys.iter().filter(|(there, _)| says(job, there));
    let copied =
        said.filter_map(|(there, here)| Some(((*here).to_owned(), job.get(*there)?.clone())));
    copied.collect()
}
