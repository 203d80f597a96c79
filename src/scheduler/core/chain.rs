//! What the end of a run means to other jobs: children after a success, the failure job after a failure, and those who
//! wait for a run and all that it triggers.
//!
//! The children of a run are its chain. A chain waits for its links one by one (or all at once, `together`), each with
//! the chain below it; it is over when its last link is, and then its run is over for the chain above. The store knows
//! every chain in progress, so a crash cuts none.

use std::sync::Arc;

use super::commit::{Meaning, Urgency};
use super::jobs::JobIx;
use super::runs::{Phase, Run};
use super::{Core, ReplyTo};
use crate::job::run::{GapKind, HistoryEntry, Outcome, RunId, Trigger};
use crate::job::state::Chain;
use crate::job::{ChildrenRun, JobId, RunAfter};
use crate::schedule::Passed;
use crate::scheduler::command::Answer;
use crate::scheduler::policy::{self, Admission};
use crate::store::change::Change;

/// A chain in progress.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) chain: Chain,
    /// The store knows it, or is about to.
    pub(super) recorded: bool,
    /// Links that have begun and are not over, with what is below them.
    pub(super) outstanding: u32,
    /// Somebody waits for its end.
    pub(super) waited: bool,
    /// How the run above it ended, for those who wait.
    pub(super) outcome: Option<Outcome>,
}

/// What an end comes to, gathered for one transaction.
#[derive(Debug, Default)]
pub(super) struct Consequences {
    pub(super) changes: Vec<Change>,
    /// Runs that are claimed by these changes.
    pub(super) claimed: Vec<RunId>,
    /// History entries that these changes hold.
    pub(super) settled: Vec<(JobId, Arc<HistoryEntry>)>,
    /// Who waited for it.
    pub(super) replies: Vec<(ReplyTo, Answer)>,
}

impl Core {
    /// Proposes what the end of a run comes to, at once if somebody or something waits for it.
    pub(super) fn propose_end(&mut self, out: Consequences) {
        let waits = !(out.claimed.is_empty() && out.replies.is_empty());
        let meaning = Meaning {
            settled: out.settled,
            claimed: out.claimed,
            replies: out.replies,
            command: None,
        };
        let urgency = if waits { Urgency::Now } else { Urgency::Soon };
        self.propose(out.changes, meaning, urgency);
    }

    /// A run is over, or will not start after all. Its `children` are next; where it has none, the chain that it is a
    /// link of goes on.
    pub(super) fn link_over(
        &mut self,
        run: &Run,
        outcome: Option<Outcome>,
        children: Vec<JobId>,
        out: &mut Consequences,
    ) {
        let id = run.open.id;
        if children.is_empty() {
            self.answer_waiters(id, outcome, out);
            if let Some(above) = run.open.chain {
                self.one_less(above, out);
            }
            return;
        }
        let link = Link {
            chain: Chain {
                id,
                parent: run.open.chain,
                together: run.job.spec.children_run == ChildrenRun::Together,
                rest: children,
            },
            recorded: false,
            outstanding: 0,
            waited: run.waited,
            outcome,
        };
        self.chains.insert(id, link);
        self.advance(id, out);
    }

    /// A link of a chain is over.
    fn one_less(&mut self, id: RunId, out: &mut Consequences) {
        if let Some(link) = self.chains.get_mut(&id) {
            link.outstanding = link.outstanding.saturating_sub(1);
            self.advance(id, out);
        }
    }

    /// Triggers what is next in a chain. A chain that comes to its end is a link that is over in the chain above: a loop,
    /// since chains may be as deep as there are jobs.
    pub(super) fn advance(&mut self, id: RunId, out: &mut Consequences) {
        let mut id = id;
        loop {
            self.trigger_next(id, out);
            let Some(link) = self.chains.get_mut(&id) else {
                return;
            };
            if link.outstanding > 0 {
                link.recorded = true;
                out.changes.push(Change::PutChain(link.chain.clone()));
                return;
            }
            let (above, outcome) = (link.chain.parent, link.outcome);
            if link.recorded {
                out.changes.push(Change::RemoveChain(id));
            }
            self.chains.remove(&id);
            self.answer_waiters(id, outcome, out);
            let Some(above) = above else { return };
            let Some(link) = self.chains.get_mut(&above) else {
                return;
            };
            link.outstanding = link.outstanding.saturating_sub(1);
            id = above;
        }
    }

    fn trigger_next(&mut self, id: RunId, out: &mut Consequences) {
        while let Some(link) = self.chains.get_mut(&id) {
            if link.chain.rest.is_empty() || (link.outstanding > 0 && !link.chain.together) {
                return;
            }
            let child = link.chain.rest.remove(0);
            let waited = link.waited;
            let begun = self
                .jobs
                .ix(child)
                .is_some_and(|ix| self.trigger(ix, Trigger::Parent, Some(id), waited, out));
            if let Some(link) = self.chains.get_mut(&id) {
                link.outstanding += u32::from(begun);
            }
        }
    }

    fn answer_waiters(&mut self, id: RunId, outcome: Option<Outcome>, out: &mut Consequences) {
        let answer = Answer::Ran(id, outcome.unwrap_or(Outcome::Interrupted));
        let waiters = self.waiters.remove(&id).unwrap_or_default();
        out.replies
            .extend(waiters.into_iter().map(|to| (to, answer.clone())));
    }

    /// Lets a run of a job come about because of another run, unless the job is disabled or its overlap rule says no.
    pub(super) fn trigger(
        &mut self,
        ix: JobIx,
        trigger: Trigger,
        chain: Option<RunId>,
        waited: bool,
        out: &mut Consequences,
    ) -> bool {
        let entry = &self.jobs[ix];
        if entry.job.spec.disabled || entry.doing.deleting {
            return false;
        }
        let admission = match trigger {
            Trigger::Parent => policy::admit(
                entry.job.spec.overlap,
                entry.doing.active as usize,
                entry.doing.waiting.is_some(),
            ),
            _ => Admission::Enter,
        };
        if admission == Admission::Skip {
            let now = self.now.wall;
            let skipped = Passed {
                first: now,
                latest: now,
                count: 1,
            };
            self.add_gap(ix, GapKind::Skipped, skipped, out);
            self.put_state(ix, &mut out.changes);
            return false;
        }
        let id = self.new_run(ix, trigger, None, Phase::Waiting);
        let enters = admission == Admission::Enter;
        let claimed = enters && !self.stopping && (waited || self.has_room());
        if let Some(run) = self.runs.get_mut(&id) {
            run.waited = waited;
            run.recorded = true;
            run.open.chain = chain;
            run.open.claimed = claimed;
            out.changes.push(Change::InsertRun(run.open.clone()));
            if claimed {
                run.phase = Phase::Claiming;
                run.claims_in_flight = 1;
                self.claims_ahead.add();
                out.claimed.push(id);
            }
        }
        if enters {
            self.count_active(id);
        } else {
            self.jobs[ix].doing.waiting = Some(id);
        }
        if enters && !claimed {
            self.enter_line(id);
        }
        self.touch(ix);
        true
    }

    /// The children that a success of `parent` triggers, in order. Those that run after all of their parents only if
    /// this was the last one missing.
    pub(super) fn children_after_success(
        &mut self,
        parent: JobId,
        out: &mut Consequences,
    ) -> Vec<JobId> {
        let mut triggered = Vec::new();
        for child in self.jobs.children(parent).to_vec() {
            let Some(ix) = self.jobs.ix(child) else {
                continue;
            };
            if self.jobs[ix].job.spec.run_after == RunAfter::Any
                || self.complete_after(ix, parent, out)
            {
                triggered.push(child);
            }
        }
        triggered
    }

    /// Notes a parent's success for a child that runs after all of them; says whether the set is full, and empties it.
    fn complete_after(&mut self, ix: JobIx, parent: JobId, out: &mut Consequences) -> bool {
        let entry = &mut self.jobs[ix];
        let job = entry.job.clone();
        let done = &mut entry.rest_mut().parents_done;
        if !done.contains(&parent) {
            done.push(parent);
        }
        let full = job.spec.parents.iter().all(|id| done.contains(id)) && !job.spec.disabled;
        if full {
            done.clear();
        }
        if !entry.doing.deleting {
            self.put_state(ix, &mut out.changes);
        }
        full
    }
}
