//! What the store must know before it is true.
//!
//! A change is proposed as a unit with a ticket; what it means takes effect when the store has it. One batch is in
//! flight at a time, and all that gathers meanwhile is the next: a slow disk makes larger batches, not longer queues.
//! Ends of runs are lazy: nobody waits for most of them, so they wait a little for company.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::commands::CommandEffect;
use super::jobs::Map;
use super::{Core, Notice, ReplyTo, View};
use crate::config;
use crate::job::JobId;
use crate::job::run::{HistoryEntry, RunId};
use crate::scheduler::command::{Answer, Refusal};
use crate::store::StoreError;
use crate::store::change::{Change, Unit};

/// After the store refused everything, so long until it is tried again.
const RETRY_STORE_AFTER: Duration = Duration::from_secs(1);

/// What a unit means once it is durable.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    /// A command takes effect.
    pub(super) command: Option<Box<CommandEffect>>,
    /// These history entries are in the store.
    pub(super) settled: Vec<(JobId, Arc<HistoryEntry>)>,
    /// These runs are claimed (or, for those that are not to be, remembered).
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

/// Units on their way to the store.
#[derive(Debug, Default)]
pub(super) struct Commits {
    outbox: VecDeque<Unit>,
    meanings: Map<u64, Meaning>,
    next_ticket: u64,
    in_flight: bool,
    urgent: bool,
    /// When lazy units must go, by the monotonic clock.
    flush_at: Option<Duration>,
    /// Until when the store is left alone, by the monotonic clock; it did not take the last batch.
    away_until: Option<Duration>,
}

impl Commits {
    /// When units must go although nobody asks, by the monotonic clock.
    pub(super) fn wakeup(&self) -> Option<Duration> {
        if self.in_flight {
            None
        } else {
            self.away_until.or(self.flush_at)
        }
    }

    /// Whether everything is stored.
    pub(super) fn is_empty(&self) -> bool {
        self.outbox.is_empty() && !self.in_flight
    }

    /// Whether the store refuses to be written.
    pub(super) fn is_away(&self) -> bool {
        self.away_until.is_some()
    }
}

impl Core {
    /// Proposes changes that are stored together, and says what they mean once they are.
    pub(super) fn propose(&mut self, changes: Vec<Change>, meaning: Meaning, urgency: Urgency) {
        let ticket = self.commits.next_ticket;
        self.commits.next_ticket += 1;
        let command = meaning.command.is_some();
        self.commits.meanings.insert(ticket, meaning);
        self.commits.outbox.push_back(Unit { ticket, changes });
        if self.commits.is_away() && !command {
            // The store has refused all it was given, and what runs do cannot be taken back: it is written later.
            self.take_effect(ticket);
            self.shed();
        } else if urgency == Urgency::Now {
            self.commits.urgent = true;
        } else if self.commits.flush_at.is_none() {
            self.commits.flush_at = Some(self.now.mono + config::END_FLUSH_DELAY);
        }
    }

    /// Hands the store its next batch, if there is reason to.
    pub(super) fn flush(&mut self) {
        let commits = &mut self.commits;
        if commits.in_flight || commits.outbox.is_empty() {
            return;
        }
        let due = |at: Option<Duration>| at.is_some_and(|at| at <= self.now.mono);
        let many = commits.outbox.len() >= config::BATCH_ENTRIES_MAX && !commits.is_away();
        if commits.urgent
            || due(commits.flush_at)
            || due(commits.away_until)
            || many
            || self.stopping
        {
            let count = commits.outbox.len().min(config::BATCH_ENTRIES_MAX);
            self.fx.batch = Some(commits.outbox.drain(..count).collect());
            commits.in_flight = true;
            if commits.outbox.is_empty() {
                commits.urgent = false;
                commits.flush_at = None;
            }
        }
    }

    /// The store has taken a batch, or refused some of it.
    pub(super) fn committed(
        &mut self,
        units: Vec<(Unit, Result<(), Arc<StoreError>>)>,
        took: Duration,
    ) {
        self.commits.in_flight = false;
        self.follow_commit_time(took);
        let mut again = Vec::new();
        let mut away = None;
        for (unit, result) in units {
            match result {
                Ok(()) => self.take_effect_and_forget(unit.ticket),
                Err(error) if matches!(*error, StoreError::Conflict) => self.conflict(unit.ticket),
                Err(error) => {
                    away = Some(error.to_string());
                    again.extend(self.not_stored(unit, &error));
                }
            }
        }
        for unit in again.into_iter().rev() {
            self.commits.outbox.push_front(unit);
        }
        self.follow_store(away);
        for (from, command) in std::mem::take(&mut self.blocked) {
            self.command(from, command);
        }
    }

    /// Makes the lead a few times what the store takes, so that a claim is durable at its instant.
    fn follow_commit_time(&mut self, took: Duration) {
        let wanted = (took * 4).clamp(config::CLAIM_LEAD_MIN, config::CLAIM_LEAD_MAX);
        // Up at once, down slowly: a late claim is a late run, an early one costs nothing.
        self.claim_lead = wanted.max(self.claim_lead - self.claim_lead / 16);
    }

    fn follow_store(&mut self, away: Option<String>) {
        match (away, self.commits.away_until) {
            (Some(why), before) => {
                self.commits.away_until = Some(self.now.mono + RETRY_STORE_AFTER);
                self.commits.urgent = false;
                if before.is_none() {
                    self.fx.notices.push(Notice::StoreAway(why));
                }
            }
            (None, Some(_)) => {
                self.commits.away_until = None;
                self.commits.urgent = true;
                self.fx.notices.push(Notice::StoreBack);
            }
            (None, None) => {}
        }
    }

    /// A unit that the store could not take now. A command leaves no trace; what a run did is kept and written later.
    fn not_stored(&mut self, unit: Unit, error: &StoreError) -> Option<Unit> {
        let meaning = self.commits.meanings.get_mut(&unit.ticket)?;
        let Some(effect) = meaning.command.take() else {
            self.take_effect(unit.ticket);
            return Some(unit);
        };
        let replies = self
            .commits
            .meanings
            .remove(&unit.ticket)
            .map(|meaning| meaning.replies)
            .unwrap_or_default();
        for (to, _) in replies {
            self.fx
                .replies
                .push((to, Err(Refusal::Store(error.to_string()))));
        }
        self.undo(*effect);
        None
    }

    fn take_effect_and_forget(&mut self, ticket: u64) {
        self.take_effect(ticket);
        let settled = self
            .commits
            .meanings
            .remove(&ticket)
            .map(|meaning| meaning.settled)
            .unwrap_or_default();
        self.fx.views.extend(
            settled
                .into_iter()
                .map(|(job, entry)| View::Settled(job, entry)),
        );
    }

    fn take_effect(&mut self, ticket: u64) {
        let Some(meaning) = self.commits.meanings.get_mut(&ticket) else {
            return;
        };
        let (command, claimed) = (meaning.command.take(), std::mem::take(&mut meaning.claimed));
        let replies = std::mem::take(&mut meaning.replies);
        for id in claimed {
            self.claimed(id);
        }
        if let Some(effect) = command {
            self.apply(*effect);
        }
        for (to, answer) in replies {
            let answer = self.with_live(answer);
            self.fx.replies.push((to, Ok(answer)));
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

    /// Another server holds a claim of this unit: the runs are its, and so is what they lead to.
    fn conflict(&mut self, ticket: u64) {
        let Some(meaning) = self.commits.meanings.remove(&ticket) else {
            return;
        };
        for (to, _) in meaning.replies {
            self.fx.replies.push((
                to,
                Err(Refusal::Store("another server has claimed it".to_owned())),
            ));
        }
        if let Some(effect) = meaning.command {
            self.undo(*effect);
        }
        for id in meaning.claimed {
            self.claim_taken(id);
        }
    }

    /// Keeps what waits for an absent store within bounds: outputs go first, oldest first, then history; counters never.
    fn shed(&mut self) {
        let excess = self
            .commits
            .outbox
            .len()
            .saturating_sub(config::UNWRITTEN_OUTPUTS_MAX);
        let Some(unit) = excess
            .checked_sub(1)
            .and_then(|n| self.commits.outbox.get_mut(n))
        else {
            return;
        };
        for change in &mut unit.changes {
            if let Change::PutHistory(_, _, output) = change {
                *output = None;
            }
        }
        let excess = self
            .commits
            .outbox
            .len()
            .saturating_sub(config::UNWRITTEN_UNITS_MAX);
        let Some(unit) = excess
            .checked_sub(1)
            .and_then(|n| self.commits.outbox.get_mut(n))
        else {
            return;
        };
        unit.changes
            .retain(|change| !matches!(change, Change::PutHistory(..)));
    }
}
