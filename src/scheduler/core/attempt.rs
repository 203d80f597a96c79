//! From a worker to the recorded end: completions, retries, outcomes and counters.

use std::sync::Arc;
use std::time::Duration;

use super::chain::Consequences;
use super::runs::{Phase, Run, Timer};
use super::{Core, Notice, TurnOfJob, View};
use crate::clock::Timestamp;
use crate::job::output::OutputBuffer;
use crate::job::run::{AttemptEnd, Completion, HistoryEntry, Outcome, RunId, RunRecord, Trigger};
use crate::job::{JobId, OnInterrupted, retry};
use crate::registry::FreshEntry;
use crate::scheduler::policy::{self, Turn};
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
        if self.jobs[run.ix].doing.deleting {
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
            run.attempt -= 1;
            return self.too_late(done.run);
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
        let retried =
            matches!(outcome, Outcome::Failed | Outcome::TimedOut) && self.retry(done.run);
        if !retried {
            self.end_run(done.run, outcome, ended_at, Some(done.duration));
        }
    }

    /// Plans the next attempt, if there is to be one. The wait is in the wheel: no worker is held.
    ///
    /// Counted from now, by the clock as it is: it may have been stepped since the attempt began.
    fn retry(&mut self, id: RunId) -> bool {
        let now = self.now;
        let Some(run) = self.runs.get_mut(&id) else {
            return false;
        };
        let opened = run.open.holds_occurrence().or(run.started_at);
        let window_from = opened.unwrap_or(now.wall);
        let Some(at) = retry::next_attempt(&run.job, run.attempt, window_from, now.wall) else {
            return false;
        };
        run.phase = Phase::RetryWait;
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
        self.touch(ix);
        let wait = at.since(now.wall);
        if self.stopping {
            self.give_back(id);
        } else if wait.is_zero() {
            self.enter_ready(id);
        } else {
            // Rounded up, as instants are: a retry may be late, never early.
            let until = (now.mono + wait).as_nanos().div_ceil(1_000) as u64;
            let timer = self.delays.insert(until, id);
            if let Some(run) = self.runs.get_mut(&id) {
                run.timer = Some(Timer::Delay(timer));
            }
        }
        true
    }

    /// Retries whose delay is over go to the workers.
    pub(super) fn end_delays(&mut self) {
        while let Some((_, id)) = self.delays.pop_due(self.now.mono.as_micros() as u64) {
            if let Some(run) = self.runs.get_mut(&id) {
                run.timer = None;
                self.enter_ready(id);
            }
        }
    }

    /// The end of a run: counters, history, what it means to others, all in one transaction; readers see it at once.
    /// `last_attempt` is how long that took, if the run ends with it.
    pub(super) fn end_run(
        &mut self,
        id: RunId,
        outcome: Outcome,
        finished_at: Timestamp,
        last_attempt: Option<Duration>,
    ) {
        let Some(run) = self.drop_run(id) else { return };
        let duration = match last_attempt {
            Some(only) if run.attempt == 1 => only,
            _ if run.has_begun() => self.now.mono.saturating_sub(run.started),
            _ => Duration::ZERO,
        };
        let turn = self.count_end(&run, outcome, finished_at, duration);
        let mut out = Consequences::default();
        if run.recorded {
            out.changes.push(Change::RemoveRun(run.open.clone()));
        }
        let (record, output) = self.record(&run, outcome, finished_at, duration, &mut out);
        if let Some((turn, failures_in_a_row)) = turn {
            self.fx.notices.push(Notice::Turn(Box::new(TurnOfJob {
                turn,
                job: run.job.clone(),
                run: record,
                failures_in_a_row,
                output,
            })));
        }
        let again = match outcome {
            Outcome::Interrupted => self.repeat(&run, &mut out),
            _ => None,
        };
        if again.is_none() {
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
        if let Some(again) = again {
            self.count_active(again);
            self.enter_line(again);
        }
        self.fx.notices.push(Notice::Ended {
            run: id,
            job: run.job,
            outcome,
            end: run.last_end,
            duration,
        });
        self.release_waiting(run.ix);
    }

    /// Counts the end of a run. If it is a turn of the job: which, and how many failures in a row are behind it.
    fn count_end(
        &mut self,
        run: &Run,
        outcome: Outcome,
        finished_at: Timestamp,
        duration: Duration,
    ) -> Option<(Turn, u32)> {
        let goes = self.may_go(run.ix);
        let entry = &mut self.jobs[run.ix];
        let alert_after = entry.job.extras().alert_after;
        let figures = entry.figures_mut();
        figures.finished_runs += 1;
        figures.last_duration = duration;
        figures.error_count += u64::from(run.failed_attempts);
        figures.last_error = run.last_error.or(figures.last_error);
        match outcome {
            Outcome::Succeeded => {
                figures.success_count += 1;
                figures.last_success = Some(finished_at);
                self.totals.success_count += 1;
            }
            Outcome::Failed | Outcome::TimedOut => figures.failures_in_a_row += 1,
            // No counter tells when it ended, so that is noted where it matters.
            Outcome::Cancelled | Outcome::Interrupted if goes => {
                entry.rest_mut().ended_at = Some(finished_at);
            }
            Outcome::Cancelled | Outcome::Interrupted => {}
        }
        let figures = entry.figures_mut();
        let turn = policy::turn(outcome, figures, alert_after);
        let failures = figures.failures_in_a_row;
        figures.alerted = figures.alerted || turn == Some(Turn::Failed);
        if outcome == Outcome::Succeeded {
            (figures.failures_in_a_row, figures.alerted) = (0, false);
        }
        self.totals.error_count += u64::from(run.failed_attempts);
        self.touch(run.ix);
        turn.map(|turn| (turn, failures))
    }

    /// Puts the run into its job's history; with what it has written, if that is anything.
    fn record(
        &mut self,
        run: &Run,
        outcome: Outcome,
        finished_at: Timestamp,
        duration: Duration,
        out: &mut Consequences,
    ) -> (RunRecord, Option<Arc<OutputBuffer>>) {
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
        let entry = Arc::new(HistoryEntry::Run(Box::new(record.clone())));
        let job = run.open.job;
        out.changes
            .push(Change::PutHistory(job, entry.clone(), output.clone()));
        self.fx.views.push(View::Fresh(
            job,
            FreshEntry {
                entry: entry.clone(),
                output: output.clone(),
            },
        ));
        out.settled.push((job, entry));
        (record, output)
    }

    /// Makes a run that repeats an interrupted one, if its job wants that and its window is still open. It takes the place
    /// of that run in its chain.
    fn repeat(&mut self, run: &Run, out: &mut Consequences) -> Option<RunId> {
        let job = &self.jobs[run.ix].job;
        let wanted = job.spec.on_interrupted == OnInterrupted::Retry && !job.spec.disabled;
        let open = run
            .open
            .holds_occurrence()
            .is_none_or(|at| policy::window_is_open(job, at, self.now.wall));
        if !wanted || !open || run.open.repeats || self.stopping {
            return None;
        }
        let (trigger, at) = (run.open.trigger, run.open.scheduled_at);
        let id = self.new_run(run.ix, trigger, at, Phase::InLine);
        let again = self.runs.get_mut(&id)?;
        again.due = true;
        again.recorded = true;
        again.open.repeats = true;
        again.open.chain = run.open.chain;
        out.changes.push(Change::InsertRun(again.open.clone()));
        Some(id)
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
            self.end_run(id, Outcome::Cancelled, self.now.wall, None);
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
