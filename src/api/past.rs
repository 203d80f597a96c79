//! What has become of a job's runs, put together from where it may be: in progress, on its way to the store, in it.
//!
//! A run moves from the first to the last of these while it is being read about; so they are read in this order, and
//! what is met twice counts where it was met first, or later when it has ended meanwhile.

use std::collections::HashSet;
use std::sync::Arc;

use crate::clock::{self, Timestamp};
use crate::job::JobId;
use crate::job::output::OutputBuffer;
use crate::job::run::{HistoryEntry, RunId, RunRecord};
use crate::registry::{FreshEntry, JobView, RunningView};
use crate::store::{StoreError, history};

use super::Api;

/// A run, wherever it was found.
pub(super) enum Found {
    /// In progress.
    Running(RunningView),
    /// Ended and on its way to the store, with its output.
    Fresh(FreshEntry),
    /// Ended and stored.
    Stored(HistoryEntry),
}

/// The runs of a job that ended, oldest first, as far as they are kept.
pub(super) fn ended_runs(api: &Api, view: &JobView) -> Result<Vec<RunRecord>, StoreError> {
    // Most jobs of a large server wait for their first run: no need to ask the store.
    if view.live.figures.is_none() {
        return Ok(Vec::new());
    }
    let limit = usize::try_from(api.settings.history_limit).unwrap_or(usize::MAX);
    let entries = ended(api, view.job.id, None, limit)?;
    Ok(entries.into_iter().rev().filter_map(run_of).collect())
}

/// The same for an answer that shows more than these: while the database is away, those that it does not have yet.
pub(super) fn known_runs(api: &Api, view: &JobView) -> Result<Vec<RunRecord>, StoreError> {
    match ended_runs(api, view) {
        Err(StoreError::Away(_)) => {
            let fresh = api.registry.fresh(view.job.id).into_iter();
            Ok(fresh
                .filter_map(|fresh| run_of((*fresh.entry).clone()))
                .collect())
        }
        runs => runs,
    }
}

fn run_of(entry: HistoryEntry) -> Option<RunRecord> {
    match entry {
        HistoryEntry::Run(run) => Some(*run),
        HistoryEntry::Gap(_) => None,
    }
}

/// At most `limit` entries of a job's history, those with numbers below `before`, newest first.
pub(super) fn ended(
    api: &Api,
    job: JobId,
    before: Option<RunId>,
    limit: usize,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let before = before.map(RunId::number);
    let from = shown_from(api);
    let mut entries: Vec<HistoryEntry> = api
        .registry
        .fresh(job)
        .iter()
        .map(|fresh| (*fresh.entry).clone())
        .filter(|entry| before.is_none_or(|before| entry.id().number() < before))
        .collect();
    let known: HashSet<RunId> = entries.iter().map(HistoryEntry::id).collect();
    let stored = history::page(&*api.store, job, before, limit, from)?;
    entries.extend(
        stored
            .into_iter()
            .filter(|entry| !known.contains(&entry.id())),
    );
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.id().number()));
    entries.truncate(limit);
    Ok(entries)
}

/// A run or a gap of a job.
pub(super) fn find(api: &Api, job: JobId, id: RunId) -> Result<Option<Found>, StoreError> {
    if let Some(run) = api.registry.running_run(id) {
        return Ok((run.job.id == job).then_some(Found::Running(run)));
    }
    let fresh = api.registry.fresh(job);
    if let Some(fresh) = fresh.into_iter().find(|fresh| fresh.entry.id() == id) {
        return Ok(Some(Found::Fresh(fresh)));
    }
    let stored = history::entry(&*api.store, job, id.number(), shown_from(api))?;
    Ok(stored.filter(|entry| entry.id() == id).map(Found::Stored))
}

/// What a run has written, as far as it is kept.
pub(super) fn output(api: &Api, job: JobId, run: &Found) -> Result<Vec<u8>, StoreError> {
    let buffer: Option<&Arc<OutputBuffer>> = match run {
        Found::Running(run) => Some(&run.output),
        Found::Fresh(fresh) => fresh.output.as_ref(),
        Found::Stored(entry) => {
            let text = history::output(&*api.store, job, entry.id().number())?;
            return Ok(text.unwrap_or_default());
        }
    };
    Ok(buffer.map_or_else(Vec::new, |buffer| buffer.text()))
}

fn shown_from(api: &Api) -> Timestamp {
    history::shown_from(api.settings.history_ttl, clock::now())
}
