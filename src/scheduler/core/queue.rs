//! From the line to a worker: claims in order and just ahead of need, then the next free worker.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::commit::{Meaning, Urgency};
use super::runs::{Phase, Place, Run, Timer};
use super::{Core, Notice, View};
use crate::config;
use crate::job::output::OutputBuffer;
use crate::job::run::{AttemptEnd, Outcome, RunId, RunOrder};
use crate::store::change::Change;

/// Claimed runs that no worker has yet. Where more are due than may be claimed ahead, they are claimed by halves of that
/// and not one by one as workers take them: each claim that goes alone costs a transaction of its own.
#[derive(Debug)]
pub(super) struct ClaimsAhead {
    count: usize,
    max: usize,
    /// As many as may be; until half of them are gone.
    full: bool,
}

impl ClaimsAhead {
    pub(super) fn new(workers: usize) -> ClaimsAhead {
        ClaimsAhead {
            count: 0,
            max: config::CLAIMS_AHEAD_PER_WORKER * workers,
            full: false,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// One more; those that somebody waits for may go beyond the limit.
    pub(super) fn add(&mut self) {
        self.count += 1;
        self.full |= self.count >= self.max;
    }

    /// The claim of `run`, if it counts, is a worker's now or given back.
    pub(super) fn remove(&mut self, run: &Run) {
        self.count -= usize::from(run.is_claim_ahead());
        self.full &= self.count > self.max / 2;
    }
}

/// Runs that are claimed and due, by their turn. Those that somebody waits for stand in a queue of their own besides, as
/// they get extra workers.
#[derive(Debug, Default)]
pub(super) struct Ready {
    all: BTreeSet<Place>,
    waited: BTreeSet<Place>,
}

impl Ready {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn insert(&mut self, run: &Run) {
        self.all.insert(run.place());
        if run.waited {
            self.waited.insert(run.place());
        }
    }

    pub(super) fn remove(&mut self, run: &Run) {
        self.all.remove(&run.place());
        self.waited.remove(&run.place());
    }

    fn pop(&mut self) -> Option<RunId> {
        let place = self.all.pop_first()?;
        self.waited.remove(&place);
        Some(place.2)
    }

    fn pop_waited(&mut self) -> Option<RunId> {
        let place = self.waited.pop_first()?;
        self.all.remove(&place);
        Some(place.2)
    }

    pub(super) fn contains(&self, run: &Run) -> bool {
        self.all.contains(&run.place())
    }
}

impl Core {
    /// Puts a run where it is claimed when its turn comes; at once if somebody waits for it: what waits may be the very
    /// runs that hold the workers, and then no turn would ever come.
    pub(super) fn enter_line(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.phase = Phase::InLine;
        if run.waited && !self.stopping {
            self.claim_run(id);
        } else {
            self.line.insert(run.place());
        }
    }

    /// Whether there is room for one more claim that no worker has yet.
    pub(super) fn has_room(&self) -> bool {
        let ahead = &self.claims_ahead;
        ahead.count < ahead.max && (!ahead.full || self.ready.is_empty())
    }

    /// Claims what stands first in line, as much as the workers will soon take. Says whether there was any.
    pub(super) fn claim(&mut self) -> bool {
        let mut any = false;
        while !self.stopping && !self.waits_for_store() && self.has_room() {
            let Some((_, _, id)) = self.line.pop_first() else {
                break;
            };
            let Some(run) = self.runs.get(&id) else {
                continue;
            };
            if self.stands_still(id) {
                continue;
            }
            any = true;
            if run.due && run.is_too_late(self.now.wall) {
                self.miss(id);
            } else {
                self.claim_run(id);
            }
        }
        any
    }

    fn claim_run(&mut self, id: RunId) {
        let changes = self.claim_changes(id);
        let meaning = Meaning {
            claimed: vec![id],
            ..Meaning::default()
        };
        self.propose(changes, meaning, Urgency::Now);
    }

    /// Claims a run, and says what the store must know of it: its row, with the cursor's move.
    pub(super) fn claim_changes(&mut self, id: RunId) -> Vec<Change> {
        let Some(run) = self.runs.get_mut(&id) else {
            return Vec::new();
        };
        run.phase = Phase::Claiming;
        run.open.claimed = true;
        run.claims_in_flight += 1;
        let was_recorded = std::mem::replace(&mut run.recorded, true);
        let (ix, open) = (run.ix, run.open.clone());
        self.claims_ahead.add();
        self.forget_unrecorded(ix, id);
        let holds_occurrence = open.holds_occurrence().is_some();
        let mut changes = vec![if was_recorded {
            Change::PutRun(open)
        } else {
            Change::InsertRun(open)
        }];
        if holds_occurrence {
            self.put_state(ix, &mut changes);
        }
        changes
    }

    /// A claim has become durable: unless it was given back meanwhile, the run may start at its instant.
    pub(super) fn claimed(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.claims_in_flight -= 1;
        if run.phase != Phase::Claiming || run.claims_in_flight > 0 {
            return;
        }
        run.phase = Phase::Claimed;
        if !run.due || self.stands_still(id) {
            return;
        }
        if self.is_overtaken(id) {
            self.miss(id);
        } else {
            self.enter_ready(id);
        }
    }

    /// Another server holds the claim: the run is not ours, unless a worker has it already.
    pub(super) fn claim_taken(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let (job, scheduled_at) = (run.job.clone(), run.open.scheduled_at);
        let (ix, due, begun) = (run.ix, run.due, run.has_begun());
        self.fx
            .notices
            .push(Notice::ClaimTaken { job, scheduled_at });
        if begun {
            return;
        }
        self.drop_run(id);
        if let (Some(at), false) = (scheduled_at, due) {
            let entry = &mut self.jobs[ix];
            entry.cursor = entry.cursor.max(at);
            self.arm(ix);
        }
        self.release_waiting(ix);
    }

    /// Puts a claimed, due run where the next free worker takes it.
    pub(super) fn enter_ready(&mut self, id: RunId) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.phase = Phase::Ready;
            self.ready.insert(run);
        }
    }

    /// Gives ready runs to free workers, in order. A run that somebody waits for gets an extra worker where none is
    /// free, so that jobs which start jobs cannot deadlock. Says whether there was any.
    pub(super) fn start_ready(&mut self) -> bool {
        let mut any = false;
        while self.may_start()
            && self.busy < self.settings.workers
            && let Some(id) = self.ready.pop()
        {
            any = true;
            self.start_or_miss(id, false);
        }
        while self.may_start()
            && self.extra < self.settings.workers
            && let Some(id) = self.ready.pop_waited()
        {
            any = true;
            self.start_or_miss(id, true);
        }
        any
    }

    fn start_or_miss(&mut self, id: RunId, extra: bool) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        if self.stands_still(id) {
            return;
        }
        if run.is_too_late(self.now.wall) {
            self.too_late(id);
        } else {
            self.start_attempt(id, extra);
        }
    }

    /// The window has closed before an attempt could start. Where it was the first, the occurrence is missed; a run that
    /// has failed before stays failed.
    pub(super) fn too_late(&mut self, id: RunId) {
        let last_end = self.runs.get(&id).and_then(|run| run.last_end.clone());
        match last_end {
            None => self.miss(id),
            Some(AttemptEnd::TimedOut) => {
                self.end_run(id, Outcome::TimedOut, self.now.wall, None);
            }
            Some(_) => self.end_run(id, Outcome::Failed, self.now.wall, None),
        }
    }

    fn start_attempt(&mut self, id: RunId, extra: bool) {
        let now = self.now;
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let begins = !run.has_begun();
        let not_after = run.window_end();
        self.claims_ahead.remove(run);
        run.phase = Phase::Attempting;
        run.extra = extra;
        run.attempt += 1;
        if begins {
            run.started_at = Some(now.wall);
            run.started = now.mono;
        }
        let limit = self.settings.output_limit;
        let output = run
            .output
            .get_or_insert_with(|| Arc::new(OutputBuffer::new(limit)))
            .clone();
        *if extra {
            &mut self.extra
        } else {
            &mut self.busy
        } += 1;
        if begins {
            self.begin(id);
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

    fn begin(&mut self, id: RunId) {
        let now = self.now;
        let run = &self.runs[&id];
        self.jobs[run.ix].figures_mut().last_attempted_run = Some(now.wall);
        self.totals.last_attempted_run = Some(now.wall);
        self.touched.insert(run.ix);
        self.fx.notices.push(Notice::Started {
            run: id,
            job: run.job.clone(),
            trigger: run.open.trigger,
            lateness: run.open.scheduled_at.map(|at| now.wall.since(at)),
            queued: now.mono.saturating_sub(run.queued),
        });
    }

    /// Takes a run out of every queue and forgets it. The store is not told, and if a worker has it, neither is that.
    pub(super) fn drop_run(&mut self, id: RunId) -> Option<Run> {
        let run = self.runs.remove(&id)?;
        self.claims_ahead.remove(&run);
        self.line.remove(&run.place());
        self.ready.remove(&run);
        match run.timer {
            Some(Timer::Due(key)) => drop(self.dues.cancel(key)),
            Some(Timer::Delay(key)) => drop(self.delays.cancel(key)),
            None => {}
        }
        self.forget_unrecorded(run.ix, id);
        let entry = &mut self.jobs[run.ix];
        entry.doing.open_runs -= 1;
        entry.doing.waiting.take_if(|waiting| *waiting == id);
        entry.doing.upcoming.take_if(|upcoming| *upcoming == id);
        if run.active {
            entry.doing.active -= 1;
            self.totals.running -= 1;
            self.fx.views.push(View::NotRunning(id));
        }
        self.touch(run.ix);
        Some(run)
    }
}
