//! What a worker does with an order: the trait that the local command and the remote request have in common.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::stop::StopSignal;
use crate::clock::{self, Timestamp};
use crate::job::run::{AttemptEnd, RunOrder};
use crate::schedule::{Interval, Zone};

/// Makes attempts of one kind of job. A worker has one of each kind for its whole life.
pub(crate) trait Executor {
    /// Makes one attempt, and says how it ended. Returns once `attempt.stop` is raised, or soon after.
    fn execute(&mut self, attempt: &mut Attempt<'_>) -> AttemptEnd;
}

/// An attempt in the making.
pub(crate) struct Attempt<'a> {
    pub(crate) order: &'a RunOrder,
    pub(crate) stop: &'a Arc<StopSignal>,
    pub(crate) start: Start,
}

/// When an attempt started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// By the wall clock.
    pub(crate) at: Timestamp,
    /// By the clock that no one sets.
    pub(crate) instant: Instant,
}

/// A length of time that counts from an attempt's start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) interval: Interval,
    pub(crate) zone: Zone,
}

/// Whether the window that ends at `end` has closed.
pub(crate) fn is_past(end: Option<Timestamp>) -> bool {
    end.is_some_and(|end| clock::now() > end)
}

impl Start {
    pub(crate) fn now() -> Start {
        Start {
            at: clock::now(),
            instant: clock::monotonic(),
        }
    }

    /// The instant `limit` after the start; none when there is no limit, or none that comes about.
    pub(crate) fn deadline(&self, limit: Option<Limit>) -> Option<Instant> {
        let limit = limit?;
        let length = limit.interval.after(self.at, limit.zone).since(self.at);
        self.instant.checked_add(length)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        clock::monotonic().saturating_duration_since(self.instant)
    }
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(order: &'a RunOrder, stop: &'a Arc<StopSignal>) -> Attempt<'a> {
        Attempt {
            order,
            stop,
            start: Start::now(),
        }
    }

    /// Whether the window in which it may start has closed.
    pub(crate) fn is_too_late(&self) -> bool {
        is_past(self.order.not_after)
    }

    /// The job's `timeout`.
    pub(crate) fn limit(&self) -> Option<Limit> {
        let job = &self.order.job;
        job.spec.timeout.as_ref().map(|span| Limit {
            interval: span.interval,
            zone: job.schedule.zone(),
        })
    }
}
