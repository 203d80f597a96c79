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

/// Whether what stands under this name is a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// A URL without what stands before the `@` of its host; any other text as it is.
fn without_user(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Cow::Borrowed(text);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => Cow::Owned(format!("{scheme}://{HIDDEN}{}", &rest[at..])),
        None => Cow::Borrowed(text),
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
