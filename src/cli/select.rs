//! Which job a person means: by its name, by its id, or by the beginning of its id.

use serde_json::Value;

use super::CliError;
use super::screen::printable;
use crate::client::{Client, escape};
use crate::config;
use crate::job::JobId;
use crate::nearest::nearest;

/// A text of a job or run; empty where it has none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The path of a job below `/api/v1`.
pub(super) fn path(job: &Value) -> String {
    format!("/job/{}/", escape(text(job, "id")))
}

/// The one job that `word` means.
///
/// # Errors
/// When no job, or more than one, is meant; or the server is away.
pub(super) fn find(client: &Client, word: &str) -> Result<Value, CliError> {
    if let Ok(id) = word.parse::<JobId>() {
        return Ok(client.get(&format!("/job/{id}/"))?["job"].take());
    }
    let enough = config::CLIENT_CANDIDATES_MAX + 1;
    let mut named = client.jobs(&format!("name={}", escape(word)), enough)?;
    if named.is_empty() {
        named = client.jobs("", usize::MAX)?;
        let names: Vec<String> = named
            .iter()
            .map(|job| text(job, "name").to_owned())
            .collect();
        named.retain(|job| is_beginning(word, text(job, "id")));
        if named.is_empty() {
            return Err(unknown(client, word, &names));
        }
    }
    match named.len() {
        1 => Ok(named.swap_remove(0)),
        _ => Err(ambiguous(word, &named)),
    }
}

fn is_beginning(word: &str, id: &str) -> bool {
    !word.is_empty() && id.starts_with(&word.to_ascii_lowercase())
}

fn unknown(client: &Client, word: &str, names: &[String]) -> CliError {
    let near = nearest(word, names.iter().map(String::as_str));
    let hint = near
        .map(|near| format!(" (did you mean {:?}?)", printable(near)))
        .unwrap_or_default();
    CliError::NotFound(format!(
        "{} has no job with the name {word:?}, or an id that begins with it{hint}; \"nimesha job list\" shows them all",
        client.url()
    ))
}

fn ambiguous(word: &str, jobs: &[Value]) -> CliError {
    let mut why = format!("{word:?} may mean several jobs; say which one by its id:");
    for job in jobs.iter().take(config::CLIENT_CANDIDATES_MAX) {
        why.push_str(&format!(
            "\n  {}  {}",
            text(job, "id"),
            printable(text(job, "name"))
        ));
    }
    if jobs.len() > config::CLIENT_CANDIDATES_MAX {
        why.push_str("\n  and more");
    }
    CliError::Usage(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_begin_with_what_is_typed() {
        let id = "93b65499-b211-49ce-57e0-19e735cc5abd";
        for (word, begins) in [
            ("9", true),
            ("93B65499-b2", true),
            ("3b", false),
            ("", false),
        ] {
            assert_eq!(is_beginning(word, id), begins, "{word}");
        }
    }
}
