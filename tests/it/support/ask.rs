//! What the stories ask of a server again and again: how a job's runs went, and what its commands left behind.

use std::fs;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Response, Server, wait_until};

/// A command that waits until the test makes the file `go`, and goes away by itself if the test has died.
pub(crate) const HOLD: &str =
    "n=0; while [ ! -e go ] && [ $n -lt 2000 ]; do sleep 0.03; n=$((n+1)); done";

/// The zero time of the API: it has not come about.
pub(crate) const NEVER: &str = "0001-01-01T00:00:00Z";

impl Server {
    /// Whether it works on its job database, and can.
    pub(crate) fn is_ready(&self) -> bool {
        self.get("/readyz").status == 200
    }

    /// Waits until it works on its job database.
    pub(crate) fn await_ready(&self) {
        wait_until("the server is ready", || self.is_ready());
    }

    /// Starts a job and gives the path of its run, without waiting for its end.
    #[track_caller]
    pub(crate) fn begin(&self, id: &str) -> String {
        let path = format!("/api/v1/job/start/{id}/?wait=false");
        let started = self.post(&path, &json!({})).expect(204);
        started.header("Location").expect("the run").to_owned()
    }

    #[track_caller]
    pub(crate) fn disable(&self, id: &str) {
        self.post(&format!("/api/v1/job/disable/{id}/"), &json!({}))
            .expect(204);
    }

    #[track_caller]
    pub(crate) fn enable(&self, id: &str) {
        self.post(&format!("/api/v1/job/enable/{id}/"), &json!({}))
            .expect(204);
    }

    #[track_caller]
    pub(crate) fn pause(&self) {
        self.post("/api/v1/pause/", &json!({})).expect(204);
    }

    #[track_caller]
    pub(crate) fn resume(&self) {
        self.post("/api/v1/resume/", &json!({})).expect(204);
    }

    #[track_caller]
    pub(crate) fn remove(&self, id: &str) {
        self.delete(&format!("/api/v1/job/{id}/")).expect(204);
    }

    /// Changes some keys of a job.
    pub(crate) fn patch(&self, id: &str, keys: &Value) -> Response {
        let path = format!("/api/v1/job/{id}/");
        self.request("PATCH", &path, Some(&keys.to_string()))
    }

    /// The job's history, oldest first, what is in progress last.
    #[track_caller]
    pub(crate) fn history(&self, id: &str) -> Vec<Value> {
        let path = format!("/api/v1/job/{id}/runs/?limit=1000");
        let mut answer = self.get(&path).expect(200).json();
        let mut entries = match answer["runs"].take() {
            Value::Array(entries) => entries,
            other => panic!("no list of runs: {other}"),
        };
        entries.reverse();
        entries
    }

    /// The history's outcomes, oldest first; of a run in progress `"running"`.
    #[track_caller]
    pub(crate) fn outcomes(&self, id: &str) -> Vec<String> {
        let entries = self.history(id);
        let outcome = |entry: &Value| entry["outcome"].as_str().unwrap_or("running").to_owned();
        entries.iter().map(outcome).collect()
    }

    /// A figure of a job.
    #[track_caller]
    pub(crate) fn figure(&self, id: &str, key: &str) -> u64 {
        let job = self.job(id);
        job[key].as_u64().unwrap_or_else(|| panic!("{key}: {job}"))
    }

    /// Waits until a job's figure has come to a value.
    #[track_caller]
    pub(crate) fn await_figure(&self, id: &str, key: &str, value: u64) {
        wait_until(&format!("{key} is {value}"), || {
            self.figure(id, key) == value
        });
    }

    /// Waits until nothing of a job is left to run.
    #[track_caller]
    pub(crate) fn await_done(&self, id: &str) {
        wait_until("the job is done", || self.job(id)["is_done"] == true);
    }

    /// The lines of a file in the server's directory, none where there is no such file.
    pub(crate) fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.dir().join(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until a file in the server's directory has so many lines.
    pub(crate) fn await_lines(&self, file: &str, count: usize) -> Vec<String> {
        wait_until(&format!("{file} has {count} lines"), || {
            self.lines(file).len() >= count
        });
        self.lines(file)
    }

    /// Lets those go on that [`HOLD`].
    pub(crate) fn go(&self) {
        fs::write(self.dir().join("go"), "").expect("a file in our directory");
    }
}

/// An instant of an answer.
#[track_caller]
pub(crate) fn time(value: &Value) -> DateTime<Utc> {
    let text = value.as_str().unwrap_or_else(|| panic!("no time: {value}"));
    let parsed = DateTime::parse_from_rfc3339(text);
    parsed
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .to_utc()
}

/// A start for a schedule, so many milliseconds from now.
pub(crate) fn start_in(millis: i64) -> String {
    let at = Utc::now() + TimeDelta::milliseconds(millis);
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Waits until the clock shows `at`.
pub(crate) fn await_time(at: DateTime<Utc>) {
    while Utc::now() < at {
        let left = (at - Utc::now()).to_std().unwrap_or_default();
        std::thread::sleep(left.max(Duration::from_millis(1)));
    }
}

/// Asserts that each occurrence of a grid up to the last one in a history stands there exactly once: as a run, or
/// counted among those that never became one. Gives the instant of that last one.
#[track_caller]
pub(crate) fn assert_accounted(history: &[Value], step: TimeDelta) -> DateTime<Utc> {
    let with_occurrence = history
        .iter()
        .filter(|entry| entry["scheduled_at"] != NEVER);
    let entries: Vec<&Value> = with_occurrence.collect();
    let first = entries.iter().map(|entry| time(&entry["scheduled_at"]));
    let first = first.min().expect("an occurrence");
    let last_of = |entry: &&Value| match &entry["last_scheduled_at"] {
        Value::Null => time(&entry["scheduled_at"]),
        last => time(last),
    };
    let last = entries.iter().map(last_of).max().expect("an occurrence");
    let mut counted = 0;
    let mut runs = Vec::new();
    for entry in &entries {
        match entry["count"].as_i64() {
            Some(count) => counted += count,
            None => runs.push(time(&entry["scheduled_at"])),
        }
    }
    let nanos = |delta: TimeDelta| delta.num_nanoseconds().expect("less than 292 years");
    for at in &runs {
        assert_eq!(nanos(*at - first) % nanos(step), 0, "{at} is off the grid");
    }
    let number = runs.len();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), number, "an occurrence ran twice: {history:#?}");
    let all = nanos(last - first) / nanos(step) + 1;
    assert_eq!(number as i64 + counted, all, "{history:#?}");
    last
}
