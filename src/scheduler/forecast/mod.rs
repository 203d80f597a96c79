//! What a window of time will be like: the real core, turned by hand from its beginning to its end.
//!
//! Nothing of how occurrences, overlap, queues and children work is told a second time here: the clock is a number,
//! workers take as long as the jobs' runs did lately, the store takes everything at once, and what the core then says is
//! counted. Runs succeed in the forecast, so nothing is retried and no failure job runs; what is in progress when the
//! window begins, pauses and manual starts are left out.

mod tally;
#[cfg(test)]
mod tests;
mod turn;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::config;
use crate::job::{Job, JobId};

/// A job, and how long its runs took lately.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The job.
    pub job: Arc<Job>,
    /// Durations of past runs. Those of the forecast take as long, one after the other and round again; none: as long as
    /// [`FORECAST_RUN_ASSUMED`](config::FORECAST_RUN_ASSUMED).
    pub past: Box<[Duration]>,
}

/// The time to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end, which is no part of it.
    pub to: Timestamp,
}

/// What to expect; see the [module's documentation](self).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    /// All runs and occurrences together.
    pub all: Expected,
    /// By hours, from the one in which the window begins to the last one looked at, none left out.
    pub hours: Vec<Hour>,
    /// Minutes in which most runs start, the busiest first.
    pub busiest: Vec<Minute>,
    /// Most runs that workers have at one moment.
    pub busy_max: usize,
    /// Every job that has something to expect, the most troubled first, then those with the most runs.
    pub jobs: Vec<JobForecast>,
    /// How far it looked.
    pub until: Option<Timestamp>,
}

/// What is to be expected of a job, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Runs that start.
    pub runs: u64,
    /// Occurrences whose epsilon closes before a worker is free.
    pub missed: u64,
    /// Occurrences that never become a run because the job is still running.
    pub skipped: u64,
    /// Occurrences that find their job running: they wait, run beside it, or are skipped.
    pub overlaps: u64,
    /// Runs that wait for a worker.
    pub waits: u64,
    /// The sum of these waits.
    pub wait_total: Duration,
    /// The longest of them.
    pub wait_max: Duration,
    /// The sum of the run times.
    pub busy_total: Duration,
}

/// An hour of the forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    /// When it begins.
    pub at: Timestamp,
    /// Runs that start in it.
    pub runs: u64,
    /// Occurrences that come to nothing in it.
    pub lost: u64,
}

/// A minute of the forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minute {
    /// When it begins.
    pub at: Timestamp,
    /// Runs that start in it.
    pub runs: u64,
}

/// What is to be expected of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobForecast {
    /// Its id.
    pub id: JobId,
    /// Its name.
    pub name: Box<str>,
    /// Whether it never ran, so that its run time is assumed.
    pub assumed: bool,
    /// What is to be expected.
    pub expected: Expected,
}

/// What a forecast had to leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The window was longer than is looked at.
    Window,
    /// There was more to do in it than is simulated; it ends here.
    Work(Timestamp),
    /// So many jobs beyond the limit.
    Jobs(u64),
    /// So many of the jobs with something to expect are not listed.
    Rows(usize),
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::Window => {
                let days = config::FORECAST_SPAN_MAX.as_secs() / 86_400;
                write!(f, "a forecast looks {days} days ahead, and not further")
            }
            Cut::Work(at) => write!(
                f,
                "there is too much to do to look further than {at:?}: ask for a shorter window"
            ),
            Cut::Jobs(count) => write!(
                f,
                "{count} jobs are left out: a forecast takes in {}",
                config::FORECAST_JOBS_MAX
            ),
            Cut::Rows(count) => write!(f, "{count} quieter jobs are not listed"),
        }
    }
}

impl Window {
    /// The window, cut where it is longer than a forecast looks ahead. Says whether it was.
    #[must_use]
    pub fn clamped(self) -> (Window, Option<Cut>) {
        let to = self.to.min(self.from.plus(config::FORECAST_SPAN_MAX));
        let cut = (to < self.to).then_some(Cut::Window);
        (Window { to, ..self }, cut)
    }

    /// Whether a job may have something to do in it. Children have whenever their parents do.
    #[must_use]
    pub fn concerns(&self, job: &Job) -> bool {
        let before = self.from.minus(Duration::from_nanos(1));
        let occurs = || {
            job.schedule
                .next_after(before)
                .is_some_and(|at| at < self.to)
        };
        !job.spec.disabled && (job.is_child() || occurs())
    }
}

impl Expected {
    /// How long runs wait for a worker on the average, those that do not wait included.
    #[must_use]
    pub fn wait_mean(&self) -> Duration {
        mean(self.wait_total, self.runs)
    }

    /// How long a run takes on the average.
    #[must_use]
    pub fn run_mean(&self) -> Duration {
        mean(self.busy_total, self.runs)
    }

    /// By how much it is to be worried about, to compare.
    fn trouble(&self) -> (u64, u64, u64) {
        (self.missed, self.skipped, self.overlaps)
    }
}

fn mean(total: Duration, count: u64) -> Duration {
    let nanos = total.as_nanos() / u128::from(count.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Simulates these jobs in that window, with so many workers. Says what had to be left out.
///
/// It takes at most [`FORECAST_EVENTS_MAX`](config::FORECAST_EVENTS_MAX) steps, a second or two of a processor, so it is
/// no work for a thread that others wait for.
#[must_use]
pub fn forecast(window: Window, workers: usize, subjects: &[Subject]) -> (Forecast, Vec<Cut>) {
    let (window, cut) = window.clamped();
    let mut cuts: Vec<Cut> = cut.into_iter().collect();
    let subjects = match subjects.get(..config::FORECAST_JOBS_MAX) {
        Some(first) if first.len() < subjects.len() => {
            cuts.push(Cut::Jobs((subjects.len() - first.len()) as u64));
            first
        }
        _ => subjects,
    };
    let events_max = config::FORECAST_EVENTS_MAX;
    let (tally, until) = turn::turn(window, workers, subjects, events_max);
    cuts.extend((until < window.to).then_some(Cut::Work(until)));
    (tally.into_forecast(until), cuts)
}
