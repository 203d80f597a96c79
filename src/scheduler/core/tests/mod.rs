//! Stories: jobs, what users do, and what came of it, second by second. A [`Story`] turns the clocks, stores what is
//! proposed, and runs each attempt as the job's command says: `5 fail ok` takes 5 seconds, fails first and then
//! succeeds.

mod alarms;
mod catching_up;
mod chains;
mod clock;
mod commands;
mod expiry;
mod importing;
mod occurrences;
mod rows;
mod shared;
mod stopping;
mod store;
mod wakeups;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use self::rows::Rows;
use super::*;
use crate::job::run::{AttemptEnd, GapKind, HistoryEntry};
use crate::job::validate::Draft;
use crate::schedule::{Schedule, Zone};
use crate::scheduler::command::NewJob;
use crate::store::change::Change;

/// 2027-01-04T12:00:00Z, a Monday.
const NOON: Timestamp = Timestamp::from_unix(1_799_064_000, 0);

/// How the store takes a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    /// It takes so long for one.
    Takes(Duration),
    /// It cannot be written.
    Away,
    /// Another server holds every occurrence.
    Taken,
    /// Another server has the lease.
    Lost,
}

struct Story {
    core: Core,
    settings: Settings,
    wall: Timestamp,
    mono: Duration,
    rows: Rows,
    disk: Disk,
    flight: Option<(Vec<Unit>, Duration)>,
    attempts: Vec<(Duration, RunOrder)>,
    jobs: BTreeMap<String, JobId>,
    asked: u64,
    answers: BTreeMap<u64, Result<Answer, Refusal>>,
    views: BTreeMap<JobId, Live>,
    end: Option<End>,
    /// The lease is prolonged again and again.
    keeps_lease: bool,
    /// How often the core was woken by the time alone.
    ticks: u32,
    lines: Vec<String>,
    /// Turns of jobs, apart because most stories are about something else.
    turns: Vec<String>,
}

impl Story {
    /// At noon, with two workers and a store that takes a millisecond.
    fn new() -> Story {
        Story::with_workers(2)
    }

    fn with_workers(workers: usize) -> Story {
        Story::with(Settings {
            workers,
            output_limit: 64,
            lease: None,
            done_ttl: None,
        })
    }

    fn with(settings: Settings) -> Story {
        let (wall, mono) = (NOON, Duration::ZERO);
        Story {
            core: Core::new(settings.clone(), Now { wall, mono }),
            settings,
            wall,
            mono,
            rows: Rows::default(),
            disk: Disk::Takes(Duration::from_millis(1)),
            flight: None,
            attempts: Vec::new(),
            jobs: BTreeMap::new(),
            asked: 0,
            answers: BTreeMap::new(),
            views: BTreeMap::new(),
            end: None,
            keeps_lease: false,
            ticks: 0,
            lines: Vec::new(),
            turns: Vec::new(),
        }
    }

    fn id(&self, name: &str) -> JobId {
        self.jobs[name]
    }

    /// The job as the store has it.
    fn job(&self, name: &str) -> &Job {
        &self.rows.jobs[&self.id(name)]
    }

    fn live(&self, name: &str) -> &Live {
        &self.views[&self.id(name)]
    }

    fn draft(&mut self, name: &str, set: impl FnOnce(&mut Draft)) -> Box<NewJob> {
        let number = self.jobs.len() as u128 + 1;
        let id = JobId(uuid::Uuid::from_u128(number << 64));
        let id = *self.jobs.entry(name.to_owned()).or_insert(id);
        let mut draft = match self.rows.jobs.get(&id) {
            Some(job) => Draft::of(&job.spec),
            None => Draft {
                name: name.to_owned(),
                command: "1 ok".to_owned(),
                ..Draft::default()
            },
        };
        set(&mut draft);
        let spec = draft.check().unwrap();
        let schedule = Schedule::parse(spec.schedule(), Zone::UTC, false, self.wall).unwrap();
        let anchor = self.wall;
        Box::new(NewJob {
            id,
            spec,
            schedule,
            anchor,
        })
    }

    /// Stores a job.
    fn create(&mut self, name: &str, set: impl FnOnce(&mut Draft)) {
        let job = self.draft(name, set);
        let unique_name = false;
        let to = self.ask(Command::Create { job, unique_name });
        self.pass(0.002);
        self.answer(to).unwrap();
    }

    /// Stores a job that runs only when asked to, or after others.
    fn child(&mut self, name: &str, parents: &[&str], command: &str) {
        let parents = parents.iter().map(|name| self.id(name).to_string());
        let parents: Vec<String> = parents.collect();
        self.create(name, |job| {
            job.command = command.to_owned();
            job.schedule = if parents.is_empty() { "@manual" } else { "" }.to_owned();
            job.parents = parents;
        });
    }

    fn update(&mut self, name: &str, set: impl FnOnce(&mut Draft)) -> u64 {
        let job = self.draft(name, set);
        self.ask(Command::Update {
            job,
            expected_version: None,
        })
    }

    fn start(&mut self, name: &str, wait: bool) -> u64 {
        let id = self.id(name);
        self.ask(Command::Start { id, wait })
    }

    /// Asks, and does not wait for the answer.
    fn ask(&mut self, command: Command) -> u64 {
        self.asked += 1;
        let to = self.asked;
        self.step(Event::Command(ReplyTo(to), command));
        to
    }

    fn answer(&mut self, to: u64) -> Result<Answer, Refusal> {
        self.answers.remove(&to).expect("an answer")
    }

    fn has_answer(&self, to: u64) -> bool {
        self.answers.contains_key(&to)
    }

    /// What was told since the last time.
    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    /// Seconds since noon.
    fn seconds(&self) -> f64 {
        (self.wall.unix_nanos() - NOON.unix_nanos()) as f64 / 1e9
    }

    /// Lets so many seconds pass, and whatever comes in them.
    fn pass(&mut self, seconds: f64) {
        let end = self.mono + Duration::from_secs_f64(seconds);
        loop {
            let wakeup = self.core.wakeup();
            let wall = wakeup.wall.map(|at| self.mono + at.since(self.wall));
            let landing = self.flight.as_ref().map(|(_, lands)| *lands);
            let ended = self.attempts.iter().map(|(ends, _)| *ends).min();
            let next = [wall, wakeup.mono, landing, ended]
                .into_iter()
                .flatten()
                .min();
            let Some(at) = next.filter(|at| *at <= end) else {
                return self.go_to(end);
            };
            self.go_to(at);
            if landing == Some(at) {
                self.land();
            } else if ended == Some(at) {
                self.end_attempt(at);
            } else {
                self.ticks += 1;
                self.step(Event::Tick);
            }
        }
    }

    fn go_to(&mut self, mono: Duration) {
        self.wall = self.wall.plus(mono.saturating_sub(self.mono));
        self.mono = self.mono.max(mono);
    }

    fn land(&mut self) {
        let (units, _) = self.flight.take().expect("a batch in flight");
        let claims = |unit: &Unit| {
            let mut changes = unit.changes.iter();
            changes.any(|change| matches!(change, Change::InsertRun(run) if run.holds_occurrence().is_some()))
        };
        let results = units
            .into_iter()
            .map(|unit| match self.disk {
                Disk::Away => (
                    unit,
                    Err(Arc::new(StoreError::Away("disk full".to_owned()))),
                ),
                Disk::Lost => (unit, Err(Arc::new(StoreError::Lost("b has it".to_owned())))),
                Disk::Taken if claims(&unit) => (unit, Err(Arc::new(StoreError::Conflict))),
                Disk::Taken | Disk::Takes(_) => {
                    for change in &unit.changes {
                        self.rows.change(change.clone());
                    }
                    (unit, Ok(()))
                }
            })
            .collect();
        self.step(Event::Committed(results, Duration::from_millis(1)));
    }

    /// Ends the attempt whose time has come, as its command says.
    fn end_attempt(&mut self, at: Duration) {
        let place = self.attempts.iter().position(|(ends, _)| *ends == at);
        let (_, order) = self.attempts.remove(place.expect("an attempt that ends"));
        let words: Vec<&str> = order.job.spec.command().split(' ').collect();
        let seconds: u64 = words[0].parse().unwrap();
        let word = words.get(order.attempt as usize).or(words.last());
        let end = match word {
            Some(&"ok") => AttemptEnd::Exited(0),
            Some(&"late") => AttemptEnd::TooLate,
            _ => AttemptEnd::Exited(1),
        };
        self.complete(&order, Duration::from_secs(seconds), end);
    }

    fn complete(&mut self, order: &RunOrder, duration: Duration, end: AttemptEnd) {
        self.step(Event::Completion(Completion {
            run: order.run,
            job: order.job.id,
            started_at: self.wall.minus(duration),
            duration,
            end,
        }));
    }

    fn step(&mut self, event: Event) {
        let now = Now {
            wall: self.wall,
            mono: self.mono,
        };
        if self.keeps_lease {
            let effects = self.core.step(now, Event::Leased(now));
            self.carry_out(effects);
        }
        let effects = self.core.step(now, event);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Effects) {
        for view in effects.views {
            match view {
                View::Job(job, live) => drop(self.views.insert(job.id, live)),
                View::Live(id, live) => drop(self.views.insert(id, live)),
                View::NoJob(id) => drop(self.views.remove(&id)),
                _ => {}
            }
        }
        for notice in &effects.notices {
            self.tell(notice);
        }
        for order in effects.orders {
            self.take(order);
        }
        for (run, _) in effects.stops {
            let place = self.attempts.iter().position(|(_, order)| order.run == run);
            let (_, order) = self.attempts.remove(place.expect("an attempt to stop"));
            self.line(format!("{} is stopped", order.job.spec.name()));
            self.complete(&order, Duration::ZERO, AttemptEnd::Stopped);
        }
        if let Some(units) = effects.batch {
            let takes = match self.disk {
                Disk::Takes(takes) => takes,
                Disk::Away | Disk::Taken | Disk::Lost => Duration::from_millis(1),
            };
            self.flight = Some((units, self.mono + takes));
        }
        for (to, answer) in effects.replies {
            let twice = self.answers.insert(to.0, answer);
            assert!(twice.is_none(), "answered twice");
        }
        self.end = self.end.or(effects.end);
        self.core.assert_consistent();
    }

    fn take(&mut self, order: RunOrder) {
        let name = order.job.spec.name();
        let mut line = format!("{name} starts by {}", order.trigger.as_str());
        if let Some(at) = order.scheduled_at {
            let at = (at.unix_nanos() - NOON.unix_nanos()) as f64 / 1e9;
            line += &format!(" of {at}");
        }
        if order.attempt > 1 {
            line += &format!(", attempt {}", order.attempt);
        }
        if order.extra {
            line += ", by an extra worker";
        }
        self.line(line);
        let takes: u64 = order
            .job
            .spec
            .command()
            .split(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        self.attempts
            .push((self.mono + Duration::from_secs(takes), order));
    }

    fn tell(&mut self, notice: &Notice) {
        match notice {
            Notice::Ended { job, outcome, .. } => {
                self.line(format!("{} {}", job.spec.name(), outcome.as_str()));
            }
            Notice::Gap { job, gap, new } => {
                let word = gap.kind.as_str();
                self.line(format!("{}: {new} {word}", job.spec.name()));
            }
            Notice::StoreAway(_) => self.line("the store is away"),
            Notice::StoreBack => self.line("the store is back"),
            Notice::LeaseLost(_) => self.line("the lease is lost"),
            Notice::Unwritten { runs, .. } => self.line(format!("{runs} ends are lost")),
            Notice::ClaimTaken { job, .. } => {
                self.line(format!("{} runs elsewhere", job.spec.name()));
            }
            Notice::Turn(told) => {
                let (turn, count) = (told.turn, told.failures_in_a_row);
                self.turns
                    .push(format!("{} {turn:?} after {count}", told.job.spec.name()));
            }
            Notice::Expired { job } => self.line(format!("{} goes", job.spec.name())),
            Notice::Started { .. } | Notice::Retrying { .. } | Notice::ClockStepped { .. } => {}
        }
    }

    /// A line of the story, with the second in which it stands, rounded to a tenth.
    fn line(&mut self, what: impl std::fmt::Display) {
        let tenths = (self.seconds() * 10.0).round() / 10.0;
        self.lines.push(format!("{tenths} {what}"));
    }

    /// The process dies; what was on its way to the store is lost, and so is whoever waited.
    fn crash(&mut self) {
        self.flight = None;
        self.attempts.clear();
        self.line("crash");
    }

    /// It starts again after so many seconds.
    fn restart_after(&mut self, seconds: f64) {
        self.go_to(self.mono + Duration::from_secs_f64(seconds));
        let now = Now {
            wall: self.wall,
            mono: self.mono,
        };
        self.end = None;
        self.views.clear();
        let (core, effects) = Core::load(self.settings.clone(), now, self.rows.load());
        self.core = core;
        self.carry_out(effects);
    }

    /// The wall clock is set by so many seconds, forward or back.
    fn set_clock(&mut self, seconds: f64) {
        let by = Duration::from_secs_f64(seconds.abs());
        self.wall = if seconds > 0.0 {
            self.wall.plus(by)
        } else {
            self.wall.minus(by)
        };
        self.step(Event::Tick);
    }

    /// Entries of the history, oldest first, without the runs' details.
    fn history(&self) -> Vec<String> {
        let words = self.rows.history.iter().map(|entry| match &**entry {
            HistoryEntry::Run(run) => format!("{} {}", run.trigger.as_str(), run.outcome.as_str()),
            HistoryEntry::Gap(gap) => match gap.kind {
                GapKind::Missed => format!("{} missed", gap.count),
                GapKind::Skipped => format!("{} skipped", gap.count),
            },
        });
        words.collect()
    }
}

/// A schedule with that many seconds between two occurrences, the first after as many.
fn every(seconds: u32) -> String {
    let start = Zone::UTC.format(NOON.plus(Duration::from_secs(u64::from(seconds))));
    format!("R/{start}/PT{seconds}S")
}

/// A schedule with one occurrence, that many seconds after noon.
fn once(seconds: u32) -> String {
    Zone::UTC.format(NOON.plus(Duration::from_secs(u64::from(seconds))))
}
