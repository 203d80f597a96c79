//! From the line to a worker: claims in order and just ahead of need, then the next free worker.

use std::sync::Arc;

use super::commit::{Meaning, Urgency};
use super::runs::{Phase, Run};
use super::{Core, Notice, ReplyTo, View};
use crate::config;
use crate::job::output::OutputBuffer;
use crate::job::run::{GapKind, RunId, RunOrder};
use crate::scheduler::command::Answer;
use crate::store::change::Change;

impl Core {
    /// Puts a run where it may be claimed when its turn comes.
    pub(super) fn enter_line(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if run.durable {
            return self.enter_ready(id);
        }
        if run.open.claimed {
            run.phase = Phase::Claiming;
            return;
        }
        run.phase = Phase::InLine;
        self.line.insert(run.place());
    }

    /// Claims what stands first in line, as much as the workers will soon take.
    pub(super) fn claim(&mut self) {
        let limit = config::CLAIMS_AHEAD_PER_WORKER * self.settings.workers;
        while !self.stopping && self.claims_ahead < limit {
            let Some((_, _, id)) = self.line.pop_first() else {
                return;
            };
            let Some(run) = self.runs.get(&id) else {
                continue;
            };
            if self.jobs[run.ix].deleting || run.withdrawing {
                continue;
            }
            if run.due && run.not_after().is_some_and(|end| self.now.wall > end) {
                self.miss(id);
            } else {
                self.claim_run(id);
            }
        }
    }

    /// Proposes the claim of a run, with the cursor's move.
    fn claim_run(&mut self, id: RunId) {
        self.claim_run_with(id, Vec::new());
    }

    /// The same, for a run that somebody started; they are answered when it is claimed.
    pub(super) fn claim_run_with(&mut self, id: RunId, replies: Vec<(ReplyTo, Answer)>) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.phase = Phase::Claiming;
        run.open.claimed = true;
        let (ix, open, was_recorded, due) = (run.ix, run.open.clone(), run.recorded, run.due);
        run.recorded = true;
        self.claims_ahead += 1;
        self.forget_unrecorded(ix, id);
        let put = if was_recorded {
            Change::PutRun(open.clone())
        } else {
            Change::InsertRun(open.clone())
        };
        let mut changes = vec![put];
        if let Some(at) = open.holds_occurrence() {
            self.put_state(ix, &mut changes);
            // The cursor itself moves when the instant comes; until then only the store is ahead.
            if let (false, Some(Change::PutState(_, state))) = (due, changes.last_mut()) {
                state.cursor = state.cursor.max(at);
            }
        }
        self.propose(
            changes,
            Meaning {
                claimed: vec![id],
                replies,
                ..Meaning::default()
            },
            Urgency::Now,
        );
    }

    /// The store knows the run: if it is claimed, it may start at its instant.
    pub(super) fn claimed(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.durable = run.open.claimed;
        if run.phase != Phase::Claiming {
            return;
        }
        run.phase = Phase::Claimed;
        if run.due && !run.withdrawing {
            self.enter_ready(id);
        }
    }

    /// Another server holds the claim: the run is not ours.
    pub(super) fn claim_taken(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let (job, scheduled_at) = (run.job.clone(), run.open.scheduled_at);
        self.fx
            .notices
            .push(Notice::ClaimTaken { job, scheduled_at });
        if let (Some(at), false) = (scheduled_at, run.due) {
            let ix = run.ix;
            self.jobs[ix].cursor = at;
            self.jobs[ix].upcoming = None;
            self.drop_run(id);
            self.arm(ix);
        } else {
            let ix = run.ix;
            self.drop_run(id);
            self.release_waiting(ix);
        }
    }

    /// Puts a claimed, due run where the next free worker takes it.
    pub(super) fn enter_ready(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.phase = Phase::Ready;
        self.ready.insert(run.place());
    }

    /// Gives ready runs to free workers, in order. A run that somebody waits for gets an extra worker where none is
    /// free, so that jobs which start jobs cannot deadlock.
    pub(super) fn start_ready(&mut self) {
        if self.stopping {
            return;
        }
        while self.busy < self.settings.workers {
            let Some((_, _, id)) = self.ready.pop_first() else {
                return;
            };
            let Some(run) = self.runs.get(&id) else {
                continue;
            };
            if !self.jobs[run.ix].deleting {
                self.start_attempt(id, false);
            }
        }
        if self.extra < self.settings.workers && !self.waiters.is_empty() {
            let room = self.settings.workers - self.extra;
            let waited = |id: &RunId| {
                self.runs
                    .get(id)
                    .is_some_and(|run| run.waited && !self.jobs[run.ix].deleting)
            };
            let chosen: Vec<_> = self
                .ready
                .iter()
                .filter(|(_, _, id)| waited(id))
                .take(room)
                .copied()
                .collect();
            for place in chosen {
                self.ready.remove(&place);
                self.start_attempt(place.2, true);
            }
        }
    }

    fn start_attempt(&mut self, id: RunId, extra: bool) {
        let now = self.now;
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let begins = !run.has_begun();
        self.claims_ahead -= usize::from(run.is_claim_ahead());
        run.phase = Phase::Attempting;
        run.extra = extra;
        run.attempt += 1;
        let output = run
            .output
            .get_or_insert_with(|| Arc::new(OutputBuffer::new(self.settings.output_limit)))
            .clone();
        let not_after = match run.started_at {
            None => run.not_after(),
            Some(started) => crate::job::retry::window_end(
                &run.job,
                run.open.holds_occurrence().unwrap_or(started),
            ),
        };
        if begins {
            run.started_at = Some(now.wall);
            run.started = now.mono;
        }
        let run = &self.runs[&id];
        *if extra {
            &mut self.extra
        } else {
            &mut self.busy
        } += 1;
        if begins {
            self.begin(run.ix, id);
        }
        let run = &self.runs[&id];
        self.fx.views.push(View::Running(Core::running_view(run)));
        self.fx.orders.push(RunOrder {
            run: id,
            job: run.job.clone(),
            attempt: run.attempt,
            trigger: run.open.trigger,
            scheduled_at: run.open.scheduled_at,
            not_after,
            output,
            figures: *self.jobs[run.ix].figures,
            extra,
        });
    }

    fn begin(&mut self, ix: super::JobIx, id: RunId) {
        let now = self.now;
        self.jobs[ix].figures_mut().last_attempted_run = Some(now.wall);
        self.totals.last_attempted_run = Some(now.wall);
        self.touch(ix);
        let run = &self.runs[&id];
        self.fx.notices.push(Notice::Started {
            run: id,
            job: run.job.clone(),
            trigger: run.open.trigger,
            lateness: run.open.scheduled_at.map(|at| now.wall.since(at)),
            queued: now.mono.saturating_sub(run.queued),
        });
    }

    /// Takes a run that no worker has out of every queue and forgets it. The store is not told.
    pub(super) fn drop_run(&mut self, id: RunId) -> Option<Run> {
        let run = self.runs.remove(&id)?;
        self.claims_ahead -= usize::from(run.is_claim_ahead());
        self.line.remove(&run.place());
        self.ready.remove(&run.place());
        self.forget_unrecorded(run.ix, id);
        let entry = &mut self.jobs[run.ix];
        if entry.waiting == Some(id) {
            entry.waiting = None;
        }
        if entry.upcoming == Some(id) {
            entry.upcoming = None;
        }
        if run.active {
            entry.active -= 1;
            self.totals.running -= 1;
            self.fx.views.push(View::NotRunning(id));
        }
        self.touch(run.ix);
        Some(run)
    }

    /// A due occurrence whose window closed before a worker could take it.
    pub(super) fn miss(&mut self, id: RunId) {
        self.give_up(id, GapKind::Missed);
    }
}
