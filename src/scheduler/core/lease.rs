//! What is different with a database that other servers share: nothing starts without a durable claim, nor after the
//! lease may have ended, nor ever again once it has gone to another server.
//!
//! The lease is kept elsewhere; the core hears when it was last prolonged. A server that was put to sleep reads its
//! clocks when it wakes up, before anything starts: by one of them the lease has ended, until it is prolonged again.

use super::commit::Commits;
use super::{Core, Notice, Now};
use crate::clock::Timestamp;
use crate::config;
use crate::job::run::RunId;
use crate::scheduler::command::Refusal;

impl Core {
    /// The lease was prolonged by a request that left at this time.
    pub(super) fn leased(&mut self, asked: Now) {
        self.leased_at = Some(asked);
    }

    /// Whether runs may start. The lease counts by both clocks: the monotonic one stands still while a machine sleeps, and
    /// the other may be stepped.
    pub(super) fn may_start(&self) -> bool {
        let Some(ttl) = self.settings.lease else {
            return !self.stopping;
        };
        let lasts = ttl.saturating_sub(config::LEASE_MARGIN);
        let is_fresh = |asked: Now| {
            self.now.mono < asked.mono + lasts && self.now.wall < asked.wall.plus(lasts)
        };
        !self.stopping && self.leased_at.is_some_and(is_fresh)
    }

    /// Whether a shared store is away: no occurrence is taken off the wheel, and nothing is claimed.
    pub(super) fn waits_for_store(&self) -> bool {
        self.settings.lease.is_some() && self.commits.away().is_some()
    }

    /// Whether a run whose claim had to wait for a shared store has been overtaken meanwhile: by a later occurrence, which
    /// is caught up instead, or by its job's wish that none is.
    pub(super) fn is_overtaken(&self, id: RunId) -> bool {
        let Some(run) = self.runs.get(&id).filter(|run| run.due) else {
            return false;
        };
        let late = |at: Timestamp| at.plus(config::CATCH_UP_AFTER) < self.now.wall;
        let wants_none = self.jobs[run.ix].job.spec.resume_at_next_scheduled_time;
        self.waits_for_store()
            && run.open.holds_occurrence().is_some_and(late)
            && (wants_none || self.has_passed(run.ix))
    }

    /// The lease is another server's: what this one knows is not true any more. What runs is ended, what waits is dropped,
    /// and the store is told of none of it.
    pub(super) fn lose(&mut self, why: &str) {
        if self.lost.is_some() {
            return;
        }
        self.fx.notices.push(Notice::LeaseLost(why.to_owned()));
        self.refuse_all_replies(&Refusal::StandingBy(why.into()));
        self.stopping = true;
        self.lost = Some(why.into());
        self.commits = Commits::default();
        self.unrecorded.clear();
        self.backfills.clear();
        let mut ids: Vec<RunId> = self.runs.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.abandon(id);
        }
    }
}
