//! Files of jobs: JSON in any of the forms that the API answers with, or a job a line.

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
    for value in Deserializer::from_str(text).into_iter::<Value>() {
        let jobs = match value {
            Ok(value) => jobs(value),
            Err(why) => return faults.push(format!("{path}: not JSON: {why}")),
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
    fn err_every_fault_is_told() {
        let error =
            names(r#"{"name":"a"} 7 {"name":"b","command":"x","retries":-1} {"#).unwrap_err();
        assert_eq!(error.lines().count(), 4, "{error}");
        assert!(error.contains("f: not JSON: "), "{error}");
    }
}
