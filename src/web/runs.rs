//! A job's runs as rows and as charts, and the words for them.

use std::time::Duration;

use maud::{Markup, html};

use crate::config;
use crate::job::JobId;
use crate::job::run::{AttemptEnd, HistoryEntry, Outcome, RunId, RunRecord, Trigger};
use crate::registry::RunningView;

use super::chart::{self, Column};
use super::mark::Mark;
use super::viewer::Viewer;
use super::{part, text};

/// Where a run's page is.
pub(super) fn run_path(job: JobId, run: RunId) -> String {
    format!("/webui/job/{job}/run/{run}/")
}

/// Why a run came about.
pub(super) fn trigger_words(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "by schedule",
        Trigger::CatchUp => "caught up",
        Trigger::Manual => "by hand",
        Trigger::Parent => "after a parent",
        Trigger::Failure => "after a failure",
        Trigger::Backfill => "backfilled",
    }
}

/// How its last attempt ended.
pub(super) fn end_words(run: &RunRecord) -> String {
    match &run.end {
        None => "the server died under it".to_owned(),
        Some(end) => attempt_words(end),
    }
}

/// How an attempt ended.
pub(super) fn attempt_words(end: &AttemptEnd) -> String {
    match end {
        AttemptEnd::Exited(code) => format!("exit code {code}"),
        AttemptEnd::Signalled(signal) => format!("ended by signal {signal}"),
        AttemptEnd::Answered(status, _) => format!("status {status}"),
        AttemptEnd::Error(why) => text::clipped(why, 200),
        AttemptEnd::TimedOut => "took longer than its timeout".to_owned(),
        AttemptEnd::Stopped => "stopped on request".to_owned(),
        AttemptEnd::TooLate => "its window had closed".to_owned(),
    }
}

/// How late a run began, if it had an instant to be late for.
pub(super) fn lateness(run: &RunRecord) -> Option<Duration> {
    Some(run.started_at?.since(run.scheduled_at?))
}

/// Runs in progress and entries of the history, newest first, as a table.
pub(super) fn table(
    viewer: &Viewer,
    job: JobId,
    running: &[RunningView],
    entries: &[HistoryEntry],
) -> Markup {
    html! {
        div.table tabindex="0" role="group" aria-label="Runs" {
            table.runs {
                thead { tr {
                    th scope="col" { "Outcome" }
                    th scope="col" { "When" }
                    th scope="col" { "Why" }
                    th.number scope="col" { "Took" }
                    th.number scope="col" { "Late by" }
                    th.number scope="col" { "Attempts" }
                    th.number scope="col" { "Output" }
                } }
                tbody {
                    @for run in running { (running_row(viewer, run)) }
                    @for entry in entries {
                        @match entry {
                            HistoryEntry::Run(run) => { (ended_row(viewer, job, run)) }
                            HistoryEntry::Gap(gap) => {
                                tr id={ "r" (gap.id) } {
                                    td { (Mark::of(entry).badge()) }
                                    td colspan="6" {
                                        (text::counted(gap.count, "occurrence")) " from " (part::instant(viewer, gap.first))
                                        @if gap.count > 1 { " to " (part::instant(viewer, gap.last)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn running_row(viewer: &Viewer, run: &RunningView) -> Markup {
    let mark = if run.started_at.is_some() {
        Mark::Running
    } else {
        Mark::Waiting
    };
    html! {
        tr id={ "r" (run.id) } data-row {
            td { (mark.badge()) }
            td { a.name href=(run_path(run.job.id, run.id)) {
                @if let Some(begun) = run.started_at { (part::instant(viewer, begun)) } @else { "waits for a worker" }
            } }
            td.faint data-label="Why" { (trigger_words(run.trigger)) }
            td.number data-label="Took" { @if let Some(begun) = run.started_at { (text::measured(viewer.now.since(begun))) } }
            td.number {}
            td.number data-label="Attempts" { (run.attempt) }
            td.number data-label="Output" { (text::bytes(run.output.total())) }
        }
    }
}

fn ended_row(viewer: &Viewer, job: JobId, run: &RunRecord) -> Markup {
    html! {
        tr id={ "r" (run.id) } data-row {
            td { (Mark::of_outcome(run.outcome).badge()) }
            td {
                a.name href=(run_path(job, run.id)) { (part::instant(viewer, run.started_at.unwrap_or(run.finished_at))) }
                @if run.outcome != Outcome::Succeeded { " " span.faint { (end_words(run)) } }
            }
            td.faint data-label="Why" { (trigger_words(run.trigger)) }
            td.number data-label="Took" { (text::measured(run.duration)) }
            td.number data-label="Late by" { @if let Some(late) = lateness(run) { (text::measured(late)) } @else { (part::dash()) } }
            td.number data-label="Attempts" { (run.attempts) }
            td.number data-label="Output" { (text::bytes(run.output_total)) }
        }
    }
}

/// How long the runs took and how late they began, oldest first.
pub(super) fn charts(entries: &[HistoryEntry]) -> Markup {
    let runs: Vec<&RunRecord> = entries
        .iter()
        .rev()
        .filter_map(|entry| match entry {
            HistoryEntry::Run(run) => Some(&**run),
            HistoryEntry::Gap(_) => None,
        })
        .collect();
    if runs.is_empty() {
        return html! {};
    }
    let longest = runs
        .iter()
        .map(|run| run.duration)
        .max()
        .unwrap_or_default();
    let latest = runs.iter().filter_map(|run| lateness(run)).max();
    let duration_words = format!("{} at most", text::measured(longest));
    let late_words = latest.map_or("none had an instant".to_owned(), |late| {
        format!("{} at most", text::measured(late))
    });
    html! {
        div.columns {
            section.card.small-chart {
                h2 { "Duration" span.note { (duration_words) } }
                (chart::columns(&durations(&runs), 64, &format!("Duration of the last {}, {duration_words}", text::counted(runs.len() as u64, "run"))))
            }
            section.card.small-chart {
                h2 { "Lateness" span.note { (late_words) } }
                (chart::columns(&latenesses(&runs), 64, &format!("Lateness of the last {}, {late_words}", text::counted(runs.len() as u64, "run"))))
            }
        }
    }
}

fn durations(runs: &[&RunRecord]) -> Vec<Column> {
    let column = |run: &&RunRecord| {
        let value = run.duration.as_secs_f64().max(1e-6);
        let mark = Mark::of_outcome(run.outcome);
        Column {
            value,
            bad: if run.outcome == Outcome::Succeeded {
                0.0
            } else {
                value
            },
            class: "",
            title: format!("{}, {}", mark.word(), text::measured(run.duration)),
        }
    };
    padded(runs.iter().map(column))
}

fn latenesses(runs: &[&RunRecord]) -> Vec<Column> {
    let column = |run: &&RunRecord| {
        let late = lateness(run);
        Column {
            value: late.map_or(0.0, |late| late.as_secs_f64()),
            bad: 0.0,
            class: "late",
            title: late.map_or_else(String::new, text::measured),
        }
    };
    padded(runs.iter().map(column))
}

/// The columns at the right end of a whole page of them, so that few runs do not look like many.
fn padded(columns: impl ExactSizeIterator<Item = Column>) -> Vec<Column> {
    let missing = config::WEB_RUNS_PAGE.saturating_sub(columns.len());
    let none = || Column {
        value: 0.0,
        bad: 0.0,
        class: "",
        title: String::new(),
    };
    let empty = std::iter::repeat_with(none).take(missing);
    empty.chain(columns).collect()
}
