//! What waits for the store, in order; and what becomes of it when that takes long.
//!
//! A store that is away for hours must neither fill the memory nor cost a counter. So outputs go first, the oldest
//! before the others, then history; what is left is one row a job and one an open run, however much has happened.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::commit::{Meaning, Outcome};
use super::{Core, View};
use crate::clock::Timestamp;
use crate::config;
use crate::job::JobId;
use crate::job::run::{HistoryEntry, RunId};
use crate::job::state::OpenRun;
use crate::registry::FreshEntry;
use crate::store::change::{Change, Unit};

/// Units that wait for the store.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    units: VecDeque<Unit>,
    /// So many of the first have lost their outputs.
    without_output: usize,
}

impl Backlog {
    pub(super) fn len(&self) -> usize {
        self.units.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Runs that came to their ends, as far as their history is still among the units.
    pub(super) fn ended_runs(&self) -> usize {
        let changes = self.units.iter().flat_map(|unit| &unit.changes);
        let ends = changes.filter(|change| match change {
            Change::PutHistory(_, entry, _) => matches!(**entry, HistoryEntry::Run(_)),
            _ => false,
        });
        ends.count()
    }

    pub(super) fn push_back(&mut self, unit: Unit) {
        self.units.push_back(unit);
    }

    /// Takes out the first units.
    pub(super) fn take_batch(&mut self, max: usize) -> Vec<Unit> {
        let count = self.units.len().min(max);
        self.without_output = self.without_output.saturating_sub(count);
        self.units.drain(..count).collect()
    }

    /// Puts units back before all others.
    pub(super) fn put_back(&mut self, units: Vec<Unit>) {
        if !units.is_empty() {
            self.without_output = 0;
        }
        units
            .into_iter()
            .rev()
            .for_each(|unit| self.units.push_front(unit));
    }

    /// The first unit beyond the newest `kept` that still has its outputs; it counts as one that has not, from now on.
    fn next_to_lighten(&mut self, kept: usize) -> Option<&mut Unit> {
        let n = self.without_output;
        if self.units.len() <= kept || n >= self.units.len() - kept {
            return None;
        }
        self.without_output += 1;
        self.units.get_mut(n)
    }
}

/// What a change writes.
#[derive(PartialEq, Eq, Hash)]
enum Row {
    Job(JobId),
    State(JobId),
    Occurrence(JobId, Timestamp),
    Run(RunId),
    History(JobId, RunId),
    Chain(RunId),
    Paused,
}

fn row_of_run(run: &OpenRun) -> Row {
    run.holds_occurrence()
        .map_or(Row::Run(run.id), |at| Row::Occurrence(run.job, at))
}

fn row(change: &Change) -> Row {
    match change {
        Change::PutJob(job) => Row::Job(job.id),
        Change::DeleteJob(id) => Row::Job(*id),
        Change::PutState(id, _) => Row::State(*id),
        Change::InsertRun(run) | Change::PutRun(run) | Change::RemoveRun(run) => row_of_run(run),
        Change::PutHistory(id, entry, _) => Row::History(*id, entry.id()),
        Change::PutChain(chain) => Row::Chain(chain.id),
        Change::RemoveChain(id) => Row::Chain(*id),
        Change::PutPaused(_) => Row::Paused,
    }
}

/// The job whose rows a change writes; none where it does not go with a job.
fn job(change: &Change) -> Option<JobId> {
    match change {
        Change::PutJob(job) => Some(job.id),
        Change::DeleteJob(id) | Change::PutState(id, _) | Change::PutHistory(id, _, _) => Some(*id),
        Change::InsertRun(run) | Change::PutRun(run) | Change::RemoveRun(run) => Some(run.job),
        Change::PutChain(_) | Change::RemoveChain(_) | Change::PutPaused(_) => None,
    }
}

/// Takes out of units that were not stored what later units of the batch, which were, have written since: what is
/// written once more must not bring an older state back.
pub(super) fn without_overwritten(mut units: Vec<Outcome>) -> Vec<Outcome> {
    if units.iter().all(|(_, result)| result.is_ok()) {
        return units;
    }
    let mut written = HashSet::new();
    let mut deleted = HashSet::new();
    for (unit, result) in units.iter_mut().rev() {
        if result.is_ok() {
            written.extend(unit.changes.iter().map(row));
            deleted.extend(unit.changes.iter().filter_map(|change| match change {
                Change::DeleteJob(id) => Some(*id),
                _ => None,
            }));
        } else {
            unit.changes.retain(|change| {
                !written.contains(&row(change))
                    && job(change).is_none_or(|id| !deleted.contains(&id))
            });
        }
    }
    units
}

/// The same as these changes one after the other, in as few as will do, and without history.
fn coalesce(changes: impl Iterator<Item = Change>) -> Vec<Change> {
    let mut kept: Vec<Option<Change>> = Vec::new();
    let mut places: HashMap<Row, usize> = HashMap::new();
    // Runs that ended here: chains that began with their ends are not in the store yet.
    let mut ended = HashSet::new();
    for change in changes {
        if let Change::PutHistory(_, entry, _) = &change {
            ended.insert(entry.id());
            continue;
        }
        let row = row(&change);
        let Some(&place) = places.get(&row) else {
            places.insert(row, kept.len());
            kept.push(Some(change));
            continue;
        };
        kept[place] = match (kept[place].take(), change) {
            (Some(Change::InsertRun(_)), Change::RemoveRun(_)) => None,
            (Some(Change::PutChain(_)), Change::RemoveChain(id)) if ended.contains(&id) => None,
            (Some(Change::InsertRun(_)), Change::PutRun(run)) => Some(Change::InsertRun(run)),
            (Some(Change::RemoveRun(_)), Change::InsertRun(run)) => Some(Change::PutRun(run)),
            (_, newer) => Some(newer),
        };
        if kept[place].is_none() {
            places.remove(&row);
        }
    }
    kept.into_iter().flatten().collect()
}

impl Core {
    /// Keeps what waits for an absent store within bounds.
    pub(super) fn shed(&mut self) {
        while let Some(unit) = self
            .commits
            .outbox
            .next_to_lighten(config::UNWRITTEN_OUTPUTS_MAX)
        {
            for change in &mut unit.changes {
                if let Change::PutHistory(job, entry, output) = change
                    && output.take().is_some()
                {
                    let (entry, output) = (entry.clone(), None);
                    let fresh = FreshEntry { entry, output };
                    self.fx.views.push(View::Fresh(*job, fresh));
                }
            }
        }
        if self.commits.outbox.len() > config::UNWRITTEN_UNITS_MAX {
            self.shed_history();
        }
    }

    /// Makes one unit of all that wait, without their history. While the store is away no command is among them.
    pub(super) fn shed_history(&mut self) {
        let units = self.commits.outbox.take_batch(usize::MAX);
        let mut meaning = Meaning::default();
        let mut gone: Vec<(JobId, Arc<HistoryEntry>)> = Vec::new();
        for unit in &units {
            let one = self.commits.meanings.remove(&unit.ticket);
            let one = one.unwrap_or_default();
            meaning.replies.extend(one.replies);
            meaning.claimed.extend(one.claimed);
            gone.extend(one.settled);
        }
        let gone = gone.into_iter();
        self.fx
            .views
            .extend(gone.map(|(job, entry)| View::Settled(job, entry)));
        let changes = units.into_iter().flat_map(|unit| unit.changes);
        let changes = coalesce(changes);
        let ticket = self.commits.take_ticket();
        self.commits.meanings.insert(ticket, meaning);
        self.commits.outbox.push_back(Unit { ticket, changes });
    }
}
