//! Templates: a dotted path into the job, between two delimiters of the user's choice, replaced at each run.
//!
//! Paths are those of Kala's job (`.Name`, `.Metadata.SuccessCount`). There are no pipelines, conditions or functions:
//! a path is all that stands between delimiters, so that a mistake is found when the job is created and not when it
//! runs.

use super::run::Figures;
use super::{Action, Job, JobId, RemoteRequest, Span};
use crate::clock::Timestamp;

/// The job that values are taken from, as it is when the run begins.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its definition.
    pub job: &'a Job,
    /// Its counters.
    pub figures: &'a Figures,
}

/// A path that may stand in a template, and what it yields.
#[derive(Debug)]
pub struct Field {
    /// The path, with its leading dot.
    pub path: &'static str,
    value: fn(&Subject<'_>) -> String,
}

/// A stretch of a text with templates.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// Stands for itself.
    Text(&'a str),
    /// Is replaced.
    Value(&'static Field),
}

static FIELDS: &[Field] = &[
    field(".Name", |s| s.job.spec.name().to_string()),
    field(".Id", |s| s.job.id.to_string()),
    field(".Command", |s| s.job.spec.command().to_string()),
    field(".Owner", |s| s.job.spec.owner().to_string()),
    field(".Disabled", |s| s.job.spec.disabled.to_string()),
    field(".ParentJobs", |s| list(&s.job.spec.parents)),
    field(".OnFailureJob", |s| {
        let id = s.job.spec.on_failure_job;
        id.map(|id| id.to_string()).unwrap_or_default()
    }),
    field(".Schedule", |s| s.job.spec.schedule().to_string()),
    field(".Retries", |s| s.job.spec.retries.to_string()),
    field(".Epsilon", |s| text_of(s.job.spec.epsilon.as_deref())),
    field(".TemplateDelimiters", |s| {
        s.job.extras().template_delimiters.clone()
    }),
    field(".ResumeAtNextScheduledTime", |s| {
        s.job.spec.resume_at_next_scheduled_time.to_string()
    }),
    field(".JobType", |s| remote(s).map_or("0", |_| "1").to_owned()),
    // A job with a run in progress is not done.
    field(".IsDone", |_| false.to_string()),
    field(".Metadata.SuccessCount", |s| {
        s.figures.success_count.to_string()
    }),
    field(".Metadata.LastSuccess", |s| time(s, s.figures.last_success)),
    field(".Metadata.ErrorCount", |s| {
        s.figures.error_count.to_string()
    }),
    field(".Metadata.LastError", |s| time(s, s.figures.last_error)),
    field(".Metadata.LastAttemptedRun", |s| {
        time(s, s.figures.last_attempted_run)
    }),
    field(".Metadata.NumberOfFinishedRuns", |s| {
        s.figures.finished_runs.to_string()
    }),
    field(".RemoteProperties.Url", |s| {
        remote(s).map(|r| r.url.clone()).unwrap_or_default()
    }),
    field(".RemoteProperties.Method", |s| {
        remote(s).map(|r| r.method.clone()).unwrap_or_default()
    }),
    field(".RemoteProperties.Body", |s| {
        remote(s).map(|r| r.body.clone()).unwrap_or_default()
    }),
    field(".RemoteProperties.Timeout", |s| {
        remote(s).map_or(0, |r| r.timeout_secs).to_string()
    }),
];

const fn field(path: &'static str, value: fn(&Subject<'_>) -> String) -> Field {
    Field { path, value }
}

fn remote<'a>(subject: &Subject<'a>) -> Option<&'a RemoteRequest> {
    match &subject.job.spec.action {
        Action::Local => None,
        Action::Remote(request) => Some(request),
    }
}

fn text_of(span: Option<&Span>) -> String {
    span.map(|span| span.text.to_string()).unwrap_or_default()
}

fn time(subject: &Subject<'_>, at: Option<Timestamp>) -> String {
    match at {
        Some(at) => subject.job.schedule.zone().format(at),
        None => "0001-01-01T00:00:00Z".to_owned(),
    }
}

/// A list as Go's templates print it.
fn list(ids: &[JobId]) -> String {
    let ids: Vec<String> = ids.iter().map(JobId::to_string).collect();
    format!("[{}]", ids.join(" "))
}

impl Subject<'_> {
    /// What stands for `field` in this run.
    #[must_use]
    pub fn value(&self, field: &Field) -> String {
        (field.value)(self)
    }
}

/// Cuts `text` at its templates. `delimiters` are two words, or nothing at all, which means no templates.
///
/// # Errors
/// When `delimiters` are not two words, a template is not closed, or something other than a known path stands in one;
/// says which, and what would be right.
pub fn parse<'a>(text: &'a str, delimiters: &str) -> Result<Vec<Piece<'a>>, String> {
    let words: Vec<&str> = delimiters.split_whitespace().collect();
    let (open, close) = match words[..] {
        [] => return Ok(vec![Piece::Text(text)]),
        [open, close] => (open, close),
        _ => {
            return Err(format!(
                "TemplateDelimiters must be two words such as \"{{{{ }}}}\", found {delimiters:?}"
            ));
        }
    };
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        let Some((inside, behind)) = after.split_once(close) else {
            return Err(format!(
                "the template that begins with {open:?} is not closed by {close:?}"
            ));
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(Piece::Value(find(inside.trim())?));
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

fn find(path: &str) -> Result<&'static Field, String> {
    FIELDS
        .iter()
        .find(|field| field.path == path)
        .ok_or_else(|| {
            let known: Vec<&str> = FIELDS.iter().map(|field| field.path).collect();
            format!(
                "a template holds {path:?}; it can hold one of {}",
                known.join(" ")
            )
        })
}

/// Whether `text` can be filled in at each run.
///
/// # Errors
/// As [`parse`].
pub fn check(text: &str, delimiters: &str) -> Result<(), String> {
    parse(text, delimiters).map(|_| ())
}

/// `text` with its templates replaced, the values as they are.
///
/// # Errors
/// As [`parse`].
pub fn fill(text: &str, delimiters: &str, subject: &Subject<'_>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    for piece in parse(text, delimiters)? {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Value(field) => filled.push_str(&subject.value(field)),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, delimiters: &str) -> Result<String, String> {
        let pieces = parse(text, delimiters)?;
        Ok(pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => (*text).to_owned(),
                Piece::Value(field) => format!("<{}>", field.path),
            })
            .collect::<Vec<_>>()
            .join("|"))
    }

    #[test]
    fn ok_templates() {
        for (text, delimiters, expected) in [
            ("echo {{.Name}}", "", "echo {{.Name}}"),
            ("echo {{.Name}}", "  ", "echo {{.Name}}"),
            ("echo {{.Name}} x", "{{ }}", "echo |<.Name>| x"),
            ("{{ .Id }}{{.Owner}}", "{{ }}", "<.Id>|<.Owner>"),
            ("a ${.Id} }", "${ }", "a |<.Id>| }"),
            ("%.Retries%!", "% %", "<.Retries>|!"),
            (
                "{{.Metadata.SuccessCount}}",
                "{{ }}",
                "<.Metadata.SuccessCount>",
            ),
            ("nothing }} here", "{{ }}", "nothing }} here"),
            ("", "{{ }}", ""),
        ] {
            assert_eq!(shown(text, delimiters).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn err_templates_say_what_would_be_right() {
        for (text, delimiters, part) in [
            ("x", "{{}}", "must be two words"),
            ("x", "a b c", "must be two words"),
            ("{{.Name", "{{ }}", "\"{{\" is not closed by \"}}\""),
            (
                "{{.Nope}}",
                "{{ }}",
                "holds \".Nope\"; it can hold one of .Name .Id",
            ),
            ("{{.name}}", "{{ }}", "holds \".name\""),
            ("{{}}", "{{ }}", "holds \"\""),
            ("{{if .Name}}x{{end}}", "{{ }}", "holds \"if .Name\""),
        ] {
            let error = check(text, delimiters).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
