//! What the server remembers of a job between runs, and of runs that have no recorded end. All of it outlives the process.

use super::JobId;
use super::run::{Figures, Gap, RunId, Trigger};
use crate::clock::Timestamp;

/// A job's cursor and counters, apart from its definition because every run changes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobState {
    /// Every occurrence up to here was claimed, missed or skipped.
    pub cursor: Timestamp,
    /// Counters and the instants of the last events.
    pub figures: Figures,
    /// Number of the next history entry. Numbers grow, and none is used twice.
    pub next_number: u64,
    /// The rarely used rest.
    pub rest: Option<Box<JobStateRest>>,
}

/// What few jobs need to remember.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobStateRest {
    /// The newest history entry, while it is a gap that the next missed or skipped occurrence would extend.
    pub gap: Option<Gap>,
    /// With `run_after: all`: the parents that have succeeded since the last trigger.
    pub parents_done: Vec<JobId>,
    /// Where the stretch of occurrences that ends at the cursor begins; none: with the first occurrence. The older ones
    /// before it passed unseen, so most of them were never claimed.
    pub claimed_from: Option<Timestamp>,
    /// Stretches of time, begin included and end not, whose occurrences are done although the cursor is before them: the
    /// clock stood there before it was stepped back. In order, not touching.
    pub done_ahead: Vec<(Timestamp, Timestamp)>,
}

impl JobState {
    /// The state of a new job whose occurrences up to `cursor` are none of its business.
    #[must_use]
    pub fn new(cursor: Timestamp) -> JobState {
        JobState {
            cursor,
            figures: Figures::default(),
            next_number: 1,
            rest: None,
        }
    }
}

impl JobStateRest {
    /// Forgets which occurrences were claimed: the schedule begins anew.
    pub fn forget_claimed(&mut self) {
        self.claimed_from = None;
        self.done_ahead.clear();
    }
}

/// A run without a recorded end: claimed, or triggered and waiting for its claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRun {
    /// Its id.
    pub id: RunId,
    /// The job.
    pub job: JobId,
    /// Why it came about.
    pub trigger: Trigger,
    /// Its occurrence, where it has one.
    pub scheduled_at: Option<Timestamp>,
    /// When it was claimed or triggered.
    pub created_at: Timestamp,
    /// Whether it belongs to a server, which may have started it. A run that is not claimed was certainly never started,
    /// and runs when a server is there again.
    pub claimed: bool,
    /// It repeats a run that was interrupted, and is not repeated again.
    pub repeats: bool,
    /// The chain that it is a link of: the run whose success triggered it.
    pub chain: Option<RunId>,
}

/// The children of a run that succeeded, in progress: a crash must not cut it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The run that succeeded.
    pub id: RunId,
    /// The chain that this run is a link of itself.
    pub parent: Option<RunId>,
    /// All links at once.
    pub together: bool,
    /// Children that are still to be run, the next one first.
    pub rest: Vec<JobId>,
}

impl OpenRun {
    /// Whether a user asked for it, so that it runs even where the job is disabled meanwhile.
    #[must_use]
    pub fn was_asked_for(&self) -> bool {
        matches!(self.trigger, Trigger::Manual | Trigger::Backfill)
    }

    /// Whether its occurrence is one of the schedule's, which nobody else may claim. A backfilled one is not: it may have
    /// run at its time.
    #[must_use]
    pub fn holds_occurrence(&self) -> Option<Timestamp> {
        match self.trigger {
            Trigger::Schedule | Trigger::CatchUp => self.scheduled_at,
            _ => None,
        }
    }
}
