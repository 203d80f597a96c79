//! Jobs as files describe them, and the way from a server's jobs to these: for `apply`, `validate` and `import`.
//!
//! Files name jobs by their names and know no ids: the same files make the same jobs on any server, and applied twice
//! they change nothing.

pub(super) mod difference;
pub(super) mod file;
mod order;
pub(super) mod plan;

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value};

use crate::api::wire::JobKeys;
use crate::clock;
use crate::job::validate::{self, Draft};
use crate::job::{JobId, JobSpec};
use crate::schedule::Zone;

/// Keys that define a job; the others are what the server says of it.
pub(super) const KEYS: [&str; 27] = [
    "name",
    "command",
    "type",
    "remote_properties",
    "owner",
    "schedule",
    "timezone",
    PARENTS,
    "run_after",
    "children_run",
    FAILURE_JOB,
    "retries",
    "on_interrupted",
    "retry_delay",
    "epsilon",
    "timeout",
    "overlap",
    "resume_at_next_scheduled_time",
    "TemplateDelimiters",
    "env",
    "cwd",
    "tags",
    "description",
    "disabled",
    "alert_after",
    "alert_on_missed",
    "id",
];

/// Keys that name other jobs.
pub(super) const PARENTS: &str = "parent_jobs";
/// See [`PARENTS`].
pub(super) const FAILURE_JOB: &str = "on_failure_job";

/// What only the server says; whole jobs from an export have it too.
pub(super) const SERVER_KEYS: [&str; 18] = [
    "dependent_jobs",
    "next_run_at",
    "success_count",
    "last_success",
    "error_count",
    "last_error",
    "last_attempted_run",
    "metadata",
    "is_done",
    "stats",
    "running",
    "missed_count",
    "skipped_count",
    "failures_in_a_row",
    "created_at",
    "updated_at",
    "number_of_finished_runs",
    "runs",
];

/// A job as a file wants it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    /// Its name, by which it is found on the server.
    pub(super) name: String,
    /// The id that it had where it was exported, by which others in the file may name it.
    pub(super) id: String,
    /// Whether it was done there: to create it would run it once more.
    pub(super) is_done: bool,
    /// Its keys, spelled as the server does.
    pub(super) keys: Map<String, Value>,
    /// Where it stands, for messages.
    pub(super) whence: String,
}

impl Wanted {
    /// A job from an object of a file or of another server.
    ///
    /// # Errors
    /// When it is not right in itself; other jobs that it names are not looked for.
    pub(super) fn read(object: &Map<String, Value>, whence: &str) -> Result<Wanted, String> {
        let mut keys = Map::new();
        let mut is_done = false;
        for (key, value) in object {
            let known = |known: &&&str| known.eq_ignore_ascii_case(key);
            if let Some(known) = KEYS.iter().find(known) {
                keys.insert((*known).to_owned(), value.clone());
            } else if !SERVER_KEYS.iter().any(|server| known(&server)) {
                // It stays, for the check to name the nearest known one.
                keys.insert(key.clone(), value.clone());
            } else if key.eq_ignore_ascii_case("is_done") {
                is_done = *value == true;
            }
        }
        let text = |key: &str| {
            let value = keys.get(key).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let (name, id) = (text("name"), text("id"));
        keys.remove("id");
        let wanted = Wanted {
            name,
            id,
            is_done,
            keys,
            whence: whence.to_owned(),
        };
        match wanted.check() {
            Ok(()) => Ok(wanted),
            Err(why) => Err(format!("{}: {why}", wanted.title())),
        }
    }

    /// Where it stands and what it is called.
    pub(super) fn title(&self) -> String {
        format!("{}: job {:?}", self.whence, self.name)
    }

    /// The jobs that it names, in words of the file: names or ids.
    pub(super) fn references(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let parents = self.keys.get(PARENTS).and_then(Value::as_array);
        let parents = parents.into_iter().flatten().filter_map(Value::as_str);
        let failure = self.keys.get(FAILURE_JOB).and_then(Value::as_str);
        let failure = failure.filter(|word| !word.is_empty());
        parents
            .map(|word| (PARENTS, word))
            .chain(failure.map(|word| (FAILURE_JOB, word)))
    }

    /// The job as the server would take it, with ids in the place of the names of other jobs.
    ///
    /// # Errors
    /// When a key of it is not right.
    pub(super) fn spec(&self, id_of: impl Fn(&str) -> JobId) -> Result<JobSpec, String> {
        let mut keys = self.keys.clone();
        let put_id = |word: &mut String| *word = id_of(word).to_string();
        if let Some(Value::Array(parents)) = keys.get_mut(PARENTS) {
            let words = parents.iter_mut().filter_map(|word| match word {
                Value::String(word) => Some(word),
                _ => None,
            });
            words.for_each(put_id);
        }
        if let Some(Value::String(job)) = keys.get_mut(FAILURE_JOB)
            && !job.is_empty()
        {
            put_id(job);
        }
        let body = Value::Object(keys).to_string();
        let read = JobKeys::parse(body.as_bytes()).and_then(|keys| keys.apply(Draft::default()));
        read.map_err(|why| why.0)?.check().map_err(|why| why.0)
    }

    /// All checks of the server that need no other job.
    fn check(&self) -> Result<(), String> {
        let spec = self.spec(id_of_name)?;
        if spec.parents.is_empty() && !spec.schedule().is_empty() {
            validate::schedule(&spec, Zone::UTC, clock::now()).map_err(|why| why.0)?;
        }
        Ok(())
    }
}

/// An id for the job of that name, the same each time, for jobs that no server knows.
pub(super) fn id_of_name(name: &str) -> JobId {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    JobId(uuid::Uuid::from_u64_pair(
        hasher.finish(),
        name.len() as u64,
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    pub(super) fn wanted(job: &Value) -> Result<Wanted, String> {
        Wanted::read(job.as_object().expect("an object"), "file")
    }

    #[test]
    fn keys_are_those_of_the_api() {
        let document = include_str!("../../api/openapi.json");
        let document: Value = serde_json::from_str(document).unwrap();
        let schemas = &document["components"]["schemas"];
        let keys = |schema: &Value| -> BTreeSet<String> {
            let keys = schema["properties"].as_object().unwrap().keys();
            keys.cloned().collect()
        };
        let known = KEYS.iter().filter(|key| **key != "id");
        let known: BTreeSet<String> = known.map(|key| (*key).to_owned()).collect();
        assert_eq!(known, keys(&schemas["JobKeys"]));
        for key in keys(&schemas["Job"]["allOf"][1]) {
            let known = key == "id" || SERVER_KEYS.contains(&key.as_str());
            assert!(known, "{key}");
        }
    }

    #[test]
    fn ok_jobs() {
        let job = json!({
            "Name": "x", "COMMAND": "true", "id": "1", "is_done": true, "stats": null, "metadata": {},
            "parent_jobs": ["a", "b"], "on_failure_job": "c", "templatedelimiters": ""
        });
        let read = wanted(&job).unwrap();
        assert_eq!((&*read.name, &*read.id, read.is_done), ("x", "1", true));
        assert_eq!(
            Value::Object(read.keys.clone()),
            json!({"name": "x", "command": "true", "parent_jobs": ["a", "b"], "on_failure_job": "c", "TemplateDelimiters": ""})
        );
        let references: Vec<_> = read.references().collect();
        assert_eq!(
            references,
            [(PARENTS, "a"), (PARENTS, "b"), (FAILURE_JOB, "c")]
        );
    }

    #[test]
    fn err_jobs() {
        for (job, why) in [
            (json!({"command": "true"}), "file: job \"\": name"),
            (json!({"name": "x"}), "command"),
            (
                json!({"name": "x", "command": "true", "shedule": "@daily"}),
                "did you mean \"schedule\"?",
            ),
            (
                json!({"name": "x", "command": "true", "schedule": "every day"}),
                "schedule: ",
            ),
            (
                json!({"name": "x", "command": "true", "retries": -1}),
                "retries",
            ),
            (
                json!({"name": "x", "command": "true", "parent_jobs": [7]}),
                "parent_jobs",
            ),
            (
                json!({"name": "x", "command": "true", "parent_jobs": ["a"], "schedule": "@daily"}),
                "schedule",
            ),
        ] {
            let error = wanted(&job).expect_err("a refusal");
            assert!(error.contains(why), "{job}: {error}");
        }
    }
}
