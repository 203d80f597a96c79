//! Decisions as pure functions: what an occurrence does while its job is in progress, and whether its window is open.

use crate::clock::Timestamp;
use crate::config;
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

#[cfg(test)]
mod tests {
    use super::*;

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
