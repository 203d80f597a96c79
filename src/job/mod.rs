//! A job: what the user stores, checked and parsed.
//!
//! [`JobSpec`] is what a user may set, [`Job`] what the server has made of it. Neither knows JSON nor the disk form.

pub mod command;
pub mod graph;
pub mod index;
pub mod output;
pub mod retry;
pub mod run;
pub mod secret;
pub mod state;
pub mod template;
pub mod texts;
pub mod validate;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use self::texts::Texts;
use crate::clock::Timestamp;
use crate::schedule::{Interval, Schedule};

/// A job's id, a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub Uuid);

impl JobId {
    /// A new random id.
    #[must_use]
    pub fn random() -> JobId {
        JobId(Uuid::new_v4())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<JobId, uuid::Error> {
        Uuid::parse_str(text).map(JobId)
    }
}

/// A duration as the user wrote it, with what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The text, given back unchanged.
    pub text: Box<str>,
    /// Its value. Calendar units count from the instant that the span starts at.
    pub interval: Interval,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A command of this machine (`type` 0).
    Local,
    /// An HTTP request (`type` 1).
    Remote(Box<RemoteRequest>),
}

/// The HTTP request of a remote job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteRequest {
    /// Where to; templates are filled in at each run.
    pub url: String,
    /// Method, as given; empty means GET.
    pub method: String,
    /// Body; templates are filled in at each run.
    pub body: String,
    /// Header fields, each with its values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// Seconds until the request is given up; 0 means 30.
    pub timeout_secs: u32,
    /// Statuses that count as success; empty means 200 alone.
    pub expected_response_codes: Vec<u16>,
}

/// What an occurrence does while its job is in progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// It waits for the end; one waits, further ones are skipped.
    #[default]
    Queue,
    /// It is skipped.
    Skip,
    /// It runs beside, up to [`OVERLAP_RUNS_MAX`](crate::config::OVERLAP_RUNS_MAX).
    Allow,
}

/// When a job with several parents is triggered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunAfter {
    /// After each success of any parent.
    #[default]
    Any,
    /// Once all parents have succeeded since its last run.
    All,
}

/// How a job's children run after its success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChildrenRun {
    /// One after the other, each with its own children before the next.
    #[default]
    InOrder,
    /// All at once.
    Together,
}

/// Whether a run that the server died under is run once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnInterrupted {
    /// It stays as it is: it may have succeeded.
    #[default]
    Leave,
    /// It is run once more, if epsilon allows it.
    Retry,
}

/// All that a user may set of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    /// Name, command, owner, schedule and timezone as the user wrote them.
    pub texts: Texts,
    /// What it does: the command, or a request.
    pub action: Action,
    /// Jobs whose success triggers this one, in the order given, none twice.
    pub parents: Vec<JobId>,
    /// The job that runs when a run has failed for good.
    pub on_failure_job: Option<JobId>,
    /// Further attempts after a failed one.
    pub retries: u32,
    /// Wait before each retry.
    pub retry_delay: Option<Box<Span>>,
    /// Window in which an attempt may still start; none means no limit.
    pub epsilon: Option<Box<Span>>,
    /// Limit of an attempt's duration.
    pub timeout: Option<Box<Span>>,
    /// What an occurrence does while the job is in progress.
    pub overlap: Overlap,
    /// When a job with several parents is triggered.
    pub run_after: RunAfter,
    /// How its children run.
    pub children_run: ChildrenRun,
    /// What becomes of an interrupted run.
    pub on_interrupted: OnInterrupted,
    /// Occurrences that passed unseen are not caught up.
    pub resume_at_next_scheduled_time: bool,
    /// No occurrence becomes a run.
    pub disabled: bool,
    /// The rare keys, apart so that a million plain jobs do not carry them.
    pub extras: Option<Box<Extras>>,
}

/// The keys that few jobs set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Two words between which a template stands, or empty.
    pub template_delimiters: String,
    /// Added to the server's environment.
    pub env: BTreeMap<String, String>,
    /// Working directory, or empty for the server's.
    pub cwd: String,
    /// For filtering.
    pub tags: Vec<String>,
    /// Free text.
    pub description: String,
    /// Failures in a row before an alert; 0 means each failure.
    pub alert_after: u32,
    /// Missed occurrences alert too, and run the failure job.
    pub alert_on_missed: bool,
}

/// A stored job: its definition, which changes only by an update, enable or disable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Place in the order of creation, never used twice.
    pub seq: u64,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// For each parent, when it was linked, on the scale of `seq`: children run in the order in which they were added.
    pub linked: Box<[u64]>,
    /// The instant that the schedule counts from where it names none: the creation, or the change of the schedule.
    pub anchor: Timestamp,
    /// What the user set.
    pub spec: JobSpec,
    /// The schedule, parsed.
    pub schedule: Schedule,
}

impl Job {
    /// The rare keys, or their defaults.
    #[must_use]
    pub fn extras(&self) -> &Extras {
        self.spec.extras()
    }

    /// Whether it is triggered by the success of others.
    #[must_use]
    pub fn is_child(&self) -> bool {
        !self.spec.parents.is_empty()
    }
}

impl JobSpec {
    /// The rare keys, or their defaults.
    #[must_use]
    pub fn extras(&self) -> &Extras {
        static NONE: Extras = Extras {
            template_delimiters: String::new(),
            env: BTreeMap::new(),
            cwd: String::new(),
            tags: Vec::new(),
            description: String::new(),
            alert_after: 0,
            alert_on_missed: false,
        };
        self.extras.as_deref().unwrap_or(&NONE)
    }
}
