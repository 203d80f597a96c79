//! The runs of a job, as answers tell of them.

use crate::clock;
use crate::job::run::{HistoryEntry, RunRecord};
use crate::registry::JobView;
use crate::registry::past::Past;
use crate::store::{StoreError, history};

use super::Api;

/// The runs of a job that ended, oldest first, as far as they are kept.
pub(super) fn ended_runs(api: &Api, view: &JobView) -> Result<Vec<RunRecord>, StoreError> {
    // Most jobs of a large server wait for their first run: no need to ask the store.
    if view.live.figures.is_none() {
        return Ok(Vec::new());
    }
    let limit = usize::try_from(api.settings.history_limit).unwrap_or(usize::MAX);
    let entries = of(api).entries(view.job.id, None, limit)?;
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

/// Where runs are looked for.
pub(super) fn of(api: &Api) -> Past<'_> {
    Past {
        registry: &api.registry,
        store: &*api.store,
        shown_from: history::shown_from(api.settings.history_ttl, clock::now()),
    }
}
