//! What comes from outside, by chance: users, crashes, a store that fails, a clock that is set.

use std::time::Duration;

use nimesha::scheduler::command::Command;
use nimesha::scheduler::core::{Event, ReplyTo};

use super::world::{Mood, World, trace};
use super::{draw, tell};

impl World {
    pub(super) fn act(&mut self) {
        match self.dice.below(60) {
            0 => {
                self.crash();
                self.go_by();
                self.boot();
            }
            1 if !self.stopping => {
                trace!(self, "stop");
                self.prolong();
                self.stopping = true;
                let grace = self.dice.up_to(Duration::from_secs(8));
                self.stop_runs_at = Some(self.mono + grace);
                self.step(Event::Stop);
            }
            2 | 3 => self.step_clock(),
            4 if self.faulty => {
                self.mood = self.dice.pick(&[Mood::Well, Mood::Away, Mood::Flaky]);
                trace!(self, "the store is {:?}", self.mood);
            }
            5..8 if self.faulty => self.mood = Mood::Well,
            8 if self.lease.shared => self.disturb_lease(),
            8..12 => self.step(Event::Tick),
            _ => {
                let command = draw::command(self);
                self.ask(command);
            }
        }
    }

    pub(super) fn ask(&mut self, command: Command) {
        let to = self.watch.next_reply;
        self.watch.next_reply += 1;
        trace!(self, "{to}: {}", tell::command(&command));
        self.watch.asked.insert(to, command.clone());
        self.step(Event::Command(ReplyTo(to), command));
    }

    /// Time goes by without a server.
    pub(super) fn go_by(&mut self) {
        let span = self.scale * 4;
        self.mono += self.dice.up_to(span);
        if self.dice.one_in(8) {
            self.step_origin();
        }
    }

    fn step_clock(&mut self) {
        self.step_origin();
        if self.dice.one_in(2) {
            self.step(Event::Tick);
        }
    }

    /// The clock is set, or the machine slept.
    fn step_origin(&mut self) {
        let by = match self.dice.below(4) {
            0 => self.dice.up_to(Duration::from_millis(400)),
            1 => self.dice.around(self.scale),
            2 => self.dice.up_to(Duration::from_secs(3_500)),
            _ => self.dice.up_to(Duration::from_secs(3 * 86_400)),
        };
        let far = by > Duration::from_secs(3_600);
        if self.dice.one_in(2) {
            trace!(self, "clock +{by:?}");
            self.origin = self.origin.plus(by);
        } else if self.steps_far || !far {
            trace!(self, "clock -{by:?}");
            let before = self.now().wall;
            self.watch.before_step = self.watch.before_step.max(Some(before));
            self.origin = self.origin.minus(by);
            self.watch.paused_at = None;
            let back = self.watch.latest.map(|at| at.since(self.wall()));
            if back > Some(Duration::from_secs(3_600)) {
                self.disk.uncounted = true;
            }
        }
    }
}
