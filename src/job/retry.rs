//! When an attempt may still start, and when a failed one is tried again.

use super::Job;
use crate::clock::Timestamp;

/// The last instant of the epsilon window that opens at `from`; none where the job has no limit.
#[must_use]
pub fn window_end(job: &Job, from: Timestamp) -> Option<Timestamp> {
    let epsilon = job
        .spec
        .epsilon
        .as_deref()
        .filter(|span| !span.interval.is_zero())?;
    Some(epsilon.interval.after(from, job.schedule.zone()))
}

/// When the attempt after the `made`-th is to start, if there is to be one: the job has retries left, and the delay ends
/// within the window that opened at `window_from`.
#[must_use]
pub fn next_attempt(
    job: &Job,
    made: u32,
    window_from: Timestamp,
    ended_at: Timestamp,
) -> Option<Timestamp> {
    if made > job.spec.retries {
        return None;
    }
    let delay = job.spec.retry_delay.as_deref();
    let start = delay.map_or(ended_at, |span| {
        span.interval.after(ended_at, job.schedule.zone())
    });
    window_end(job, window_from)
        .is_none_or(|end| start <= end)
        .then_some(start)
}
