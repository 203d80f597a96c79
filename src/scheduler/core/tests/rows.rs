//! A store as the stories need it: changes as rows, and rows as the next server finds them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::job::run::{HistoryEntry, RunId};
use crate::job::state::{Chain, JobState, OpenRun};
use crate::job::{Job, JobId};
use crate::store::change::{Change, Loaded};

/// The rows of a store.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) jobs: BTreeMap<JobId, Arc<Job>>,
    pub(super) states: BTreeMap<JobId, JobState>,
    pub(super) open: BTreeMap<RunId, OpenRun>,
    pub(super) chains: BTreeMap<RunId, Chain>,
    pub(super) history: Vec<Arc<HistoryEntry>>,
    pub(super) paused: bool,
}

impl Rows {
    pub(super) fn change(&mut self, change: Change) {
        match change {
            Change::PutJob(job) => drop(self.jobs.insert(job.id, job)),
            Change::DeleteJob(id) => {
                self.jobs.remove(&id);
                self.states.remove(&id);
                self.open.retain(|_, run| run.job != id);
            }
            Change::PutState(id, state) => drop(self.states.insert(id, *state)),
            Change::InsertRun(run) | Change::PutRun(run) => drop(self.open.insert(run.id, run)),
            Change::RemoveRun(run) => drop(self.open.remove(&run.id)),
            Change::PutHistory(_, entry, _) => {
                self.history.retain(|old| old.id() != entry.id());
                self.history.push(entry);
            }
            Change::PutChain(chain) => drop(self.chains.insert(chain.id, chain)),
            Change::RemoveChain(id) => drop(self.chains.remove(&id)),
            Change::PutPaused(paused) => self.paused = paused,
        }
    }

    pub(super) fn state(&self, id: JobId) -> JobState {
        let stored = self.states.get(&id).cloned();
        stored.unwrap_or_else(|| JobState::of_new(&self.jobs[&id]))
    }

    pub(super) fn load(&self) -> Loaded {
        let jobs = self.jobs.values();
        let mut jobs: Vec<_> = jobs
            .map(|job| ((**job).clone(), self.state(job.id)))
            .collect();
        jobs.sort_by_key(|(job, _)| job.seq);
        Loaded {
            jobs,
            open_runs: self.open.values().cloned().collect(),
            chains: self.chains.values().cloned().collect(),
            paused: self.paused,
        }
    }
}
