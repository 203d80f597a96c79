//! `key=value` words: the keys of a job, typed in a shell.
//!
//! Which keys there are and what they may hold is the server's business, which names the nearest known one of a typo.
//! Here only the form is decided: text as it is, numbers, truths, lists and objects as JSON, lists of texts also with
//! commas, and other jobs by their names.

use serde_json::{Map, Value};

use crate::cli::CliError;
use crate::cli::select::{find, text};
use crate::client::Client;

/// Keys whose values are no text.
const JSON_KEYS: [&str; 9] = [
    "type",
    "retries",
    "disabled",
    "resume_at_next_scheduled_time",
    "remote_properties",
    "env",
    "alert_after",
    "alert_on_missed",
    "tags",
];

/// The keys that the words give.
pub(super) fn read(client: &Client, words: &[String]) -> Result<Map<String, Value>, CliError> {
    let mut keys = Map::new();
    for word in words {
        let Some((key, value)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(CliError::Usage(format!(
                "{word:?} is no key=value; expected words such as schedule='30 2 * * *' or retries=3"
            )));
        };
        let value = match key.to_ascii_lowercase().as_str() {
            "parent_jobs" => Value::Array(
                items(value)
                    .map(|job| id(client, job))
                    .collect::<Result<_, _>>()?,
            ),
            "on_failure_job" if !value.is_empty() => id(client, value)?,
            lower if JSON_KEYS.contains(&lower) => json(lower, value),
            _ => Value::from(value),
        };
        keys.insert(key.to_owned(), value);
    }
    Ok(keys)
}

fn json(key: &str, value: &str) -> Value {
    match serde_json::from_str(value) {
        Ok(json) => json,
        Err(_) if key == "tags" => items(value).map(Value::from).collect(),
        // The server says what it expects.
        Err(_) => Value::from(value),
    }
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

fn id(client: &Client, job: &str) -> Result<Value, CliError> {
    Ok(Value::from(text(&find(client, job)?, "id")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::Url;

    fn read(words: &[&str]) -> Result<Value, CliError> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let client = Client::new(&Url::default(), None);
        super::read(&client, &words).map(Value::Object)
    }

    #[test]
    fn what_the_api_takes_as_text_is_text() {
        let document = include_str!("../../api/openapi.json");
        let document: Value = serde_json::from_str(document).unwrap();
        let keys = &document["components"]["schemas"]["JobKeys"]["properties"];
        for (key, schema) in keys.as_object().unwrap() {
            let kind = &schema["type"];
            let is_text = kind == "string" || kind[0] == "string";
            let is_known = JSON_KEYS.contains(&key.as_str()) || key == "parent_jobs";
            assert_ne!(is_text, is_known, "{key}");
        }
    }

    #[test]
    fn ok_words() {
        for (word, key) in [
            ("command=echo a=b", json!({"command": "echo a=b"})),
            ("command=7", json!({"command": "7"})),
            ("retries=3", json!({"retries": 3})),
            ("retries=three", json!({"retries": "three"})),
            ("disabled=true", json!({"disabled": true})),
            ("tags=a, b,", json!({"tags": ["a", "b"]})),
            ("tags=[\"a,b\"]", json!({"tags": ["a,b"]})),
            ("env={\"A\":\"1\"}", json!({"env": {"A": "1"}})),
            ("parent_jobs=", json!({"parent_jobs": []})),
            ("on_failure_job=", json!({"on_failure_job": ""})),
            ("shedule=@daily", json!({"shedule": "@daily"})),
        ] {
            assert_eq!(read(&[word]), Ok(key), "{word}");
        }
    }

    #[test]
    fn err_words() {
        for word in ["", "command", "=x"] {
            let error = read(&[word]).expect_err(word).to_string();
            assert!(error.contains("expected words such as"), "{error}");
        }
    }
}
