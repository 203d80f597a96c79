//! The real core under a clock that is moved by hand: the store takes everything at once, and a run ends as it starts.

use std::time::Duration;

use nimesha::job::run::{AttemptEnd, Completion};
use nimesha::scheduler::command::Command;
use nimesha::scheduler::core::{Core, Effects, Event, Now, ReplyTo, Settings};

use crate::jobs::{START, new_job};

/// A scheduler without threads, disk or clock.
pub(crate) struct Manual {
    core: Core,
    now: Now,
    /// Runs that have been started.
    pub(crate) runs: u64,
    /// Times that the core was asked what to do.
    pub(crate) steps: u64,
}

impl Manual {
    /// So many jobs, each due every second, spread over it.
    pub(crate) fn new(jobs: u64) -> Manual {
        let now = Now {
            wall: START,
            mono: Duration::ZERO,
        };
        let settings = Settings {
            workers: 64,
            output_limit: 1_024,
            lease: None,
            done_ttl: None,
        };
        let mut manual = Manual {
            core: Core::new(settings, now),
            now,
            runs: 0,
            steps: 0,
        };
        for n in 0..jobs {
            let micros = n * 1_000_000 / jobs;
            let job = Box::new(new_job(
                n,
                &format!("R/2026-11-23T08:00:01.{micros:06}Z/PT1S"),
            ));
            let create = Command::Create {
                job,
                unique_name: false,
            };
            manual.step(Event::Command(ReplyTo(n), create));
        }
        manual
    }

    /// Goes on until so many runs have been started.
    pub(crate) fn run(&mut self, runs: u64) {
        let wanted = self.runs + runs;
        while self.runs < wanted {
            let wakeup = self.core.wakeup();
            let wall = wakeup.wall.map(|at| at.since(self.now.wall));
            let mono = wakeup.mono.map(|at| at.saturating_sub(self.now.mono));
            let wait = wall.into_iter().chain(mono).min();
            let wait = wait.expect("jobs that repeat for ever are always waited for");
            self.now = Now {
                wall: self.now.wall.plus(wait),
                mono: self.now.mono + wait,
            };
            self.step(Event::Tick);
        }
    }

    fn step(&mut self, event: Event) {
        let mut waiting = vec![event];
        while let Some(event) = waiting.pop() {
            self.steps += 1;
            let effects = self.core.step(self.now, event);
            self.carry_out(effects, &mut waiting);
        }
    }

    fn carry_out(&mut self, effects: Effects, waiting: &mut Vec<Event>) {
        self.runs += effects.orders.len() as u64;
        let ends = effects.orders.into_iter().map(|order| Completion {
            run: order.run,
            job: order.job.id,
            started_at: self.now.wall,
            duration: Duration::ZERO,
            end: AttemptEnd::Exited(0),
        });
        waiting.extend(ends.map(Event::Completion));
        if let Some(batch) = effects.batch {
            let stored = batch.into_iter().map(|unit| (unit, Ok(()))).collect();
            waiting.push(Event::Committed(stored, Duration::from_micros(300)));
        }
    }
}
