//! What users may ask of the scheduler, and what it answers.

use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::job::run::{Figures, HistoryEntry, Outcome, RunId};
use crate::job::{Job, JobId, JobSpec};
use crate::registry::Live;
use crate::schedule::Schedule;

/// A job to create, parsed and checked but for what it says of other jobs.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The id it shall have.
    pub id: JobId,
    /// What the user set.
    pub spec: JobSpec,
    /// The schedule, parsed with `anchor`.
    pub schedule: Schedule,
    /// The instant that the schedule counts from where it names none: when the request came in.
    pub anchor: Timestamp,
}

/// A job as another server had it, with what became of it there.
#[derive(Clone, Debug)]
pub struct ImportedJob {
    /// The job.
    pub job: NewJob,
    /// When it was created there.
    pub created_at: Option<Timestamp>,
    /// Its occurrences up to here are done; none for a job that was nowhere before, and begins now.
    pub cursor: Option<Timestamp>,
    /// Its counters.
    pub figures: Figures,
    /// Its history, with numbers that are all different.
    pub history: Vec<HistoryEntry>,
    /// Its children in the order in which they were added, as far as it tells.
    pub children: Vec<JobId>,
}

/// Jobs to take over, all or none.
#[derive(Clone, Debug)]
pub struct Import {
    /// The jobs; each may name others of them, in any order.
    pub jobs: Vec<ImportedJob>,
    /// What is done about those that are there already.
    pub existing: Existing,
    /// Only say what would come of it.
    pub dry_run: bool,
}

/// What an import does about a job whose id is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Nothing is imported.
    #[default]
    Refuse,
    /// It stays as it is.
    Skip,
    /// It becomes the imported one, with its counters and history.
    Replace,
}

/// What an import came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Jobs that were not there.
    pub created: Vec<JobId>,
    /// Jobs in the place of those that were there.
    pub replaced: Vec<JobId>,
    /// Jobs that were there, and stayed.
    pub skipped: Vec<JobId>,
}

/// What a user asks for. Each is answered once: when it is durable, or refused.
#[derive(Clone, Debug)]
pub enum Command {
    /// Store a job. With `unique_name`, only if no job has its name.
    Create {
        /// The job.
        job: Box<NewJob>,
        /// Refuse it if a job has that name.
        unique_name: bool,
    },
    /// Change a job's definition; counters and history stay. Where schedule and timezone are as they were, so are grid
    /// and repeats; else the schedule starts anew.
    Update {
        /// The job as it shall be; its id says which.
        job: Box<NewJob>,
        /// Refuse it unless the job still has this version.
        expected_version: Option<u64>,
    },
    /// Take over jobs of another server.
    Import(Box<Import>),
    /// Delete a job, and those children that have no other parent, and theirs.
    Delete {
        /// Which one.
        id: JobId,
        /// Refuse if the job has another version by now.
        expected_version: Option<u64>,
    },
    /// Delete every job.
    DeleteAll,
    /// Run a job now, beside its schedule. With `wait`, the answer comes when the run and its children are over.
    Start {
        /// The job.
        id: JobId,
        /// Answer at the end, not at the claim.
        wait: bool,
    },
    /// Let a job's occurrences become runs again.
    Enable(JobId),
    /// Let no occurrence of a job become a run.
    Disable(JobId),
    /// End a run in progress.
    Cancel {
        /// The run's job.
        job: JobId,
        /// The run.
        run: RunId,
    },
    /// Let no occurrence of any job become a run.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Run the occurrences from `from` to `to`, both included, in order, at most `limit` of them.
    Backfill {
        /// The job.
        id: JobId,
        /// The first instant.
        from: Timestamp,
        /// The last instant.
        to: Timestamp,
        /// How many at most.
        limit: u32,
    },
}

/// What was done.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It is done and durable.
    Done,
    /// The job is stored.
    Created(JobId),
    /// The jobs are taken over, or would be.
    Imported(Imported),
    /// The job as it is now.
    Job(Arc<Job>, Live),
    /// The run is claimed.
    Started(RunId),
    /// The run, its retries and its children are over and durable.
    Ran(RunId, Outcome),
    /// So many runs were put in line.
    Backfilled(u32),
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No job has this id.
    UnknownJob(JobId),
    /// The job has no such run in progress.
    UnknownRun(RunId),
    /// A parent that it names does not exist.
    UnknownParent(JobId),
    /// The failure job that it names does not exist.
    UnknownFailureJob(JobId),
    /// These jobs would trigger each other for ever, in this order.
    Cycle(Vec<JobId>),
    /// A job of this id has the name.
    NameTaken(JobId),
    /// A job of this id exists already.
    IdTaken(JobId),
    /// Runs of the job are in progress, so that it cannot be replaced.
    InProgress(JobId),
    /// The job is disabled.
    Disabled(JobId),
    /// The job has this version by now.
    VersionChanged(u64),
    /// The run was deleted, or given back, before it was over.
    Withdrawn(RunId),
    /// Nothing to run between these instants.
    NothingToBackfill,
    /// This server stores no jobs that run commands.
    LocalJobsDenied,
    /// This server does not delete all jobs at once.
    DeleteAllDenied,
    /// The store cannot be written now, and why.
    Store(String),
    /// The server is stopping.
    Stopping,
    /// The server stands by while another works on the job database; with what there is to say of that.
    StandingBy(Box<str>),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::UnknownJob(id) => write!(f, "no job has the id {id}"),
            Refusal::UnknownRun(id) => write!(f, "the job has no run {id} in progress"),
            Refusal::UnknownParent(id) => {
                write!(
                    f,
                    "parent_jobs names {id}, which no job has as its id: create the parent first"
                )
            }
            Refusal::UnknownFailureJob(id) => {
                write!(
                    f,
                    "on_failure_job names {id}, which no job has as its id: create the failure job first"
                )
            }
            Refusal::Cycle(path) => {
                f.write_str("these jobs would trigger each other for ever: ")?;
                for id in path {
                    write!(f, "{id} -> ")?;
                }
                write!(
                    f,
                    "{}; leave out one of the links",
                    path.first().copied().unwrap_or(JobId(uuid::Uuid::nil()))
                )
            }
            Refusal::NameTaken(id) => write!(f, "the job {id} has this name"),
            Refusal::IdTaken(id) => write!(f, "a job with the id {id} exists"),
            Refusal::InProgress(id) => write!(
                f,
                "runs of the job {id} are in progress: wait for them or cancel them, then replace it"
            ),
            Refusal::Disabled(id) => write!(f, "the job {id} is disabled: enable it first"),
            Refusal::VersionChanged(version) => {
                write!(
                    f,
                    "the job was changed meanwhile and has version {version}: read it again, then repeat the change"
                )
            }
            Refusal::Withdrawn(id) => write!(
                f,
                "the run {id} did not come to its end: its job was deleted or the server stops"
            ),
            Refusal::NothingToBackfill => {
                f.write_str("the schedule has no occurrence in that window")
            }
            Refusal::LocalJobsDenied => f.write_str(
                "this server takes no jobs that run commands (--deny-local-jobs): use type 1, an HTTP request",
            ),
            Refusal::DeleteAllDenied => f.write_str(
                "this server does not delete all jobs at once (--deny-delete-all): delete them one by one",
            ),
            Refusal::Store(why) => write!(
                f,
                "the job database cannot be written now ({why}); nothing was changed, try again"
            ),
            Refusal::Stopping => f.write_str("the server is stopping; try again when it is back"),
            Refusal::StandingBy(why) => write!(f, "this server stands by: {why}; nothing was changed"),
        }
    }
}
