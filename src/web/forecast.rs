//! How many occurrences the schedules have ahead, by quarters of an hour.
//!
//! Counted by asking each schedule how many lie in a quarter, never one by one. Of very many jobs one in so many is
//! asked, and stands for the others: the picture shows busy hours, it is no promise.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::config;
use crate::registry::{JobView, Registry};

use super::survey;

/// Seconds of a quarter of an hour.
pub(super) const QUARTER_SECS: i64 = 900;
/// Quarters that are counted ahead: half a day.
pub(super) const QUARTERS: usize = 48;

/// What is ahead.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Forecast {
    /// The quarter that it begins with: the one of the instant at which it was made.
    pub(super) from: Timestamp,
    /// Occurrences a quarter.
    pub(super) counts: Vec<u64>,
    /// Each job that was asked stands for so many.
    pub(super) stride: usize,
}

/// The last forecast, which is shown again while it is fresh.
#[derive(Debug, Default)]
pub(super) struct Forecaster(Mutex<Option<(Timestamp, u64, Arc<Forecast>)>>);

impl Forecaster {
    /// What is ahead of `now`.
    pub(super) fn look(&self, registry: &Registry, now: Timestamp) -> Arc<Forecast> {
        let jobs = registry.totals().jobs;
        let mut kept = self.0.lock();
        if let Some((made, of, forecast)) = &*kept
            && *of == jobs
            && now.since(*made) < config::WEB_FORECAST_KEPT
            && forecast.from == quarter(now)
        {
            return Arc::clone(forecast);
        }
        let forecast = Arc::new(make(registry, now));
        *kept = Some((now, jobs, Arc::clone(&forecast)));
        forecast
    }
}

/// The beginning of the quarter that `t` lies in.
pub(super) fn quarter(t: Timestamp) -> Timestamp {
    let secs = t.unix_secs();
    Timestamp::from_unix(secs - secs.rem_euclid(QUARTER_SECS), 0)
}

fn make(registry: &Registry, now: Timestamp) -> Forecast {
    let from = quarter(now);
    let end = after(from, QUARTERS);
    let jobs = usize::try_from(registry.totals().jobs).unwrap_or(usize::MAX);
    let stride = jobs.div_ceil(config::WEB_FORECAST_JOBS).max(1);
    let mut counts = vec![0; QUARTERS];
    let mut place = 0;
    survey::each(registry, |view| {
        place += 1;
        if place % stride == 0 && view.live.next_run_at.is_some_and(|next| next < end) {
            count(&view, from, now, stride as u64, &mut counts);
        }
    });
    Forecast {
        from,
        counts,
        stride,
    }
}

/// Adds a job's occurrences from `now` on, jumping from one to the end of its quarter.
fn count(view: &JobView, from: Timestamp, now: Timestamp, weight: u64, counts: &mut [u64]) {
    let schedule = &view.job.schedule;
    let mut at = now;
    while let Some(next) = schedule.next_after(at) {
        let place = usize::try_from((next.unix_secs() - from.unix_secs()) / QUARTER_SECS);
        let Some(slot) = place.ok().and_then(|place| counts.get_mut(place)) else {
            return;
        };
        let end = after(from, place.unwrap_or_default() + 1).minus(Duration::from_nanos(1));
        let passed = schedule.passed(at, end).map_or(1, |passed| passed.count);
        *slot = slot.saturating_add(passed.saturating_mul(weight));
        at = end;
    }
}

fn after(from: Timestamp, quarters: usize) -> Timestamp {
    from.plus(Duration::from_secs(quarters as u64 * QUARTER_SECS as u64))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOW, put, web};
    use super::*;
    use crate::registry::Live;

    #[test]
    fn occurrences_are_counted_by_quarters() {
        let web = web();
        for (seq, schedule) in [
            (1, "R//PT1M"),
            (2, "0 9 * * *"),
            (3, "@manual"),
            (4, "R2//PT1H"),
        ] {
            let job = put(&web, seq, |draft| draft.schedule = schedule.to_owned());
            let next_run_at = job.schedule.next_after(NOW);
            let live = Live {
                next_run_at,
                ..Live::default()
            };
            web.registry().write(|inner| inner.put_live(job.id, live));
        }
        let forecast = make(web.registry(), NOW);
        // 06:49:12 is 4:12 into its quarter, so ten full minutes of it are ahead.
        assert_eq!(forecast.from, Timestamp::from_unix(1_795_416_300, 0));
        assert_eq!(forecast.counts[0], 10);
        assert_eq!(forecast.counts[1], 15);
        assert_eq!(forecast.counts[4], 16, "the second of three");
        assert_eq!(forecast.counts[9], 16, "nine o'clock");
        assert_eq!(forecast.counts[47], 15);
    }

    #[test]
    fn a_forecast_is_kept_for_a_while() {
        let web = web();
        let forecaster = Forecaster::default();
        let first = forecaster.look(web.registry(), NOW);
        let again = forecaster.look(web.registry(), NOW.plus(Duration::from_secs(1)));
        assert!(Arc::ptr_eq(&first, &again));
        let later = forecaster.look(web.registry(), NOW.plus(Duration::from_secs(1_000)));
        assert!(!Arc::ptr_eq(&first, &later));
    }
}
