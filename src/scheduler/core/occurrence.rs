//! From the wheel of cursors to the line: occurrences as they come, pass, overlap, and are counted.

use std::sync::Arc;
use std::time::Duration;

use super::chain::Consequences;
use super::commit::{Meaning, Urgency};
use super::jobs::JobIx;
use super::runs::{Phase, Run};
use super::{Core, Notice, View};
use crate::clock::Timestamp;
use crate::config;
use crate::job::Overlap;
use crate::job::run::{Gap, GapKind, HistoryEntry, RunId, Trigger};
use crate::job::state::OpenRun;
use crate::registry::FreshEntry;
use crate::schedule::Passed;
use crate::scheduler::policy::{self, Admission};
use crate::store::change::Change;

impl Core {
    /// Puts a job's next occurrence into the wheel, in the place of the one that may stand there.
    pub(super) fn arm(&mut self, ix: JobIx) {
        self.disarm(ix);
        let entry = &mut self.jobs[ix];
        if entry.is_scheduled() && entry.upcoming.is_none() {
            entry.next = entry.occurrence_after_cursor();
            entry.timer = entry.next.map(|at| self.cursors.insert(at.ticks(), ix));
        }
        self.touch(ix);
    }

    /// Takes a job's next occurrence off the wheel.
    pub(super) fn disarm(&mut self, ix: JobIx) {
        let entry = &mut self.jobs[ix];
        entry.next = None;
        if let Some(timer) = entry.timer.take() {
            self.cursors.cancel(timer);
        }
        self.touch(ix);
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
        let horizon = self.now.wall.plus(self.claim_lead).ticks_passed();
        if self.paused {
            None
        } else {
            self.cursors.pop_due(horizon).map(|(_, ix)| ix)
        }
    }

    fn take_occurrence(&mut self, ix: JobIx) {
        let entry = &mut self.jobs[ix];
        entry.timer = None;
        let Some(at) = entry.next.take() else { return };
        if at.plus(config::CATCH_UP_AFTER) < self.now.wall {
            return self.catch_up(ix);
        }
        let busy = entry.active > 0 && entry.job.spec.overlap != Overlap::Allow;
        let phase = if busy { Phase::Held } else { Phase::InLine };
        let id = self.new_run(ix, Trigger::Schedule, Some(at), phase);
        self.jobs[ix].upcoming = Some(id);
        self.dues.insert(at.ticks(), id);
        if phase == Phase::InLine {
            self.enter_line(id);
        }
        self.touch(ix);
    }

    /// A run as it comes about. The store is not told yet.
    pub(super) fn new_run(
        &mut self,
        ix: JobIx,
        trigger: Trigger,
        at: Option<Timestamp>,
        phase: Phase,
    ) -> RunId {
        let now = self.now;
        let entry = &mut self.jobs[ix];
        let id = RunId::new(entry.job.id, entry.take_number(), now.wall);
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
        let due = at.is_none_or(|at| at <= now.wall) && trigger != Trigger::Schedule;
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
        run.due = true;
        run.queued = self.now.mono;
        let (ix, at) = (run.ix, run.open.scheduled_at);
        if run.withdrawing || self.jobs[ix].deleting {
            return;
        }
        let entry = &mut self.jobs[ix];
        entry.upcoming = None;
        entry.cursor = entry.cursor.max(at.unwrap_or(entry.cursor));
        self.arm(ix);
        self.admit(id);
    }

    /// Lets overlap decide about a due run: in line, waiting, or skipped.
    pub(super) fn admit(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let (ix, phase) = (run.ix, run.phase);
        let entry = &self.jobs[ix];
        match policy::admit(
            run.job.spec.overlap,
            entry.active as usize,
            entry.waiting.is_some(),
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
                self.leave_queues(id);
                self.jobs[ix].waiting = Some(id);
                if let Some(run) = self.runs.get_mut(&id) {
                    run.phase = Phase::Waiting;
                }
            }
            Admission::Skip => self.give_up(id, GapKind::Skipped),
        }
        self.touch(ix);
    }

    /// Takes a run back out of line, or out of the claims ahead, since it has to wait for others of its job.
    fn leave_queues(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        self.line.remove(&run.place());
        self.claims_ahead -= usize::from(run.is_claim_ahead());
    }

    /// The run is in progress from now on.
    pub(super) fn count_active(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if !run.active {
            run.active = true;
            self.totals.running += 1;
            self.jobs[run.ix].active += 1;
            self.fx
                .views
                .push(View::Running(Core::running_view(&self.runs[&id])));
        }
    }

    /// The others of a job have ended: the run that waited for it goes on.
    pub(super) fn release_waiting(&mut self, ix: JobIx) {
        let entry = &mut self.jobs[ix];
        if entry.active > 0 || entry.deleting {
            return;
        }
        let Some(id) = entry.waiting.take() else {
            return self.release_backfill(ix);
        };
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        if run.not_after().is_some_and(|end| self.now.wall > end) {
            return self.miss(id);
        }
        self.claims_ahead += usize::from(run.open.claimed);
        self.count_active(id);
        self.enter_line(id);
    }

    /// A due occurrence that the store has no row of: remembered until it is claimed, in case the state is stored first.
    fn note_unrecorded(&mut self, id: RunId) {
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
        if let Some(claimed) = entry
            .upcoming
            .and_then(|id| self.runs.get(&id))
            .filter(|run| run.recorded)
        {
            state.cursor = state
                .cursor
                .max(claimed.open.scheduled_at.unwrap_or(state.cursor));
        }
        changes.push(Change::PutState(entry.job.id, state));
    }

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
        self.add_gap(run.ix, kind, passed, &mut out);
        self.link_over(&run, None, Vec::new(), &mut out);
        self.put_state(run.ix, &mut out.changes);
        self.propose_end(out);
        self.release_waiting(run.ix);
    }

    /// Proposes what the end of a run comes to, at once if somebody or something waits for it.
    pub(super) fn propose_end(&mut self, out: Consequences) {
        let urgency = if out.claimed.is_empty() && out.replies.is_empty() {
            Urgency::Soon
        } else {
            Urgency::Now
        };
        let meaning = Meaning {
            settled: out.settled,
            claimed: out.claimed,
            replies: out.replies,
            command: None,
        };
        self.propose(out.changes, meaning, urgency);
    }

    /// Counts occurrences that never became a run, in the newest history entry if that is a gap of the same kind.
    pub(super) fn add_gap(
        &mut self,
        ix: JobIx,
        kind: GapKind,
        passed: Passed,
        out: &mut Consequences,
    ) {
        let now = self.now.wall;
        let entry = &mut self.jobs[ix];
        let known = entry
            .rest
            .as_ref()
            .and_then(|rest| rest.gap)
            .filter(|gap| gap.kind == kind);
        let gap = match known {
            Some(gap) => Gap {
                last: passed.latest,
                count: gap.count + passed.count,
                ..gap
            },
            None => {
                let id = RunId::new(entry.job.id, entry.take_number(), now);
                Gap {
                    id,
                    kind,
                    first: passed.first,
                    last: passed.latest,
                    count: passed.count,
                }
            }
        };
        entry.rest_mut().gap = Some(gap);
        let (figures, total) = match kind {
            GapKind::Missed => (
                &mut entry.figures_mut().missed_count,
                &mut self.totals.missed_count,
            ),
            GapKind::Skipped => (
                &mut entry.figures_mut().skipped_count,
                &mut self.totals.skipped_count,
            ),
        };
        *figures += passed.count;
        *total += passed.count;
        let (id, job) = (entry.job.id, entry.job.clone());
        self.fx.notices.push(Notice::Gap {
            job,
            gap,
            new: passed.count,
        });
        let history = Arc::new(HistoryEntry::Gap(gap));
        out.changes
            .push(Change::PutHistory(id, history.clone(), None));
        self.fx.views.push(View::Fresh(
            id,
            FreshEntry {
                entry: history.clone(),
                output: None,
            },
        ));
        out.settled.push((id, history));
        self.touch(ix);
    }

    /// Occurrences up to now passed unseen: the latest of them runs at once if its window is still open, and if the job
    /// wants that; the others are missed. Then the grid goes on.
    pub(super) fn catch_up(&mut self, ix: JobIx) {
        let now = self.now.wall;
        let entry = &self.jobs[ix];
        if entry.is_scheduled()
            && let Some(first) = entry.occurrence_after_cursor()
            && let Some(passed) = entry
                .job
                .schedule
                .passed(first.minus(Duration::from_nanos(1)), now)
        {
            self.settle_passed(ix, passed, !entry.job.spec.resume_at_next_scheduled_time);
        }
        self.arm(ix);
    }

    /// Occurrences that passed are counted as missed, but for the latest, which runs if it is `wanted` and may.
    pub(super) fn settle_passed(&mut self, ix: JobIx, passed: Passed, wanted: bool) {
        let entry = &mut self.jobs[ix];
        let runs = wanted && policy::window_is_open(&entry.job, passed.latest, self.now.wall);
        entry.cursor = passed.latest;
        // The claimed stretch begins anew: what lies before it was for the most part never claimed.
        entry.rest_mut().claimed_from = Some(passed.latest);
        let missed = if runs {
            policy::all_but_latest(&entry.job.schedule, passed)
        } else {
            Some(passed)
        };
        if let Some(missed) = missed {
            let mut out = Consequences::default();
            self.add_gap(ix, GapKind::Missed, missed, &mut out);
            let run =
                runs.then(|| self.new_run(ix, Trigger::CatchUp, Some(passed.latest), Phase::Held));
            run.into_iter().for_each(|id| self.admit(id));
            self.put_state(ix, &mut out.changes);
            self.propose_end(out);
        } else {
            let id = self.new_run(ix, Trigger::CatchUp, Some(passed.latest), Phase::Held);
            self.admit(id);
        }
        self.touch(ix);
    }
}
