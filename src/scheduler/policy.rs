//! Decisions as pure functions: what an occurrence does while its job is in progress, whether its window is open, and
//! which end of a run is worth an alert.

use crate::clock::Timestamp;
use crate::config;
use crate::job::run::{Figures, Outcome};
use crate::job::{Job, Overlap, retry};

/// What becomes of an occurrence, a catch-up or a parent's success when its moment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It enters the run queue.
    Enter,
    /// It waits until the others of its job have ended.
    Wait,
    /// It never becomes a run.
    Skip,
}

/// Decides by the job's overlap rule, the number of its runs in progress, and whether one waits already.
#[must_use]
pub fn admit(overlap: Overlap, in_progress: usize, one_waits: bool) -> Admission {
    match overlap {
        _ if in_progress == 0 && !one_waits => Admission::Enter,
        Overlap::Allow if in_progress < config::OVERLAP_RUNS_MAX => Admission::Enter,
        Overlap::Queue if !one_waits => Admission::Wait,
        _ => Admission::Skip,
    }
}

/// Whether an attempt for the occurrence `at` may still start.
#[must_use]
pub fn window_is_open(job: &Job, at: Timestamp, now: Timestamp) -> bool {
    retry::window_end(job, at).is_none_or(|end| now <= end)
}

/// A turn that a job has taken, which is worth an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It has failed as often in a row as its author puts up with.
    Failed,
    /// It has succeeded after that.
    Recovered,
}

/// Whether the end of a run is a turn. `figures` count it already, but its job's last alert they still tell. However long
/// a job goes on failing, it is one turn: so is its first success afterwards.
#[must_use]
pub fn turn(outcome: Outcome, figures: &Figures, alert_after: u32) -> Option<Turn> {
    match outcome {
        Outcome::Succeeded => figures.alerted.then_some(Turn::Recovered),
        Outcome::Failed | Outcome::TimedOut => {
            let enough = figures.failures_in_a_row >= alert_after.max(1);
            (enough && !figures.alerted).then_some(Turn::Failed)
        }
        Outcome::Cancelled | Outcome::Interrupted => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_failures_is_one_turn_and_its_end_another() {
        use Outcome::{Cancelled, Failed, Interrupted, Succeeded, TimedOut};
        for (outcome, failures_in_a_row, alerted, alert_after, expected) in [
            (Failed, 1, false, 0, Some(Turn::Failed)),
            (TimedOut, 1, false, 1, Some(Turn::Failed)),
            (Failed, 2, true, 0, None),
            (Failed, 2, false, 3, None),
            (Failed, 3, false, 3, Some(Turn::Failed)),
            // The job says less than it did, or was stored before anybody was alerted.
            (Failed, 7, false, 3, Some(Turn::Failed)),
            (Succeeded, 0, true, 3, Some(Turn::Recovered)),
            (Succeeded, 0, false, 0, None),
            (Cancelled, 1, true, 0, None),
            (Interrupted, 1, false, 0, None),
        ] {
            let figures = Figures {
                failures_in_a_row,
                alerted,
                ..Figures::default()
            };
            assert_eq!(
                turn(outcome, &figures, alert_after),
                expected,
                "{outcome:?} {figures:?}"
            );
        }
    }

    #[test]
    fn overlap_decides_by_what_is_in_progress() {
        use Admission::{Enter, Skip, Wait};
        for (overlap, in_progress, one_waits, expected) in [
            (Overlap::Queue, 0, false, Enter),
            (Overlap::Queue, 1, false, Wait),
            (Overlap::Queue, 1, true, Skip),
            (Overlap::Skip, 0, false, Enter),
            (Overlap::Skip, 1, false, Skip),
            (Overlap::Allow, 1, false, Enter),
            (Overlap::Allow, 63, false, Enter),
            (Overlap::Allow, 64, false, Skip),
        ] {
            assert_eq!(
                admit(overlap, in_progress, one_waits),
                expected,
                "{overlap:?} {in_progress} {one_waits}"
            );
        }
    }
}
