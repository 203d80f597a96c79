//! The end: nothing starts any more, what has not begun is given back, what runs may finish.

use super::commit::{Meaning, Urgency};
use super::runs::Phase;
use super::{Core, End, Notice};
use crate::job::run::RunId;
use crate::scheduler::command::Refusal;
use crate::store::change::Change;
use crate::worker::Stop;

impl Core {
    /// The server is to stop: queued runs and waiting retries are given back unclaimed, so that whoever comes next runs
    /// them; those who wait for a start are told.
    pub(super) fn stop(&mut self) {
        if std::mem::replace(&mut self.stopping, true) {
            return;
        }
        self.refuse_waiting(&Refusal::Stopping);
        let mut ids: Vec<RunId> = self.runs.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.give_back(id);
        }
    }

    /// Gives a run that no worker has back to whoever comes next. One that a command holds is left until that is decided.
    pub(super) fn give_back(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if run.phase == Phase::Attempting || run.withdrawing || self.jobs[run.ix].doing.deleting {
            return;
        }
        run.open.claimed = false;
        let (ix, due, recorded, open) = (run.ix, run.due, run.recorded, run.open.clone());
        let mut changes = Vec::new();
        if due && recorded {
            changes.push(Change::PutRun(open));
            self.drop_run(id);
        } else if due {
            // Its row comes with the state.
            self.put_state(ix, &mut changes);
            self.drop_run(id);
        } else {
            // Its instant has not come: without the claim, and with the cursor before it, it was never taken.
            self.drop_run(id);
            if recorded {
                changes.push(Change::RemoveRun(open));
                self.put_state(ix, &mut changes);
            }
        }
        if !changes.is_empty() {
            self.propose(changes, Meaning::default(), Urgency::Now);
        }
    }

    /// The grace is over: what still runs is ended, and recorded as interrupted.
    pub(super) fn stop_runs(&mut self) {
        self.stop();
        self.stop_signals += 1;
        let how = if self.stop_signals == 1 {
            Stop::Terminate
        } else {
            Stop::Kill
        };
        let mut ids: Vec<RunId> = Vec::new();
        for run in self
            .runs
            .values_mut()
            .filter(|run| run.phase == Phase::Attempting)
        {
            run.interrupted = true;
            ids.push(run.open.id);
        }
        ids.extend(self.orphans.keys());
        ids.sort_unstable();
        self.fx.stops.extend(ids.into_iter().map(|id| (id, how)));
    }

    /// Nothing runs and everything is stored: the core has come to its end. A store that is still away when the grace is
    /// over is not waited for.
    pub(super) fn finish_stop(&mut self) {
        let runs_are_over = self.busy == 0 && self.extra == 0;
        if !self.stopping || !runs_are_over || self.fx.batch.is_some() {
            return;
        }
        let given_up = self.stop_signals > 0 && self.commits.is_stuck();
        if self.lost.is_some() {
            self.fx.end = Some(End::Lost);
        } else if self.commits.is_empty() || given_up {
            self.fx.end = Some(End::Stopped);
        }
        if given_up {
            self.refuse_all_replies(&Refusal::Stopping);
            let runs = self.commits.outbox.ended_runs();
            let why = self.commits.away().unwrap_or_default().to_owned();
            self.fx.notices.push(Notice::Unwritten { runs, why });
        }
    }
}
