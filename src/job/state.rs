//! What the server remembers of a job between runs, and of runs that have no recorded end. All of it outlives the process.

use std::time::Duration;

use super::run::{Figures, Gap, RunId, Trigger};
use super::{Job, JobId};
use crate::clock::Timestamp;
use crate::config;
use crate::schedule::Schedule;

/// A job's cursor and counters, apart from its definition because every run changes them. Until something changes it, it
/// is [what the definition says](JobState::of_new), and is not stored.
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
    /// When its last run ended, where no counter tells that; only of jobs that go by themselves when they are done.
    pub ended_at: Option<Timestamp>,
    /// Where the stretch of time that ends at the cursor, and whose occurrences were claimed, begins; none: at the beginning
    /// of time.
    pub claimed_from: Option<Timestamp>,
    /// The stretches before that, begin included and end not, in order, not touching. What lies between them passed
    /// unseen. After the clock was stepped back far they may lie ahead of the cursor: their occurrences are done.
    pub claimed: Vec<(Timestamp, Timestamp)>,
}

impl JobState {
    /// The state of a job to which nothing has happened yet.
    #[must_use]
    pub fn of_new(job: &Job) -> JobState {
        JobState::new(first_cursor(&job.schedule, job.anchor))
    }

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

/// The cursor of a job whose schedule begins: before its start, or at the anchor where the start lies in the past.
fn first_cursor(schedule: &Schedule, anchor: Timestamp) -> Timestamp {
    match schedule.start() {
        Some(start) if start >= anchor => start.minus(Duration::from_nanos(1)),
        _ => anchor,
    }
}

impl JobStateRest {
    /// Forgets which occurrences were claimed: the schedule begins anew.
    pub fn forget_claimed(&mut self) {
        self.claimed_from = None;
        self.claimed.clear();
    }

    /// The cursor leaves the stretch that ended at `last`, and the next one begins at `from`. What lies between was not
    /// claimed.
    ///
    /// Only so many stretches are kept. When there are more the two oldest become one: then some that passed unseen count
    /// as claimed, and nothing is ever run twice.
    pub fn begin_stretch(&mut self, last: Timestamp, from: Timestamp) {
        let begin = self.claimed_from.replace(from).unwrap_or(Timestamp::MIN);
        let end = last.plus(Duration::from_nanos(1));
        add_stretch(&mut self.claimed, (begin, end.max(begin)));
        while self.claimed.len() > config::CLAIMED_STRETCHES_MAX {
            let (begin, _) = self.claimed.remove(0);
            self.claimed[0].0 = begin;
        }
    }
}

/// Adds a stretch of time to others, in order, joined with those that it touches.
fn add_stretch(stretches: &mut Vec<(Timestamp, Timestamp)>, new: (Timestamp, Timestamp)) {
    let (mut from, mut to) = new;
    stretches.retain(|&(a, b)| {
        let apart = b < from || a > to;
        if !apart {
            from = from.min(a);
            to = to.max(b);
        }
        apart
    });
    let place = stretches.partition_point(|&(a, _)| a < from);
    stretches.insert(place, (from, to));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn t(secs: i64) -> Timestamp {
        Timestamp::from_unix(secs, 0)
    }

    #[test]
    fn stretches_stay_in_order_and_join() {
        let mut stretches = Vec::new();
        add_stretch(&mut stretches, (t(10), t(20)));
        add_stretch(&mut stretches, (t(1), t(2)));
        add_stretch(&mut stretches, (t(30), t(40)));
        assert_eq!(stretches, [(t(1), t(2)), (t(10), t(20)), (t(30), t(40))]);
        add_stretch(&mut stretches, (t(15), t(35)));
        assert_eq!(stretches, [(t(1), t(2)), (t(10), t(40))]);
        add_stretch(&mut stretches, (t(2), t(10)));
        assert_eq!(stretches, [(t(1), t(40))]);
    }

    #[test]
    fn the_oldest_stretches_become_one_when_there_are_many() {
        let mut rest = JobStateRest::default();
        for n in 0..6 {
            rest.begin_stretch(t(n * 10), t(n * 10 + 5));
        }
        let begins: Vec<_> = rest.claimed.iter().map(|(from, _)| *from).collect();
        assert_eq!(begins, [Timestamp::MIN, t(25), t(35), t(45)]);
        assert_eq!(rest.claimed_from, Some(t(55)));
    }
}
