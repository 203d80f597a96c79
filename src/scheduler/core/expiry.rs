//! Jobs that were to run once and are done: they go by themselves, so long afterwards (`--done-ttl`).
//!
//! A job stays while it has children or is another's failure job: those are not done, and would go or change with it.
//! Since when a job is done follows from what the store has of it, so a restart makes no difference.

use std::collections::BTreeSet;
use std::time::Duration;

use super::jobs::{Entry, JobIx};
use super::{Core, Notice};
use crate::clock::Timestamp;
use crate::job::index::Map;
use crate::scheduler::command::Command;
use crate::scheduler::wheel::{Key, Wheel};

/// A job that cannot go just now, because a command holds it or the store is away, is looked at again after this.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Which jobs are to go, and when.
pub(super) struct Expiry {
    ttl: Option<Duration>,
    wheel: Wheel<JobIx>,
    timers: Map<JobIx, Key>,
}

impl Expiry {
    pub(super) fn new(ttl: Option<Duration>, now: Timestamp) -> Expiry {
        Expiry {
            ttl,
            wheel: Wheel::new(now.ticks_passed()),
            timers: Map::default(),
        }
    }

    pub(super) fn next_deadline(&mut self) -> Option<u64> {
        self.wheel.next_deadline()
    }

    pub(super) fn rewind(&mut self, now: Timestamp) {
        self.wheel.rewind(now.ticks_passed());
    }

    /// Whether this job is on the wheel.
    pub(super) fn has(&self, ix: JobIx) -> bool {
        self.timers.contains_key(&ix)
    }

    fn set(&mut self, ix: JobIx, at: Timestamp) {
        let timer = self.wheel.insert(at.ticks(), ix);
        self.timers.insert(ix, timer);
    }

    fn cancel(&mut self, ix: JobIx) {
        if let Some(timer) = self.timers.remove(&ix) {
            self.wheel.cancel(timer);
        }
    }

    fn pop_due(&mut self, now: Timestamp) -> Option<JobIx> {
        let (_, ix) = self.wheel.pop_due(now.ticks_passed())?;
        self.timers.remove(&ix);
        Some(ix)
    }
}

impl Core {
    /// Puts a job on the wheel of those that go, or takes it off, now that something about it is different.
    pub(super) fn follow_expiry(&mut self, ix: JobIx, is_done: bool) {
        let Some(ttl) = self.expiry.ttl else { return };
        if !is_done || self.jobs[ix].doing.deleting || !self.may_go(ix) {
            self.expiry.cancel(ix);
        } else if !self.expiry.has(ix) {
            let at = done_since(&self.jobs[ix]).plus(ttl);
            // One that is overdue goes at the next moment, as any that is due.
            self.expiry.set(ix, at.max(self.now.wall));
        }
    }

    /// Whether a job goes by itself when it is done.
    pub(super) fn may_go(&self, ix: JobIx) -> bool {
        let entry = &self.jobs[ix];
        let id = entry.job.id;
        self.expiry.ttl.is_some()
            && entry.job.schedule.is_once()
            && !entry.job.is_child()
            && self.jobs.children(id).is_empty()
            && self.jobs.relying(id).is_empty()
    }

    /// A job is no more.
    pub(super) fn forget_expiry(&mut self, ix: JobIx) {
        self.expiry.cancel(ix);
    }

    /// Deletes the jobs whose time is up.
    pub(super) fn expire(&mut self) {
        while let Some(ix) = self.expiry.pop_due(self.now.wall) {
            let job = self.jobs[ix].job.clone();
            let held = !self.commits.is_writable()
                || self.must_wait(&Command::Delete {
                    id: job.id,
                    expected_version: None,
                });
            if held || self.stopping {
                let again = self.now.wall.plus(LOOK_AGAIN_AFTER);
                self.expiry.set(ix, again);
                continue;
            }
            self.delete_set(None, [job.id].into(), &BTreeSet::new());
            self.fx.notices.push(Notice::Expired { job });
        }
    }
}

/// Since when a job that is done is done: the last that is known to have happened to it.
fn done_since(entry: &Entry) -> Timestamp {
    let figures = &entry.figures;
    let rest = entry.rest.as_deref();
    let gap = rest.and_then(|rest| rest.gap);
    let known = [
        figures.last_attempted_run,
        figures.last_success,
        figures.last_error,
        rest.and_then(|rest| rest.ended_at),
        gap.map(|gap| gap.id.made_at()),
    ];
    let known = known.into_iter().flatten();
    known.fold(entry.cursor.max(entry.job.updated_at), Timestamp::max)
}
