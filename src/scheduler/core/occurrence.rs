//! From the wheel of cursors to the line: occurrences as they come, and as overlap lets them.

use super::commit::{Meaning, Urgency};
use super::jobs::JobIx;
use super::runs::{Phase, Run, Timer};
use super::{Core, View};
use crate::clock::Timestamp;
use crate::config;
use crate::job::Overlap;
use crate::job::run::{GapKind, RunId, Trigger};
use crate::job::state::OpenRun;
use crate::scheduler::policy::{self, Admission};
use crate::store::change::Change;

impl Core {
    /// Puts a job's next occurrence into the wheel, in the place of the one that may stand there.
    pub(super) fn arm(&mut self, ix: JobIx) {
        if self.jobs[ix].doing.frozen {
            return;
        }
        self.disarm(ix);
        let entry = &mut self.jobs[ix];
        if entry.is_scheduled() && entry.doing.upcoming.is_none() {
            entry.next = entry.occurrence_after_cursor();
            entry.timer = entry.next.map(|at| self.cursors.insert(at.ticks(), ix));
        }
    }

    /// Takes a job's next occurrence off the wheel.
    pub(super) fn disarm(&mut self, ix: JobIx) {
        self.stop_timer(ix);
        self.jobs[ix].next = None;
        self.touch(ix);
    }

    /// Lets a job's occurrences stand still until a command is decided. Readers see no difference.
    pub(super) fn freeze(&mut self, ix: JobIx) {
        self.stop_timer(ix);
        self.jobs[ix].doing.frozen = true;
    }

    /// The command came to nothing: the occurrences go on.
    pub(super) fn thaw(&mut self, ix: JobIx) {
        self.jobs[ix].doing.frozen = false;
        // The clock may have been stepped back while the job stood still.
        self.return_cursor(ix, config::STEP_BACK_MAX);
        self.arm(ix);
    }

    fn stop_timer(&mut self, ix: JobIx) {
        if let Some(timer) = self.jobs[ix].timer.take() {
            self.cursors.cancel(timer);
        }
    }

    /// Whether occurrences are taken off the wheel at all.
    pub(super) fn takes_occurrences(&self) -> bool {
        !(self.paused || self.guards.pausing || self.stopping || self.waits_for_store())
    }

    /// Takes in all occurrences whose instant has come, and those that come within the claim lead.
    pub(super) fn take_occurrences(&mut self) {
        if self.stopping {
            return;
        }
        loop {
            if let Some((_, id)) = self.dues.pop_due(self.now.wall.ticks_passed()) {
                self.due(id);
            } else if let Some(ix) = self.pop_cursor() {
                self.take_occurrence(ix);
            } else {
                return;
            }
        }
    }

    fn pop_cursor(&mut self) -> Option<JobIx> {
        if !self.takes_occurrences() {
            return None;
        }
        let horizon = self.now.wall.plus(self.claim_lead).ticks_passed();
        self.cursors.pop_due(horizon).map(|(_, ix)| ix)
    }

    fn take_occurrence(&mut self, ix: JobIx) {
        let entry = &mut self.jobs[ix];
        entry.timer = None;
        let Some(at) = entry.next.take() else { return };
        if at.plus(config::CATCH_UP_AFTER) < self.now.wall {
            self.catch_up(ix);
        } else {
            self.take_up(ix, at);
        }
    }

    /// Makes a run of an occurrence that was taken off the wheel. Its instant decides what becomes of it; as things stand
    /// it will enter the queue, unless the job is busy.
    pub(super) fn take_up(&mut self, ix: JobIx, at: Timestamp) {
        let entry = &self.jobs[ix];
        let busy = entry.doing.active > 0 && entry.job.spec.overlap != Overlap::Allow;
        let phase = if busy { Phase::Held } else { Phase::InLine };
        let id = self.new_run(ix, Trigger::Schedule, Some(at), phase);
        self.jobs[ix].doing.upcoming = Some(id);
        let timer = self.dues.insert(at.ticks(), id);
        if let Some(run) = self.runs.get_mut(&id) {
            run.timer = Some(Timer::Due(timer));
        }
        if phase == Phase::InLine {
            self.enter_line(id);
        }
        self.touch(ix);
    }

    /// An id for a new history entry of a job. Ids of different jobs may be equal by chance, if both are made in the same
    /// millisecond under the same number: the second takes the next number then.
    pub(super) fn new_id(&mut self, ix: JobIx) -> RunId {
        loop {
            let entry = &mut self.jobs[ix];
            let id = RunId::new(entry.job.id, entry.take_number(), self.now.wall);
            let taken = self.runs.contains_key(&id)
                || self.chains.contains_key(&id)
                || self.orphans.contains_key(&id);
            if !taken {
                return id;
            }
        }
    }

    /// A run as it comes about. The store is not told yet.
    pub(super) fn new_run(
        &mut self,
        ix: JobIx,
        trigger: Trigger,
        at: Option<Timestamp>,
        phase: Phase,
    ) -> RunId {
        let id = self.new_id(ix);
        let now = self.now;
        let entry = &mut self.jobs[ix];
        entry.doing.open_runs += 1;
        let job = entry.job.clone();
        let open = OpenRun {
            id,
            job: job.id,
            trigger,
            scheduled_at: at,
            created_at: now.wall,
            claimed: false,
            repeats: false,
            chain: None,
        };
        let due = trigger != Trigger::Schedule;
        let mut run = Run::new(open, ix, job, phase, due);
        run.queued = now.mono;
        self.runs.insert(id, run);
        id
    }

    /// The instant of an occurrence has come: the next one goes into the wheel, and overlap decides about this one.
    pub(super) fn due(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.timer = None;
        run.due = true;
        run.queued = self.now.mono;
        let (ix, at) = (run.ix, run.open.scheduled_at);
        if self.stands_still(id) {
            return;
        }
        let entry = &mut self.jobs[ix];
        entry.doing.upcoming = None;
        entry.cursor = entry.cursor.max(at.unwrap_or(entry.cursor));
        self.arm(ix);
        self.admit(id);
    }

    /// Whether a command that is not decided yet holds a run where it is.
    pub(super) fn stands_still(&self, id: RunId) -> bool {
        self.runs
            .get(&id)
            .is_some_and(|run| run.withdrawing || self.jobs[run.ix].doing.deleting)
    }

    /// Lets overlap decide about a due run: in line, waiting, or skipped.
    pub(super) fn admit(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let (ix, phase, overlap) = (run.ix, run.phase, run.job.spec.overlap);
        self.touch(ix);
        let entry = &self.jobs[ix];
        match policy::admit(
            overlap,
            entry.doing.active as usize,
            entry.doing.waiting.is_some(),
        ) {
            Admission::Enter => {
                self.note_unrecorded(id);
                self.count_active(id);
                match phase {
                    Phase::Held | Phase::Waiting => self.enter_line(id),
                    Phase::Claimed => self.enter_ready(id),
                    // In line, or its claim is on the way: that goes on by itself.
                    _ => {}
                }
            }
            Admission::Wait => {
                self.note_unrecorded(id);
                self.wait_for_others(id);
            }
            Admission::Skip => self.give_up(id, GapKind::Skipped),
        }
    }

    /// Lets a run wait for the end of the others of its job. If it is claimed, the claim is given back: the others may take
    /// long, and after a crash it must be known that this one was never started.
    fn wait_for_others(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        self.line.remove(&run.place());
        self.claims_ahead.remove(run);
        run.phase = Phase::Waiting;
        self.jobs[run.ix].doing.waiting = Some(id);
        if std::mem::take(&mut run.open.claimed) {
            let changes = vec![Change::PutRun(run.open.clone())];
            self.propose(changes, Meaning::default(), Urgency::Soon);
        }
    }

    /// The run is in progress from now on.
    pub(super) fn count_active(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if !run.active {
            run.active = true;
            self.totals.running += 1;
            self.jobs[run.ix].doing.active += 1;
            self.touched.insert(run.ix);
            self.fx
                .views
                .push(View::Running(Core::running_view(&self.runs[&id])));
        }
    }

    /// A run of a job has ended: the one that waited for that goes on, or else what is to be backfilled.
    pub(super) fn release_waiting(&mut self, ix: JobIx) {
        let entry = &mut self.jobs[ix];
        if entry.doing.deleting || self.stopping {
            return;
        }
        let idle = entry.doing.active == 0;
        let waiting = entry.doing.waiting.take_if(|_| idle);
        let Some(id) = waiting else {
            return self.release_backfill(ix);
        };
        if self
            .runs
            .get(&id)
            .is_some_and(|run| run.is_too_late(self.now.wall))
        {
            return self.miss(id);
        }
        self.count_active(id);
        self.enter_line(id);
    }

    /// A due occurrence that the store has no row of: remembered until it is claimed, in case the state is stored first.
    pub(super) fn note_unrecorded(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        if !run.recorded && run.open.holds_occurrence().is_some() {
            self.unrecorded.entry(run.ix).or_default().insert(id);
        }
    }

    pub(super) fn forget_unrecorded(&mut self, ix: JobIx, id: RunId) {
        if let Some(ids) = self.unrecorded.get_mut(&ix) {
            ids.remove(&id);
            if ids.is_empty() {
                self.unrecorded.remove(&ix);
            }
        }
    }

    /// Stores a job's cursor and counters, with a row for each due occurrence that the cursor has passed but nobody has
    /// claimed: without it, a crash would forget them.
    pub(super) fn put_state(&mut self, ix: JobIx, changes: &mut Vec<Change>) {
        for id in self.unrecorded.remove(&ix).unwrap_or_default() {
            if let Some(run) = self.runs.get_mut(&id) {
                run.recorded = true;
                changes.push(Change::InsertRun(run.open.clone()));
            }
        }
        let entry = &self.jobs[ix];
        let mut state = entry.state();
        // The cursor itself moves when the instant comes; until then only the store is ahead.
        let claimed_ahead = entry
            .doing
            .upcoming
            .and_then(|id| self.runs.get(&id))
            .filter(|run| run.recorded && !run.withdrawing)
            .and_then(|run| run.open.scheduled_at);
        state.cursor = state.cursor.max(claimed_ahead.unwrap_or(state.cursor));
        changes.push(Change::PutState(entry.job.id, state));
    }
}
