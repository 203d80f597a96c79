//! What has become of a job's runs, put together from where it may be: in progress, on its way to the store, in it.
//!
//! A run moves from the first to the last of these while it is being read about; so they are read in this order, and
//! what is met twice counts where it was met first.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::{FreshEntry, Registry, RunningView};
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::job::run::{HistoryEntry, RunId};
use crate::store::{Store, StoreError, history};

/// A run, wherever it was found.
pub enum Found {
    /// In progress.
    Running(RunningView),
    /// Ended and on its way to the store, with its output.
    Fresh(FreshEntry),
    /// Ended and stored.
    Stored(HistoryEntry),
}

/// Where runs are looked for.
pub struct Past<'a> {
    /// Has those that the store does not have yet.
    pub registry: &'a Registry,
    /// Has the others.
    pub store: &'a dyn Store,
    /// What ended earlier is shown no more.
    pub shown_from: Timestamp,
}

impl Past<'_> {
    /// At most `limit` entries of a job's history, those with numbers below `before`, newest first.
    ///
    /// # Errors
    /// Of the store.
    pub fn entries(
        &self,
        job: JobId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let fresh = self.registry.fresh(job);
        let mut entries: Vec<HistoryEntry> = fresh
            .iter()
            .map(|fresh| (*fresh.entry).clone())
            .filter(|entry| before.is_none_or(|before| entry.id().number() < before))
            .collect();
        let known: HashSet<RunId> = entries.iter().map(HistoryEntry::id).collect();
        let stored = history::page(self.store, job, before, limit, self.shown_from)?;
        let stored = stored.into_iter();
        entries.extend(stored.filter(|entry| !known.contains(&entry.id())));
        entries.sort_by_key(|entry| Reverse(entry.id().number()));
        entries.truncate(limit);
        Ok(entries)
    }

    /// A run or a gap of a job.
    ///
    /// # Errors
    /// Of the store.
    pub fn find(&self, job: JobId, id: RunId) -> Result<Option<Found>, StoreError> {
        if let Some(run) = self.registry.running_run(id) {
            return Ok((run.job.id == job).then_some(Found::Running(run)));
        }
        let fresh = self.registry.fresh(job);
        if let Some(fresh) = fresh.into_iter().find(|fresh| fresh.entry.id() == id) {
            return Ok(Some(Found::Fresh(fresh)));
        }
        let stored = history::entry(self.store, job, id.number(), self.shown_from)?;
        Ok(stored.filter(|entry| entry.id() == id).map(Found::Stored))
    }

    /// What a run has written, as far as it is kept.
    ///
    /// # Errors
    /// Of the store.
    pub fn output(&self, job: JobId, run: &Found) -> Result<Vec<u8>, StoreError> {
        let buffer = match run {
            Found::Running(run) => Some(&run.output),
            Found::Fresh(fresh) => fresh.output.as_ref(),
            Found::Stored(entry) => {
                let text = history::output(self.store, job, entry.id().number())?;
                return Ok(text.unwrap_or_default());
            }
        };
        Ok(buffer.map_or_else(Vec::new, |buffer| buffer.text()))
    }
}
