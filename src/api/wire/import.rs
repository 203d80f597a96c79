//! Whole jobs as another server, this one at another time, or Kala shows them: what they are, and how they went.
//!
//! Taken is what GET answers: `{"jobs": {id: job}}`, `{"job": job}`, a job, a list of them, or any of that one after the
//! other, a line each. Keys that define a job are read as for every other job; those that only a server sets, and that a
//! create ignores, count here.

use serde_json::Value;

use super::bodies::instant;
use super::input::{BadBody, Field, Key, Object, key, put};
use super::past::PastRun;
use super::{JobKeys, past};
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::job::run::Figures;

/// A job in a request to import it.
#[derive(Clone, Debug)]
pub struct ImportKeys {
    /// What defines it.
    pub keys: JobKeys,
    /// What a server says of it.
    pub seen: Seen,
}

/// What a server says of a job.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Its id there, if it is told.
    pub id: Option<JobId>,
    /// Its children in order.
    pub children: Vec<JobId>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Its next occurrence.
    pub next_run_at: Option<Timestamp>,
    /// Whether no occurrence was left.
    pub is_done: bool,
    /// Its counters.
    pub figures: Figures,
    /// Its history.
    pub runs: Vec<PastRun>,
}

/// The jobs in a body.
///
/// # Errors
/// When it is not JSON, or something in it is no job; says which.
pub fn parse_import(body: &[u8]) -> Result<Vec<ImportKeys>, BadBody> {
    if body.trim_ascii().is_empty() {
        return Err(BadBody(
            "the body is empty: send what GET /api/v1/job/ answers, or a job a line".to_owned(),
        ));
    }
    let mut jobs = Vec::new();
    for value in serde_json::Deserializer::from_slice(body).into_iter::<Value>() {
        let value = value.map_err(|why| {
            BadBody(format!(
                "the body is not JSON: {why}; send what GET /api/v1/job/ answers, or a job a line"
            ))
        })?;
        collect(value, &mut jobs);
    }
    let jobs = jobs.into_iter().enumerate();
    jobs.map(|(place, job)| {
        let named = format!("job {} {}", place + 1, job["name"]);
        read(job).map_err(|why| BadBody(format!("{named}: {}", why.0)))
    })
    .collect()
}

/// The jobs in a value, in order.
fn collect(value: Value, jobs: &mut Vec<Value>) {
    match value {
        Value::Array(list) => list.into_iter().for_each(|job| collect(job, jobs)),
        Value::Object(mut object) => {
            if let Some(Value::Object(by_id)) = object.get_mut("jobs") {
                jobs.extend(std::mem::take(by_id).into_iter().map(|(_, job)| job));
            } else if object.contains_key("jobs") && object["jobs"].is_array() {
                collect(object["jobs"].take(), jobs);
            } else if object.len() == 1 && object.get("job").is_some_and(Value::is_object) {
                jobs.push(object["job"].take());
            } else {
                jobs.push(Value::Object(object));
            }
        }
        other => jobs.push(other),
    }
}

fn read(job: Value) -> Result<ImportKeys, BadBody> {
    let Value::Object(job) = job else {
        return Err(BadBody("it is no object".to_owned()));
    };
    let mut reading = Reading::default();
    let (figures, rest) = Object::from(job).split(FIGURES);
    figures.fill(&mut reading.seen.figures, FIGURES, "")?;
    let (seen, keys) = rest.split(SEEN);
    seen.fill(&mut reading, SEEN, "")?;
    let mut seen = reading.seen;
    // Kala knows its runs under another key, and less of them.
    if seen.runs.is_empty() {
        seen.runs = reading.stats;
    }
    Ok(ImportKeys {
        keys: JobKeys::of(keys),
        seen,
    })
}

#[derive(Default)]
struct Reading {
    seen: Seen,
    stats: Vec<PastRun>,
}

const SEEN: &[Key<Reading>] = &[
    key("id", ID, |r, f| put(&mut r.seen.id, id(f))),
    key("dependent_jobs", IDS, |r, f| {
        put(&mut r.seen.children, ids(f))
    }),
    key("created_at", TIME, |r, f| {
        put(&mut r.seen.created_at, time(f))
    }),
    key("next_run_at", TIME, |r, f| {
        put(&mut r.seen.next_run_at, time(f))
    }),
    key("is_done", "true", |r, f| put(&mut r.seen.is_done, f.flag())),
    key("metadata", r#"{"success_count": 1}"#, |r, f| {
        f.object()?.fill(&mut r.seen.figures, FIGURES, "metadata.")
    }),
    key("runs", RUNS, |r, f| put(&mut r.seen.runs, past::runs(f))),
    key("stats", "null", |r, f| put(&mut r.stats, past::stats(f))),
];

const FIGURES: &[Key<Figures>] = &[
    key("success_count", "1", |s, f| {
        put(&mut s.success_count, f.whole())
    }),
    key("last_success", TIME, |s, f| {
        put(&mut s.last_success, time(f))
    }),
    key("error_count", "1", |s, f| {
        put(&mut s.error_count, f.whole())
    }),
    key("last_error", TIME, |s, f| put(&mut s.last_error, time(f))),
    key("last_attempted_run", TIME, |s, f| {
        put(&mut s.last_attempted_run, time(f))
    }),
    key("number_of_finished_runs", "1", |s, f| {
        put(&mut s.finished_runs, f.whole())
    }),
    key("missed_count", "1", |s, f| {
        put(&mut s.missed_count, f.whole())
    }),
    key("skipped_count", "1", |s, f| {
        put(&mut s.skipped_count, f.whole())
    }),
    key("failures_in_a_row", "1", |s, f| {
        put(&mut s.failures_in_a_row, f.count(u32::MAX))
    }),
];

const ID: &str = r#""93b65499-b211-49ce-57e0-19e735cc5abd""#;
const IDS: &str = r#"["93b65499-b211-49ce-57e0-19e735cc5abd"]"#;
pub(super) const TIME: &str = r#""2027-01-04T09:00:00Z""#;
const RUNS: &str = r#"[{"outcome": "succeeded", "started_at": "2027-01-04T09:00:00Z"}]"#;

fn id(field: &Field<'_>) -> Result<Option<JobId>, BadBody> {
    let text = field.text()?;
    match text.as_str() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| field.must_be("an id")),
    }
}

fn ids(field: &Field<'_>) -> Result<Vec<JobId>, BadBody> {
    let ids = field.texts()?;
    let ids: Result<Vec<JobId>, _> = ids.iter().map(|id| id.parse()).collect();
    ids.map_err(|_| field.must_be("a list of ids"))
}

/// A time; none for the zero time, which stands for one that has not come about.
pub(super) fn time(field: &Field<'_>) -> Result<Option<Timestamp>, BadBody> {
    match field.text()?.as_str() {
        "" => Ok(None),
        text => match instant(text) {
            Some(Timestamp::MIN) => Ok(None),
            Some(at) => Ok(Some(at)),
            None => Err(field.must_be("a time with its offset (RFC 3339)")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_bodies() {
        let job = r#"{"name":"a","command":"true"}"#;
        for (body, count) in [
            (job.to_owned(), 1),
            (format!("{job}\n{job}\n"), 2),
            (format!("[{job},{job}]"), 2),
            (format!(r#"{{"job":{job}}}"#), 1),
            (format!(r#"{{"jobs":{{"1":{job},"2":{job}}}}}"#), 2),
            (format!(r#"{{"jobs":[{job}]}} {{"jobs":{{}}}}"#), 1),
            ("[]".to_owned(), 0),
        ] {
            assert_eq!(
                parse_import(body.as_bytes()).unwrap().len(),
                count,
                "{body}"
            );
        }
    }

    #[test]
    fn what_a_server_says_counts() {
        let body = r#"{"name":"a","command":"true","ID":"93b65499-b211-49ce-57e0-19e735cc5abd","dependent_jobs":null,
            "created_at":"2026-01-01T00:00:00Z","next_run_at":"0001-01-01T00:00:00Z","is_done":true,"success_count":5,
            "metadata":{"success_count":5,"number_of_finished_runs":7},"failures_in_a_row":2,"running":1,"updated_at":""}"#;
        let [job] = &parse_import(body.as_bytes()).unwrap()[..] else {
            panic!("one job")
        };
        let seen = &job.seen;
        assert!(seen.id.is_some() && seen.is_done && seen.next_run_at.is_none());
        assert_eq!(
            seen.created_at,
            Some(Timestamp::from_unix(1_767_225_600, 0))
        );
        let figures = &seen.figures;
        assert_eq!(
            (
                figures.success_count,
                figures.finished_runs,
                figures.failures_in_a_row
            ),
            (5, 7, 2)
        );
        let draft = job.keys.apply(crate::job::validate::Draft::default());
        assert_eq!(draft.unwrap().name, "a");
    }

    #[test]
    fn err_bodies() {
        for (body, why) in [
            ("", "the body is empty"),
            ("{}", "job 1 null: name is missing"),
            ("{", "the body is not JSON"),
            ("[1]", "job 1 null: it is no object"),
            (r#"{"name":"a","id":"x"}"#, "job 1 \"a\": id must be an id"),
            (
                r#"{"name":"a","created_at":7}"#,
                "created_at must be a string",
            ),
            (
                r#"{"name":"a","success_count":-1}"#,
                "success_count must be a whole number",
            ),
            (
                r#"{"name":"a","runs":[{"outcome":"well"}]}"#,
                "runs.outcome must be one of",
            ),
            (r#"{"name":"a","runs":{}}"#, "runs must be a list of runs"),
        ] {
            let error = match parse_import(body.as_bytes()) {
                Err(error) => error.0,
                // What defines a job is looked at with those that need no import.
                Ok(jobs) => {
                    let draft = jobs[0].keys.apply(crate::job::validate::Draft::default());
                    format!("job 1 null: {}", draft.unwrap().check().unwrap_err())
                }
            };
            assert!(error.contains(why), "{body}: {error}");
        }
    }
}
