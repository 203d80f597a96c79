//! What the scheduler asks the store to remember, in the scheduler's words.

use std::sync::Arc;

use crate::job::output::OutputBuffer;
use crate::job::run::{HistoryEntry, RunId};
use crate::job::state::{Chain, JobState, OpenRun};
use crate::job::{Job, JobId};

/// One thing to remember.
#[derive(Clone, Debug)]
pub enum Change {
    /// A job's definition, new or changed.
    PutJob(Arc<Job>),
    /// A job goes, with its state, open runs, history and output.
    DeleteJob(JobId),
    /// A job's cursor and counters.
    PutState(JobId, Box<JobState>),
    /// A new open run. Fails when its occurrence is claimed already.
    InsertRun(OpenRun),
    /// An open run that changes, from triggered to claimed or back.
    PutRun(OpenRun),
    /// An open run that ended or was withdrawn.
    RemoveRun(OpenRun),
    /// A history entry, new or extended, with the output of its run. Entries beyond the history limit go.
    PutHistory(JobId, Arc<HistoryEntry>, Option<Arc<OutputBuffer>>),
    /// A chain of children in progress.
    PutChain(Chain),
    /// A chain that came to its end.
    RemoveChain(RunId),
    /// All scheduling is paused, or goes on.
    PutPaused(bool),
}

/// Changes that are stored together or not at all.
#[derive(Clone, Debug)]
pub struct Unit {
    /// By which the scheduler knows it again.
    pub ticket: u64,
    /// In order.
    pub changes: Vec<Change>,
}

/// All that a store remembers, but for history and output, which are read as they are asked for.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Jobs with their state, in order of creation.
    pub jobs: Vec<(Job, JobState)>,
    /// Runs without a recorded end.
    pub open_runs: Vec<OpenRun>,
    /// Chains in progress.
    pub chains: Vec<Chain>,
    /// Whether all scheduling is paused.
    pub paused: bool,
}
