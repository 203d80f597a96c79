//! Runs that have no recorded end yet, and what stage each is at.

use std::sync::Arc;
use std::time::Duration;

use super::jobs::JobIx;
use crate::clock::Timestamp;
use crate::job::output::OutputBuffer;
use crate::job::run::{AttemptEnd, Completion, RunId};
use crate::job::state::OpenRun;
use crate::job::{Job, retry};
use crate::scheduler::wheel::Key;

/// Where a run stands. It goes down this list, from whatever stage it enters at; nothing else moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its occurrence has not come, and its job is still busy: overlap decides at the instant. The due timer moves it on.
    Held,
    /// The others of its job must end first. The end of the last of them moves it on. Never claimed.
    Waiting,
    /// May be claimed when its turn comes. The pump moves it on.
    InLine,
    /// The claim is on its way to the store. The commit moves it on.
    Claiming,
    /// Claimed ahead of its instant. The due timer moves it on.
    Claimed,
    /// Claimed and due; the next free worker moves it on.
    Ready,
    /// An attempt is with a worker. The completion moves it on.
    Attempting,
    /// A retry waits for its delay. The delay timer moves it on, to [`Ready`](Phase::Ready).
    RetryWait,
}

/// What a run waits for in a wheel.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    /// Its instant, in the wheel of dues.
    Due(Key),
    /// The end of its retry delay, in the wheel of delays.
    Delay(Key),
}

/// A run between its trigger and its recorded end.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// What the store knows of it.
    pub(super) open: OpenRun,
    pub(super) ix: JobIx,
    /// The job as it was when the run began.
    pub(super) job: Arc<Job>,
    pub(super) phase: Phase,
    /// Its instant has come (always so for runs without an occurrence).
    pub(super) due: bool,
    /// The store has a row of it, or one is on its way there.
    pub(super) recorded: bool,
    /// Claims of it on their way to the store: more than one if the first was given back meanwhile.
    pub(super) claims_in_flight: u32,
    /// The timer that moves it on.
    pub(super) timer: Option<Timer>,
    /// A command that is not durable yet takes it back: it stands still until that is decided.
    pub(super) withdrawing: bool,
    /// Somebody waits for it, or for the chain that it is a link of.
    pub(super) waited: bool,
    /// Counts as in progress.
    pub(super) active: bool,
    /// The attempt that is being made, from 1; 0 before the first.
    pub(super) attempt: u32,
    pub(super) failed_attempts: u32,
    pub(super) last_error: Option<Timestamp>,
    pub(super) started_at: Option<Timestamp>,
    /// By the monotonic clock.
    pub(super) started: Duration,
    pub(super) last_end: Option<AttemptEnd>,
    pub(super) output: Option<Arc<OutputBuffer>>,
    /// When it got into the queue, by the monotonic clock.
    pub(super) queued: Duration,
    /// Its attempt is over, but whether its job is deleted is being decided.
    pub(super) held_end: Option<Completion>,
    /// Its attempt is with a worker beside the pool.
    pub(super) extra: bool,
    /// A user asked for its end.
    pub(super) cancelled: bool,
    /// The server asked for its end, to stop itself.
    pub(super) interrupted: bool,
}

/// A run's place in a queue: by its instant, then by the creation of its job.
pub(super) type Place = (Timestamp, u64, RunId);

impl Run {
    pub(super) fn new(open: OpenRun, ix: JobIx, job: Arc<Job>, phase: Phase, due: bool) -> Run {
        Run {
            open,
            ix,
            job,
            phase,
            due,
            recorded: false,
            claims_in_flight: 0,
            timer: None,
            withdrawing: false,
            waited: false,
            active: false,
            attempt: 0,
            failed_attempts: 0,
            last_error: None,
            started_at: None,
            started: Duration::ZERO,
            last_end: None,
            output: None,
            queued: Duration::ZERO,
            held_end: None,
            extra: false,
            cancelled: false,
            interrupted: false,
        }
    }

    pub(super) fn place(&self) -> Place {
        (
            self.open.scheduled_at.unwrap_or(self.open.created_at),
            self.job.seq,
            self.open.id,
        )
    }

    /// Whether it counts against the claims that may be ahead of the workers.
    pub(super) fn is_claim_ahead(&self) -> bool {
        matches!(self.phase, Phase::Claiming | Phase::Claimed | Phase::Ready) && !self.has_begun()
    }

    /// Whether a worker ever had it.
    pub(super) fn has_begun(&self) -> bool {
        self.attempt > 0
    }

    /// The last instant at which its next attempt may start; none where there is no limit. Runs without an occurrence of
    /// the schedule are never missed: their window opens with their first attempt.
    pub(super) fn window_end(&self) -> Option<Timestamp> {
        let opens = self.open.holds_occurrence().or(self.started_at)?;
        retry::window_end(&self.job, opens)
    }

    /// Whether that instant has passed.
    pub(super) fn is_too_late(&self, now: Timestamp) -> bool {
        self.window_end().is_some_and(|end| now > end)
    }
}
