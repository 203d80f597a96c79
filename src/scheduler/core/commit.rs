//! What the store must know before it is true.
//!
//! A change is proposed as a unit with a ticket; what it means takes effect when the store has it. One batch is in
//! flight at a time, and all that gathers meanwhile is the next: a slow disk makes larger batches, not longer queues.
//! Ends of runs are lazy: nobody waits for most of them, so they wait a little for company.
//!
//! A store that cannot be written is asked again from time to time. Until then commands are refused, and what runs do
//! is true at once, since it cannot be taken back: it is kept and written later. So are claims, unless other servers
//! share the store.

use std::sync::Arc;
use std::time::Duration;

use super::backlog::{Backlog, without_overwritten};
use super::commands::CommandEffect;
use super::{Core, Notice, ReplyTo, View};
use crate::config;
use crate::job::JobId;
use crate::job::index::Map;
use crate::job::run::{HistoryEntry, RunId};
use crate::scheduler::command::{Answer, Refusal};
use crate::store::StoreError;
use crate::store::change::{Change, Unit};

/// A store that did not take what it was given is tried again after this.
const RETRY_STORE_AFTER: Duration = Duration::from_secs(1);

/// A unit, and what the store says of it.
pub(super) type Outcome = (Unit, Result<(), Arc<StoreError>>);

/// What a unit means once it is durable.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    /// A command takes effect.
    pub(super) command: Option<Box<CommandEffect>>,
    /// These history entries are in the store.
    pub(super) settled: Vec<(JobId, Arc<HistoryEntry>)>,
    /// These runs are claimed.
    pub(super) claimed: Vec<RunId>,
    /// Who waited for this.
    pub(super) replies: Vec<(ReplyTo, Answer)>,
}

/// How soon a unit must be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Somebody, or a run, waits for it.
    Now,
    /// Within [`END_FLUSH_DELAY`](config::END_FLUSH_DELAY).
    Soon,
}

/// A store that cannot be written now.
#[derive(Debug)]
struct Away {
    /// What it said.
    why: String,
    /// When it is tried again, by the monotonic clock.
    retry_at: Duration,
}

/// Units on their way to the store.
#[derive(Debug, Default)]
pub(super) struct Commits {
    pub(super) outbox: Backlog,
    pub(super) meanings: Map<u64, Meaning>,
    next_ticket: u64,
    in_flight: bool,
    urgent: bool,
    /// When lazy units must go, by the monotonic clock.
    flush_at: Option<Duration>,
    away: Option<Away>,
}

impl Commits {
    /// When units must go although nobody asks, by the monotonic clock.
    pub(super) fn wakeup(&self) -> Option<Duration> {
        let retry_at = self.away.as_ref().map(|away| away.retry_at);
        retry_at.or(self.flush_at).filter(|_| !self.in_flight)
    }

    /// Whether everything is stored.
    pub(super) fn is_empty(&self) -> bool {
        self.outbox.is_empty() && !self.in_flight
    }

    /// Why the store cannot be written now, if that is so.
    pub(super) fn away(&self) -> Option<&str> {
        self.away.as_ref().map(|away| away.why.as_str())
    }

    /// Whether the store takes what it is given.
    pub(super) fn is_writable(&self) -> bool {
        self.away.is_none()
    }

    /// Whether the store has refused what it was given, and is not being tried again just now.
    pub(super) fn is_stuck(&self) -> bool {
        self.away.is_some() && !self.in_flight
    }

    pub(super) fn take_ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    fn is_due(&self, now: Duration, stopping: bool) -> bool {
        match &self.away {
            _ if self.in_flight => false,
            Some(away) => away.retry_at <= now,
            None if self.outbox.is_empty() => false,
            None => {
                self.urgent
                    || stopping
                    || self.flush_at.is_some_and(|at| at <= now)
                    || self.outbox.len() >= config::BATCH_ENTRIES_MAX
            }
        }
    }
}

impl Core {
    /// Proposes changes that are stored together, and says what they mean once they are.
    pub(super) fn propose(&mut self, changes: Vec<Change>, meaning: Meaning, urgency: Urgency) {
        if self.lost.is_some() {
            return;
        }
        let ticket = self.commits.take_ticket();
        self.commits.meanings.insert(ticket, meaning);
        self.commits.outbox.push_back(Unit { ticket, changes });
        if self.commits.away.is_some() {
            self.take_undurable_claims(ticket);
            self.shed();
        } else if urgency == Urgency::Now {
            self.commits.urgent = true;
        } else if self.commits.flush_at.is_none() {
            self.commits.flush_at = Some(self.now.mono + config::END_FLUSH_DELAY);
        }
    }

    /// Hands the store its next batch, if there is reason to.
    pub(super) fn flush(&mut self) {
        if !self.commits.is_due(self.now.mono, self.stopping) {
            return;
        }
        if self.commits.outbox.is_empty() {
            // Whether the store is back shows only when it is written: it is told what it knows.
            let known = vec![Change::PutPaused(self.paused)];
            self.propose(known, Meaning::default(), Urgency::Soon);
        }
        let commits = &mut self.commits;
        self.fx.batch = Some(commits.outbox.take_batch(config::BATCH_ENTRIES_MAX));
        commits.in_flight = true;
        if commits.outbox.is_empty() {
            commits.urgent = false;
            commits.flush_at = None;
        }
    }

    /// The store has taken a batch, or refused some of it.
    pub(super) fn committed(&mut self, units: Vec<Outcome>, took: Duration) {
        if self.lost.is_some() {
            return;
        }
        self.commits.in_flight = false;
        self.follow_commit_time(took);
        let any_stored = units.iter().any(|(_, result)| result.is_ok());
        let mut away = None;
        let mut lost = None;
        let mut again = Vec::new();
        for (unit, result) in without_overwritten(units) {
            match result {
                Ok(()) => self.stored(unit.ticket),
                Err(error) if matches!(*error, StoreError::Lost(_)) => {
                    lost = Some(error.to_string());
                }
                Err(error) if matches!(*error, StoreError::Conflict) => {
                    again.extend(self.conflict(unit));
                }
                Err(error) => {
                    let kept = self.not_stored(unit, &error);
                    // A command may be refused for what it is; that the store refuses what runs do says more.
                    if kept.is_some() || !any_stored {
                        away = Some(error.to_string());
                    }
                    again.extend(kept);
                }
            }
        }
        if let Some(why) = lost {
            return self.lose(&why);
        }
        self.commits.urgent |= !again.is_empty();
        self.commits.outbox.put_back(again);
        self.follow_store(away);
        self.unblock();
    }

    /// Makes the lead a few times what the store takes, so that a claim is durable at its instant.
    fn follow_commit_time(&mut self, took: Duration) {
        let wanted = (took * 4).clamp(config::CLAIM_LEAD_MIN, config::CLAIM_LEAD_MAX);
        // Up at once, down slowly: a late claim is a late run, an early one costs nothing.
        self.claim_lead = wanted.max(self.claim_lead - self.claim_lead / 16);
    }

    fn follow_store(&mut self, away: Option<String>) {
        let was_away = self.commits.away.is_some();
        match away {
            Some(why) => {
                if !was_away {
                    self.fx.notices.push(Notice::StoreAway(why.clone()));
                }
                let retry_at = self.now.mono + RETRY_STORE_AFTER;
                self.commits.away = Some(Away { why, retry_at });
                self.fail_waiting_units();
            }
            None if was_away => {
                self.commits.away = None;
                self.commits.urgent = true;
                self.fx.notices.push(Notice::StoreBack);
            }
            None => {}
        }
    }

    /// The store is away: what waits for it as well is treated as if it had been refused.
    fn fail_waiting_units(&mut self) {
        let why = StoreError::Away(self.commits.away().unwrap_or_default().to_owned());
        let waiting = self.commits.outbox.take_batch(usize::MAX);
        let kept = waiting
            .into_iter()
            .filter_map(|unit| self.not_stored(unit, &why));
        let kept = kept.collect();
        self.commits.outbox.put_back(kept);
    }

    /// A unit that the store could not take now. A command leaves no trace; what a run did is true, and written later.
    fn not_stored(&mut self, unit: Unit, error: &StoreError) -> Option<Unit> {
        let meaning = self.commits.meanings.get_mut(&unit.ticket)?;
        let Some(effect) = meaning.command.take() else {
            self.take_undurable_claims(unit.ticket);
            return Some(unit);
        };
        self.leave_no_trace(unit, *effect, &error.to_string());
        None
    }

    /// Undoes a command, and tells who asked for it.
    fn leave_no_trace(&mut self, unit: Unit, effect: CommandEffect, why: &str) {
        let meaning = self.commits.meanings.remove(&unit.ticket);
        for (to, _) in meaning.unwrap_or_default().replies {
            self.refuse(to, Refusal::Store(why.to_owned()));
        }
        self.undo(effect, why);
        // Rows that came with the state are not there: the next state brings them again.
        for change in unit.changes {
            if let Change::InsertRun(open) = change
                && let Some(run) = self.runs.get_mut(&open.id)
                && !run.open.claimed
            {
                run.recorded = false;
                self.note_unrecorded(open.id);
            }
        }
    }

    /// A unit is durable: what it means takes effect.
    fn stored(&mut self, ticket: u64) {
        self.take_claims(ticket);
        let Some(meaning) = self.commits.meanings.remove(&ticket) else {
            return;
        };
        if let Some(effect) = meaning.command {
            self.apply(*effect);
        }
        for (to, answer) in meaning.replies {
            let answer = self.with_live(answer);
            self.fx.replies.push((to, Ok(answer)));
        }
        let settled = meaning.settled.into_iter();
        self.fx
            .views
            .extend(settled.map(|(job, entry)| View::Settled(job, entry)));
    }

    /// A store that is away does not keep runs from starting, unless other servers may claim them there.
    fn take_undurable_claims(&mut self, ticket: u64) {
        if self.settings.lease.is_none() {
            self.take_claims(ticket);
        }
    }

    fn take_claims(&mut self, ticket: u64) {
        let meaning = self.commits.meanings.get_mut(&ticket);
        let claimed = meaning.map(|meaning| std::mem::take(&mut meaning.claimed));
        for id in claimed.unwrap_or_default() {
            self.claimed(id);
        }
    }

    /// An answer that shows a job shows it as it is now.
    fn with_live(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Job(job, live) => {
                let live = self.jobs.ix(job.id).map_or(live, |ix| self.live(ix));
                Answer::Job(job, live)
            }
            other => other,
        }
    }

    /// Another server holds the occurrence of a run that this unit claims or remembers. The run is that server's; what
    /// else the unit says stays true, unless it is a command.
    fn conflict(&mut self, mut unit: Unit) -> Option<Unit> {
        let meaning = self.commits.meanings.get_mut(&unit.ticket)?;
        if let Some(effect) = meaning.command.take() {
            self.leave_no_trace(unit, *effect, "another server has claimed an occurrence");
            return None;
        }
        let mut taken = Vec::new();
        unit.changes.retain(|change| match change {
            Change::InsertRun(open) if open.holds_occurrence().is_some() => {
                taken.push(open.id);
                false
            }
            _ => true,
        });
        meaning.claimed.retain(|id| !taken.contains(id));
        taken.into_iter().for_each(|id| self.claim_taken(id));
        Some(unit)
    }

    /// Refuses those who wait for the store as well: it did not come back in time, or is another server's.
    pub(super) fn refuse_all_replies(&mut self, refusal: &Refusal) {
        self.refuse_waiting(refusal);
        let meanings = std::mem::take(&mut self.commits.meanings);
        let replies = meanings.into_values().flat_map(|meaning| meaning.replies);
        let mut waiting: Vec<ReplyTo> = replies.map(|(to, _)| to).collect();
        waiting.sort_unstable();
        waiting
            .into_iter()
            .for_each(|to| self.refuse(to, refusal.clone()));
    }
}
