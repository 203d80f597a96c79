//! A job's keys as clients write them, into a [`Draft`].
//!
//! Clients post whole jobs back as they got them, Kala's Go client with zero values for what it does not know; so null
//! and zero values are defaults, and what only the server sets is accepted and ignored.

use serde_json::Value;

use super::input::{BadBody, Field, Key, Object, key, put};
use super::words;
use crate::config;
use crate::job::RemoteRequest;
use crate::job::validate::Draft;

/// The keys of a job that a request gives, all or only some of them.
#[derive(Clone, Debug)]
pub struct JobKeys(Object);

impl JobKeys {
    /// Parses a request's body: a job, or a job under the key `job` as GET answers it.
    ///
    /// # Errors
    /// When it is not a JSON object.
    pub fn parse(body: &[u8]) -> Result<JobKeys, BadBody> {
        const EXAMPLE: &str =
            r#"{"name": "backup", "command": "/usr/local/bin/backup", "schedule": "R//PT1H"}"#;
        Object::parse(body, EXAMPLE).map(|object| JobKeys(object.unwrapped("job")))
    }

    /// The keys in an object.
    pub(super) fn of(object: Object) -> JobKeys {
        JobKeys(object)
    }

    /// `draft` with what is given here; the rest stays.
    ///
    /// # Errors
    /// Names the key that is unknown or has a value of the wrong type.
    pub fn apply(&self, draft: Draft) -> Result<Draft, BadBody> {
        let mut target = Target {
            draft,
            request: None,
        };
        self.0.fill(&mut target, JOB, "")?;
        let Target { mut draft, request } = target;
        // Read last, and only for the type that it concerns: that may have been given after it.
        if let (true, Some(object)) = (draft.remote, request) {
            let mut request = RemoteRequest::default();
            object?.fill(&mut request, REMOTE, "remote_properties.")?;
            draft.request = request;
        }
        Ok(draft)
    }
}

struct Target {
    draft: Draft,
    request: Option<Result<Object, BadBody>>,
}

const JOB: &[Key<Target>] = &[
    key("name", r#""backup""#, |t, f| {
        put(&mut t.draft.name, f.text())
    }),
    key("command", r#""/usr/local/bin/backup --all""#, |t, f| {
        put(&mut t.draft.command, f.text())
    }),
    key("type", "1", |t, f| put(&mut t.draft.remote, job_type(f))),
    key(
        "remote_properties",
        r#"{"url": "https://example.com/hook"}"#,
        |t, f| {
            t.request = Some(f.object());
            Ok(())
        },
    ),
    key("owner", r#""ops@example.com""#, |t, f| {
        put(&mut t.draft.owner, f.text())
    }),
    key("schedule", r#""R/2030-01-01T00:00:00Z/PT1H""#, |t, f| {
        put(&mut t.draft.schedule, f.text())
    }),
    key("timezone", r#""Europe/Berlin""#, |t, f| {
        put(&mut t.draft.timezone, f.text())
    }),
    key("parent_jobs", IDS, |t, f| {
        put(&mut t.draft.parents, f.texts())
    }),
    key("run_after", r#""all""#, |t, f| {
        put(&mut t.draft.run_after, f.word(words::RUN_AFTER))
    }),
    key("children_run", r#""together""#, |t, f| {
        put(&mut t.draft.children_run, f.word(words::CHILDREN_RUN))
    }),
    key("on_failure_job", ID, |t, f| {
        put(&mut t.draft.on_failure_job, f.text())
    }),
    key("retries", "3", |t, f| {
        put(&mut t.draft.retries, f.count(config::RETRIES_MAX))
    }),
    key("on_interrupted", r#""retry""#, |t, f| {
        put(&mut t.draft.on_interrupted, f.word(words::ON_INTERRUPTED))
    }),
    key("retry_delay", SPAN, |t, f| {
        put(&mut t.draft.retry_delay, f.text())
    }),
    key("epsilon", SPAN, |t, f| put(&mut t.draft.epsilon, f.text())),
    key("timeout", SPAN, |t, f| put(&mut t.draft.timeout, f.text())),
    key("overlap", r#""skip""#, |t, f| {
        put(&mut t.draft.overlap, f.word(words::OVERLAP))
    }),
    key("resume_at_next_scheduled_time", "true", |t, f| {
        put(&mut t.draft.resume_at_next_scheduled_time, f.flag())
    }),
    key("TemplateDelimiters", r#""{{ }}""#, |t, f| {
        put(&mut t.draft.extras.template_delimiters, f.text())
    }),
    key("env", r#"{"BACKUP_DIR": "/srv"}"#, |t, f| {
        put(
            &mut t.draft.extras.env,
            f.entries("an object of strings", text),
        )
    }),
    key("cwd", r#""/srv""#, |t, f| {
        put(&mut t.draft.extras.cwd, f.text())
    }),
    key("tags", r#"["nightly"]"#, |t, f| {
        put(&mut t.draft.extras.tags, f.texts())
    }),
    key("description", r#""saves the database""#, |t, f| {
        put(&mut t.draft.extras.description, f.text())
    }),
    key("alert_after", "3", |t, f| {
        put(&mut t.draft.extras.alert_after, f.count(u32::MAX))
    }),
    key("alert_on_missed", "true", |t, f| {
        put(&mut t.draft.extras.alert_on_missed, f.flag())
    }),
    key("disabled", "true", |t, f| {
        put(&mut t.draft.disabled, f.flag())
    }),
    only_server("id"),
    only_server("dependent_jobs"),
    only_server("next_run_at"),
    only_server("success_count"),
    only_server("last_success"),
    only_server("error_count"),
    only_server("last_error"),
    only_server("last_attempted_run"),
    only_server("metadata"),
    only_server("is_done"),
    only_server("stats"),
    only_server("running"),
    only_server("missed_count"),
    only_server("skipped_count"),
    only_server("failures_in_a_row"),
    only_server("created_at"),
    only_server("updated_at"),
];

const REMOTE: &[Key<RemoteRequest>] = &[
    key("url", r#""https://example.com/hook""#, |r, f| {
        put(&mut r.url, f.text())
    }),
    key("method", r#""POST""#, |r, f| put(&mut r.method, f.text())),
    key("body", r#""{}""#, |r, f| put(&mut r.body, f.text())),
    key("headers", r#"{"X-Token": ["a", "b"]}"#, |r, f| {
        put(
            &mut r.headers,
            f.entries("an object of lists of strings", texts),
        )
    }),
    key("timeout", "30", |r, f| {
        put(&mut r.timeout_secs, f.count(u32::MAX))
    }),
    key("expected_response_codes", "[200, 204]", |r, f| {
        put(&mut r.expected_response_codes, f.numbers())
    }),
];

const ID: &str = r#""93b65499-b211-49ce-57e0-19e735cc5abd""#;
const IDS: &str = r#"["93b65499-b211-49ce-57e0-19e735cc5abd"]"#;
const SPAN: &str = r#""PT30S""#;

/// A key that the server sets: accepted in whatever form, and ignored.
const fn only_server(name: &'static str) -> Key<Target> {
    key(name, "", |_, _| Ok(()))
}

fn job_type(field: &Field<'_>) -> Result<bool, BadBody> {
    match field.value() {
        Value::Null => Ok(false),
        value if *value == 0 => Ok(false),
        value if *value == 1 => Ok(true),
        _ => Err(field.must_be("0 (a command) or 1 (an HTTP request)")),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Null => Some(Vec::new()),
        value => value.as_array()?.iter().map(text).collect(),
    }
}
