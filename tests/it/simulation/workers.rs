//! Workers that run nothing: each attempt takes its time and ends as the dice say.

use std::collections::BTreeMap;
use std::time::Duration;

use nimesha::clock::Timestamp;
use nimesha::job::run::{AttemptEnd, Completion, RunId, RunOrder};
use nimesha::worker::Stop;

use super::dice::Dice;

#[derive(Debug)]
struct Attempt {
    order: RunOrder,
    started_at: Timestamp,
    began: Duration,
    ends: Duration,
    end: AttemptEnd,
}

/// Attempts in progress, by run: none has two.
#[derive(Debug, Default)]
pub(super) struct Workers {
    attempts: BTreeMap<RunId, Attempt>,
}

impl Workers {
    /// With the pool's own workers, or beside them.
    pub(super) fn busy(&self, extra: bool) -> usize {
        let attempts = self.attempts.values();
        attempts.filter(|one| one.order.extra == extra).count()
    }

    pub(super) fn take(
        &mut self,
        dice: &mut Dice,
        order: RunOrder,
        (wall, mono): (Timestamp, Duration),
        scale: Duration,
    ) {
        let mut took = match dice.below(6) {
            0 => Duration::ZERO,
            1 => dice.around(scale * 2),
            _ => dice.around(scale / 3),
        };
        let mut end = match dice.below(10) {
            0 | 1 => AttemptEnd::Exited(1),
            2 => AttemptEnd::TimedOut,
            3 => AttemptEnd::Error("no such file".to_owned()),
            _ => AttemptEnd::Exited(0),
        };
        // Between the order and the start a little time goes by.
        let late = dice.up_to(Duration::from_millis(2));
        if order.not_after.is_some_and(|end| wall.plus(late) > end) {
            (took, end) = (Duration::ZERO, AttemptEnd::TooLate);
        } else if end != AttemptEnd::TooLate && dice.one_in(2) {
            order.output.append(b"hello");
        }
        let attempt = Attempt {
            started_at: wall.plus(late),
            began: mono + late,
            ends: mono + late + took,
            end,
            order,
        };
        let run = attempt.order.run;
        let other = self.attempts.insert(run, attempt);
        assert!(other.is_none(), "two attempts of {run} at once");
    }

    /// Ends an attempt; it may end by itself meanwhile.
    pub(super) fn stop(&mut self, dice: &mut Dice, run: RunId, how: Stop, now: Duration) {
        let Some(attempt) = self.attempts.get_mut(&run) else {
            return;
        };
        let patience = match how {
            Stop::Terminate => dice.up_to(Duration::from_secs(5)),
            Stop::Kill => Duration::ZERO,
        };
        if now + patience < attempt.ends {
            attempt.ends = now.max(attempt.began) + patience;
            attempt.end = AttemptEnd::Stopped;
        }
    }

    pub(super) fn next_end(&self) -> Option<Duration> {
        self.attempts.values().map(|one| one.ends).min()
    }

    /// The attempt that ends first, if it has ended by now.
    pub(super) fn pop_ended(&mut self, now: Duration) -> Option<Completion> {
        let ended = self.attempts.values().min_by_key(|one| one.ends)?;
        if ended.ends > now {
            return None;
        }
        let run = ended.order.run;
        let attempt = self.attempts.remove(&run)?;
        Some(Completion {
            run,
            job: attempt.order.job.id,
            started_at: attempt.started_at,
            duration: attempt.ends - attempt.began,
            end: attempt.end,
        })
    }

    /// The process died, and whoever asked with it.
    pub(super) fn forget_all(&mut self) {
        self.attempts.clear();
    }
}
