//! One run: how it went, and its output, which is followed while it is in progress.

use std::borrow::Cow;

use maud::{Markup, html};

use crate::clock::Timestamp;
use crate::config;
use crate::http::Answer;
use crate::job::Job;
use crate::job::run::{HistoryEntry, RunId, RunRecord, Trigger};
use crate::registry::RunningView;
use crate::registry::past::Found;
use crate::store::StoreError;

use super::ansi::{self, Style};
use super::form::Fields;
use super::mark::Mark;
use super::page::{Page, Place};
use super::past;
use super::runs::{end_words, lateness, run_path, trigger_words};
use super::viewer::Viewer;
use super::{Fault, Web, answer, part, text};

/// `GET /webui/job/{id}/run/{run}/`.
pub(super) fn show(
    web: &Web,
    viewer: &Viewer,
    query: &Fields,
    job: &Job,
    run: RunId,
) -> Result<Answer, Fault> {
    let found = find(web, job, run)?;
    let output = past::of(web).output(job.id, &found)?;
    let is_running = matches!(found, Found::Running(_));
    let content = html! {
        header.top {
            div {
                p.crumbs { a href="/webui/jobs" { "Jobs" } " / " (part::job_link(job)) }
                h1 { "Run" span.note { "#" (run.number()) } }
            }
            div.actions {
                @if is_running && viewer.may_operate() {
                    form method="post" action={ (run_path(job.id, run)) "cancel" } { button.danger { "Stop this run" } }
                }
                @if !is_running && viewer.may_operate() && !job.spec.disabled {
                    (part::action_button("start", "Run again", job.id, &part::job_path(job.id), "ghost"))
                }
            }
        }
        (facts(web, viewer, job, &found))
        (output_card(job, run, &found, &output, query.get("q")))
    };
    let page = Page {
        live: is_running,
        moving: is_running,
        ..Page::still("Run", Place::Jobs, content)
    };
    Ok(page.answer(web, viewer, query))
}

/// `GET .../output`: as it was written, to be kept.
pub(super) fn download(web: &Web, job: &Job, run: RunId) -> Result<Answer, Fault> {
    let found = find(web, job, run)?;
    let output = past::of(web).output(job.id, &found)?;
    Ok(Answer::text(200, output)
        .with_header(
            "Content-Disposition",
            &format!("attachment; filename=\"run-{run}.txt\""),
        )
        .with_header("X-Content-Type-Options", "nosniff")
        .with_header("Cache-Control", "no-store"))
}

/// `GET .../tail?from=&style=`: what was written since byte `from`, as a piece of HTML that says how to go on.
pub(super) fn tail(web: &Web, query: &Fields, job: &Job, run: RunId) -> Result<Answer, Fault> {
    let from = query.get("from").parse().unwrap_or(0);
    let style = Style::unpack(query.get("style").parse().unwrap_or(0));
    let (bytes, next, over) = match find(web, job, run)? {
        Found::Running(view) => {
            let (bytes, next) = view.output.since(from);
            (bytes, next, false)
        }
        Found::Fresh(fresh) => {
            let (bytes, next) = fresh
                .output
                .map_or_else(|| (Vec::new(), from), |output| output.since(from));
            (bytes, next, true)
        }
        // The page that is loaded at the end shows all of it.
        Found::Stored(_) => (Vec::new(), from, true),
    };
    let (markup, _, style) = ansi::render(&bytes, style, "");
    let piece =
        html! { div data-next=(next) data-style=(style.pack()) data-over[over] { (markup) } };
    Ok(answer::html(200, piece))
}

fn find(web: &Web, job: &Job, run: RunId) -> Result<Found, Fault> {
    let gone = || {
        Fault::new(
            404,
            "The job has no such run, or no longer: history is kept for a while only.",
        )
    };
    match past::of(web).find(job.id, run)? {
        Some(Found::Stored(HistoryEntry::Gap(_))) | None => Err(gone()),
        Some(found) => Ok(found),
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault::new(
            503,
            format!("The job database cannot be read now: {error}."),
        )
    }
}

fn facts(web: &Web, viewer: &Viewer, job: &Job, found: &Found) -> Markup {
    let record: Option<&RunRecord> = match found {
        Found::Running(run) => return running_facts(web, viewer, run),
        Found::Fresh(fresh) => record(&fresh.entry),
        Found::Stored(entry) => record(entry),
    };
    let Some(run) = record else { return html! {} };
    html! {
        section.card {
            dl.facts {
                (fact("Outcome", &html! { (Mark::of_outcome(run.outcome).badge()) " " span.faint { (end_words(run)) } }))
                (times(viewer, run.trigger, run.scheduled_at, run.started_at))
                (fact("Ended", &part::instant(viewer, run.finished_at)))
                (fact("Took", &html! { (text::measured(run.duration)) }))
                @if let Some(late) = lateness(run) { (fact("Late by", &html! { (text::measured(late)) })) }
                (fact("Attempts", &html! { (run.attempts) " of at most " (job.spec.retries + 1) }))
            }
        }
    }
}

fn record(entry: &HistoryEntry) -> Option<&RunRecord> {
    match entry {
        HistoryEntry::Run(run) => Some(run),
        HistoryEntry::Gap(_) => None,
    }
}

fn running_facts(web: &Web, viewer: &Viewer, run: &RunningView) -> Markup {
    let usual = past::usual_duration(web, run.job.id);
    let mark = if run.started_at.is_some() {
        Mark::Running
    } else {
        Mark::Waiting
    };
    html! {
        section.card {
            dl.facts {
                (fact("State", &mark.badge()))
                (times(viewer, run.trigger, run.scheduled_at, run.started_at))
                @if let Some(begun) = run.started_at {
                    (fact("Takes", &html! {
                        (text::measured(viewer.now.since(begun)))
                        @if let Some(usual) = usual { " " span.faint { "usually " (text::measured(usual)) } }
                    }))
                }
                (fact("Attempt", &html! { (run.attempt) " of at most " (run.job.spec.retries + 1) }))
            }
        }
    }
}

fn times(
    viewer: &Viewer,
    trigger: Trigger,
    due: Option<Timestamp>,
    begun: Option<Timestamp>,
) -> Markup {
    html! {
        (fact("Why", &html! { (trigger_words(trigger)) }))
        @if let Some(due) = due { (fact("Due", &part::instant(viewer, due))) }
        @if let Some(begun) = begun { (fact("Began", &part::instant(viewer, begun))) }
    }
}

/// A row of a list of facts.
pub(super) fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn output_card(job: &Job, run: RunId, found: &Found, output: &[u8], wanted: &str) -> Markup {
    let (shown, dropped) = last_part(output);
    let (markup, places, style) = ansi::render(&shown, Style::default(), wanted);
    let path = run_path(job.id, run);
    let follow = match found {
        Found::Running(view) => Some((view.output.total(), style.pack())),
        _ => None,
    };
    html! {
        section.card.output {
            h2 { "Output" span.note { (text::bytes(output.len() as u64)) } }
            div.tools {
                form.search method="get" action=(path) role="search" {
                    input type="search" name="q" value=(wanted) placeholder="Search the output" aria-label="Search the output" data-key="/";
                    button.small.ghost { "Search" }
                }
                @if !wanted.is_empty() { span.faint role="status" { (text::counted(places as u64, "place")) } }
                @if follow.is_some() {
                    label.follow data-follow-choice hidden { input type="checkbox" checked data-follow-end; " Follow" }
                }
                a.button.small.ghost href={ (path) "output" } download { "Download" }
            }
            @if dropped > 0 { p.faint { (text::bytes(dropped as u64)) " before this are in the download." } }
            @if let Some((next, style)) = follow {
                pre.terminal #output tabindex="0" aria-label="Output" data-tail={ (path) "tail" } data-next=(next) data-style=(style) { (markup) }
            } @else if output.is_empty() {
                (part::empty("No output", &html! { "The run wrote nothing, or its output was dropped to make room for newer ones." }))
            } @else {
                pre.terminal #output tabindex="0" aria-label="Output" { (markup) }
            }
        }
    }
}

/// As much of the end of `output` as a page shows, from the beginning of a line, and how many bytes are before it.
fn last_part(output: &[u8]) -> (Cow<'_, [u8]>, usize) {
    let from = output.len().saturating_sub(config::WEB_OUTPUT_BYTES);
    if from == 0 {
        return (Cow::Borrowed(output), 0);
    }
    let line = output[from..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(from, |at| from + at + 1);
    (Cow::Borrowed(&output[line..]), line)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::{NOW, get, put, run as ended, web};
    use super::*;
    use crate::job::output::OutputBuffer;
    use crate::registry::FreshEntry;

    fn output(text: &str) -> Arc<OutputBuffer> {
        let output = OutputBuffer::new(1_000);
        output.append(text.as_bytes());
        Arc::new(output)
    }

    #[test]
    fn output_is_shown_searched_and_downloaded() {
        let web = web();
        let job = put(&web, 1, |_| ());
        let record = ended(job.id, 1);
        let id = record.id;
        let entry = Arc::new(HistoryEntry::Run(Box::new(record)));
        let fresh = FreshEntry {
            entry,
            output: Some(output("\x1b[32mfine\x1b[0m <script>")),
        };
        web.registry().write(|inner| inner.put_fresh(job.id, fresh));
        let path = run_path(job.id, id);
        let (status, page) = get(&web, &format!("{path}?q=FIN"));
        assert_eq!(status, 200);
        assert!(
            page.contains("<mark>fin</mark>e</span> &lt;script&gt;"),
            "{page}"
        );
        assert!(page.contains("1 place"));
        let (_, raw) = get(&web, &format!("{path}output"));
        assert_eq!(raw, "\x1b[32mfine\x1b[0m <script>");
        assert_eq!(
            get(&web, &run_path(job.id, RunId::new(job.id, 9, NOW))).0,
            404
        );
    }

    #[test]
    fn a_run_in_progress_is_followed() {
        let web = web();
        let job = put(&web, 1, |_| ());
        let id = RunId::new(job.id, 1, NOW);
        let view = RunningView {
            id,
            job: Arc::clone(&job),
            trigger: Trigger::Manual,
            scheduled_at: None,
            started_at: Some(NOW),
            attempt: 1,
            output: output("\x1b[1mone"),
        };
        let written = Arc::clone(&view.output);
        web.registry().write(|inner| inner.put_running(view));
        let (_, page) = get(&web, &run_path(job.id, id));
        assert!(
            page.contains("data-next=\"7\" data-style=\"16384\""),
            "{page}"
        );
        written.append(b"two");
        let (_, tail) = get(
            &web,
            &format!("{}tail?from=7&style=16384", run_path(job.id, id)),
        );
        assert_eq!(
            tail,
            "<div data-next=\"10\" data-style=\"16384\"><span class=\"bold\">two</span></div>"
        );
    }

    #[test]
    fn long_output_is_cut_at_a_line() {
        let long = "0123456789\n".repeat(config::WEB_OUTPUT_BYTES / 10);
        let (shown, before) = last_part(long.as_bytes());
        assert!(shown.starts_with(b"0123") && shown.len() <= config::WEB_OUTPUT_BYTES);
        assert_eq!(shown.len() + before, long.len());
    }
}
