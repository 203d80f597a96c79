//! Files of jobs: JSON in any of the forms that the API answers with, a job a line, or TOML with a table `[[job]]` each.

use std::fs::File;
use std::io::{Read, stdin};

use serde_json::{Deserializer, Value};

use super::Wanted;
use crate::cli::CliError;
use crate::config;

/// The text of a file; `-` is the standard input.
pub(in crate::cli) fn text(path: &str) -> Result<String, CliError> {
    let failed =
        |why: &dyn std::fmt::Display| CliError::Failed(format!("cannot read {path}: {why}"));
    let reader: Box<dyn Read> = match path {
        "-" => Box::new(stdin().lock()),
        _ => Box::new(File::open(path).map_err(|why| failed(&why))?),
    };
    let mut text = String::new();
    let max = config::CLIENT_FILE_BYTES_MAX;
    let read = reader.take(max + 1).read_to_string(&mut text);
    match read {
        Ok(bytes) if bytes as u64 > max => Err(failed(&format!("it is larger than {max} bytes"))),
        Ok(_) => Ok(text),
        Err(why) => Err(failed(&why)),
    }
}

/// The jobs of all these files.
///
/// # Errors
/// Names every job that is not right, so that one look at the files is enough.
pub(in crate::cli) fn read(paths: &[String]) -> Result<Vec<Wanted>, CliError> {
    if paths.is_empty() {
        return Err(CliError::Usage(
            "no file is given: name one, or - for the standard input".into(),
        ));
    }
    let (mut wanted, mut faults) = (Vec::new(), Vec::new());
    for path in paths {
        parse(path, &text(path)?, &mut wanted, &mut faults);
    }
    match faults.is_empty() {
        true => Ok(wanted),
        false => Err(CliError::Failed(faults.join("\n"))),
    }
}

fn parse(path: &str, text: &str, wanted: &mut Vec<Wanted>, faults: &mut Vec<String>) {
    let objects = match is_toml(path, text) {
        true => tables(text).map_err(|why| (Vec::new(), format!("not TOML: {why}"))),
        false => objects(text),
    };
    let jobs = match objects {
        Ok(jobs) => jobs,
        Err((jobs, why)) => {
            faults.push(format!("{path}: {why}"));
            jobs
        }
    };
    for job in jobs {
        let read = match &job {
            Value::Object(job) => Wanted::read(job, path),
            other => Err(format!(
                "{path}: {other} is no job; expected an object such as {{\"name\": ...}}"
            )),
        };
        match read {
            Ok(job) => wanted.push(job),
            Err(why) => faults.push(why),
        }
    }
}

/// A name tells, and where there is none, the first line: JSON does not begin like a list of tables.
fn is_toml(path: &str, text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    path.ends_with(".toml") || first.is_some_and(|line| line.starts_with("[[job"))
}

/// The jobs of a JSON text, in whatever form.
///
/// # Errors
/// Why it is none, with the jobs that stand before that place.
pub(in crate::cli) fn objects(text: &str) -> Result<Vec<Value>, (Vec<Value>, String)> {
    let mut found = Vec::new();
    for value in Deserializer::from_str(text).into_iter::<Value>() {
        match value {
            Ok(value) => found.extend(jobs(value)),
            Err(why) => return Err((found, format!("not JSON: {why}"))),
        }
    }
    Ok(found)
}

/// The jobs of a TOML text: tables `[[job]]`, or the keys of a single job.
fn tables(text: &str) -> Result<Vec<Value>, String> {
    let mut table: toml::Table = text
        .parse()
        .map_err(|why: toml::de::Error| why.to_string())?;
    let list = ["job", "jobs"]
        .into_iter()
        .find(|key| table.get(*key).is_some_and(toml::Value::is_array));
    if let Some(toml::Value::Array(jobs)) = list.and_then(|key| table.remove(key)) {
        return match table.keys().next() {
            None => Ok(jobs.into_iter().map(json).collect()),
            Some(key) => Err(format!("{key} stands outside of a [[job]]")),
        };
    }
    Ok(vec![json(toml::Value::Table(table))])
}

/// The same in JSON.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        // A start without quotes.
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            let members = table.into_iter().map(|(key, value)| (key, json(value)));
            Value::Object(members.collect())
        }
    }
}

/// The jobs in one value: a list, `{"jobs": ...}` with a list or by ids, `{"job": ...}`, or a job itself.
fn jobs(value: Value) -> Vec<Value> {
    match value {
        Value::Array(jobs) => jobs,
        Value::Object(mut map) if map.len() <= 2 && map.contains_key("jobs") => {
            match map["jobs"].take() {
                Value::Object(by_id) => by_id.into_iter().map(|(_, job)| job).collect(),
                Value::Array(jobs) => jobs,
                other => vec![other],
            }
        }
        Value::Object(mut map) if map.len() == 1 && map.contains_key("job") => {
            vec![map["job"].take()]
        }
        job => vec![job],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, String> {
        let (mut wanted, mut faults) = (Vec::new(), Vec::new());
        parse("f", text, &mut wanted, &mut faults);
        match faults.is_empty() {
            true => Ok(wanted.into_iter().map(|job| job.name).collect()),
            false => Err(faults.join("\n")),
        }
    }

    #[test]
    fn ok_forms() {
        let (a, b) = (
            r#"{"name":"a","command":"true"}"#,
            r#"{"name":"b","command":"true"}"#,
        );
        for text in [
            format!("{a}\n{b}\n"),
            format!("[{a},\n{b}]"),
            format!("{{\"jobs\":{{\"1\":{a},\"2\":{b}}}}}"),
            format!("{{\"jobs\":[{a},{b}],\"next\":\"2\"}}"),
            format!("{{\"job\":{a}}} {b}"),
        ] {
            assert_eq!(
                names(&text),
                Ok(vec!["a".to_owned(), "b".to_owned()]),
                "{text}"
            );
        }
        assert_eq!(names(" \n"), Ok(vec![]));
    }

    #[test]
    fn ok_toml() {
        let text = "# jobs\n[[job]]\nname = \"a\"\ncommand = '''\necho \"x\"'''\ntags = [\"t\"]\n\n[[job]]\nname = \"b\"\n\
                    command = \"true\"\nschedule = 2099-01-01T00:00:00Z\nretries = 2\nenv = { A = \"1\" }\n";
        assert_eq!(names(text), Ok(vec!["a".to_owned(), "b".to_owned()]));
        let jobs = tables(text).unwrap();
        assert_eq!(jobs[0]["command"], "echo \"x\"");
        assert_eq!(jobs[1]["schedule"], "2099-01-01T00:00:00Z");
        assert_eq!(
            (&jobs[1]["retries"], &jobs[1]["env"]["A"]),
            (&2.into(), &"1".into())
        );
        let one = tables("name = \"a\"\ncommand = \"true\"").unwrap();
        assert_eq!(one[0]["name"], "a");
    }

    #[test]
    fn err_every_fault_is_told() {
        let error =
            names("[[job]]\nname = \"a\"\nshedule = \"@daily\"\ncommand = \"x\"").unwrap_err();
        assert!(error.contains("did you mean \"schedule\"?"), "{error}");
        let error = names("[[job]]\nname =").unwrap_err();
        assert!(error.starts_with("f: not TOML: "), "{error}");
        let error =
            names(r#"{"name":"a"} 7 {"name":"b","command":"x","retries":-1} {"#).unwrap_err();
        assert_eq!(error.lines().count(), 4, "{error}");
        assert!(error.contains("f: not JSON: "), "{error}");
    }
}
