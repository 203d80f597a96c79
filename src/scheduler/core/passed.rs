//! Occurrences that never become a run: missed and skipped ones, and what is caught up of those that passed unseen.

use std::sync::Arc;

use super::chain::Consequences;
use super::jobs::{JobIx, just_after, just_before};
use super::runs::Phase;
use super::{Core, Notice, View};
use crate::job::run::{Gap, GapKind, HistoryEntry, RunId, Trigger};
use crate::registry::FreshEntry;
use crate::schedule::Passed;
use crate::scheduler::policy;
use crate::store::change::Change;

impl Core {
    /// A run of an occurrence, or a link of a chain, that will not start after all.
    pub(super) fn give_up(&mut self, id: RunId, kind: GapKind) {
        let Some(run) = self.drop_run(id) else { return };
        let mut out = Consequences::default();
        if run.recorded {
            out.changes.push(Change::RemoveRun(run.open.clone()));
        }
        let at = run.open.scheduled_at.unwrap_or(run.open.created_at);
        let passed = Passed {
            first: at,
            latest: at,
            count: 1,
        };
        // A repetition stands in the history already, as the run that was interrupted.
        if !run.open.repeats {
            self.add_gap(run.ix, kind, passed, &mut out);
        }
        self.link_over(&run, None, Vec::new(), &mut out);
        self.put_state(run.ix, &mut out.changes);
        self.propose_end(out);
        self.release_waiting(run.ix);
    }

    /// A due occurrence whose window closed before a worker could take it.
    pub(super) fn miss(&mut self, id: RunId) {
        self.give_up(id, GapKind::Missed);
    }

    /// Counts occurrences that never became a run, in the newest history entry if that is a gap of the same kind.
    pub(super) fn add_gap(
        &mut self,
        ix: JobIx,
        kind: GapKind,
        passed: Passed,
        out: &mut Consequences,
    ) {
        let known = self.jobs[ix].rest.as_ref().and_then(|rest| rest.gap);
        let gap = match known.filter(|gap| gap.kind == kind) {
            Some(gap) => Gap {
                first: gap.first.min(passed.first),
                last: gap.last.max(passed.latest),
                count: gap.count + passed.count,
                ..gap
            },
            None => Gap {
                id: self.new_id(ix),
                kind,
                first: passed.first,
                last: passed.latest,
                count: passed.count,
            },
        };
        let entry = &mut self.jobs[ix];
        entry.rest_mut().gap = Some(gap);
        let (figures, totals) = (entry.figures_mut(), &mut self.totals);
        let (own, total) = match kind {
            GapKind::Missed => (&mut figures.missed_count, &mut totals.missed_count),
            GapKind::Skipped => (&mut figures.skipped_count, &mut totals.skipped_count),
        };
        *own += passed.count;
        *total += passed.count;
        let (id, job) = (entry.job.id, entry.job.clone());
        let new = passed.count;
        let alarmed = (kind == GapKind::Missed && job.extras().alert_on_missed)
            .then_some(job.spec.on_failure_job)
            .flatten();
        self.fx.notices.push(Notice::Gap { job, gap, new });
        let entry = Arc::new(HistoryEntry::Gap(gap));
        let fresh = FreshEntry {
            entry: entry.clone(),
            output: None,
        };
        self.fx.views.push(View::Fresh(id, fresh));
        out.changes
            .push(Change::PutHistory(id, entry.clone(), None));
        out.settled.push((id, entry));
        if let Some(failure) = alarmed.and_then(|id| self.jobs.ix(id)) {
            self.alarm(failure, out);
        }
        self.touch(ix);
    }

    /// Starts the failure job of a job that has missed occurrences; not while it is in progress: a server that misses
    /// them for want of workers must not get still more to do by that.
    fn alarm(&mut self, failure: JobIx, out: &mut Consequences) {
        if self.jobs[failure].doing.active == 0 {
            self.trigger(failure, Trigger::Failure, None, false, out);
        }
    }

    /// Occurrences up to now passed unseen: the latest of them runs at once if its window is still open, and if the job
    /// wants that; the others are missed. Then the grid goes on.
    pub(super) fn catch_up(&mut self, ix: JobIx) {
        let entry = &self.jobs[ix];
        if entry.is_scheduled()
            && let Some(passed) = entry.passed_until(self.now.wall)
        {
            let wanted = !entry.job.spec.resume_at_next_scheduled_time;
            self.settle_passed(ix, passed, wanted);
        }
        self.arm(ix);
    }

    /// The same where there may be nothing to catch up.
    pub(super) fn catch_up_passed(&mut self, ix: JobIx) {
        if self.has_passed(ix) {
            self.catch_up(ix);
        }
    }

    /// Whether an occurrence has come that is still on the wheel, or would be.
    pub(super) fn has_passed(&self, ix: JobIx) -> bool {
        let entry = &self.jobs[ix];
        entry.is_scheduled()
            && entry
                .occurrence_after_cursor()
                .is_some_and(|next| next <= self.now.wall)
    }

    /// Occurrences that passed are missed, all of them.
    pub(super) fn miss_passed(&mut self, ix: JobIx) {
        let entry = &self.jobs[ix];
        if entry.is_scheduled()
            && let Some(passed) = entry.passed_until(self.now.wall)
        {
            self.settle_passed(ix, passed, false);
        }
    }

    /// Occurrences that passed are counted as missed, but for the latest, which runs if it is `wanted` and may.
    fn settle_passed(&mut self, ix: JobIx, passed: Passed, wanted: bool) {
        let entry = &mut self.jobs[ix];
        let runs = wanted && policy::window_is_open(&entry.job, passed.latest, self.now.wall);
        let missed = if runs {
            entry.passed_until(just_before(passed.latest))
        } else {
            Some(passed)
        };
        let cursor = std::mem::replace(&mut entry.cursor, passed.latest);
        if missed.is_some() {
            let from = if runs {
                passed.latest
            } else {
                just_after(passed.latest)
            };
            entry.rest_mut().begin_stretch(cursor, from);
        }
        let mut out = Consequences::default();
        if let Some(missed) = missed {
            self.add_gap(ix, GapKind::Missed, missed, &mut out);
        }
        // Made after the gap, because the history is in order of ids and the latest of them comes last.
        let run =
            runs.then(|| self.new_run(ix, Trigger::CatchUp, Some(passed.latest), Phase::Held));
        run.into_iter().for_each(|id| self.note_unrecorded(id));
        if missed.is_some() {
            self.put_state(ix, &mut out.changes);
            self.propose_end(out);
        }
        run.into_iter().for_each(|id| self.admit(id));
        self.touch(ix);
    }
}
