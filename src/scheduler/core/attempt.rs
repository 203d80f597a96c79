//! From a worker to the recorded end: completions, retries, outcomes and counters.

use std::sync::Arc;
use std::time::Duration;

use super::chain::Consequences;
use super::runs::{Phase, Run};
use super::{Core, Notice, View};
use crate::clock::Timestamp;
use crate::job::run::{AttemptEnd, Completion, HistoryEntry, Outcome, RunId, RunRecord, Trigger};
use crate::job::{JobId, OnInterrupted, retry};
use crate::registry::FreshEntry;
use crate::scheduler::policy;
use crate::store::change::Change;

impl Core {
    /// A worker is done with an attempt.
    pub(super) fn completed(&mut self, done: Completion) {
        let Some(run) = self.runs.get_mut(&done.run) else {
            if let Some(extra) = self.orphans.remove(&done.run) {
                self.worker_is_free(extra);
            }
            return;
        };
        if self.jobs[run.ix].deleting {
            // Whether this run still has a job is being decided: it ends when that is.
            run.held_end = Some(done);
            return;
        }
        let extra = run.extra;
        self.worker_is_free(extra);
        self.attempt_over(done);
    }

    pub(super) fn worker_is_free(&mut self, extra: bool) {
        *if extra {
            &mut self.extra
        } else {
            &mut self.busy
        } -= 1;
    }

    fn attempt_over(&mut self, done: Completion) {
        let ended_at = done.started_at.plus(done.duration);
        let Some(run) = self.runs.get_mut(&done.run) else {
            return;
        };
        if done.end == AttemptEnd::TooLate {
            return self.came_too_late(done.run, ended_at);
        }
        if run.attempt == 1 {
            run.started_at = Some(done.started_at);
        }
        let outcome = match &done.end {
            AttemptEnd::Exited(0) | AttemptEnd::Answered(_, true) => Outcome::Succeeded,
            _ if run.cancelled => Outcome::Cancelled,
            _ if run.interrupted => Outcome::Interrupted,
            AttemptEnd::Stopped => Outcome::Cancelled,
            AttemptEnd::TimedOut => Outcome::TimedOut,
            _ => Outcome::Failed,
        };
        if matches!(outcome, Outcome::Failed | Outcome::TimedOut) {
            run.failed_attempts += 1;
            run.last_error = Some(ended_at);
        }
        run.last_end = Some(done.end);
        let retried = matches!(outcome, Outcome::Failed | Outcome::TimedOut)
            && self.retry(done.run, ended_at);
        if !retried {
            self.end_run(done.run, outcome, ended_at, done.duration);
        }
    }

    /// Nothing was executed: the window had closed. A first attempt is missed; a run that has failed before stays failed.
    fn came_too_late(&mut self, id: RunId, at: Timestamp) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.attempt -= 1;
        if run.attempt == 0 {
            self.miss(id);
        } else {
            let outcome = if run.last_end == Some(AttemptEnd::TimedOut) {
                Outcome::TimedOut
            } else {
                Outcome::Failed
            };
            self.end_run(id, outcome, at, Duration::ZERO);
        }
    }

    /// Plans the next attempt, if there is to be one. The wait is in the wheel: no worker is held.
    fn retry(&mut self, id: RunId, ended_at: Timestamp) -> bool {
        let now = self.now;
        let Some(run) = self.runs.get_mut(&id) else {
            return false;
        };
        let window_from = run
            .open
            .holds_occurrence()
            .or(run.started_at)
            .unwrap_or(ended_at);
        let Some(at) = retry::next_attempt(&run.job, run.attempt, window_from, ended_at) else {
            return false;
        };
        run.phase = Phase::RetryWait;
        if self.stopping {
            self.give_back(id);
            return true;
        }
        let Some(run) = self.runs.get_mut(&id) else {
            return false;
        };
        let (job, attempt, ix) = (run.job.clone(), run.attempt, run.ix);
        if let Some(end) = run.last_end.clone() {
            self.fx.notices.push(Notice::Retrying {
                run: id,
                job,
                attempt,
                end,
                at,
            });
        }
        let wait = at.since(now.wall);
        if wait.is_zero() {
            self.enter_ready(id);
        } else {
            self.delays.insert((now.mono + wait).as_micros() as u64, id);
        }
        self.touch(ix);
        true
    }

    /// Retries whose delay is over go to the workers.
    pub(super) fn end_delays(&mut self) {
        while let Some((_, id)) = self.delays.pop_due(self.now.mono.as_micros() as u64) {
            if self
                .runs
                .get(&id)
                .is_some_and(|run| run.phase == Phase::RetryWait)
            {
                self.enter_ready(id);
            }
        }
    }

    /// The end of a run: counters, history, what it means to others, all in one transaction; readers see it at once.
    pub(super) fn end_run(
        &mut self,
        id: RunId,
        outcome: Outcome,
        finished_at: Timestamp,
        last_attempt: Duration,
    ) {
        let Some(run) = self.drop_run(id) else { return };
        let elapsed = self.now.mono.saturating_sub(run.started);
        let duration = if run.attempt == 1 {
            last_attempt
        } else if run.has_begun() {
            elapsed
        } else {
            Duration::ZERO
        };
        self.count_end(&run, outcome, finished_at);
        let mut out = Consequences::default();
        if run.recorded {
            out.changes.push(Change::RemoveRun(run.open.clone()));
        }
        self.record(&run, outcome, finished_at, duration, &mut out);
        if outcome == Outcome::Interrupted && self.repeat(&run, &mut out) {
            // The repetition takes its place in the chain, and with those who wait.
        } else {
            let children = match outcome {
                Outcome::Succeeded => self.children_after_success(run.open.job, &mut out),
                _ => Vec::new(),
            };
            if matches!(outcome, Outcome::Failed | Outcome::TimedOut) {
                let failure = run.job.spec.on_failure_job.and_then(|id| self.jobs.ix(id));
                failure.map(|ix| self.trigger(ix, Trigger::Failure, None, false, &mut out));
            }
            self.link_over(&run, Some(outcome), children, &mut out);
        }
        self.put_state(run.ix, &mut out.changes);
        self.propose_end(out);
        self.fx.notices.push(Notice::Ended {
            run: id,
            job: run.job,
            outcome,
            end: run.last_end,
            duration,
        });
        self.release_waiting(run.ix);
    }

    fn count_end(&mut self, run: &Run, outcome: Outcome, finished_at: Timestamp) {
        let figures = self.jobs[run.ix].figures_mut();
        figures.finished_runs += 1;
        figures.error_count += u64::from(run.failed_attempts);
        figures.last_error = run.last_error.or(figures.last_error);
        match outcome {
            Outcome::Succeeded => {
                figures.success_count += 1;
                figures.last_success = Some(finished_at);
                figures.failures_in_a_row = 0;
                self.totals.success_count += 1;
            }
            Outcome::Failed | Outcome::TimedOut => figures.failures_in_a_row += 1,
            Outcome::Cancelled | Outcome::Interrupted => {}
        }
        self.totals.error_count += u64::from(run.failed_attempts);
        self.touch(run.ix);
    }

    /// Puts the run into its job's history.
    fn record(
        &mut self,
        run: &Run,
        outcome: Outcome,
        finished_at: Timestamp,
        duration: Duration,
        out: &mut Consequences,
    ) {
        let output = run.output.clone().filter(|output| output.total() > 0);
        let record = RunRecord {
            id: run.open.id,
            trigger: run.open.trigger,
            scheduled_at: run.open.scheduled_at,
            started_at: run.started_at,
            finished_at,
            attempts: run.attempt,
            duration,
            outcome,
            end: run.last_end.clone(),
            output_total: output.as_ref().map_or(0, |output| output.total()),
        };
        if let Some(rest) = &mut self.jobs[run.ix].rest {
            rest.gap = None;
        }
        let (job, entry) = (run.open.job, Arc::new(HistoryEntry::Run(Box::new(record))));
        out.changes
            .push(Change::PutHistory(job, entry.clone(), output.clone()));
        self.fx.views.push(View::Fresh(
            job,
            FreshEntry {
                entry: entry.clone(),
                output,
            },
        ));
        out.settled.push((job, entry));
    }

    /// Runs an interrupted run once more, if its job wants that and its window is still open.
    fn repeat(&mut self, run: &Run, out: &mut Consequences) -> bool {
        let job = &self.jobs[run.ix].job;
        let open = run
            .open
            .scheduled_at
            .is_none_or(|at| policy::window_is_open(job, at, self.now.wall));
        let wanted = job.spec.on_interrupted == OnInterrupted::Retry
            && !run.open.repeats
            && !job.spec.disabled;
        if !wanted || !open || self.stopping {
            return false;
        }
        let id = self.new_run(
            run.ix,
            run.open.trigger,
            run.open.scheduled_at,
            Phase::InLine,
        );
        if let Some(again) = self.runs.get_mut(&id) {
            again.due = true;
            again.recorded = true;
            again.waited = run.waited;
            again.open.repeats = true;
            again.open.chain = run.open.chain;
            out.changes.push(Change::InsertRun(again.open.clone()));
        }
        self.count_active(id);
        self.enter_line(id);
        true
    }

    /// Ends a run on a user's request, or says that there is no such run.
    pub(super) fn cancel(&mut self, job: JobId, id: RunId) -> bool {
        let Some(run) = self
            .runs
            .get_mut(&id)
            .filter(|run| run.open.job == job && run.due)
        else {
            return false;
        };
        run.cancelled = true;
        if run.phase == Phase::Attempting {
            self.fx.stops.push((id, crate::worker::Stop::Terminate));
        } else {
            self.end_run(id, Outcome::Cancelled, self.now.wall, Duration::ZERO);
        }
        true
    }

    /// Gives a deleted job's run back, wherever it stands. A worker that has it ends it, and nobody cares how.
    pub(super) fn abandon(&mut self, id: RunId) -> Option<Run> {
        let run = self.drop_run(id)?;
        if run.phase == Phase::Attempting {
            if run.held_end.is_some() {
                self.worker_is_free(run.extra);
            } else {
                self.orphans.insert(id, run.extra);
                self.fx.stops.push((id, crate::worker::Stop::Terminate));
            }
        }
        Some(run)
    }
}
