//! What an update would change, key by key.

use serde_json::{Map, Value};

use super::{FAILURE_JOB, KEYS, PARENTS};

/// Keys that stay as they are where a file does not mention them: the one is filled in by the server, the other is
/// switched by hand, often while something is wrong.
pub(super) const KEPT: [&str; 2] = ["owner", "disabled"];

/// Keys whose values may hold secrets, which must not end up in the log of whatever calls us.
const SECRET: [&str; 2] = ["env", "remote_properties"];

/// Defaults that are no zero values.
const DEFAULTS: [(&str, &str); 5] = [
    ("run_after", "any"),
    ("children_run", "in_order"),
    ("on_interrupted", "leave"),
    ("overlap", "queue"),
    ("method", "GET"),
];

/// A line for each key that is to change. `name` gives the name of the job that an id or a word of the file means.
pub(super) fn lines(
    old: &Value,
    new: &Map<String, Value>,
    name: &dyn Fn(&str) -> String,
) -> Vec<String> {
    let is_remote = new.get("type").is_some_and(|kind| *kind == 1);
    let keys = KEYS.iter().filter(|key| !["id", "name"].contains(*key));
    let changes = keys.filter_map(|key| {
        let given = new.get(*key);
        if KEPT.contains(key) && given.is_none() || *key == "remote_properties" && !is_remote {
            return None;
        }
        let before = plain(key, &old[*key], name);
        let after = plain(key, given.unwrap_or(&Value::Null), name);
        (before != after).then(|| line(key, &before, &after))
    });
    changes.collect()
}

fn line(key: &str, before: &Value, after: &Value) -> String {
    let show = |value: &Value| match value {
        Value::Null => "(none)".to_owned(),
        value => value.to_string(),
    };
    match SECRET.contains(&key) {
        true => format!("{key}: changes"),
        false => format!("{key}: {} -> {}", show(before), show(after)),
    }
}

/// A value in the one form that equal values have in common: null for a default, names for ids.
fn plain(key: &str, value: &Value, name: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Bool(false) => Value::Null,
        Value::Number(number) if number.as_f64() == Some(0.0) => Value::Null,
        Value::String(text) if text.is_empty() || DEFAULTS.contains(&(key, text)) => Value::Null,
        Value::String(word) if [PARENTS, FAILURE_JOB].contains(&key) => Value::from(name(word)),
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Array(items) => items.iter().map(|item| plain(key, item, name)).collect(),
        Value::Object(map) if key == "env" && !map.is_empty() => value.clone(),
        Value::Object(map) => {
            let members = map
                .iter()
                .map(|(key, value)| (key.clone(), plain(key, value, name)));
            let set: Map<String, Value> = members.filter(|(_, value)| !value.is_null()).collect();
            if set.is_empty() {
                Value::Null
            } else {
                Value::Object(set)
            }
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines_of(old: &Value, new: &Value) -> Vec<String> {
        let name = |word: &str| match word {
            "1" => "one".to_owned(),
            word => word.to_owned(),
        };
        lines(old, new.as_object().unwrap(), &name)
    }

    #[test]
    fn defaults_and_what_is_kept_are_no_difference() {
        let old = json!({
            "command": "true", "owner": "ops", "disabled": true, "overlap": "queue", "retries": 0, "tags": [],
            "env": {}, "parent_jobs": ["1"], "on_failure_job": "", "type": 0, "remote_properties": {"url": ""}
        });
        for new in [
            json!({"command": "true", "parent_jobs": ["one"]}),
            json!({"command": "true", "parent_jobs": ["1"], "retries": null, "tags": null, "overlap": ""}),
            json!({"command": "true", "parent_jobs": ["1"], "owner": "ops", "remote_properties": {"url": "x"}}),
        ] {
            assert_eq!(lines_of(&old, &new), Vec::<String>::new(), "{new}");
        }
    }

    #[test]
    fn differences_are_told_and_secrets_are_not() {
        let old = json!({"command": "a", "retries": 3, "env": {"TOKEN": "x"}, "tags": ["t"], "disabled": true});
        let new = json!({"command": "b", "env": {"TOKEN": "secret"}, "disabled": false});
        assert_eq!(
            lines_of(&old, &new),
            [
                "command: \"a\" -> \"b\"",
                "retries: 3 -> (none)",
                "env: changes",
                "tags: [\"t\"] -> (none)",
                "disabled: true -> (none)"
            ]
        );
        let request =
            |method: &str| json!({"type": 1, "remote_properties": {"url": "u", "method": method}});
        assert_eq!(
            lines_of(&request("GET"), &request("")),
            Vec::<String>::new()
        );
        assert_eq!(
            lines_of(&request("GET"), &request("PUT")),
            ["remote_properties: changes"]
        );
    }
}
