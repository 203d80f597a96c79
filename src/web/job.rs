//! The page of one job: how it stands, what it is, what comes next, and what became of its runs.

use maud::{Markup, html};

use crate::config;
use crate::http::Answer;
use crate::job::run::{HistoryEntry, RunId};
use crate::job::validate::Draft;
use crate::job::{Action, Job};
use crate::registry::{JobView, RunningView};

use super::form::Fields;
use super::mark::State;
use super::page::{Page, Place};
use super::run::fact;
use super::viewer::Viewer;
use super::{Fault, Web, editor, graph, part, past, runs, snippet, text};

/// `GET /webui/job/{id}/`, with `?before=` a run for older ones.
pub(super) fn show(
    web: &Web,
    viewer: &Viewer,
    query: &Fields,
    view: &JobView,
    host: &str,
) -> Result<Answer, Fault> {
    let job = &view.job;
    let before: Option<RunId> = query.get("before").parse().ok();
    let running = match before {
        None => web.registry().running(Some(job.id)),
        Some(_) => Vec::new(),
    };
    // One more than shown tells whether there are older ones.
    let mut entries =
        past::of(web).entries(job.id, before.map(RunId::number), config::WEB_RUNS_PAGE + 1)?;
    let older = entries.len() > config::WEB_RUNS_PAGE;
    entries.truncate(config::WEB_RUNS_PAGE);
    let title = text::clipped(job.spec.name(), 60);
    let content = html! {
        (head(viewer, view))
        (tiles(viewer, view))
        div.columns.uneven {
            (definition(viewer, job))
            (upcoming(viewer, view))
        }
        (graph::of(web.registry(), view))
        (runs::charts(&entries))
        (history(viewer, view, &running, &entries, older))
        (as_json(viewer, job, host))
    };
    let page = Page {
        moving: !running.is_empty(),
        ..Page::live(&title, Place::Jobs, content)
    };
    Ok(page.answer(web, viewer, query))
}

fn head(viewer: &Viewer, view: &JobView) -> Markup {
    let job = &view.job;
    let back = part::job_path(job.id);
    html! {
        header.top {
            div.title {
                p.crumbs { a href="/webui/jobs" { "Jobs" } }
                h1 dir="auto" { (text::clipped(job.spec.name(), 400)) }
                p.sub { (State::of(view).badge()) " " @for tag in &job.extras().tags { a.tag href={ "/webui/jobs?" (Fields::from([("tag", tag.as_str())]).to_query()) } { (text::clipped(tag, 40)) } } }
            }
            div.actions {
                @if viewer.may_operate() {
                    @if job.spec.disabled { (part::action_button("enable", "Enable", job.id, &back, "")) }
                    @else {
                        (part::action_button("start", "Start now", job.id, &back, "primary"))
                        (part::action_button("disable", "Disable", job.id, &back, "ghost"))
                    }
                }
                @if viewer.may_change() {
                    a.button.ghost href={ "/webui/new?copy=" (job.id) } { "Copy" }
                    a.button.ghost href={ "/webui/new?when=parents&parents=" (job.id) } { "Add child" }
                    a.button.danger href={ "/webui/jobs/delete?id=" (job.id) } { "Delete\u{2026}" }
                }
            }
        }
    }
}

fn tiles(viewer: &Viewer, view: &JobView) -> Markup {
    let figures = view.live.figures();
    let ended = |t: Option<crate::clock::Timestamp>| html! { dd.note { @if let Some(t) = t { "last " (part::relative(viewer, t)) } @else { "never" } } };
    html! {
        dl.tiles {
            div { dt { "Next run" } dd { (part::relative_or_dash(viewer, view.live.next_run_at)) }
                dd.note { @if let Some(next) = view.live.next_run_at { "at " (part::brief(viewer, next)) } @else { (State::of(view).word()) } } }
            div { dt { "Runs" } dd { (text::count(figures.finished_runs)) } (ended(figures.last_attempted_run)) }
            div { dt { "Succeeded" } dd { (text::count(figures.success_count)) } (ended(figures.last_success)) }
            div.bad[figures.failures_in_a_row > 0] { dt { "Failed attempts" } dd { (text::count(figures.error_count)) } (ended(figures.last_error)) }
            div { dt { "Missed" } dd { (text::count(figures.missed_count)) } dd.note { (text::count(figures.skipped_count)) " skipped" } }
        }
    }
}

fn definition(viewer: &Viewer, job: &Job) -> Markup {
    html! {
        section.card #definition {
            h2 { "Definition"
                @if viewer.may_change() { a.end href={ (part::job_path(job.id)) "edit" } data-into="definition" data-key="e" { "Edit" } }
            }
            @if !job.extras().description.is_empty() { p.description dir="auto" { (job.extras().description) } }
            pre.code tabindex="0" aria-label="What it does" { code dir="auto" { (part::action_words(job)) } }
            dl.facts.tight {
                (fact("Schedule", &html! { (part::schedule_words(viewer, job)) @if !job.spec.schedule().is_empty() { " " code.faint { (job.spec.schedule()) } } }))
                @for (name, value) in settings(viewer, job) { (fact(name, &html! { (value) })) }
                (fact("Created", &part::instant(viewer, job.created_at)))
                @if job.version > 1 { (fact("Changed", &part::instant(viewer, job.updated_at))) }
                (fact("Id", &html! { code { (job.id) } }))
            }
        }
    }
}

/// What is set apart from the defaults, in words.
fn settings(viewer: &Viewer, job: &Job) -> Vec<(&'static str, String)> {
    let draft = shown(viewer, job);
    let json = snippet::json(&draft);
    let word = |key: &str| match &json[key] {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        serde_json::Value::Bool(on) => if *on { "yes" } else { "" }.to_owned(),
        other => other.to_string(),
    };
    let mut settings = Vec::new();
    for (name, key) in [
        ("Time zone", "timezone"),
        ("Owner", "owner"),
        ("Retries", "retries"),
        ("Wait before each", "retry_delay"),
        ("Timeout", "timeout"),
        ("Starts at most so late", "epsilon"),
        ("Overlapping occurrence", "overlap"),
        ("With several parents", "run_after"),
        ("Children run", "children_run"),
        ("When interrupted", "on_interrupted"),
        ("Does not catch up", "resume_at_next_scheduled_time"),
        ("Working directory", "cwd"),
        ("Templates", "TemplateDelimiters"),
        ("Failures before an alert", "alert_after"),
        ("Alerts when missed", "alert_on_missed"),
    ] {
        let value = word(key).replace('_', " ");
        if !value.is_empty() {
            settings.push((name, value));
        }
    }
    settings.extend(
        draft
            .extras
            .env
            .iter()
            .map(|(name, value)| ("Environment", format!("{name}={value}"))),
    );
    if let Action::Remote(_) = job.spec.action {
        let request = &draft.request;
        let headers = request
            .headers
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        settings.extend(headers.map(|(name, value)| ("Header", format!("{name}: {value}"))));
        if !request.body.is_empty() {
            settings.push(("Body", text::clipped(&request.body, 2_000)));
        }
    }
    settings
}

/// The definition as far as the viewer may see it.
fn shown(viewer: &Viewer, job: &Job) -> Draft {
    match Draft::of(&job.spec) {
        draft if viewer.may_change() => draft,
        draft => snippet::without_secrets(draft),
    }
}

fn upcoming(viewer: &Viewer, view: &JobView) -> Markup {
    let job = &view.job;
    let waits = match State::of(view) {
        State::Disabled => Some("It is disabled: no occurrence becomes a run."),
        _ if job.is_child() => Some("It runs after the success of its parents."),
        _ if job.schedule.is_manual() => Some("It runs only when it is started."),
        _ => None,
    };
    html! {
        section.card {
            h2 { "Next occurrences" }
            @if let Some(words) = waits { p.faint { (words) } }
            @if view.live.next_run_at.is_some() || State::of(view) == State::Disabled && !job.is_child() && !job.schedule.is_manual() {
                (editor::occurrences(viewer, &job.schedule, config::PREVIEW as usize))
            } @else if waits.is_none() { p.faint { "No occurrence is left." } }
        }
    }
}

fn history(
    viewer: &Viewer,
    view: &JobView,
    running: &[RunningView],
    entries: &[HistoryEntry],
    older: bool,
) -> Markup {
    let path = part::job_path(view.job.id);
    html! {
        section.card #runs {
            h2 { "Runs" }
            @if running.is_empty() && entries.is_empty() {
                (part::empty("No runs yet", &html! { "What becomes of its runs stands here." }))
            } @else {
                (runs::table(viewer, view.job.id, running, entries))
            }
            @if let (true, Some(last)) = (older, entries.last()) {
                p.more { a.button.small.ghost href={ (path) "?before=" (last.id()) "#runs" } { "Older runs" } }
            }
        }
    }
}

fn as_json(viewer: &Viewer, job: &Job, host: &str) -> Markup {
    let draft = shown(viewer, job);
    html! {
        details.card {
            summary { "As curl and JSON" }
            (part::copyable("curl", "Copy as curl", &snippet::curl(&draft, host)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, put, web};
    use super::*;

    #[test]
    fn a_job_shows_all_of_itself() {
        let web = web();
        let job = put(&web, 1, |draft| {
            draft.name = "<b>x</b>".to_owned();
            draft.schedule = "0 9 * * MON-FRI".to_owned();
            draft.timezone = "Europe/Berlin".to_owned();
            draft.retries = 2;
            draft.extras.env.insert("A".to_owned(), "<i>".to_owned());
            draft.extras.description = "</p><script>x()</script>".to_owned();
        });
        let (status, page) = get(&web, &part::job_path(job.id));
        assert_eq!(status, 200);
        for expected in [
            "&lt;b&gt;x",
            "Europe/Berlin",
            "A=&lt;i&gt;",
            "curl -X POST",
            "Start now",
            "No runs yet",
        ] {
            assert!(page.contains(expected), "{expected} in {page}");
        }
        assert!(!page.contains("<script>x") && !page.contains("<b>x"));
    }

    #[test]
    fn who_may_only_look_sees_no_secrets_and_no_buttons() {
        let web = web();
        let job = put(&web, 1, |draft| {
            draft
                .extras
                .env
                .insert("TOKEN".to_owned(), "hush".to_owned());
        });
        let mut viewer = super::super::testing::viewer();
        viewer.role = super::super::viewer::Role::Read;
        let view = web.registry().job(job.id).unwrap();
        let answer = show(&web, &viewer, &Fields::default(), &view, "localhost")
            .ok()
            .unwrap();
        let page = super::super::testing::text(answer);
        assert!(!page.contains("hush") && page.contains("TOKEN="), "{page}");
        for offer in ["Start now", "Delete", "Edit", "New job", "Disable"] {
            assert!(!page.contains(offer), "{offer}");
        }
    }

    #[test]
    fn unknown_jobs_are_not_found() {
        let web = web();
        for path in [
            "/webui/job/nope/",
            "/webui/job/93b65499-b211-49ce-57e0-19e735cc5abd/",
        ] {
            assert_eq!(get(&web, path).0, 404, "{path}");
        }
    }
}
