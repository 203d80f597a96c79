//! Small parts that many pages share: instants, names, buttons that do something, notes where nothing is.

use maud::{Markup, html};

use crate::clock::Timestamp;
use crate::config;
use crate::job::secret::Secrets;
use crate::job::{Action, Job, JobId};
use crate::schedule::Schedule;

use super::text;
use super::viewer::Viewer;

/// Where a job's page is.
pub(super) fn job_path(id: JobId) -> String {
    format!("/webui/job/{id}/")
}

/// A job's name as a link, clipped.
pub(super) fn job_link(job: &Job) -> Markup {
    html! { a.name href=(job_path(job.id)) dir="auto" { (text::clipped(job.spec.name(), config::WEB_CLIPPED_CHARS)) } }
}

/// An instant by date and time.
pub(super) fn instant(viewer: &Viewer, t: Timestamp) -> Markup {
    html! { time datetime=(viewer.zone.format(t)) title=(exact(viewer, t)) { (text::date_time(t, viewer.zone, viewer.now)) } }
}

/// An instant in few characters: the time of day, or the day where that is another.
pub(super) fn brief(viewer: &Viewer, t: Timestamp) -> Markup {
    html! { time datetime=(viewer.zone.format(t)) title=(exact(viewer, t)) { (text::brief(t, viewer.zone, viewer.now)) } }
}

/// An instant as seen from now. The script keeps it so while the page is open.
pub(super) fn relative(viewer: &Viewer, t: Timestamp) -> Markup {
    let millis = t.unix_nanos() / 1_000_000;
    html! {
        time data-at=(millis) datetime=(viewer.zone.format(t)) title=(exact(viewer, t)) { (text::relative(t, viewer.now)) }
    }
}

/// An instant as seen from now, or a dash.
pub(super) fn relative_or_dash(viewer: &Viewer, t: Option<Timestamp>) -> Markup {
    html! { @if let Some(t) = t { (relative(viewer, t)) } @else { (dash()) } }
}

/// Stands where a value is missing.
pub(super) fn dash() -> Markup {
    html! { span.faint { "\u{2013}" } }
}

fn exact(viewer: &Viewer, t: Timestamp) -> String {
    format!("{} ({})", viewer.zone.format(t), viewer.zone)
}

/// When a job runs, in plain words.
pub(super) fn schedule_words(viewer: &Viewer, job: &Job) -> String {
    if job.is_child() {
        return format!(
            "after {}",
            text::counted(job.spec.parents.len() as u64, "parent")
        );
    }
    described(viewer, &job.schedule, job.spec.schedule())
}

/// A schedule in plain words, the instant of its start as people write it.
pub(super) fn described(viewer: &Viewer, schedule: &Schedule, written: &str) -> String {
    let words = schedule.describe(written, viewer.now);
    match schedule.start() {
        None => words,
        Some(start) => {
            let written = schedule.zone().format(start);
            words.replace(&written, &text::date_time(start, viewer.zone, viewer.now))
        }
    }
}

/// What a job does: its command, or the request that it makes.
pub(super) fn action_words(job: &Job) -> String {
    match &job.spec.action {
        Action::Local => job.spec.command().to_string(),
        Action::Remote(request) => {
            let method = if request.method.is_empty() {
                "GET"
            } else {
                &request.method
            };
            format!("{method} {}", Secrets::Hidden.url(&request.url))
        }
    }
}

/// A form of one button that does something with one job and comes back to `back`.
pub(super) fn action_button(
    action: &str,
    words: &str,
    id: JobId,
    back: &str,
    class: &str,
) -> Markup {
    html! {
        form.inline method="post" action="/webui/jobs/do" data-act {
            input type="hidden" name="id" value=(id);
            input type="hidden" name="back" value=(back);
            button.(class) name="action" value=(action) { (words) }
        }
    }
}

/// What stands where a list is empty: why, and the way on.
pub(super) fn empty(title: &str, way_on: &Markup) -> Markup {
    html! { div.empty { p.title { (title) } p { (way_on) } } }
}

/// A piece of text to take along, with a button for those who have the script.
pub(super) fn copyable(id: &str, words: &str, code: &str) -> Markup {
    html! {
        div.copyable {
            pre #(id) tabindex="0" { code { (code) } }
            button.small type="button" data-copy=(id) hidden { (words) }
        }
    }
}
