//! States and outcomes as one sees them: a word, a shape and a colour, so that nobody depends on the colour alone.

use maud::{Markup, PreEscaped, html};

use crate::job::run::{GapKind, HistoryEntry, Outcome};
use crate::registry::JobView;

/// What a job is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A run is in progress.
    Running,
    /// It has a next occurrence.
    Scheduled,
    /// It runs after its parents.
    Child,
    /// It runs when it is started.
    Manual,
    /// No occurrence becomes a run.
    Disabled,
    /// No occurrence is left.
    Done,
}

/// How a run stands, or why there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Succeeded,
    Failed,
    TimedOut,
    Cancelled,
    Interrupted,
    Missed,
    Skipped,
    Running,
    Waiting,
}

impl State {
    pub(super) fn of(view: &JobView) -> State {
        match view {
            _ if view.live.running > 0 => State::Running,
            _ if view.job.spec.disabled => State::Disabled,
            _ if view.live.is_done => State::Done,
            _ if view.job.is_child() => State::Child,
            _ if view.job.schedule.is_manual() => State::Manual,
            _ => State::Scheduled,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Scheduled => "scheduled",
            State::Child => "after parents",
            State::Manual => "by hand",
            State::Disabled => "disabled",
            State::Done => "done",
        }
    }

    pub(super) fn class(self) -> &'static str {
        match self {
            State::Running => "run",
            State::Scheduled | State::Child | State::Manual => "calm",
            State::Disabled | State::Done => "off",
        }
    }

    fn shape(self) -> &'static str {
        match self {
            State::Running => RING,
            State::Scheduled => r#"<circle cx="6" cy="6" r="4.5"/><path d="M6 3.5V6l1.8 1.2"/>"#,
            State::Child => r#"<path d="M3 1.5v5a2 2 0 0 0 2 2h4.5M7.5 6.5l2 2-2 2"/>"#,
            State::Manual => r#"<path d="M3.5 2v8l6-4z"/>"#,
            State::Disabled => r#"<path d="M4 2.5v7M8 2.5v7"/>"#,
            State::Done => r#"<path d="M2 6.5 4.8 9 10 3"/>"#,
        }
    }

    /// Its shape and its word.
    pub(super) fn badge(self) -> Markup {
        badge(self.class(), self.shape(), self.word())
    }
}

const RING: &str = r#"<circle cx="6" cy="6" r="4.5" class="track"/><path class="turn" d="M6 1.5A4.5 4.5 0 0 1 10.5 6"/>"#;

impl Mark {
    pub(super) fn of(entry: &HistoryEntry) -> Mark {
        match entry {
            HistoryEntry::Run(run) => Mark::of_outcome(run.outcome),
            HistoryEntry::Gap(gap) => match gap.kind {
                GapKind::Missed => Mark::Missed,
                GapKind::Skipped => Mark::Skipped,
            },
        }
    }

    pub(super) fn of_outcome(outcome: Outcome) -> Mark {
        match outcome {
            Outcome::Succeeded => Mark::Succeeded,
            Outcome::Failed => Mark::Failed,
            Outcome::TimedOut => Mark::TimedOut,
            Outcome::Cancelled => Mark::Cancelled,
            Outcome::Interrupted => Mark::Interrupted,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Mark::Succeeded => "succeeded",
            Mark::Failed => "failed",
            Mark::TimedOut => "timed out",
            Mark::Cancelled => "cancelled",
            Mark::Interrupted => "interrupted",
            Mark::Missed => "missed",
            Mark::Skipped => "skipped",
            Mark::Running => "running",
            Mark::Waiting => "waiting",
        }
    }

    pub(super) fn class(self) -> &'static str {
        match self {
            Mark::Succeeded => "ok",
            Mark::Failed => "bad",
            Mark::TimedOut | Mark::Missed => "warn",
            Mark::Interrupted => "odd",
            Mark::Cancelled | Mark::Skipped | Mark::Waiting => "off",
            Mark::Running => "run",
        }
    }

    fn shape(self) -> &'static str {
        match self {
            Mark::Succeeded => {
                r#"<circle class="full" cx="6" cy="6" r="5"/><path class="cut" d="m3.7 6.2 1.6 1.6 3-3.4"/>"#
            }
            Mark::Failed => r#"<path class="thick" d="m2.500 2.500 7 7m0-7-7 7"/>"#,
            Mark::TimedOut => r#"<path class="full" d="M2 1h8L7 6l3 5H2l3-5z"/>"#,
            Mark::Cancelled => r#"<circle cx="6" cy="6" r="4.5"/><path d="m3 9 6-6"/>"#,
            Mark::Interrupted => r#"<path class="full" d="M7 .5 2 7h3l-1 4.500L10 5H7z"/>"#,
            Mark::Missed => r#"<circle cx="6" cy="6" r="4.5" stroke-dasharray="2.4 2.3"/>"#,
            Mark::Skipped => r#"<path d="m2 2.500 3.500 3.500L2 9.500m4.500-7L10 6 6.500 9.500"/>"#,
            Mark::Running => RING,
            Mark::Waiting => r#"<path d="M2 6h.01M6 6h.01M10 6h.01"/>"#,
        }
    }

    /// Its shape and its word.
    pub(super) fn badge(self) -> Markup {
        badge(self.class(), self.shape(), self.word())
    }
}

fn badge(class: &str, shape: &str, word: &str) -> Markup {
    html! { span.mark.(class) { (glyph(shape)) (word) } }
}

fn glyph(shape: &str) -> Markup {
    html! { svg.glyph viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" { (PreEscaped(shape)) } }
}
