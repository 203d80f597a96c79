//! Commands as they become true, or leave no trace.

use std::sync::Arc;

use super::chain::Consequences;
use super::commands::{CommandEffect, Passed};
use super::jobs::JobIx;
use super::runs::Phase;
use super::{Core, View};
use crate::clock::Timestamp;
use crate::job::run::{GapKind, RunId, Trigger};
use crate::job::state::JobState;
use crate::job::{Job, JobId, Overlap};
use crate::scheduler::command::Refusal;

impl Core {
    /// A command has become durable.
    pub(super) fn apply(&mut self, effect: CommandEffect) {
        self.guards.commands -= 1;
        match effect {
            CommandEffect::Create { job, state } => {
                self.unguard(&job);
                self.add_job(job, state);
            }
            CommandEffect::Change {
                ix,
                job,
                cursor,
                withdrawn,
                passed,
            } => {
                self.unguard(&job);
                self.apply_change(ix, job, cursor, withdrawn, passed);
            }
            CommandEffect::Delete { ids, changed } => self.apply_delete(&ids, changed),
            CommandEffect::Pause { paused, withdrawn } => {
                self.guards.pause = false;
                self.paused = paused;
                for id in withdrawn {
                    if let Some(run) = self.drop_run(id) {
                        self.arm(run.ix);
                    }
                }
            }
            CommandEffect::Backfill { ix, runs } => {
                self.backfills.entry(ix).or_default().extend(runs);
                self.release_backfill(ix);
            }
        }
    }

    /// A command has failed: everything is as it was.
    pub(super) fn undo(&mut self, effect: CommandEffect) {
        self.guards.commands -= 1;
        match effect {
            CommandEffect::Create { job, .. } => self.unguard(&job),
            CommandEffect::Change {
                ix, job, withdrawn, ..
            } => {
                self.unguard(&job);
                self.jobs[ix].changing = false;
                withdrawn.into_iter().for_each(|id| self.go_on(id));
            }
            CommandEffect::Delete { ids, changed } => self.undo_delete(&ids, changed),
            CommandEffect::Pause { withdrawn, .. } => {
                self.guards.pause = false;
                withdrawn.into_iter().for_each(|id| self.go_on(id));
            }
            CommandEffect::Backfill { runs, .. } => runs.into_iter().for_each(|id| {
                self.drop_run(id);
            }),
        }
    }

    fn unguard(&mut self, job: &Arc<Job>) {
        self.guard_links(job, -1);
        if let Some(n) = self
            .guards
            .names
            .iter()
            .position(|name| *name == job.spec.name)
        {
            self.guards.names.swap_remove(n);
        }
    }

    /// A job is there: its first occurrence goes into the wheel.
    pub(super) fn add_job(&mut self, job: Arc<Job>, state: JobState) -> JobIx {
        self.totals.jobs += 1;
        self.totals.disabled_jobs += u64::from(job.spec.disabled);
        self.totals.add(&state.figures);
        let ix = self.jobs.insert(job.clone(), state);
        self.touch_parents(&job);
        self.arm(ix);
        self.fx.views.push(View::Job(job, self.live(ix)));
        ix
    }

    fn touch_parents(&mut self, job: &Job) {
        for ix in job
            .spec
            .parents
            .iter()
            .filter_map(|id| self.jobs.ix(*id))
            .collect::<Vec<_>>()
        {
            self.touch(ix);
        }
    }

    /// A run that was being withdrawn stays after all.
    fn go_on(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.withdrawing = false;
        if !run.open.claimed && run.phase == Phase::InLine {
            self.line.insert(run.place());
        }
        if run.due {
            self.due(id);
        }
    }

    fn apply_change(
        &mut self,
        ix: JobIx,
        job: Arc<Job>,
        cursor: Option<Timestamp>,
        withdrawn: Option<RunId>,
        passed: Passed,
    ) {
        withdrawn.into_iter().for_each(|id| {
            self.drop_run(id);
        });
        let old = self.jobs[ix].job.clone();
        self.put_definition(ix, &job);
        let entry = &mut self.jobs[ix];
        entry.changing = false;
        if let Some(cursor) = cursor {
            entry.cursor = cursor;
            if let Some(rest) = &mut entry.rest {
                rest.claimed_from = None;
                rest.done_ahead.clear();
            }
        }
        match (old.spec.disabled, job.spec.disabled) {
            (false, true) => self.give_up_waiting_runs(ix),
            (true, false) if passed == Passed::CaughtUp => self.catch_up(ix),
            (true, false) => self.miss_passed(ix),
            _ => {}
        }
        self.arm(ix);
    }

    /// Puts a changed definition into force, for the core and for readers.
    fn put_definition(&mut self, ix: JobIx, job: &Arc<Job>) {
        let old = self.jobs[ix].job.clone();
        self.disarm(ix);
        self.jobs.replace(ix, job.clone());
        if let Some(rest) = &mut self.jobs[ix].rest {
            rest.parents_done.retain(|id| job.spec.parents.contains(id));
        }
        self.totals.disabled_jobs += u64::from(job.spec.disabled);
        self.totals.disabled_jobs -= u64::from(old.spec.disabled);
        self.touch_parents(&old);
        self.touch_parents(job);
        self.fx.views.push(View::Job(job.clone(), self.live(ix)));
    }

    /// A job was disabled: what of its occurrences and triggers has not begun does not begin. Manual runs were asked for.
    fn give_up_waiting_runs(&mut self, ix: JobIx) {
        let waits = |phase| !matches!(phase, Phase::Attempting | Phase::RetryWait);
        let asked = |trigger| matches!(trigger, Trigger::Manual | Trigger::Backfill);
        let mine = self
            .runs
            .values()
            .filter(|run| run.ix == ix && waits(run.phase) && !asked(run.open.trigger));
        let mut ids: Vec<RunId> = mine.map(|run| run.open.id).collect();
        ids.sort_unstable();
        ids.into_iter()
            .for_each(|id| self.give_up(id, GapKind::Missed));
    }

    /// Occurrences that passed are missed, all of them.
    fn miss_passed(&mut self, ix: JobIx) {
        let entry = &self.jobs[ix];
        if entry.is_scheduled()
            && let Some(passed) = entry.job.schedule.passed(entry.cursor, self.now.wall)
        {
            self.settle_passed(ix, passed, false);
        }
    }

    fn apply_delete(&mut self, ids: &[JobId], changed: Vec<(JobIx, Arc<Job>)>) {
        self.guards.all = false;
        for (ix, job) in changed {
            self.jobs[ix].changing = false;
            self.put_definition(ix, &job);
            self.arm(ix);
        }
        let mut out = Consequences::default();
        let gone: Vec<JobIx> = ids.iter().filter_map(|id| self.jobs.ix(*id)).collect();
        let theirs = self
            .runs
            .values()
            .filter(|run| self.jobs[run.ix].deleting)
            .map(|run| run.open.id);
        let mut runs: Vec<RunId> = theirs.collect();
        runs.sort_unstable();
        for id in runs {
            let Some(run) = self.abandon(id) else {
                continue;
            };
            for to in self.waiters.remove(&id).unwrap_or_default() {
                self.refuse(to, Refusal::Withdrawn(id));
            }
            self.link_over(&run, None, Vec::new(), &mut out);
        }
        for ix in gone {
            self.touched.remove(&ix);
            self.unrecorded.remove(&ix);
            self.backfills.remove(&ix);
            let id = self.jobs[ix].job.id;
            let Some(entry) = self.jobs.remove(id) else {
                continue;
            };
            self.totals.jobs -= 1;
            self.totals.disabled_jobs -= u64::from(entry.job.spec.disabled);
            self.totals.subtract(&entry.figures);
            self.touch_parents(&entry.job);
            self.fx.views.push(View::NoJob(id));
        }
        if !out.changes.is_empty() {
            self.propose_end(out);
        }
    }

    fn undo_delete(&mut self, ids: &[JobId], changed: Vec<(JobIx, Arc<Job>)>) {
        self.guards.all = false;
        for (ix, _) in changed {
            self.jobs[ix].changing = false;
        }
        for ix in ids
            .iter()
            .filter_map(|id| self.jobs.ix(*id))
            .collect::<Vec<_>>()
        {
            self.jobs[ix].changing = false;
            self.jobs[ix].deleting = false;
            self.arm(ix);
            let mut runs: Vec<RunId> = self
                .runs
                .values()
                .filter(|run| run.ix == ix)
                .map(|run| run.open.id)
                .collect();
            runs.sort_unstable();
            for id in runs {
                self.go_on_after_delete(id);
            }
            self.release_waiting(ix);
        }
    }

    /// A run whose job is not deleted after all goes on from where it was held.
    fn go_on_after_delete(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if let Some(done) = run.held_end.take() {
            return self.completed(done);
        }
        match run.phase {
            Phase::InLine => {
                self.line.insert(run.place());
            }
            Phase::Ready => {
                self.ready.insert(run.place());
            }
            _ => {}
        }
        let came_due = run.due && self.jobs[run.ix].upcoming == Some(id);
        if came_due {
            self.due(id);
        }
    }

    /// The next backfilled occurrence of a job goes in line when its turn has come: one after the other, or all at once
    /// where the job's runs may overlap.
    pub(super) fn release_backfill(&mut self, ix: JobIx) {
        let together = self.jobs[ix].job.spec.overlap == Overlap::Allow;
        while together || self.jobs[ix].active == 0 {
            let Some(id) = self
                .backfills
                .get_mut(&ix)
                .and_then(|runs| runs.pop_front())
            else {
                break;
            };
            if self.runs.contains_key(&id) {
                self.count_active(id);
                self.enter_line(id);
            }
        }
        if self.backfills.get(&ix).is_some_and(|runs| runs.is_empty()) {
            self.backfills.remove(&ix);
        }
    }
}
