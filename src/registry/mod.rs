//! What readers see: jobs with their figures, runs in progress, and ends that the store does not hold yet.
//!
//! The dispatcher alone writes, once a step and never during I/O; readers copy what they need under a lock that is held
//! for microseconds. Nothing here decides anything.

mod jobs;
pub mod past;
mod pulse;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::clock::Timestamp;
use crate::job::index::Map;
use crate::job::output::OutputBuffer;
use crate::job::run::{Figures, HistoryEntry, RunId, Trigger};
use crate::job::{Job, JobId};

use self::jobs::Jobs;
pub use self::pulse::{BEAT_SECS, Beat, Pulse};

/// A job as a reader sees it.
#[derive(Clone, Debug)]
pub struct JobView {
    /// Its definition.
    pub job: Arc<Job>,
    /// What changes as it runs.
    pub live: Live,
}

/// What changes of a job as it runs.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Its next occurrence; none for done, disabled, child and manual jobs.
    pub next_run_at: Option<Timestamp>,
    /// Counters; none before the first run, missed or skipped occurrence.
    pub figures: Option<Arc<Figures>>,
    /// Its children in the order in which they were added.
    pub children: Option<Arc<[JobId]>>,
    /// Runs in progress.
    pub running: u32,
    /// No occurrence is left and no run is in progress.
    pub is_done: bool,
}

impl Live {
    /// The counters.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.figures.as_deref().copied().unwrap_or_default()
    }
}

/// A run in progress.
#[derive(Clone, Debug)]
pub struct RunningView {
    /// Its id.
    pub id: RunId,
    /// Its job, as it was when the run began.
    pub job: Arc<Job>,
    /// Why it came about.
    pub trigger: Trigger,
    /// Its occurrence, where it has one.
    pub scheduled_at: Option<Timestamp>,
    /// When its first attempt went to a worker; none while it waits for one.
    pub started_at: Option<Timestamp>,
    /// The attempt that is being made or waited for, from 1.
    pub attempt: u32,
    /// What it has written so far.
    pub output: Arc<OutputBuffer>,
}

/// An end of a run, or a gap, that the store does not hold yet.
#[derive(Clone, Debug)]
pub struct FreshEntry {
    /// The history entry.
    pub entry: Arc<HistoryEntry>,
    /// Its output, for runs that wrote any.
    pub output: Option<Arc<OutputBuffer>>,
}

/// Sums over all stored jobs, kept as things happen and never by a walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Stored jobs.
    pub jobs: u64,
    /// Those that are disabled.
    pub disabled_jobs: u64,
    /// Sum of their counters.
    pub success_count: u64,
    /// Sum of their counters.
    pub error_count: u64,
    /// Sum of their counters.
    pub missed_count: u64,
    /// Sum of their counters.
    pub skipped_count: u64,
    /// Runs in progress.
    pub running: u64,
    /// Runs in progress that wait for a worker.
    pub queued: u64,
    /// Attempts with workers, those of waiting starts beside the pool included.
    pub busy: u64,
    /// The earliest next occurrence.
    pub next_run_at: Option<Timestamp>,
    /// When a run was last begun, of those jobs and of some that are gone: of none once there are no jobs.
    pub last_attempted_run: Option<Timestamp>,
    /// All scheduling is paused.
    pub paused: bool,
    /// The store did not take the last writes.
    pub store_away: bool,
}

impl Totals {
    /// Takes in the counters of a job that is there from now on.
    pub fn add(&mut self, figures: &Figures) {
        self.success_count += figures.success_count;
        self.error_count += figures.error_count;
        self.missed_count += figures.missed_count;
        self.skipped_count += figures.skipped_count;
        self.last_attempted_run = self.last_attempted_run.max(figures.last_attempted_run);
    }

    /// Takes out the counters of a job that is gone.
    pub fn subtract(&mut self, figures: &Figures) {
        self.success_count -= figures.success_count;
        self.error_count -= figures.error_count;
        self.missed_count -= figures.missed_count;
        self.skipped_count -= figures.skipped_count;
    }
}

/// What readers see; see the [module's documentation](self).
#[derive(Debug, Default)]
pub struct Registry {
    inner: RwLock<Inner>,
}

/// The registry's content, for the dispatcher to change.
#[derive(Debug, Default)]
pub struct Inner {
    jobs: Jobs,
    running: BTreeMap<RunId, RunningView>,
    fresh: Map<JobId, Vec<FreshEntry>>,
    pulse: Pulse,
    /// Sums over all jobs.
    pub totals: Totals,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Changes what readers see, all at one moment.
    pub fn write<R>(&self, change: impl FnOnce(&mut Inner) -> R) -> R {
        change(&mut self.inner.write())
    }

    /// The job of that id.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<JobView> {
        self.inner.read().jobs.get(id).cloned()
    }

    /// Up to `limit` jobs created after the one with sequence number `after`, in order of creation.
    #[must_use]
    pub fn page(&self, after: Option<u64>, limit: usize) -> Vec<JobView> {
        let inner = self.inner.read();
        inner.jobs.after(after).take(limit).cloned().collect()
    }

    /// Sums over all jobs.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.inner.read().totals
    }

    /// What happened during the last day.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.inner.read().pulse.clone()
    }

    /// Runs in progress of one job, newest first, or of all.
    #[must_use]
    pub fn running(&self, of: Option<JobId>) -> Vec<RunningView> {
        let inner = self.inner.read();
        let wanted = inner
            .running
            .values()
            .rev()
            .filter(|run| of.is_none_or(|id| run.job.id == id));
        wanted.cloned().collect()
    }

    /// Runs in progress that a worker has had already: few, however many wait.
    #[must_use]
    pub fn begun(&self) -> Vec<RunningView> {
        let inner = self.inner.read();
        let begun = inner
            .running
            .values()
            .filter(|run| run.started_at.is_some());
        begun.cloned().collect()
    }

    /// A run in progress.
    #[must_use]
    pub fn running_run(&self, id: RunId) -> Option<RunningView> {
        self.inner.read().running.get(&id).cloned()
    }

    /// Entries of a job's history that the store does not hold yet, oldest first. Read them before the store: an entry
    /// may be in both for a moment, never in neither.
    #[must_use]
    pub fn fresh(&self, id: JobId) -> Vec<FreshEntry> {
        self.inner
            .read()
            .fresh
            .get(&id)
            .cloned()
            .unwrap_or_default()
    }
}

impl Inner {
    /// Makes room for so many jobs, at start.
    pub fn reserve(&mut self, jobs: usize) {
        self.jobs.reserve(jobs);
    }

    /// A job is there, or its definition changed.
    pub fn put_job(&mut self, job: Arc<Job>, live: Live) {
        self.jobs.put(job, live);
    }

    /// A job is gone, and all that was kept of it.
    pub fn remove_job(&mut self, id: JobId) {
        self.jobs.remove(id);
        self.fresh.remove(&id);
    }

    /// What changes of a job has changed.
    pub fn put_live(&mut self, id: JobId, live: Live) {
        self.jobs.set_live(id, live);
    }

    /// A run is in progress, or has come further.
    pub fn put_running(&mut self, run: RunningView) {
        self.running.insert(run.id, run);
    }

    /// A run is over, or was given back.
    pub fn remove_running(&mut self, id: RunId) -> Option<RunningView> {
        self.running.remove(&id)
    }

    /// A history entry that is on its way to the store.
    pub fn put_fresh(&mut self, id: JobId, fresh: FreshEntry) {
        self.pulse.note(id, &fresh.entry);
        let entries = self.fresh.entry(id).or_default();
        entries.retain(|known| known.entry.id() != fresh.entry.id());
        entries.push(fresh);
    }

    /// The store holds this very entry now. A gap that was extended meanwhile stays until its newer form is held.
    pub fn settle(&mut self, id: JobId, entry: &Arc<HistoryEntry>) {
        let Some(entries) = self.fresh.get_mut(&id) else {
            return;
        };
        entries.retain(|known| !Arc::ptr_eq(&known.entry, entry));
        if entries.is_empty() {
            self.fresh.remove(&id);
        }
    }
}
