//! What in a job is a secret, and how a job is shown to those who may only look at it.
//!
//! Names decide: an environment variable `DB_PASSWORD`, a header field `Authorization`; and the user information of a
//! URL always is one. In the place of a secret stands [`HIDDEN`], and whoever sends that back means the secret that is
//! stored. Commands and bodies are shown as they are: a secret is better kept in `env`.

use std::borrow::Cow;

use super::validate::{Draft, Invalid};
use super::{Action, JobSpec};

/// What stands in the place of a secret.
pub const HIDDEN: &str = "***";

/// Parts of names, in lower case, whose values are secrets.
const WORDS: [&str; 11] = [
    "auth",
    "cookie",
    "credential",
    "key",
    "pass",
    "private",
    "pwd",
    "secret",
    "session",
    "signature",
    "token",
];

/// Whether somebody gets to see secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// All is shown.
    Shown,
    /// [`HIDDEN`] stands in their place.
    Hidden,
}

impl Secrets {
    /// A value of the environment, or of a header field, as it is shown.
    #[must_use]
    pub fn value<'v>(self, name: &str, value: &'v str) -> Cow<'v, str> {
        match self {
            Secrets::Shown => Cow::Borrowed(value),
            Secrets::Hidden if is_secret(name) && !value.is_empty() => Cow::Borrowed(HIDDEN),
            Secrets::Hidden => without_user(value),
        }
    }

    /// A URL as it is shown.
    #[must_use]
    pub fn url(self, url: &str) -> Cow<'_, str> {
        match self {
            Secrets::Shown => Cow::Borrowed(url),
            Secrets::Hidden => without_user(url),
        }
    }
}

/// The end of what a run wrote, about `bytes` of it, with [`HIDDEN`] in the place of the secrets of its job that it
/// repeats. `text` is asked for the last so many bytes.
///
/// Values of fewer than four bytes stay: no secret is that short, and the text would be riddled.
#[must_use]
pub fn tail(spec: &JobSpec, bytes: usize, text: impl FnOnce(usize) -> Vec<u8>) -> String {
    let mut secrets: Vec<&str> = secrets(spec).filter(|secret| secret.len() >= 4).collect();
    // Of two of which one holds the other, the longer.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    let longest = secrets.first().map_or(0, |secret| secret.len());
    // One that begins before the last `bytes` is found whole, and none is cut in two.
    let text = text(bytes + longest);
    let mut shown = String::from_utf8_lossy(&text).into_owned();
    for secret in secrets {
        shown = shown.replace(secret, HIDDEN);
    }
    let from = shown.len().saturating_sub(bytes);
    shown.split_off(shown.ceil_char_boundary(from))
}

/// All secrets of a job.
fn secrets(spec: &JobSpec) -> impl Iterator<Item = &str> {
    let env = spec.extras().env.iter();
    let env = env.filter_map(|(name, value)| secret_in(name, value));
    let request = match &spec.action {
        Action::Local => None,
        Action::Remote(request) => Some(&**request),
    };
    let headers = request.into_iter().flat_map(|request| &request.headers);
    let headers = headers.flat_map(|(name, values)| {
        values
            .iter()
            .filter_map(move |value| secret_in(name, value))
    });
    env.chain(headers)
        .chain(request.and_then(|request| user_of(&request.url)))
}

/// What of a value is a secret: all of it, by its name, or the user information of a URL.
fn secret_in<'v>(name: &str, value: &'v str) -> Option<&'v str> {
    if is_secret(name) {
        Some(value)
    } else {
        user_of(value)
    }
}

/// What stands before the `@` of a URL's host.
fn user_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest[..end].rfind('@').map(|at| &rest[..at])
}

/// Whether what stands under this name is a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// A URL without what stands before the `@` of its host; any other text as it is.
fn without_user(text: &str) -> Cow<'_, str> {
    match (text.split_once("://"), user_of(text)) {
        (Some((scheme, rest)), Some(user)) => {
            Cow::Owned(format!("{scheme}://{HIDDEN}{}", &rest[user.len()..]))
        }
        _ => Cow::Borrowed(text),
    }
}

/// Puts the stored secrets where `draft` has what stands in their place.
pub fn restore(draft: &mut Draft, stored: &JobSpec) {
    let hidden = Secrets::Hidden;
    for (name, value) in &mut draft.extras.env {
        if let Some(old) = stored.extras().env.get(name) {
            keep(value, old, &hidden.value(name, old));
        }
    }
    let Action::Remote(request) = &stored.action else {
        return;
    };
    keep(
        &mut draft.request.url,
        &request.url,
        &hidden.url(&request.url),
    );
    for (name, values) in &mut draft.request.headers {
        let old = request.headers.get(name).map(Vec::as_slice);
        for (value, old) in values.iter_mut().zip(old.unwrap_or_default()) {
            keep(value, old, &hidden.value(name, old));
        }
    }
}

fn keep(value: &mut String, old: &str, shown: &str) {
    if value == shown {
        old.clone_into(value);
    }
}

/// Refuses a job in which something stands for a secret that there is not: stored like that, it would fail much later.
///
/// # Errors
/// Names the key.
pub fn check(draft: &Draft) -> Result<(), Invalid> {
    let refuse = |key: String| {
        Err(Invalid(format!(
            "{key} has {HIDDEN} in the place of a secret that you were not shown: give the secret itself"
        )))
    };
    let stands_in = |value: &str| value == HIDDEN || value.contains("://***@");
    for (name, value) in &draft.extras.env {
        if stands_in(value) {
            return refuse(format!("env.{name}"));
        }
    }
    if !draft.remote {
        return Ok(());
    }
    if stands_in(&draft.request.url) {
        return refuse("remote_properties.url".to_owned());
    }
    for (name, values) in &draft.request.headers {
        if values.iter().any(|value| stands_in(value)) {
            return refuse(format!("remote_properties.headers.{name}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::RemoteRequest;

    #[test]
    fn names_and_urls_tell_secrets() {
        for (name, value, shown) in [
            ("DB_PASSWORD", "x", "***"),
            ("PGPASSFILE", "x", "***"),
            ("github_token", "x", "***"),
            ("AWS_SECRET_ACCESS_KEY", "x", "***"),
            ("GOOGLE_APPLICATION_CREDENTIALS", "x", "***"),
            ("Authorization", "Bearer x", "***"),
            ("Proxy-Authorization", "Basic x", "***"),
            ("X-Api-Key", "x", "***"),
            ("Cookie", "a=b", "***"),
            ("EMPTY_TOKEN", "", ""),
            ("HOME", "/root", "/root"),
            ("Accept", "text/html", "text/html"),
            (
                "DATABASE_URL",
                "postgres://me:pw@db/x?y=@",
                "postgres://***@db/x?y=@",
            ),
            ("DATABASE_URL", "postgres://me:p@w@db", "postgres://***@db"),
            ("HOOK", "https://h/x@y", "https://h/x@y"),
        ] {
            assert_eq!(Secrets::Hidden.value(name, value), shown, "{name}");
            assert_eq!(Secrets::Shown.value(name, value), value);
        }
        assert_eq!(Secrets::Hidden.url("https://u:p@h:1/"), "https://***@h:1/");
        assert_eq!(Secrets::Shown.url("https://u:p@h:1/"), "https://u:p@h:1/");
    }

    fn draft() -> Draft {
        let mut draft = Draft {
            name: "x".to_owned(),
            remote: true,
            request: RemoteRequest {
                url: "https://u:p@h/".to_owned(),
                ..RemoteRequest::default()
            },
            ..Draft::default()
        };
        let tokens = vec!["one".to_owned(), "two".to_owned()];
        draft.request.headers.insert("X-Token".to_owned(), tokens);
        draft.extras.env.insert("TOKEN".to_owned(), "t".to_owned());
        draft.extras.env.insert("PLAIN".to_owned(), "p".to_owned());
        draft
    }

    #[test]
    fn the_end_of_an_output_hides_what_it_repeats() {
        let mut draft = draft();
        for (name, value) in [("DB_PASSWORD", "geheim"), ("LONG_KEY", "geheimnis")] {
            draft.extras.env.insert(name.to_owned(), value.to_owned());
        }
        let spec = draft.check().unwrap();
        for (text, bytes, shown) in [
            ("all is well", 1_024, "all is well"),
            ("all is well", 4, "well"),
            (
                "pw geheim, key geheimnis; t two",
                1_024,
                "pw ***, key ***; t two",
            ),
            // Its beginning lies before the last bytes.
            ("xx geheimnis!", 4, "***!"),
            ("ééé", 3, "é"),
        ] {
            let text = text.as_bytes();
            let last = |n: usize| text[text.len().saturating_sub(n)..].to_vec();
            assert_eq!(tail(&spec, bytes, last), shown);
        }
    }

    #[test]
    fn what_was_hidden_is_kept_and_what_was_given_is_taken() {
        let stored = draft().check().unwrap();
        let mut sent = draft();
        sent.request.url = "https://***@h/".to_owned();
        let tokens = ["***", "new"].map(str::to_owned);
        sent.request
            .headers
            .insert("X-Token".to_owned(), tokens.into());
        sent.extras
            .env
            .insert("TOKEN".to_owned(), HIDDEN.to_owned());
        restore(&mut sent, &stored);
        let mut expected = draft();
        let tokens = ["one", "new"].map(str::to_owned);
        expected
            .request
            .headers
            .insert("X-Token".to_owned(), tokens.into());
        assert_eq!(sent.check().unwrap(), expected.check().unwrap());
    }

    #[test]
    fn err_what_stands_for_no_secret() {
        type Change = fn(&mut Draft);
        let rows: [(&str, Change); 4] = [
            ("env.TOKEN has ***", |d| {
                d.extras.env.insert("TOKEN".to_owned(), HIDDEN.to_owned());
            }),
            ("remote_properties.url has", |d| {
                d.request.url = "http://***@h".to_owned();
            }),
            ("remote_properties.headers.X-Token has", |d| {
                d.request
                    .headers
                    .insert("X-Token".to_owned(), vec![HIDDEN.to_owned()]);
            }),
            ("", |_| {}),
        ];
        for (why, change) in rows {
            let mut draft = draft();
            change(&mut draft);
            let checked = check(&draft).map_err(|invalid| invalid.0);
            match checked {
                Ok(()) => assert_eq!(why, ""),
                Err(error) => assert!(!why.is_empty() && error.starts_with(why), "{error}"),
            }
        }
    }
}
