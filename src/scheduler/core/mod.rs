//! The core of the scheduler: pure. [`Core::step`] takes what happened and the time, and says what is to be done.
//!
//! No I/O, no lock, no clock, no thread, and no chance: the same events at the same instants give the same effects, so a
//! year can be simulated in milliseconds and a failing history replayed. Whoever owns the core (the dispatcher, or a
//! simulation) carries the [`Effects`] out and reports back with [`Event`]s.
//!
//! A run's way through the core:
//!
//! ```text
//!   wheel of cursors --(claim lead before its instant)--> occurrence
//!   occurrence  --> line --> claim --> [its instant] --> overlap --> ready --> worker --> end
//!   start, parent, failure ---------> claim -----------------------> ready
//! ```
//!
//! Rooms: `jobs` and `runs` are what it knows; `occurrence` is from the wheel to the line, `queue` from the line to a
//! worker, `attempt` from a worker to the end, `chain` what the end of one run means to others; `commands` are what
//! users ask for, `commit` is what the store must know before it is true, `effects` what is true then; `load`, `clock_step` and `shutdown` are the
//! ends of time, and `lease` is what is different with a store that other servers share.

mod attempt;
mod backlog;
mod chain;
mod check;
mod clock_step;
mod commands;
mod commit;
mod delete;
mod doing;
mod effects;
mod expiry;
mod guards;
mod import;
mod jobs;
mod lease;
mod load;
mod occurrence;
mod passed;
mod queue;
mod runs;
mod shutdown;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use self::chain::Link;
use self::commit::Commits;
use self::expiry::Expiry;
use self::guards::Guards;
use self::jobs::{JobIx, Jobs};
use self::queue::{ClaimsAhead, Ready};
use self::runs::{Place, Run};
use super::command::{Answer, Command, Refusal};
use super::policy::Turn;
use super::wheel::Wheel;
use crate::clock::Timestamp;
use crate::config;
use crate::job::index::Map;
use crate::job::output::OutputBuffer;
use crate::job::run::{AttemptEnd, Completion, Gap, Outcome, RunId, RunOrder, RunRecord, Trigger};
use crate::job::{Job, JobId};
use crate::registry::{FreshEntry, Live, RunningView, Totals};
use crate::store::StoreError;
use crate::store::change::Unit;
use crate::worker::Stop;

/// What the core is told about the server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Attempts that may be with workers at once; waiting starts may add as many.
    pub workers: usize,
    /// Bytes of output kept a run.
    pub output_limit: usize,
    /// With a store that several servers share: how long a prolongation of the lease lasts. Then nothing starts but under
    /// a fresh lease and a durable claim; with a store of its own a server goes on while it is away.
    pub lease: Option<Duration>,
    /// How long after it was done a job that was to run once is deleted; none for never.
    pub done_ttl: Option<Duration>,
}

/// The time, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, which may be stepped.
    pub wall: Timestamp,
    /// The monotonic clock, from any beginning.
    pub mono: Duration,
}

/// By which the core knows who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyTo(pub u64);

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A user asks for something.
    Command(ReplyTo, Command),
    /// A worker is done with an attempt.
    Completion(Completion),
    /// The store has taken a batch, or refused some of it. How long that took sets the claim lead.
    Committed(Vec<(Unit, Result<(), Arc<StoreError>>)>, Duration),
    /// An instant that the core asked to be woken at has come, or the clock was stepped: nothing but the time is new.
    Tick,
    /// The server is to stop: nothing starts any more.
    Stop,
    /// The grace is over: runs in progress are ended, at first with SIGTERM, the second time with SIGKILL.
    StopRuns,
    /// The lease of a shared store was prolonged by a request that left at this time.
    Leased(Now),
    /// It has gone to another server, in words for people.
    Lost(String),
}

/// How the core came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was asked to stop, and everything is stored that could be.
    Stopped,
    /// Its lease has gone to another server: what it held in memory is void.
    Lost,
}

/// What readers are to see from now on.
#[derive(Clone, Debug)]
pub enum View {
    /// A job is there, or its definition changed.
    Job(Arc<Job>, Live),
    /// A job is gone.
    NoJob(JobId),
    /// What changes of a job has changed.
    Live(JobId, Live),
    /// A run is in progress, or has come further.
    Running(RunningView),
    /// A run is over, or was given back.
    NotRunning(RunId),
    /// A history entry is on its way to the store.
    Fresh(JobId, FreshEntry),
    /// The store holds this entry.
    Settled(JobId, Arc<crate::job::run::HistoryEntry>),
}

/// What is worth a line in the log, a count or an alert.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A run's first attempt goes to a worker, so late after its instant, after so long in the queue.
    Started {
        /// The run.
        run: RunId,
        /// Its job.
        job: Arc<Job>,
        /// Why it came about.
        trigger: Trigger,
        /// Time since its occurrence.
        lateness: Option<Duration>,
        /// Time in the queue.
        queued: Duration,
    },
    /// An attempt failed and is tried again at this instant.
    Retrying {
        /// The run.
        run: RunId,
        /// Its job.
        job: Arc<Job>,
        /// The attempt that failed.
        attempt: u32,
        /// How it ended.
        end: AttemptEnd,
        /// When the next one starts.
        at: Timestamp,
    },
    /// A run is over.
    Ended {
        /// The run.
        run: RunId,
        /// Its job.
        job: Arc<Job>,
        /// How.
        outcome: Outcome,
        /// How its last attempt ended.
        end: Option<AttemptEnd>,
        /// How long it took.
        duration: Duration,
    },
    /// A job has failed as often in a row as its author puts up with, or has recovered from that.
    Turn(Box<TurnOfJob>),
    /// Occurrences were missed or skipped; the gap as it stands now, and how many are new.
    Gap {
        /// Their job.
        job: Arc<Job>,
        /// The history entry.
        gap: Gap,
        /// How many are new.
        new: u64,
    },
    /// A job that was to run once was done long enough, and goes.
    Expired {
        /// The job.
        job: Arc<Job>,
    },
    /// The clock was stepped by so much, forward or back.
    ClockStepped {
        /// Forward.
        forward: bool,
        /// By how much.
        by: Duration,
    },
    /// The store cannot be written: what runs goes on, and what it leaves is written when it can be.
    StoreAway(String),
    /// The store takes writes again.
    StoreBack,
    /// The lease of a shared store has gone to another server: everything here ends.
    LeaseLost(String),
    /// The server stops, and the store has not come back: what waits for it is lost.
    Unwritten {
        /// Runs whose ends are among it.
        runs: usize,
        /// What the store said.
        why: String,
    },
    /// A claim was refused: another server has run, or runs, the occurrence.
    ClaimTaken {
        /// The job.
        job: Arc<Job>,
        /// The occurrence.
        scheduled_at: Option<Timestamp>,
    },
}

/// A turn for the worse or the better, and the run with which it came.
#[derive(Clone, Debug)]
pub struct TurnOfJob {
    /// Which.
    pub turn: Turn,
    /// The job, as it was when the run began.
    pub job: Arc<Job>,
    /// The run, as it ended.
    pub run: RunRecord,
    /// Failures in a row, up to this run.
    pub failures_in_a_row: u32,
    /// What the run has written, if it did.
    pub output: Option<Arc<OutputBuffer>>,
}

/// What is to be done.
#[derive(Debug, Default)]
pub struct Effects {
    /// For readers, to be made visible at one moment and before anything else.
    pub views: Vec<View>,
    /// For the store, as one transaction. None follows before this one is reported as [`Event::Committed`].
    pub batch: Option<Vec<Unit>>,
    /// For workers.
    pub orders: Vec<RunOrder>,
    /// For workers: attempts to end.
    pub stops: Vec<(RunId, Stop)>,
    /// For those who wait.
    pub replies: Vec<(ReplyTo, Result<Answer, Refusal>)>,
    /// For log, metrics and alerts.
    pub notices: Vec<Notice>,
    /// The core has nothing left to do, for ever.
    pub end: Option<End>,
}

/// When the core wants the next [`Event::Tick`], by either clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wakeup {
    /// At this instant of the wall clock.
    pub wall: Option<Timestamp>,
    /// At this reading of the monotonic clock.
    pub mono: Option<Duration>,
}

/// The scheduler's state; see the [module's documentation](self).
pub struct Core {
    settings: Settings,
    now: Now,
    jobs: Jobs,
    next_seq: u64,
    /// The next occurrence of each job that has one; runs ahead of the clock by the claim lead.
    cursors: Wheel<JobIx>,
    /// The instants of occurrences that were taken off `cursors`.
    dues: Wheel<RunId>,
    /// Ends of retry delays, in microseconds of the monotonic clock: no step of the wall clock makes them longer.
    delays: Wheel<RunId>,
    runs: Map<RunId, Run>,
    /// Runs that may be claimed.
    line: BTreeSet<Place>,
    /// Runs that are claimed and due.
    ready: Ready,
    /// Due occurrences that the store knows nothing of: a state stored meanwhile must not let them be forgotten.
    unrecorded: Map<JobIx, BTreeSet<RunId>>,
    chains: Map<RunId, Link>,
    /// Who waits for the end of a run and of the chain below it.
    waiters: Map<RunId, Vec<ReplyTo>>,
    /// Claimed runs that no worker has yet.
    claims_ahead: ClaimsAhead,
    /// Attempts with the pool's own workers, and with extra ones.
    busy: usize,
    extra: usize,
    /// Attempts whose job was deleted; only their workers are still of interest.
    orphans: Map<RunId, bool>,
    claim_lead: Duration,
    commits: Commits,
    guards: Guards,
    expiry: Expiry,
    /// Backfilled occurrences that wait for their turn.
    backfills: Map<JobIx, VecDeque<RunId>>,
    /// Commands that wait for the durability of others.
    blocked: VecDeque<(ReplyTo, Command)>,
    paused: bool,
    stopping: bool,
    stop_signals: u32,
    /// When the request left that last prolonged the lease of a shared store.
    leased_at: Option<Now>,
    /// Why that lease is lost.
    lost: Option<Box<str>>,
    totals: Totals,
    /// Jobs whose readers must be told at the end of the step.
    touched: BTreeSet<JobIx>,
    fx: Effects,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("now", &self.now)
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

impl Core {
    /// An empty core.
    #[must_use]
    pub fn new(settings: Settings, now: Now) -> Core {
        let claims_ahead = ClaimsAhead::new(settings.workers);
        Core {
            expiry: Expiry::new(settings.done_ttl, now.wall),
            settings,
            now,
            jobs: Jobs::default(),
            next_seq: 1,
            cursors: Wheel::new(now.wall.ticks_passed()),
            dues: Wheel::new(now.wall.ticks_passed()),
            delays: Wheel::new(now.mono.as_micros() as u64),
            runs: Map::default(),
            line: BTreeSet::new(),
            ready: Ready::default(),
            unrecorded: Map::default(),
            chains: Map::default(),
            waiters: Map::default(),
            claims_ahead,
            busy: 0,
            extra: 0,
            orphans: Map::default(),
            claim_lead: config::CLAIM_LEAD_START,
            commits: Commits::default(),
            guards: Guards::default(),
            backfills: Map::default(),
            blocked: VecDeque::new(),
            paused: false,
            stopping: false,
            stop_signals: 0,
            leased_at: None,
            lost: None,
            totals: Totals::default(),
            touched: BTreeSet::new(),
            fx: Effects::default(),
        }
    }

    /// Takes in what happened and says what is to be done.
    pub fn step(&mut self, now: Now, event: Event) -> Effects {
        self.notice_clock_step(now);
        match event {
            Event::Command(from, command) => self.command(from, command),
            Event::Completion(completion) => self.completed(completion),
            Event::Committed(units, took) => self.committed(units, took),
            Event::Tick => {}
            Event::Stop => self.stop(),
            Event::StopRuns => self.stop_runs(),
            Event::Leased(asked) => self.leased(asked),
            Event::Lost(why) => self.lose(&why),
        }
        self.finish_step()
    }

    /// Sums for readers, as of the last step.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// When the next [`Event::Tick`] is wanted.
    pub fn wakeup(&mut self) -> Wakeup {
        let due = self.dues.next_deadline().filter(|_| !self.stopping);
        let lead = self.claim_lead.as_micros() as u64;
        let cursor = self.cursors.next_deadline();
        let claim = cursor
            .filter(|_| self.takes_occurrences())
            .map(|at| at.saturating_sub(lead));
        let expiry = self.expiry.next_deadline().filter(|_| !self.stopping);
        let wall = due.into_iter().chain(claim).chain(expiry).min();
        let delay = self.delays.next_deadline().map(Duration::from_micros);
        let mono = delay.into_iter().chain(self.commits.wakeup()).min();
        Wakeup {
            wall: wall.map(|at| Timestamp::from_unix_nanos(i128::from(at) * 1_000)),
            mono,
        }
    }

    /// Does everything that has become possible, and hands out the effects.
    fn finish_step(&mut self) -> Effects {
        self.end_delays();
        self.take_occurrences();
        while self.claim() | self.start_ready() {}
        self.tell_readers();
        self.expire();
        self.flush();
        self.finish_stop();
        std::mem::take(&mut self.fx)
    }

    fn touch(&mut self, ix: JobIx) {
        self.touched.insert(ix);
    }

    fn tell_readers(&mut self) {
        for ix in std::mem::take(&mut self.touched) {
            let live = self.live(ix);
            self.follow_expiry(ix, live.is_done);
            let entry = &mut self.jobs[ix];
            entry.doing.rest();
            self.fx.views.push(View::Live(entry.job.id, live));
        }
        let next_due = self.dues.peek().and_then(|(_, id)| self.runs.get(id));
        let next_cursor = self
            .cursors
            .peek()
            .map(|(_, &ix)| ix)
            .and_then(|ix| self.jobs[ix].next);
        let next_due = next_due.and_then(|run| run.open.scheduled_at);
        self.totals.next_run_at = next_due.into_iter().chain(next_cursor).min();
        self.totals.paused = self.paused;
        self.totals.store_away = self.commits.away().is_some();
        self.totals.queued = (self.line.len() + self.ready.len()) as u64;
        self.totals.busy = (self.busy + self.extra) as u64;
    }

    fn live(&self, ix: JobIx) -> Live {
        let upcoming = self.jobs[ix]
            .doing
            .upcoming
            .and_then(|id| self.runs.get(&id))
            .and_then(|run| run.open.scheduled_at);
        self.jobs.live(ix, upcoming)
    }

    /// What readers see of a run in progress.
    fn running_view(run: &Run) -> RunningView {
        RunningView {
            id: run.open.id,
            job: run.job.clone(),
            trigger: run.open.trigger,
            scheduled_at: run.open.scheduled_at,
            started_at: run.started_at,
            attempt: run.attempt,
            output: run
                .output
                .clone()
                .unwrap_or_else(|| Arc::new(OutputBuffer::new(0))),
        }
    }
}
