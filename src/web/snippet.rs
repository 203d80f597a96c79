//! A draft of a job as the JSON and the command that would make the same job.

use serde_json::{Map, Value, json};

use crate::job::RemoteRequest;
use crate::job::secret::Secrets;
use crate::job::validate::Draft;

use super::drafts::{children_run, on_interrupted, overlap, run_after};

/// Stands for a value that the viewer may not see.
const SECRET: &str = "\u{2022}\u{2022}\u{2022}";

/// The draft without the values that a viewer who may not change jobs must not see.
pub(super) fn without_secrets(mut draft: Draft) -> Draft {
    for value in draft
        .extras
        .env
        .values_mut()
        .chain(draft.request.headers.values_mut().flatten())
    {
        SECRET.clone_into(value);
    }
    draft.request.url = Secrets::Hidden.url(&draft.request.url).into_owned();
    draft
}

/// What a client would post to make this job: each key that has not its default.
pub(super) fn json(draft: &Draft) -> Value {
    let mut keys = Map::new();
    let mut put = |key: &str, value: Value| {
        let is_default = match &value {
            Value::String(text) => text.is_empty(),
            Value::Bool(on) => !on,
            Value::Number(number) => number.as_u64() == Some(0),
            Value::Array(items) => items.is_empty(),
            Value::Object(items) => items.is_empty(),
            Value::Null => true,
        };
        if !is_default {
            keys.insert(key.to_owned(), value);
        }
    };
    let extras = &draft.extras;
    put("name", json!(draft.name));
    put("command", json!(draft.command));
    if draft.remote {
        put("type", json!(1));
        put("remote_properties", request_json(&draft.request));
    }
    put("owner", json!(draft.owner));
    put("schedule", json!(draft.schedule));
    put("timezone", json!(draft.timezone));
    put("parent_jobs", json!(draft.parents));
    put("on_failure_job", json!(draft.on_failure_job));
    put("retries", json!(draft.retries));
    put("retry_delay", json!(draft.retry_delay));
    put("epsilon", json!(draft.epsilon));
    put("timeout", json!(draft.timeout));
    put("overlap", unless("queue", overlap(draft.overlap)));
    put("run_after", unless("any", run_after(draft.run_after)));
    put(
        "children_run",
        unless("in_order", children_run(draft.children_run)),
    );
    put(
        "on_interrupted",
        unless("leave", on_interrupted(draft.on_interrupted)),
    );
    put(
        "resume_at_next_scheduled_time",
        json!(draft.resume_at_next_scheduled_time),
    );
    put("disabled", json!(draft.disabled));
    put("TemplateDelimiters", json!(extras.template_delimiters));
    put("env", json!(extras.env));
    put("cwd", json!(extras.cwd));
    put("tags", json!(extras.tags));
    put("description", json!(extras.description));
    put("alert_after", json!(extras.alert_after));
    put("alert_on_missed", json!(extras.alert_on_missed));
    Value::Object(keys)
}

fn request_json(request: &RemoteRequest) -> Value {
    json!({
        "url": request.url,
        "method": if request.method.is_empty() { "GET" } else { &request.method },
        "body": request.body,
        "headers": request.headers,
        "timeout": request.timeout_secs,
        "expected_response_codes": request.expected_response_codes,
    })
}

/// The command that posts this job to the server at `host`.
pub(super) fn curl(draft: &Draft, host: &str) -> String {
    let json = format!("{:#}", json(draft)).replace('\'', "'\\''");
    let host: String = host
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(*c))
        .collect();
    format!("curl -X POST http://{host}/api/v1/job/ -d '{json}'")
}

fn unless(default: &str, word: &str) -> Value {
    json!(if word == default { "" } else { word })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_what_is_not_default() {
        let mut draft = Draft {
            name: "it's".to_owned(),
            command: "true".to_owned(),
            ..Draft::default()
        };
        draft
            .extras
            .env
            .insert("TOKEN".to_owned(), "secret".to_owned());
        assert_eq!(
            json(&draft),
            json!({"name": "it's", "command": "true", "env": {"TOKEN": "secret"}})
        );
        let curl = curl(&without_secrets(draft), "127.0.0.1:8000'; rm");
        assert!(
            curl.starts_with("curl -X POST http://127.0.0.1:8000rm/api/v1/job/ -d '{"),
            "{curl}"
        );
        assert!(
            curl.contains("it'\\''s") && !curl.contains("secret"),
            "{curl}"
        );
    }
}
