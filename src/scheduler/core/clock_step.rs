//! Steps of the wall clock, noticed by comparing both clocks at each step of the core.
//!
//! Forward: occurrences that passed are caught up as they come off the wheel, by how late they are. Back: what is claimed
//! stays claimed, and the wheels are told that time begins anew. After a step back of more than an hour a job does not
//! stand still until the old time comes again: its cursor returns to now, and the stretch in which its occurrences were
//! claimed is remembered as done.

use std::time::Duration;

use super::commit::{Meaning, Urgency};
use super::jobs::{JobIx, just_after};
use super::{Core, Notice, Now};
use crate::config;

/// Differences between the clocks below this are slewing and rounding, not a step.
const STEP_MIN: Duration = Duration::from_millis(500);

impl Core {
    /// Takes in the time, and deals with a step of the wall clock since the last event. The one place that does.
    pub(super) fn notice_clock_step(&mut self, now: Now) {
        let before = std::mem::replace(&mut self.now, now);
        let expected = before.wall.plus(now.mono.saturating_sub(before.mono));
        let (ahead, behind) = (now.wall.since(expected), expected.since(now.wall));
        if ahead > STEP_MIN || behind > STEP_MIN {
            self.fx.notices.push(Notice::ClockStepped {
                forward: ahead > behind,
                by: ahead.max(behind),
            });
        }
        if now.wall < before.wall {
            self.dues.rewind(now.wall.ticks_passed());
            self.cursors.rewind(now.wall.ticks_passed());
            self.expiry.rewind(now.wall);
        }
        if behind > STEP_MIN {
            let beyond = if behind > config::STEP_BACK_MAX {
                Duration::ZERO
            } else {
                config::STEP_BACK_MAX
            };
            for ix in self.jobs.places() {
                self.return_cursor(ix, beyond);
            }
        }
    }

    /// Brings a cursor that is ahead of now by more than `beyond` back to now; occurrences that were claimed out there
    /// are not run again. A job that stands still follows when it goes on.
    pub(super) fn return_cursor(&mut self, ix: JobIx, beyond: Duration) {
        let now = self.now.wall;
        let limit = now.plus(beyond);
        let entry = &mut self.jobs[ix];
        let upcoming = entry.doing.upcoming.and_then(|id| self.runs.get(&id));
        let upcoming = upcoming.and_then(|run| run.open.scheduled_at);
        let claimed_ahead = upcoming.is_some_and(|at| at > limit.plus(config::CLAIM_LEAD_MAX));
        // A cursor before the first occurrence of all was not moved there by claims.
        let begun = entry
            .job
            .schedule
            .start()
            .is_none_or(|start| start <= entry.cursor);
        let ahead = entry.cursor > limit && begun;
        if entry.doing.frozen || !(ahead || claimed_ahead) {
            return;
        }
        if entry.cursor > now && begun {
            let cursor = std::mem::replace(&mut entry.cursor, now);
            entry.rest_mut().begin_stretch(cursor, just_after(now));
        }
        let mut changes = Vec::new();
        if let Some(id) = self.withdraw_upcoming(ix, &mut changes) {
            self.drop_run(id);
        }
        self.put_state(ix, &mut changes);
        self.propose(changes, Meaning::default(), Urgency::Soon);
        self.arm(ix);
    }
}
