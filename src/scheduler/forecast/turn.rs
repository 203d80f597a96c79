//! Turning the core: from one instant that matters to the next, as fast as the processor goes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::tally::Tally;
use super::{Subject, Window};
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::job::run::{AttemptEnd, Completion, RunId};
use crate::scheduler::core::{Core, Effects, Event, Notice, Now, Settings};

/// An attempt with a worker: when it ends, and what is told of it then.
type End = (Timestamp, RunId, JobId, Duration);

struct Turn<'a> {
    core: Core,
    now: Now,
    ends: BinaryHeap<Reverse<End>>,
    tally: Tally<'a>,
    /// Steps of the core, and occurrences that came to nothing.
    events: u64,
}

/// Turns from one end of the window to the other, in about so many steps at most. Answers how far it came.
pub(super) fn turn(
    window: Window,
    workers: usize,
    subjects: &[Subject],
    events_max: u64,
) -> (Tally<'_>, Timestamp) {
    let now = Now {
        wall: window.from,
        mono: Duration::ZERO,
    };
    let settings = Settings {
        workers,
        output_limit: 0,
        lease: None,
        done_ttl: None,
    };
    let jobs = subjects.iter().map(|subject| &subject.job);
    let jobs = jobs.filter(|job| window.concerns(job)).cloned();
    let (core, effects) = Core::with_jobs(settings, now, jobs);
    let mut turn = Turn {
        core,
        now,
        ends: BinaryHeap::new(),
        tally: Tally::new(window, subjects),
        events: 0,
    };
    turn.carry_out(effects);
    while let Some(event) = turn.next_event(window.to) {
        if turn.events > events_max {
            return (turn.tally, turn.now.wall);
        }
        turn.step(event);
    }
    (turn.tally, window.to)
}

impl Turn<'_> {
    /// Moves the clock to what happens next; none when that is not before the end.
    fn next_event(&mut self, end: Timestamp) -> Option<Event> {
        let wakeup = self.core.wakeup();
        let mono = wakeup.mono.map(|at| at.saturating_sub(self.now.mono));
        let tick = mono.map(|wait| self.now.wall.plus(wait));
        let tick = tick.into_iter().chain(wakeup.wall).min();
        let ended = self.ends.peek().map(|Reverse((at, ..))| *at);
        let at = tick.into_iter().chain(ended).min()?.max(self.now.wall);
        if at >= end {
            return None;
        }
        self.now.mono += at.since(self.now.wall);
        self.now.wall = at;
        // At one instant runs end before others begin, as they do where workers are free again.
        if ended.is_none_or(|ended| ended > at) {
            return Some(Event::Tick);
        }
        let Reverse((ended_at, run, job, duration)) = self.ends.pop()?;
        self.tally.busy -= 1;
        Some(Event::Completion(Completion {
            run,
            job,
            started_at: ended_at.minus(duration),
            duration,
            end: AttemptEnd::Exited(0),
        }))
    }

    fn step(&mut self, event: Event) {
        let effects = self.core.step(self.now, event);
        self.carry_out(effects);
    }

    /// The store takes everything at once.
    fn carry_out(&mut self, mut effects: Effects) {
        loop {
            self.events += 1;
            self.count(&effects);
            let Some(batch) = effects.batch else {
                return;
            };
            let stored = batch.into_iter().map(|unit| (unit, Ok(()))).collect();
            let committed = Event::Committed(stored, Duration::ZERO);
            effects = self.core.step(self.now, committed);
        }
    }

    fn count(&mut self, effects: &Effects) {
        let now = self.now.wall;
        for notice in &effects.notices {
            match notice {
                Notice::Started {
                    run, job, queued, ..
                } => {
                    let takes = self.tally.started(job.id, now, *queued);
                    self.ends
                        .push(Reverse((now.plus(takes), *run, job.id, takes)));
                }
                Notice::Gap { job, gap, new } => {
                    self.tally.lost(job.id, now, gap.kind, *new);
                    self.events += new;
                }
                _ => {}
            }
        }
    }
}
