//! What has become of a job's runs, put together from where it may be: in progress, on its way to the store, in it.
//!
//! A run moves from the first to the last of these while it is being read about; so they are read in this order, and
//! what is met twice counts where it was met first.

use std::collections::HashSet;
use std::time::Duration;

use crate::clock::{self, Timestamp};
use crate::config;
use crate::job::JobId;
use crate::job::run::{HistoryEntry, Outcome, RunId};
use crate::registry::{FreshEntry, Pulse, RunningView};
use crate::store::{StoreError, history};

use super::Web;
use super::survey;

/// A run, wherever it was found.
pub(super) enum Found {
    /// In progress.
    Running(RunningView),
    /// Ended and on its way to the store, with its output.
    Fresh(FreshEntry),
    /// Ended and stored.
    Stored(HistoryEntry),
}

/// At most `limit` entries of a job's history, those with numbers below `before`, newest first.
pub(super) fn entries(
    web: &Web,
    job: JobId,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let fresh = web.registry().fresh(job);
    let mut entries: Vec<HistoryEntry> = fresh
        .iter()
        .map(|fresh| (*fresh.entry).clone())
        .filter(|entry| before.is_none_or(|before| entry.id().number() < before))
        .collect();
    let known: HashSet<RunId> = entries.iter().map(HistoryEntry::id).collect();
    let stored = history::page(web.store(), job, before, limit, shown_from(web))?;
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
pub(super) fn find(web: &Web, job: JobId, id: RunId) -> Result<Option<Found>, StoreError> {
    if let Some(run) = web.registry().running_run(id) {
        return Ok((run.job.id == job).then_some(Found::Running(run)));
    }
    let fresh = web.registry().fresh(job);
    if let Some(fresh) = fresh.into_iter().find(|fresh| fresh.entry.id() == id) {
        return Ok(Some(Found::Fresh(fresh)));
    }
    let stored = history::entry(web.store(), job, id.number(), shown_from(web))?;
    Ok(stored.filter(|entry| entry.id() == id).map(Found::Stored))
}

/// What a run has written, as far as it is kept.
pub(super) fn output(web: &Web, job: JobId, run: &Found) -> Result<Vec<u8>, StoreError> {
    let buffer = match run {
        Found::Running(run) => Some(&run.output),
        Found::Fresh(fresh) => fresh.output.as_ref(),
        Found::Stored(entry) => {
            let text = history::output(web.store(), job, entry.id().number())?;
            return Ok(text.unwrap_or_default());
        }
    };
    Ok(buffer.map_or_else(Vec::new, |buffer| buffer.text()))
}

/// How long a job's runs take, by the median of the last ones that succeeded.
pub(super) fn usual_duration(web: &Web, job: JobId) -> Option<Duration> {
    let entries = entries(web, job, None, config::WEB_LAST_RUNS).ok()?;
    let mut durations: Vec<Duration> = entries
        .iter()
        .filter_map(|entry| match entry {
            HistoryEntry::Run(run) if run.outcome == Outcome::Succeeded => Some(run.duration),
            _ => None,
        })
        .collect();
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied()
}

/// What happened during the day before this server started, as far as a bounded look into the store tells.
pub(super) fn before_start(web: &Web, started: Timestamp) -> Result<Pulse, StoreError> {
    let day_ago = clock::now().minus(Duration::from_secs(86_400));
    let mut active = Vec::new();
    survey::each(web.registry(), |view| {
        let last = view
            .live
            .figures
            .as_ref()
            .and_then(|figures| figures.last_attempted_run);
        if last.is_some_and(|last| last >= day_ago) {
            active.push(view.job.id);
        }
    });
    let pulse = web.registry().pulse();
    let since: HashSet<RunId> = pulse.troubles().map(|(_, entry)| entry.id()).collect();
    let mut found = Vec::new();
    let each = (config::WEB_PAST_ENTRIES / active.len().max(1)).max(1);
    for job in active.into_iter().take(config::WEB_PAST_ENTRIES) {
        for entry in history::page(web.store(), job, None, each, day_ago)? {
            let ended = history::ended_at(&entry);
            // What was missed or interrupted while the server was away is noticed at the start, and known since.
            let noticed = entry.id().made_at() >= started || since.contains(&entry.id());
            if ended < started && !noticed {
                found.push((ended, job, entry));
            }
        }
    }
    found.sort_by_key(|(ended, ..)| *ended);
    let mut pulse = Pulse::default();
    for (_, job, entry) in found {
        pulse.note(job, &entry.into());
    }
    Ok(pulse)
}

fn shown_from(web: &Web) -> Timestamp {
    history::shown_from(web.settings().history_ttl, clock::now())
}
