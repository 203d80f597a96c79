//! Between the fields of a form and a [`Draft`] of a job, both ways. All checks are the draft's own.

use std::collections::BTreeMap;

use crate::job::validate::{Draft, Invalid};
use crate::job::{ChildrenRun, JobId, OnInterrupted, Overlap, RemoteRequest, RunAfter};
use crate::registry::Registry;

use super::choices;
use super::form::Fields;
use super::survey;

/// The fields of a form that shows this draft.
pub(super) fn fields(draft: &Draft, registry: &Registry) -> Fields {
    let mut fields = choices::of(draft);
    what(draft, &mut fields);
    relations(draft, registry, &mut fields);
    rules(draft, &mut fields);
    fields
}

/// What runs, and what it is called.
fn what(draft: &Draft, fields: &mut Fields) {
    let (request, extras) = (&draft.request, &draft.extras);
    let kind = if draft.remote { "remote" } else { "local" };
    let env = extras
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let headers = request
        .headers
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |v| format!("{name}: {v}")));
    let codes = request.expected_response_codes.iter().map(u16::to_string);
    for (name, value) in [
        ("name", draft.name.clone()),
        ("kind", kind.to_owned()),
        ("command", draft.command.clone()),
        ("cwd", extras.cwd.clone()),
        ("env", lines(env)),
        ("url", request.url.clone()),
        ("method", request.method.clone()),
        ("headers", lines(headers)),
        ("body", request.body.clone()),
        ("request_timeout", some(request.timeout_secs)),
        ("codes", codes.collect::<Vec<_>>().join(", ")),
        ("delimiters", extras.template_delimiters.clone()),
        ("owner", draft.owner.clone()),
        ("tags", extras.tags.join(", ")),
        ("description", extras.description.clone()),
    ] {
        fields.push(name, value);
    }
}

/// Which jobs come before and after it.
fn relations(draft: &Draft, registry: &Registry, fields: &mut Fields) {
    let named = |id: &String| match id.parse().ok().and_then(|id| registry.job(id)) {
        Some(view) => format!("{} ({id})", view.job.spec.name().replace('\n', " ")),
        None => id.clone(),
    };
    let on_failure = Some(&draft.on_failure_job).filter(|id| !id.is_empty());
    for (name, value) in [
        ("parents", lines(draft.parents.iter().map(named))),
        ("run_after", run_after(draft.run_after).to_owned()),
        ("children_run", children_run(draft.children_run).to_owned()),
        ("on_failure_job", on_failure.map(named).unwrap_or_default()),
    ] {
        fields.push(name, value);
    }
}

/// What holds for its runs.
fn rules(draft: &Draft, fields: &mut Fields) {
    for (name, value) in [
        ("timezone", draft.timezone.clone()),
        ("alert_after", some(draft.extras.alert_after)),
        ("alert_on_missed", flag(draft.extras.alert_on_missed)),
        ("retries", some(draft.retries)),
        ("retry_delay", draft.retry_delay.clone()),
        ("epsilon", draft.epsilon.clone()),
        ("timeout", draft.timeout.clone()),
        ("overlap", overlap(draft.overlap).to_owned()),
        (
            "on_interrupted",
            on_interrupted(draft.on_interrupted).to_owned(),
        ),
        ("resume", flag(draft.resume_at_next_scheduled_time)),
        ("disabled", flag(draft.disabled)),
    ] {
        fields.push(name, value);
    }
}

fn lines(of: impl Iterator<Item = String>) -> String {
    of.collect::<Vec<_>>().join("\n")
}

/// The draft that the fields describe; what they do not name stays as in `base`.
///
/// # Errors
/// Where a field cannot be read at all. Whether the job makes sense the draft itself has to say.
pub(super) fn draft(
    fields: &Fields,
    mut base: Draft,
    registry: &Registry,
) -> Result<Draft, Invalid> {
    let text = |name: &str| fields.get(name).trim().to_owned();
    base.name = text("name");
    base.remote = fields.has("kind", "remote");
    base.command = fields.get("command").to_owned();
    base.request = if base.remote {
        request(fields)?
    } else {
        RemoteRequest::default()
    };
    base.owner = text("owner");
    base.parents = parents(fields, registry)?;
    base.on_failure_job = match text("on_failure_job") {
        none if none.is_empty() => none,
        job => resolve("failure job", &job, registry)?,
    };
    read_rules(fields, &mut base)?;
    base.extras.env = environment(fields.get("env"))?;
    base.extras.cwd = text("cwd");
    let tags = fields.get("tags").split(',').map(str::trim);
    let tags = tags.filter(|tag| !tag.is_empty());
    base.extras.tags = tags.map(str::to_owned).collect();
    base.extras.description = text("description");
    base.extras.template_delimiters = text("delimiters");
    Ok(base)
}

fn parents(fields: &Fields, registry: &Registry) -> Result<Vec<String>, Invalid> {
    if !fields.has("when", "parents") {
        return Ok(Vec::new());
    }
    let lines = fields.get("parents").lines().map(str::trim);
    let parents = lines
        .filter(|line| !line.is_empty())
        .map(|line| resolve("parents", line, registry))
        .collect::<Result<Vec<_>, _>>()?;
    if parents.is_empty() {
        return Err(Invalid(
            "Still missing: the jobs that it runs after.".to_owned(),
        ));
    }
    Ok(parents)
}

fn read_rules(fields: &Fields, draft: &mut Draft) -> Result<(), Invalid> {
    draft.schedule = choices::schedule(fields)?;
    draft.timezone = fields.get("timezone").trim().to_owned();
    draft.extras.alert_after = number("alert_after", fields)?;
    draft.extras.alert_on_missed = fields.has("alert_on_missed", "on");
    draft.retries = number("retries", fields)?;
    draft.retry_delay = choices::duration(fields.get("retry_delay"));
    draft.epsilon = choices::duration(fields.get("epsilon"));
    draft.timeout = choices::duration(fields.get("timeout"));
    draft.overlap = match fields.get("overlap") {
        "skip" => Overlap::Skip,
        "allow" => Overlap::Allow,
        _ => Overlap::Queue,
    };
    draft.run_after = if fields.has("run_after", "all") {
        RunAfter::All
    } else {
        RunAfter::Any
    };
    draft.children_run = match fields.get("children_run") {
        "together" => ChildrenRun::Together,
        _ => ChildrenRun::InOrder,
    };
    draft.on_interrupted = match fields.get("on_interrupted") {
        "retry" => OnInterrupted::Retry,
        _ => OnInterrupted::Leave,
    };
    draft.resume_at_next_scheduled_time = fields.has("resume", "on");
    draft.disabled = fields.has("disabled", "on");
    Ok(())
}

fn request(fields: &Fields) -> Result<RemoteRequest, Invalid> {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in fields
        .get("headers")
        .lines()
        .filter(|line| !line.trim().is_empty())
    {
        let Some((name, value)) = line.split_once(':') else {
            return Err(Invalid(
                "A header is a name, a colon and a value, for example X-Token: abc.".to_owned(),
            ));
        };
        headers
            .entry(name.trim().to_owned())
            .or_default()
            .push(value.trim().to_owned());
    }
    let codes = fields
        .get("codes")
        .split([',', ' '])
        .filter(|code| !code.is_empty());
    let codes = codes.map(|code| {
        let why = || Invalid(format!("{code:?} is no status, for example 204."));
        code.parse().map_err(|_| why())
    });
    Ok(RemoteRequest {
        url: fields.get("url").trim().to_owned(),
        method: fields.get("method").trim().to_owned(),
        body: fields.get("body").to_owned(),
        headers,
        timeout_secs: number("request_timeout", fields)?,
        expected_response_codes: codes.collect::<Result<_, _>>()?,
    })
}

pub(super) fn environment(text: &str) -> Result<BTreeMap<String, String>, Invalid> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let pair = |line: &str| match line.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.to_owned())),
        // The line is not shown: it may be a secret.
        None => Err(Invalid(
            "An environment variable is a name, = and a value, for example DIR=/srv.".to_owned(),
        )),
    };
    lines.map(pair).collect()
}

fn number(name: &str, fields: &Fields) -> Result<u32, Invalid> {
    match fields.get(name).trim() {
        "" => Ok(0),
        text => text.parse().map_err(|_| {
            Invalid(format!(
                "{text:?} is no number of {}, for example 3.",
                name.replace('_', " ")
            ))
        }),
    }
}

/// The id that a line means: an id, a name with its id in brackets, or the name of exactly one job.
fn resolve(what: &str, line: &str, registry: &Registry) -> Result<String, Invalid> {
    let inside = line
        .strip_suffix(')')
        .and_then(|line| line.rsplit_once('('))
        .map(|(_, id)| id);
    for id in [Some(line), inside].into_iter().flatten() {
        if id.parse::<JobId>().is_ok() {
            return Ok(id.to_owned());
        }
    }
    let mut found = Vec::new();
    survey::each(registry, |view| {
        if *view.job.spec.name() == *line && found.len() < 2 {
            found.push(view.job.id);
        }
    });
    match found[..] {
        [id] => Ok(id.to_string()),
        [] => Err(Invalid(format!(
            "No job has the name or id {line:?}, which stands among the {what}."
        ))),
        _ => Err(Invalid(format!(
            "Several jobs have the name {line:?}: write the id of the one that you mean."
        ))),
    }
}

fn some(number: u32) -> String {
    if number == 0 {
        String::new()
    } else {
        number.to_string()
    }
}

fn flag(on: bool) -> String {
    if on { "on" } else { "" }.to_owned()
}

pub(super) fn overlap(overlap: Overlap) -> &'static str {
    match overlap {
        Overlap::Queue => "queue",
        Overlap::Skip => "skip",
        Overlap::Allow => "allow",
    }
}

pub(super) fn run_after(run_after: RunAfter) -> &'static str {
    match run_after {
        RunAfter::Any => "any",
        RunAfter::All => "all",
    }
}

pub(super) fn children_run(children_run: ChildrenRun) -> &'static str {
    match children_run {
        ChildrenRun::InOrder => "in_order",
        ChildrenRun::Together => "together",
    }
}

pub(super) fn on_interrupted(on_interrupted: OnInterrupted) -> &'static str {
    match on_interrupted {
        OnInterrupted::Leave => "leave",
        OnInterrupted::Retry => "retry",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{put, web};
    use super::*;

    #[test]
    fn a_job_comes_back_from_its_form_unchanged() {
        let web = web();
        let parent = put(&web, 1, |draft| draft.name = "Up (stairs)".to_owned());
        let job = put(&web, 2, |draft| {
            draft.parents = vec![parent.id.to_string()];
            draft.remote = true;
            draft.command = String::new();
            draft.request.url = "https://example.com/".to_owned();
            draft
                .request
                .headers
                .insert("X-A".to_owned(), vec!["1".to_owned(), "2: 3".to_owned()]);
            draft.request.expected_response_codes = vec![200, 204];
            draft.retries = 3;
            draft.retry_delay = "PT5S".to_owned();
            draft.overlap = Overlap::Allow;
            draft.run_after = RunAfter::All;
            draft.children_run = ChildrenRun::Together;
            draft.on_interrupted = OnInterrupted::Retry;
            draft.extras.env.insert("A".to_owned(), "b=c ".to_owned());
            draft.extras.tags = vec!["x".to_owned(), "y z".to_owned()];
            draft.extras.alert_after = 7;
            draft.disabled = true;
        });
        let before = Draft::of(&job.spec);
        let form = fields(&before, web.registry());
        assert_eq!(form.get("parents"), format!("Up (stairs) ({})", parent.id));
        let after = draft(&form, before, web.registry())
            .unwrap()
            .check()
            .unwrap();
        assert_eq!(after, job.spec);
    }

    #[test]
    fn jobs_are_meant_by_id_or_by_the_name_of_one() {
        let web = web();
        let one = put(&web, 1, |draft| draft.name = "one".to_owned());
        for seq in [2, 3] {
            put(&web, seq, |draft| draft.name = "two".to_owned());
        }
        let resolve = |line: &str| resolve("parents", line, web.registry());
        let id = one.id.to_string();
        for line in ["one", &id, &format!("whatever ({id})")] {
            assert_eq!(resolve(line), Ok(id.clone()), "{line}");
        }
        assert!(resolve("two").unwrap_err().0.contains("Several jobs"));
        assert!(resolve("three").unwrap_err().0.contains("No job has"));
    }

    #[test]
    fn err_forms() {
        let web = web();
        for (form, why) in [
            ("when=now&retries=x", "is no number of retries"),
            ("when=now&env=A", "An environment variable is"),
            ("when=now&kind=remote&headers=abc", "A header is"),
            ("when=now&kind=remote&codes=200,x", "is no status"),
            ("when=parents&parents=+", "runs after"),
            ("when=parents&parents=nobody", "No job has the name"),
        ] {
            let error = draft(
                &Fields::parse(form.as_bytes()),
                Draft::default(),
                web.registry(),
            )
            .unwrap_err();
            assert!(error.0.contains(why), "{form}: {error}");
        }
    }
}
