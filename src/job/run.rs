//! A run: one execution of a job, from the claim to the recorded outcome.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::output::OutputBuffer;
use super::{Job, JobId};
use crate::clock::Timestamp;

/// A run's id: a UUID of version 8 whose first 48 bits are the millisecond of its making, so that ids sort by time, and
/// whose last 40 bits are the run's number in its job's history, so that a history entry is found without an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub Uuid);

impl RunId {
    /// The id of entry `number` in the history of `job`, made at `at`. The bits between are the job's, so that ids of
    /// different jobs differ.
    #[must_use]
    pub fn new(job: JobId, number: u64, at: Timestamp) -> RunId {
        let millis = (at.unix_nanos() / 1_000_000).max(0) as u64;
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6..11].copy_from_slice(&job.0.as_bytes()[..5]);
        bytes[11..].copy_from_slice(&number.to_be_bytes()[3..]);
        RunId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// When it was made, to the millisecond.
    #[must_use]
    pub fn made_at(self) -> Timestamp {
        let millis = self.0.as_u128() >> 80;
        Timestamp::from_unix_nanos(millis as i128 * 1_000_000)
    }

    /// The run's number in its job's history.
    #[must_use]
    pub fn number(self) -> u64 {
        let mut bytes = [0; 8];
        bytes[3..].copy_from_slice(&self.0.as_bytes()[11..]);
        u64::from_be_bytes(bytes)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RunId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<RunId, uuid::Error> {
        Uuid::parse_str(text).map(RunId)
    }
}

/// Why a run came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Its occurrence came due.
    Schedule,
    /// Its occurrence had passed while nobody could run it.
    CatchUp,
    /// A user started it.
    Manual,
    /// A parent succeeded.
    Parent,
    /// Another job, whose failure job this is, failed for good.
    Failure,
    /// A past occurrence was asked for.
    Backfill,
}

impl Trigger {
    /// The word for it in answers and in `NIMESHA_TRIGGER`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Trigger::Schedule => "schedule",
            Trigger::CatchUp => "catch_up",
            Trigger::Manual => "manual",
            Trigger::Parent => "parent",
            Trigger::Failure => "failure",
            Trigger::Backfill => "backfill",
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0, or an expected status.
    Succeeded,
    /// The last attempt failed.
    Failed,
    /// The last attempt was ended by the job's timeout.
    TimedOut,
    /// A user cancelled it.
    Cancelled,
    /// The server died under it: its end is unknown, it may have succeeded.
    Interrupted,
}

impl Outcome {
    /// The word for it in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::TimedOut => "timed_out",
            Outcome::Cancelled => "cancelled",
            Outcome::Interrupted => "interrupted",
        }
    }
}

/// How the process or the request of an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The command exited with this code; 0 is success.
    Exited(i32),
    /// A signal ended the command.
    Signalled(i32),
    /// The server answered with this status; the flag says whether it was an expected one.
    Answered(u16, bool),
    /// It never started, or the request failed: why.
    Error(String),
    /// The job's timeout ended it.
    TimedOut,
    /// It was stopped on request: a cancel, a delete, or the end of the grace at shutdown.
    Stopped,
    /// Nothing was executed: the window had closed when a worker took it.
    TooLate,
}

/// One attempt for a worker to make.
#[derive(Clone, Debug)]
pub struct RunOrder {
    /// The run it belongs to.
    pub run: RunId,
    /// The job as it was when the run began.
    pub job: Arc<Job>,
    /// Counts from 1.
    pub attempt: u32,
    /// Why the run came about.
    pub trigger: Trigger,
    /// Its occurrence, where it has one.
    pub scheduled_at: Option<Timestamp>,
    /// Nothing is executed after this instant.
    pub not_after: Option<Timestamp>,
    /// Where the output goes; one buffer for all attempts of a run.
    pub output: Arc<OutputBuffer>,
    /// What templates may name of the job's figures.
    pub figures: Figures,
    /// Gets a thread of its own beside the pool: a waiting start that found no free worker.
    pub extra: bool,
}

/// What a worker reports of an attempt.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The run it belongs to.
    pub run: RunId,
    /// The job, to find the run by.
    pub job: JobId,
    /// When the process or request was started, just before the system call.
    pub started_at: Timestamp,
    /// How long it took, by the monotonic clock.
    pub duration: Duration,
    /// How it ended.
    pub end: AttemptEnd,
}

/// A job's counters and the instants of its last events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Runs that succeeded.
    pub success_count: u64,
    /// When the last of them ended.
    pub last_success: Option<Timestamp>,
    /// Attempts that failed.
    pub error_count: u64,
    /// When the last of them ended.
    pub last_error: Option<Timestamp>,
    /// When a run was last begun.
    pub last_attempted_run: Option<Timestamp>,
    /// Runs that ended.
    pub finished_runs: u64,
    /// Occurrences that never became a run because their window closed or nobody was there.
    pub missed_count: u64,
    /// Occurrences that never became a run because the job was still running.
    pub skipped_count: u64,
    /// Runs that failed since the last one that succeeded.
    pub failures_in_a_row: u32,
    /// How long the run took that ended last; zero before the first.
    pub last_duration: Duration,
    /// Those failures have been worth an alert: the next success is worth one, too.
    pub alerted: bool,
}

/// An entry of a job's history.
#[derive(Clone, Debug)]
pub enum HistoryEntry {
    /// A run that ended.
    Run(Box<RunRecord>),
    /// Occurrences that never became a run, neighbours in one entry.
    Gap(Gap),
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// Why it came about.
    pub trigger: Trigger,
    /// Its occurrence, where it has one.
    pub scheduled_at: Option<Timestamp>,
    /// When its first attempt started; none when it never did.
    pub started_at: Option<Timestamp>,
    /// When it ended, or when the server found it interrupted.
    pub finished_at: Timestamp,
    /// Attempts made.
    pub attempts: u32,
    /// How long it took, waits between retries included.
    pub duration: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// How its last attempt ended; none when the server died under it.
    pub end: Option<AttemptEnd>,
    /// Bytes that it wrote, those dropped included.
    pub output_total: u64,
}

/// Why occurrences never became a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapKind {
    /// Their window closed, or nobody was there to run them.
    Missed,
    /// The job was still running.
    Skipped,
}

impl GapKind {
    /// The word for it in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            GapKind::Missed => "missed",
            GapKind::Skipped => "skipped",
        }
    }
}

/// Neighbouring occurrences that never became a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The entry's id.
    pub id: RunId,
    /// Why.
    pub kind: GapKind,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// How many.
    pub count: u64,
}

impl HistoryEntry {
    /// The entry's id.
    #[must_use]
    pub fn id(&self) -> RunId {
        match self {
            HistoryEntry::Run(run) => run.id,
            HistoryEntry::Gap(gap) => gap.id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_carry_the_number() {
        let job = JobId::random();
        let at = Timestamp::from_unix(1_800_000_000, 0);
        let first = RunId::new(job, 7, at);
        let later = RunId::new(job, 6, at.plus(Duration::from_millis(1)));
        assert!(first < later);
        assert_eq!((first.number(), later.number()), (7, 6));
        assert_eq!(later.made_at(), at.plus(Duration::from_millis(1)));
        assert_eq!(RunId::new(job, (1 << 40) - 1, at).number(), (1 << 40) - 1);
        assert_eq!(first.to_string().parse(), Ok(first));
    }
}
