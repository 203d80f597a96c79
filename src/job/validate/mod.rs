//! From what a user wrote to a [`JobSpec`]: every check of a job that needs neither JSON nor other jobs.
//!
//! Whether parents and failure jobs exist, and whether they form a cycle, only the scheduler can say. Errors name the
//! key, what was wrong and a way out, since the user sees them as they are.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use super::texts::{Texts, TextsOf};
use super::{
    Action, ChildrenRun, Extras, Job, JobId, JobSpec, OnInterrupted, Overlap, RemoteRequest,
    RunAfter, Span, command, template,
};
use crate::clock::Timestamp;
use crate::config;
use crate::schedule::{Interval, Schedule, Zone};

/// A job as a user wrote it: all keys with their values, not yet checked. The default is a job with no key given.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// `name`.
    pub name: String,
    /// `command`.
    pub command: String,
    /// `type` 1.
    pub remote: bool,
    /// `remote_properties`, which mean nothing without [`remote`](Self::remote).
    pub request: RemoteRequest,
    /// `owner`.
    pub owner: String,
    /// `schedule`.
    pub schedule: String,
    /// `timezone`.
    pub timezone: String,
    /// `parent_jobs`.
    pub parents: Vec<String>,
    /// `on_failure_job`.
    pub on_failure_job: String,
    /// `retries`.
    pub retries: u32,
    /// `retry_delay`.
    pub retry_delay: String,
    /// `epsilon`.
    pub epsilon: String,
    /// `timeout`.
    pub timeout: String,
    /// `overlap`.
    pub overlap: Overlap,
    /// `run_after`.
    pub run_after: RunAfter,
    /// `children_run`.
    pub children_run: ChildrenRun,
    /// `on_interrupted`.
    pub on_interrupted: OnInterrupted,
    /// `resume_at_next_scheduled_time`.
    pub resume_at_next_scheduled_time: bool,
    /// `disabled`.
    pub disabled: bool,
    /// The rare keys.
    pub extras: Extras,
}

/// Why a job was refused, in words for its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

fn invalid<T>(why: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid(why.into()))
}

impl Draft {
    /// The draft that would become `spec`, for an update to change.
    #[must_use]
    pub fn of(spec: &JobSpec) -> Draft {
        let text = |span: &Option<Box<Span>>| {
            span.as_ref()
                .map_or_else(String::new, |span| span.text.to_string())
        };
        let request = match &spec.action {
            Action::Local => RemoteRequest::default(),
            Action::Remote(request) => (**request).clone(),
        };
        Draft {
            name: spec.name().to_string(),
            command: spec.command().to_string(),
            remote: matches!(spec.action, Action::Remote(_)),
            request,
            owner: spec.owner().to_string(),
            schedule: spec.schedule().to_string(),
            timezone: spec.timezone().to_string(),
            parents: spec.parents.iter().map(JobId::to_string).collect(),
            on_failure_job: spec
                .on_failure_job
                .map_or_else(String::new, |id| id.to_string()),
            retries: spec.retries,
            retry_delay: text(&spec.retry_delay),
            epsilon: text(&spec.epsilon),
            timeout: text(&spec.timeout),
            overlap: spec.overlap,
            run_after: spec.run_after,
            children_run: spec.children_run,
            on_interrupted: spec.on_interrupted,
            resume_at_next_scheduled_time: spec.resume_at_next_scheduled_time,
            disabled: spec.disabled,
            extras: spec.extras().clone(),
        }
    }

    /// The job that this draft describes.
    ///
    /// # Errors
    /// Says which key is wrong, how, and what would be right.
    pub fn check(self) -> Result<JobSpec, Invalid> {
        check_name(&self.name)?;
        if self.retries > config::RETRIES_MAX {
            return invalid(format!(
                "retries is {}, but at most {} are allowed",
                self.retries,
                config::RETRIES_MAX
            ));
        }
        if !self.timezone.is_empty() {
            Zone::parse(&self.timezone).map_err(|why| Invalid(why.0))?;
        }
        if !self.parents.is_empty() && !self.schedule.is_empty() {
            return invalid(
                "a job with parent_jobs has no schedule, it runs after its parents: leave out schedule or parent_jobs",
            );
        }
        let delimiters = &self.extras.template_delimiters;
        let action = if self.remote {
            check_request(&self.request, delimiters)?;
            Action::Remote(Box::new(self.request))
        } else {
            check_command(&self.command, delimiters)?;
            Action::Local
        };
        check_extras(&self.extras)?;
        let texts = Texts::from(TextsOf {
            name: &self.name,
            command: &self.command,
            owner: &self.owner,
            schedule: &self.schedule,
            timezone: &self.timezone,
        });
        let extras = Some(Box::new(self.extras)).filter(|extras| **extras != Extras::default());
        Ok(JobSpec {
            texts,
            action,
            parents: parents(&self.parents)?,
            on_failure_job: failure_job(&self.on_failure_job)?,
            retries: self.retries,
            retry_delay: span("retry_delay", self.retry_delay)?,
            epsilon: span("epsilon", self.epsilon)?,
            timeout: timeout(self.timeout)?,
            overlap: self.overlap,
            run_after: self.run_after,
            children_run: self.children_run,
            on_interrupted: self.on_interrupted,
            resume_at_next_scheduled_time: self.resume_at_next_scheduled_time,
            disabled: self.disabled,
            extras,
        })
    }
}

/// The schedule of a job, in its own zone or else in `server_zone`. `anchor` stands for a start that is left out.
///
/// # Errors
/// Names the part of the schedule that was wrong and a valid example.
pub fn schedule(spec: &JobSpec, server_zone: Zone, anchor: Timestamp) -> Result<Schedule, Invalid> {
    let own_zone = match spec.timezone() {
        "" => None,
        name => Some(Zone::parse(name).map_err(|why| Invalid(why.0))?),
    };
    let zone = own_zone.unwrap_or(server_zone);
    Schedule::parse(spec.schedule(), zone, own_zone.is_some(), anchor)
        .map_err(|why| Invalid(format!("schedule: {why}")))
}

/// Whether an update from `old` to `new` leaves the occurrences as they are.
#[must_use]
pub fn keeps_schedule(old: &Job, new: &JobSpec) -> bool {
    old.spec.schedule() == new.schedule()
        && old.spec.timezone() == new.timezone()
        && old.is_child() != new.parents.is_empty()
}

fn check_name(name: &str) -> Result<(), Invalid> {
    if name.is_empty() {
        return invalid(
            "name is missing: a job needs one of at least 1 character, for example \"backup\"",
        );
    }
    no_nul("name", name)
}

fn check_command(text: &str, delimiters: &str) -> Result<(), Invalid> {
    if text.trim().is_empty() {
        return invalid(
            "command is missing: a job of type 0 needs one, for example \"/usr/local/bin/backup --all\"",
        );
    }
    command::check(text, delimiters).map_err(|why| Invalid(format!("command: {why}")))
}

fn check_request(request: &RemoteRequest, delimiters: &str) -> Result<(), Invalid> {
    let url = &request.url;
    if url.is_empty() {
        return invalid(
            "remote_properties.url is missing: a job of type 1 needs one, for example \"https://example.com/hook\"",
        );
    }
    // With templates the address is known only at the run.
    if delimiters.trim().is_empty() && !is_address(url) {
        return invalid(format!(
            "remote_properties.url is {url:?}, but must be an address such as \"https://example.com/hook\""
        ));
    }
    if !request.method.bytes().all(is_token_byte) {
        return invalid(format!(
            "remote_properties.method is {:?}, but must be a word such as \"POST\"",
            request.method
        ));
    }
    check_headers(&request.headers)?;
    if let Some(code) = request
        .expected_response_codes
        .iter()
        .find(|code| !(100..=599).contains(*code))
    {
        return invalid(format!(
            "remote_properties.expected_response_codes has {code}, but statuses are from 100 to 599, for example [200, 204]"
        ));
    }
    check_template("remote_properties.url", url, delimiters)?;
    check_template("remote_properties.body", &request.body, delimiters)
}

/// Whether this is an HTTP URL with a host, and with a port that there can be, if with any.
fn is_address(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match place.rsplit_once(':') {
        // The colons of an IPv6 address stand in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (place, ""),
    };
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
        && !host.is_empty()
        && (port.is_empty() || is_port(port))
        && !url.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

fn check_headers(headers: &BTreeMap<String, Vec<String>>) -> Result<(), Invalid> {
    for (name, values) in headers {
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            return invalid(format!(
                "remote_properties.headers has the name {name:?}, but names are of letters, digits and dashes, for example \"X-Token\""
            ));
        }
        // The value is not shown: it may be a secret.
        if values
            .iter()
            .any(|value| value.contains(['\r', '\n', '\0']))
        {
            return invalid(format!(
                "remote_properties.headers has a line break or a zero byte in a value of {name:?}: take it out"
            ));
        }
    }
    Ok(())
}

fn check_template(key: &str, text: &str, delimiters: &str) -> Result<(), Invalid> {
    template::check(text, delimiters).map_err(|why| Invalid(format!("{key}: {why}")))
}

fn check_extras(extras: &Extras) -> Result<(), Invalid> {
    for (name, value) in &extras.env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return invalid(format!(
                "env has the name {name:?}, but names have at least 1 character and no \"=\", for example \"BACKUP_DIR\""
            ));
        }
        if value.contains('\0') {
            return invalid(format!(
                "env has a zero byte in the value of {name:?}: take it out"
            ));
        }
    }
    if extras.tags.iter().any(String::is_empty) {
        return invalid(
            "tags has an empty one: a tag has at least 1 character, for example \"nightly\"",
        );
    }
    no_nul("cwd", &extras.cwd)
}

/// A zero byte cannot stand in an argument, an environment variable or a path.
fn no_nul(key: &str, text: &str) -> Result<(), Invalid> {
    if text.contains('\0') {
        return invalid(format!("{key} has a zero byte in it: take it out"));
    }
    Ok(())
}

/// What a field name or a method may be made of (RFC 9110, section 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Each parent once, where it was named first.
fn parents(texts: &[String]) -> Result<Vec<JobId>, Invalid> {
    let mut ids = Vec::with_capacity(texts.len());
    let mut seen = std::collections::HashSet::new();
    for text in texts {
        let id = job_id("parent_jobs", text)?;
        if seen.insert(id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn failure_job(text: &str) -> Result<Option<JobId>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    job_id("on_failure_job", text).map(Some)
}

fn job_id(key: &str, text: &str) -> Result<JobId, Invalid> {
    text.parse().map_err(|_| {
        Invalid(format!(
            "{key} names {text:?}, which is no job's id: ids look like \"93b65499-b211-49ce-57e0-19e735cc5abd\""
        ))
    })
}

fn span(key: &str, text: String) -> Result<Option<Box<Span>>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    let interval = Interval::parse(&text).map_err(|why| Invalid(format!("{key}: {why}")))?;
    let text = text.into();
    Ok(Some(Box::new(Span { text, interval })))
}

fn timeout(text: String) -> Result<Option<Box<Span>>, Invalid> {
    let timeout = span("timeout", text)?;
    if timeout.as_ref().is_some_and(|span| span.interval.is_zero()) {
        return invalid(
            "timeout is no time at all, so that nothing could end within it: leave it out, or write for example \"PT30S\"",
        );
    }
    Ok(timeout)
}
