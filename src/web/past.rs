//! The runs of a job and the server's last day, as pages tell of them.

use std::collections::HashSet;
use std::time::Duration;

use crate::clock::{self, Timestamp};
use crate::config;
use crate::job::JobId;
use crate::job::run::{HistoryEntry, Outcome, RunId};
use crate::registry::Pulse;
use crate::registry::past::Past;
use crate::store::{StoreError, history};

use super::Web;
use super::survey;

/// Where runs are looked for.
pub(super) fn of(web: &Web) -> Past<'_> {
    Past {
        registry: web.registry(),
        store: web.store(),
        shown_from: history::shown_from(web.settings().history_ttl, clock::now()),
    }
}

/// How long a job's runs take, by the median of the last ones that succeeded.
pub(super) fn usual_duration(web: &Web, job: JobId) -> Option<Duration> {
    let entries = of(web).entries(job, None, config::WEB_LAST_RUNS).ok()?;
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
