//! Commands as they become true, or leave no trace.

use std::sync::Arc;

use super::commands::{CommandEffect, Passed};
use super::commit::{Meaning, Urgency};
use super::jobs::JobIx;
use super::runs::Phase;
use super::{Core, View};
use crate::clock::Timestamp;
use crate::config;
use crate::job::run::{GapKind, Outcome, RunId};
use crate::job::state::JobState;
use crate::job::{Job, Overlap};
use crate::scheduler::command::Refusal;

impl Core {
    /// A command has become durable.
    pub(super) fn apply(&mut self, effect: CommandEffect) {
        self.guards.commands -= 1;
        match effect {
            CommandEffect::Create { job, state } => {
                self.unguard(&job);
                let ix = self.add_job(job, state);
                self.begin_schedule(ix);
            }
            CommandEffect::Change {
                ix,
                job,
                withdrawn,
                passed,
            } => {
                self.unguard(&job);
                self.apply_change(ix, &job, withdrawn, passed);
            }
            CommandEffect::Import(incoming) => self.apply_import(incoming),
            CommandEffect::Delete { ids, changed } => self.apply_delete(&ids, changed),
            CommandEffect::Start { .. } => {}
            CommandEffect::Pause { paused, withdrawn } => self.apply_pause(paused, withdrawn),
            CommandEffect::Backfill { ix, runs } => {
                self.backfills.entry(ix).or_default().extend(runs);
                self.release_backfill(ix);
            }
        }
    }

    /// A command has failed, for this reason: everything is as it was.
    pub(super) fn undo(&mut self, effect: CommandEffect, why: &str) {
        self.guards.commands -= 1;
        match effect {
            CommandEffect::Create { job, .. } => self.unguard(&job),
            CommandEffect::Change {
                ix, job, withdrawn, ..
            } => {
                self.unguard(&job);
                self.jobs[ix].doing.changing = false;
                if self.jobs[ix].doing.next_cursor.take().is_some() {
                    // What was stored meanwhile, or waits for that, counted on it.
                    let mut changes = Vec::new();
                    self.put_state(ix, &mut changes);
                    self.propose(changes, Meaning::default(), Urgency::Soon);
                }
                self.thaw(ix);
                withdrawn.into_iter().for_each(|id| self.go_on(id));
            }
            CommandEffect::Import(incoming) => self.undo_import(&incoming),
            CommandEffect::Delete { ids, changed } => self.undo_delete(&ids, &changed),
            CommandEffect::Start { run } => {
                for to in self.waiters.remove(&run).unwrap_or_default() {
                    self.refuse(to, Refusal::Store(why.to_owned()));
                }
                if let Some(run) = self.drop_run(run) {
                    self.release_waiting(run.ix);
                }
            }
            CommandEffect::Pause { withdrawn, .. } => {
                self.guards.exclusive = false;
                self.guards.pausing = false;
                withdrawn.into_iter().for_each(|id| self.go_on(id));
            }
            CommandEffect::Backfill { runs, .. } => runs.into_iter().for_each(|id| {
                self.drop_run(id);
            }),
        }
    }

    /// A job is there: its first occurrence goes into the wheel.
    pub(super) fn add_job(&mut self, job: Arc<Job>, state: JobState) -> JobIx {
        self.totals.jobs += 1;
        self.totals.disabled_jobs += u64::from(job.spec.disabled);
        self.totals.add(&state.figures);
        let ix = self.jobs.insert(job.clone(), state);
        self.touch_linked(&job);
        self.arm(ix);
        self.fx.views.push(View::Job(job, self.live(ix)));
        ix
    }

    /// What a job names is different now that the job is there, changed or gone.
    pub(super) fn touch_linked(&mut self, job: &Job) {
        for id in job.spec.parents.iter().chain(&job.spec.on_failure_job) {
            if let Some(ix) = self.jobs.ix(*id) {
                self.touch(ix);
            }
        }
    }

    /// A run that stood still until a command was decided goes on from where it stood.
    pub(super) fn go_on(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.withdrawing = false;
        if let Some(done) = run.held_end.take() {
            return self.completed(done);
        }
        if self.stopping {
            return self.give_back(id);
        }
        match run.phase {
            Phase::InLine => {
                self.line.insert(run.place());
            }
            Phase::Ready => self.ready.insert(run),
            _ => {}
        }
        let (due, claimed) = (run.due, run.phase == Phase::Claimed);
        if due && self.jobs[run.ix].doing.upcoming == Some(id) {
            self.due(id);
        } else if due && claimed {
            self.enter_ready(id);
        }
    }

    fn apply_change(
        &mut self,
        ix: JobIx,
        job: &Arc<Job>,
        withdrawn: Option<RunId>,
        passed: Passed,
    ) {
        withdrawn.into_iter().for_each(|id| {
            self.drop_run(id);
        });
        let was_disabled = self.jobs[ix].job.spec.disabled;
        self.put_definition(ix, job);
        let entry = &mut self.jobs[ix];
        entry.doing.changing = false;
        entry.doing.frozen = false;
        if let Some(cursor) = entry.doing.next_cursor.take() {
            entry.cursor = cursor;
            if let Some(rest) = &mut entry.rest {
                rest.forget_claimed();
            }
        }
        // The clock may have been stepped back while the job stood still.
        self.return_cursor(ix, config::STEP_BACK_MAX);
        match (was_disabled, job.spec.disabled) {
            (false, true) => self.give_up_waiting_runs(ix),
            (true, false) if passed == Passed::CaughtUp => self.catch_up(ix),
            (true, false) => self.miss_passed(ix),
            _ => {}
        }
        self.arm(ix);
    }

    /// Puts a changed definition into force, for the core and for readers.
    pub(super) fn put_definition(&mut self, ix: JobIx, job: &Arc<Job>) {
        let old = self.jobs[ix].job.clone();
        self.disarm(ix);
        self.jobs.replace(ix, job.clone());
        if let Some(rest) = &mut self.jobs[ix].rest {
            rest.parents_done.retain(|id| job.spec.parents.contains(id));
        }
        self.totals.disabled_jobs += u64::from(job.spec.disabled);
        self.totals.disabled_jobs -= u64::from(old.spec.disabled);
        self.touch_linked(&old);
        self.touch_linked(job);
        self.fx.views.push(View::Job(job.clone(), self.live(ix)));
    }

    /// A job was disabled: what its schedule, its parents and the failures of others brought about and has not begun does
    /// not begin. Manual runs were asked for.
    fn give_up_waiting_runs(&mut self, ix: JobIx) {
        let waits = |phase| !matches!(phase, Phase::Attempting | Phase::RetryWait);
        let mut ids = self.runs_of(&[ix]);
        ids.retain(|id| {
            let run = &self.runs[id];
            waits(run.phase) && !run.has_begun() && !run.open.was_asked_for()
        });
        ids.into_iter().for_each(|id| self.withhold(id));
    }

    /// Lets a run that has not begun come to nothing, since its job is disabled.
    pub(super) fn withhold(&mut self, id: RunId) {
        let holds = |run: &super::Run| run.open.holds_occurrence().is_some();
        if self.runs.get(&id).is_some_and(holds) {
            self.give_up(id, GapKind::Missed);
        } else {
            self.end_run(id, Outcome::Cancelled, self.now.wall, None);
        }
    }

    /// Pauses or resumes. Occurrences that passed meanwhile are caught up.
    fn apply_pause(&mut self, paused: bool, withdrawn: Vec<RunId>) {
        self.guards.exclusive = false;
        self.guards.pausing = false;
        self.paused = paused;
        for id in withdrawn {
            if let Some(run) = self.drop_run(id) {
                self.arm(run.ix);
            }
        }
        for ix in self.jobs.places().into_iter().filter(|_| !paused) {
            self.catch_up_passed(ix);
        }
    }

    /// The next backfilled occurrences of a job go in line when their turn has come: one after the other, or as many at
    /// once as may be where the job's runs may overlap.
    pub(super) fn release_backfill(&mut self, ix: JobIx) {
        loop {
            let entry = &self.jobs[ix];
            let side_by_side = match entry.job.spec.overlap {
                Overlap::Allow => config::OVERLAP_RUNS_MAX,
                Overlap::Queue | Overlap::Skip => 1,
            };
            if entry.doing.active as usize >= side_by_side {
                return;
            }
            let Some(waiting) = self.backfills.get_mut(&ix) else {
                return;
            };
            match waiting.pop_front() {
                Some(id) if self.runs.contains_key(&id) => {
                    self.count_active(id);
                    self.enter_line(id);
                }
                Some(_) => {}
                None => {
                    self.backfills.remove(&ix);
                    return;
                }
            }
        }
    }

    /// A job that is new: its first occurrence comes about however long the store took.
    pub(super) fn begin_schedule(&mut self, ix: JobIx) {
        let passed = |at: Timestamp| at <= self.now.wall;
        if self.takes_occurrences() && self.jobs[ix].next.is_some_and(passed) {
            let at = self.jobs[ix].next;
            self.disarm(ix);
            at.into_iter().for_each(|at| self.take_up(ix, at));
        }
    }
}
