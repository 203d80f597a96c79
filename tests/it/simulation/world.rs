//! A server without a machine: clocks turned by hand, a store in memory, workers that run nothing, and users, faults and
//! crashes by chance.

use std::sync::Arc;
use std::time::Duration;

use nimesha::clock::Timestamp;
use nimesha::job::JobId;
use nimesha::scheduler::command::Command;
use nimesha::scheduler::core::{Core, Effects, Event, Notice, Now, Settings};
use nimesha::store::StoreError;
use nimesha::store::change::Unit;

use super::dice::Dice;
use super::disk::Disk;
use super::draw;
use super::shared::Lease;
use super::tell;
use super::watch::{Seen, Watch};
use super::workers::Workers;

/// Steps of a history before it is let come to rest.
const STEPS: usize = 300;
/// Steps within which it must come to rest.
const STEPS_TO_REST: usize = 20_000;

/// How the store takes what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// It takes nothing.
    Away,
    /// It takes some.
    Flaky,
}

/// A batch on its way to the store.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) units: Vec<Unit>,
    began: Duration,
    lands: Duration,
}

pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) scale: Duration,
    pub(super) mono: Duration,
    /// What the wall clock shows at the beginning of the monotonic one.
    pub(super) origin: Timestamp,
    pub(super) core: Option<Core>,
    pub(super) disk: Disk,
    pub(super) seen: Seen,
    pub(super) watch: Watch,
    pub(super) workers: Workers,
    pub(super) pool: usize,
    pub(super) flight: Option<Flight>,
    pub(super) mood: Mood,
    /// The store fails in this history.
    pub(super) faulty: bool,
    /// Its clock is stepped back far.
    pub(super) steps_far: bool,
    pub(super) lease: Lease,
    pub(super) stopping: bool,
    pub(super) stop_runs_at: Option<Duration>,
    pub(super) next_action: Option<Duration>,
    pub(super) trace: bool,
}

macro_rules! trace {
    ($world:expr, $($arg:tt)*) => {
        if $world.trace {
            println!("{:>14.6} {:?} {}", $world.mono.as_secs_f64(), $world.wall(), format!($($arg)*));
        }
    };
}

pub(super) use trace;

impl World {
    pub(super) fn new(seed: u64, trace: bool) -> World {
        let mut dice = Dice::new(seed);
        let scale = draw::scale(&mut dice);
        // Days on which clocks change, and others.
        let begin = dice.pick(&[
            1_774_738_800,
            1_792_882_800,
            1_798_761_600,
            1_767_225_600,
            1_772_323_200,
        ]);
        let origin = Timestamp::from_unix(
            begin + dice.below(3_600) as i64,
            dice.below(1_000_000_000) as u32,
        );
        let pool = dice.pick(&[1, 2, 3, 8]);
        let (faulty, steps_far) = (dice.one_in(4), dice.one_in(4));
        let mut world = World {
            dice,
            scale,
            mono: Duration::ZERO,
            origin,
            core: None,
            disk: Disk::default(),
            seen: Seen::default(),
            watch: Watch::default(),
            workers: Workers::default(),
            pool,
            flight: None,
            mood: Mood::Well,
            faulty,
            steps_far,
            lease: Lease::default(),
            stopping: false,
            stop_runs_at: None,
            next_action: Some(Duration::ZERO),
            trace,
        };
        world.lease.shared = world.dice.one_in(4);
        world.boot();
        world
    }

    /// A whole history.
    pub(super) fn live(&mut self) {
        for _ in 0..STEPS {
            self.advance();
        }
        self.come_to_rest();
        self.check_quiet();
        self.crash();
        self.boot();
        self.check_quiet();
    }

    pub(super) fn wall(&self) -> Timestamp {
        self.origin.plus(self.mono)
    }

    pub(super) fn known_jobs(&self) -> Vec<JobId> {
        self.seen.jobs.keys().copied().collect()
    }

    pub(super) fn now(&mut self) -> Now {
        let wall = self.wall();
        self.watch.latest = self.watch.latest.max(Some(wall));
        Now {
            wall,
            mono: self.mono,
        }
    }

    pub(super) fn boot(&mut self) {
        let settings = Settings {
            workers: self.pool,
            output_limit: 64,
            lease: self.lease(),
            done_ttl: None,
        };
        trace!(self, "boot");
        self.stopping = false;
        self.stop_runs_at = None;
        self.seen = Seen::default();
        self.watch.attempts.clear();
        self.watch.lenient = false;
        self.watch.before_step = None;
        self.watch.paused_at = Some(self.wall()).filter(|_| self.disk.paused);
        self.forget_lease();
        let (core, effects) = Core::load(settings, self.now(), self.disk.load());
        self.core = Some(core);
        self.carry_out(effects, true);
        assert_eq!(self.seen.jobs.len(), self.disk.jobs.len());
    }

    /// The process dies. What was on its way to the store may have got there.
    pub(super) fn crash(&mut self) {
        trace!(self, "crash");
        if let Some(flight) = self.flight.take()
            && self.mood == Mood::Well
            && self.dice.one_in(2)
        {
            trace!(self, "  the last batch is stored");
            self.disk.apply_all(&flight.units).expect("no other writes");
        }
        self.core = None;
        self.workers.forget_all();
        self.watch.asked.clear();
        self.forget_given_back();
        if self.watch.lenient && !self.lease.shared {
            // Nobody knows any more of what the store has not heard.
            let disk = &self.disk;
            self.watch.started.retain(|(id, _, at), run| {
                let key = super::disk::RunKey::At(*id, *at);
                disk.holds_claim(*run, key) || disk.record(*id, *run).is_some()
            });
            self.disk.uncounted = true;
        }
        self.disk.lost |= self.disk.torn;
    }

    /// Runs that were given back may begin anew.
    fn forget_given_back(&mut self) {
        for run in std::mem::take(&mut self.disk.given_back) {
            self.watch.started.retain(|_, started| *started != run.id);
            self.watch.attempts.remove(&(run.job, run.id));
        }
    }

    /// The next thing happens.
    fn advance(&mut self) {
        let (tick, why) = self.next_instant();
        self.mono = self.mono.max(tick);
        match why {
            Next::Tick => self.step(Event::Tick),
            Next::Landing => self.land(),
            Next::End => {
                if let Some(done) = self.workers.pop_ended(self.mono) {
                    self.watch
                        .attempts
                        .entry((done.job, done.run))
                        .or_default()
                        .1 = self.mono;
                    self.step(Event::Completion(done));
                }
            }
            Next::StopRuns => {
                let patience = self.dice.up_to(Duration::from_secs(8));
                self.stop_runs_at = Some(self.mono + patience);
                self.step(Event::StopRuns);
            }
            Next::Lease => self.step(Event::Tick),
            Next::Action => {
                let wait = self.dice.around(self.scale / 2);
                self.next_action = Some(self.mono + wait);
                self.act();
            }
        }
    }

    fn next_instant(&mut self) -> (Duration, Next) {
        let (mono, wall) = (self.mono, self.wall());
        let wakeup = self.core.as_mut().map(Core::wakeup).unwrap_or_default();
        let by_wall = wakeup.wall.map(|at| mono + at.since(wall));
        let tick = by_wall.into_iter().chain(wakeup.mono).min();
        // A thread wakes a little late, and sometimes much.
        let tick = tick.map(|at| match self.dice.below(64) {
            0 => at + self.dice.up_to(Duration::from_secs(2)),
            1..8 => at + self.dice.up_to(Duration::from_millis(1)),
            _ => at,
        });
        let instants = [
            (tick, Next::Tick),
            (
                self.flight.as_ref().map(|flight| flight.lands),
                Next::Landing,
            ),
            (self.workers.next_end(), Next::End),
            (self.stop_runs_at, Next::StopRuns),
            (self.next_action, Next::Action),
            (self.lease.lapses_until, Next::Lease),
        ];
        let instants = instants
            .into_iter()
            .filter_map(|(at, why)| Some((at?, why)));
        instants
            .min_by_key(|(at, _)| *at)
            .expect("something always comes next")
    }

    /// The batch has reached the store.
    fn land(&mut self) {
        let Some(flight) = self.flight.take() else {
            return;
        };
        let took = self.mono - flight.began;
        let away = || Err(Arc::new(StoreError::Away("no disk".to_owned())));
        let results: Vec<_> = match self.mood {
            Mood::Well => {
                self.disk.apply_all(&flight.units).expect("no other writes");
                flight
                    .units
                    .into_iter()
                    .map(|unit| (unit, Ok(())))
                    .collect()
            }
            Mood::Away => flight
                .units
                .into_iter()
                .map(|unit| (unit, away()))
                .collect(),
            Mood::Flaky => {
                let mut results = Vec::new();
                for unit in flight.units {
                    let result = if self.dice.one_in(3) {
                        self.disk.torn = true;
                        away()
                    } else {
                        self.disk.apply(&unit).map_err(Arc::new)
                    };
                    results.push((unit, result));
                }
                results
            }
        };
        trace!(
            self,
            "stored: {:?}",
            results
                .iter()
                .map(|(unit, result)| (unit.ticket, result.is_ok()))
                .collect::<Vec<_>>()
        );
        if results.iter().any(|(_, result)| result.is_err()) {
            self.watch.lenient = true;
            self.disk.torn = true;
        }
        self.forget_given_back();
        self.step(Event::Committed(results, took));
    }

    pub(super) fn step(&mut self, event: Event) {
        self.prolong();
        self.step_core(event);
    }

    pub(super) fn step_core(&mut self, event: Event) {
        let now = self.now();
        let Some(core) = &mut self.core else { return };
        let effects = core.step(now, event);
        self.carry_out(effects, false);
    }

    fn carry_out(&mut self, effects: Effects, loading: bool) {
        for view in effects.views {
            self.see(view, loading);
        }
        for notice in &effects.notices {
            match notice {
                Notice::Ended { run, outcome, .. } => trace!(self, "  {run} {outcome:?}"),
                Notice::Gap { gap, new, .. } => trace!(self, "  {new} new in {gap:?}"),
                Notice::StoreAway(_) | Notice::StoreBack | Notice::Unwritten { .. } => {
                    trace!(self, "  {notice:?}");
                }
                _ => {}
            }
        }
        for order in effects.orders {
            trace!(
                self,
                "  {} attempt {} of {} {:?} {:?} extra {}",
                order.run,
                order.attempt,
                order.job.id,
                order.trigger,
                order.scheduled_at,
                order.extra
            );
            self.check_order(&order);
            let now = (self.wall(), self.mono);
            self.workers.take(&mut self.dice, order, now, self.scale);
            assert!(self.workers.busy(false) <= self.pool);
            assert!(self.workers.busy(true) <= self.pool);
        }
        if let Some(units) = effects.batch {
            for unit in &units {
                trace!(self, "  unit {}: {}", unit.ticket, tell::unit(unit));
            }
            assert!(self.flight.is_none(), "two batches at once");
            let took = match self.dice.below(32) {
                0 => self.dice.up_to(Duration::from_secs(3)),
                1 | 2 => self.dice.up_to(Duration::from_millis(300)),
                _ => self.dice.up_to(Duration::from_millis(8)),
            };
            self.flight = Some(Flight {
                units,
                began: self.mono,
                lands: self.mono + took,
            });
        }
        for (run, how) in effects.stops {
            trace!(self, "  stop {run} {how:?}");
            self.workers.stop(&mut self.dice, run, how, self.mono);
        }
        for (to, reply) in effects.replies {
            trace!(self, "  {}: {reply:?}", to.0);
            self.check_reply(to, &reply);
        }
        if let Some(core) = &mut self.core {
            core.assert_consistent();
        }
        if effects.end.is_some() {
            self.stopped();
        }
    }

    fn stopped(&mut self) {
        trace!(self, "stopped");
        assert!(self.stopping && self.flight.is_none());
        assert!(self.watch.asked.is_empty(), "{:?}", self.watch.asked);
        assert_eq!(self.workers.next_end(), None);
        if !self.watch.lenient {
            let claimed = self.disk.open.values().find(|run| run.claimed);
            assert!(claimed.is_none(), "{claimed:?}");
        }
        self.crash();
        if self.next_action.is_some() {
            self.go_by();
        }
        self.boot();
    }

    /// Nobody asks for anything any more, nothing fails, and no further occurrence comes: all must come to its end.
    fn come_to_rest(&mut self) {
        trace!(self, "to rest");
        self.next_action = None;
        self.mood = Mood::Well;
        for _ in 0..STEPS_TO_REST {
            let asked = self.watch.asked.values();
            let pausing = asked.filter(|command| matches!(command, Command::Pause));
            if !self.disk.paused && !self.stopping && pausing.count() == 0 {
                self.ask(Command::Pause);
            }
            if self.is_at_rest() {
                return;
            }
            self.advance();
        }
        panic!("it never comes to rest");
    }

    fn is_at_rest(&mut self) -> bool {
        let wakeup = self.core.as_mut().map(Core::wakeup).unwrap_or_default();
        let idle = wakeup.wall.is_none() && wakeup.mono.is_none();
        idle && self.disk.paused
            && self.lease.lapses_until.is_none()
            && self.flight.is_none()
            && self.workers.next_end().is_none()
            && !self.stopping
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Tick,
    Landing,
    End,
    StopRuns,
    Lease,
    Action,
}
