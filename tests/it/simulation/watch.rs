//! What is checked of each effect: orders, answers, and what readers see.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use nimesha::clock::Timestamp;
use nimesha::config;
use nimesha::job::run::{RunId, RunOrder, Trigger};
use nimesha::job::{Job, JobId, Overlap, retry};
use nimesha::registry::{FreshEntry, Live, RunningView};
use nimesha::scheduler::command::{Answer, Command, Refusal};
use nimesha::scheduler::core::{ReplyTo, View};

use super::disk::RunKey;
use super::world::World;

/// What readers see.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) jobs: BTreeMap<JobId, (Arc<Job>, Live)>,
    pub(super) running: BTreeMap<RunId, RunningView>,
    pub(super) fresh: BTreeMap<(JobId, RunId), FreshEntry>,
}

/// What must be remembered to judge what comes.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Commands without an answer.
    pub(super) asked: BTreeMap<u64, Command>,
    pub(super) next_reply: u64,
    /// Who started an occurrence of which schedule.
    pub(super) started: HashMap<(JobId, Timestamp, Timestamp), RunId>,
    /// Attempts made by this process, and when the last one ended.
    pub(super) attempts: HashMap<(JobId, RunId), (u32, Duration)>,
    /// The latest instant that the wall clock showed before it was set back, by this process and by any.
    pub(super) before_step: Option<Timestamp>,
    pub(super) latest: Option<Timestamp>,
    /// Since when it is paused; none where the clock was stepped since.
    pub(super) paused_at: Option<Timestamp>,
    /// The store has refused what runs did: what it knows is older than what is true.
    pub(super) lenient: bool,
}

impl World {
    pub(super) fn see(&mut self, view: View, loading: bool) {
        match view {
            View::Job(job, live) => {
                self.seen.jobs.insert(job.id, (job, live));
            }
            View::NoJob(id) => {
                self.seen.jobs.remove(&id);
                self.seen.fresh.retain(|(job, _), _| *job != id);
            }
            View::Live(id, live) => {
                self.seen.jobs.get_mut(&id).expect("a known job").1 = live;
            }
            View::Running(run) => {
                if !self.seen.running.contains_key(&run.id) {
                    self.check_admission(&run, loading);
                }
                self.seen.running.insert(run.id, run);
            }
            View::NotRunning(id) => {
                let known = self.seen.running.remove(&id);
                assert!(known.is_some(), "{id} was not running");
            }
            View::Fresh(id, fresh) => {
                self.seen.fresh.insert((id, fresh.entry.id()), fresh);
            }
            View::Settled(id, entry) => {
                let key = (id, entry.id());
                let same = |fresh: &FreshEntry| Arc::ptr_eq(&fresh.entry, &entry);
                if self.seen.fresh.get(&key).is_some_and(same) {
                    self.seen.fresh.remove(&key);
                }
            }
        }
    }

    /// A run enters the queue: not before its instant, and as its overlap rule says.
    fn check_admission(&self, run: &RunningView, loading: bool) {
        let wall = self.wall();
        // After a restart even an interrupted run may lie ahead of a clock that was set back.
        if let (Some(at), false) = (run.scheduled_at, loading) {
            assert!(
                at <= wall || self.came_before_step(run, at),
                "early: {at:?} at {wall:?}"
            );
        }
        let by_rule = matches!(
            run.trigger,
            Trigger::Schedule | Trigger::CatchUp | Trigger::Parent
        );
        let running = self.seen.running.values();
        let others = running.filter(|other| other.job.id == run.job.id).count();
        if by_rule && !loading {
            let most = match run.job.spec.overlap {
                Overlap::Allow => config::OVERLAP_RUNS_MAX - 1,
                Overlap::Queue | Overlap::Skip => 0,
            };
            assert!(others <= most, "{others} beside {run:?}");
        }
        if let (Some(since), Trigger::Schedule) = (self.watch.paused_at, run.trigger) {
            let due = run
                .scheduled_at
                .is_none_or(|at| at <= since || self.came_before_step(run, at));
            assert!(due || loading, "paused: {run:?}");
        }
    }

    /// Whether a run was made, and its instant came, before the clock was set back; it stayed due.
    fn came_before_step(&self, run: &RunningView, at: Timestamp) -> bool {
        if matches!(run.trigger, Trigger::CatchUp | Trigger::Backfill) {
            return Some(at) <= self.watch.latest;
        }
        // The first bits of an id are the millisecond of its making, and that is shortly before the instant.
        let made = (run.id.0.as_u128() >> 80) as i128 * 1_000_000;
        let made_ahead = made > self.wall().unix_nanos();
        let just_ahead = at.since(self.wall()) <= config::CLAIM_LEAD_MAX;
        Some(at) <= self.watch.before_step && (made_ahead || just_ahead)
    }

    pub(super) fn check_order(&mut self, order: &RunOrder) {
        let wall = self.wall();
        assert!(!self.stopping, "{order:?} while stopping");
        self.check_lease();
        let made = self
            .watch
            .attempts
            .entry((order.job.id, order.run))
            .or_default();
        assert_eq!(order.attempt, made.0 + 1, "{order:?}");
        assert!(order.attempt <= 1 + order.job.spec.retries, "{order:?}");
        made.0 = order.attempt;
        let opened = match order.trigger {
            Trigger::Schedule | Trigger::CatchUp => order.scheduled_at,
            _ => None,
        };
        if let Some(end) = opened.and_then(|at| retry::window_end(&order.job, at)) {
            assert!(wall <= end, "its window has closed: {order:?}");
            assert_eq!(order.not_after, Some(end));
        }
        if order.attempt > 1 {
            let delay = order.job.spec.retry_delay.as_ref();
            let delay = delay.map_or(Duration::ZERO, |span| span.interval.exact);
            assert!(made.1 + delay <= self.mono, "a retry too soon: {order:?}");
        } else {
            self.check_start(order);
        }
        let running = self.seen.running.get(&order.run);
        let running = running.unwrap_or_else(|| panic!("nobody sees {order:?}"));
        assert_eq!(running.attempt, order.attempt);
    }

    /// A run begins: its claim is durable, its job enabled, and nobody has run its occurrence before.
    fn check_start(&mut self, order: &RunOrder) {
        let id = order.job.id;
        let Some((job, _)) = self.seen.jobs.get(&id) else {
            panic!("its job is gone: {order:?}");
        };
        let asked = matches!(order.trigger, Trigger::Manual | Trigger::Backfill);
        assert!(
            asked || !job.spec.disabled,
            "its job is disabled: {order:?}"
        );
        let occurrence = match order.trigger {
            Trigger::Schedule | Trigger::CatchUp => order.scheduled_at,
            _ => None,
        };
        let key = occurrence.map_or(RunKey::Id(id, order.run), |at| RunKey::At(id, at));
        let claimed = self.disk.holds_claim(order.run, key);
        let lenient = self.watch.lenient && !self.lease.shared;
        assert!(claimed || lenient, "not claimed: {order:?}");
        let Some(at) = occurrence else { return };
        let place = (id, order.job.anchor, at);
        if let Some(other) = self.watch.started.insert(place, order.run) {
            let open = self.disk.open.get(&key);
            let repeats = open.is_some_and(|run| run.repeats);
            let record = self.disk.record(id, other);
            let interrupted =
                record.is_some_and(|run| run.outcome == nimesha::job::run::Outcome::Interrupted);
            assert!(
                self.watch.lenient || (repeats && interrupted),
                "{at:?} of {id} ran before, as {other}: {record:?} {open:?} {order:?}"
            );
        }
    }

    pub(super) fn check_reply(&mut self, to: ReplyTo, reply: &Result<Answer, Refusal>) {
        let command = self.watch.asked.remove(&to.0);
        let command = command.unwrap_or_else(|| panic!("{to:?} was answered before: {reply:?}"));
        match reply {
            Ok(answer) => self.check_answer(&command, answer),
            Err(Refusal::Stopping) => assert!(self.stopping),
            Err(Refusal::Store(why)) => assert!(self.faulty, "{why}"),
            Err(_) => {
                if let Command::Create { job, .. } = &command {
                    assert!(!self.disk.jobs.contains_key(&job.id), "{reply:?}");
                }
            }
        }
    }

    /// What is answered is true, and durable.
    fn check_answer(&mut self, command: &Command, answer: &Answer) {
        match (command, answer) {
            (Command::Create { .. }, Answer::Created(id)) => {
                assert!(self.disk.jobs.contains_key(id) && self.seen.jobs.contains_key(id));
            }
            (_, Answer::Job(job, _)) => {
                assert_eq!(self.disk.jobs[&job.id].version, job.version);
                assert_eq!(self.seen.jobs[&job.id].0.version, job.version);
            }
            (Command::Delete { id, .. }, Answer::Done) => {
                assert!(!self.disk.jobs.contains_key(id) && !self.seen.jobs.contains_key(id));
            }
            (Command::DeleteAll, Answer::Done) => {
                assert!(self.disk.jobs.is_empty() && self.seen.jobs.is_empty());
            }
            (Command::Start { id, .. }, Answer::Started(run)) => {
                // It may have been cancelled or given back at once, and its job deleted.
                let deleted = !self.disk.jobs.contains_key(id);
                let ended = self.disk.record(*id, *run).is_some();
                let open = self.disk.open.get(&RunKey::Id(*id, *run));
                let claimed = open.is_some_and(|run| run.claimed || self.stopping);
                assert!(claimed || ended || deleted, "{run}: {open:?}");
            }
            (Command::Start { id, .. }, Answer::Ran(run, outcome)) => {
                let record = self.disk.record(*id, *run).map(|run| run.outcome);
                let deleted = !self.disk.jobs.contains_key(id);
                assert!(
                    deleted || record == Some(*outcome),
                    "{record:?} {outcome:?}"
                );
                let below = self.disk.open.values();
                assert_eq!(below.filter(|open| open.chain == Some(*run)).count(), 0);
                assert!(!self.disk.chains.contains_key(run));
            }
            (Command::Pause, Answer::Done) => {
                assert!(self.disk.paused);
                self.watch.paused_at = Some(self.wall());
            }
            (Command::Resume, Answer::Done) => {
                assert!(!self.disk.paused);
                self.watch.paused_at = None;
            }
            (Command::Backfill { limit, .. }, Answer::Backfilled(n)) => assert!(n <= limit),
            (Command::Enable(_) | Command::Disable(_) | Command::Cancel { .. }, Answer::Done) => {}
            _ => panic!("{command:?} was answered by {answer:?}"),
        }
    }

    /// Nothing runs and nothing waits: what readers see is what the store holds.
    pub(super) fn check_quiet(&mut self) {
        self.disk.check_all();
        assert!(self.watch.asked.is_empty(), "{:?}", self.watch.asked);
        assert!(self.seen.running.is_empty(), "{:?}", self.seen.running);
        assert!(self.seen.fresh.is_empty(), "{:?}", self.seen.fresh);
        assert!(self.disk.open.is_empty(), "{:?}", self.disk.open);
        assert!(self.disk.chains.is_empty(), "{:?}", self.disk.chains);
        assert_eq!(self.seen.jobs.len(), self.disk.jobs.len());
        for (id, (job, live)) in &self.seen.jobs {
            assert_eq!(*job, self.disk.jobs[id]);
            assert_eq!(live.figures(), self.disk.state(job).figures);
            assert_eq!(live.running, 0);
            let mut children: Vec<_> = self
                .disk
                .jobs
                .values()
                .filter_map(|child| {
                    let n = child.spec.parents.iter().position(|parent| parent == id)?;
                    Some((child.linked[n], child.seq, child.id))
                })
                .collect();
            children.sort_unstable();
            let children: Vec<JobId> = children.into_iter().map(|(.., id)| id).collect();
            assert_eq!(live.children.as_deref().unwrap_or_default(), children);
        }
    }
}
