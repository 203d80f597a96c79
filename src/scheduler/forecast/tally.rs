//! Sums of a forecast, kept as the core says what happens.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use super::{Expected, Forecast, Hour, JobForecast, Minute, Subject, Window};
use crate::clock::Timestamp;
use crate::config;
use crate::job::run::GapKind;
use crate::job::{JobId, Overlap};

/// Seconds of an hour and of a minute.
const HOUR: i64 = 3_600;
const MINUTE: i64 = 60;

/// What has been counted so far; see the [module's documentation](self).
pub(super) struct Tally<'a> {
    subjects: &'a [Subject],
    places: HashMap<JobId, usize>,
    /// In the order of the subjects.
    states: Vec<State>,
    all: Expected,
    first_hour: i64,
    hours: Vec<(u64, u64)>,
    minutes: HashMap<i64, u64>,
    pub(super) busy: usize,
    busy_max: usize,
}

#[derive(Clone, Copy)]
struct State {
    expected: Expected,
    /// When the last of its runs that have started will have ended.
    busy_until: Timestamp,
}

impl<'a> Tally<'a> {
    pub(super) fn new(window: Window, subjects: &'a [Subject]) -> Tally<'a> {
        let ids = subjects.iter().map(|subject| subject.job.id);
        let none = State {
            expected: Expected::default(),
            busy_until: Timestamp::MIN,
        };
        Tally {
            subjects,
            places: ids.enumerate().map(|(place, id)| (id, place)).collect(),
            states: vec![none; subjects.len()],
            all: Expected::default(),
            first_hour: window.from.unix_secs().div_euclid(HOUR),
            hours: Vec::new(),
            minutes: HashMap::new(),
            busy: 0,
            busy_max: 0,
        }
    }

    /// A worker has a run that was due `queued` before now. Answers how long the run will take.
    pub(super) fn started(&mut self, job: JobId, now: Timestamp, queued: Duration) -> Duration {
        let Some(&place) = self.places.get(&job) else {
            return Duration::ZERO;
        };
        let (subject, state) = (&self.subjects[place], &mut self.states[place]);
        let takes = run_time(subject, state.expected.runs);
        let due = now.minus(queued);
        let overlaps = state.busy_until > due;
        let could_start = match subject.job.spec.overlap {
            Overlap::Allow => due,
            Overlap::Queue | Overlap::Skip => due.max(state.busy_until),
        };
        let wait = now.since(could_start);
        state.busy_until = state.busy_until.max(now.plus(takes));
        for expected in [&mut self.all, &mut state.expected] {
            expected.runs += 1;
            expected.overlaps += u64::from(overlaps);
            expected.waits += u64::from(!wait.is_zero());
            expected.wait_total += wait;
            expected.wait_max = expected.wait_max.max(wait);
            expected.busy_total += takes;
        }
        self.hour(now).0 += 1;
        *self
            .minutes
            .entry(now.unix_secs().div_euclid(MINUTE))
            .or_default() += 1;
        self.busy += 1;
        self.busy_max = self.busy_max.max(self.busy);
        takes
    }

    /// So many occurrences come to nothing.
    pub(super) fn lost(&mut self, job: JobId, now: Timestamp, kind: GapKind, count: u64) {
        let Some(&place) = self.places.get(&job) else {
            return;
        };
        for expected in [&mut self.all, &mut self.states[place].expected] {
            match kind {
                GapKind::Missed => expected.missed += count,
                GapKind::Skipped => {
                    expected.skipped += count;
                    expected.overlaps += count;
                }
            }
        }
        self.hour(now).1 += count;
    }

    fn hour(&mut self, at: Timestamp) -> &mut (u64, u64) {
        let place = at.unix_secs().div_euclid(HOUR) - self.first_hour;
        let place = usize::try_from(place).unwrap_or_default();
        if self.hours.len() <= place {
            self.hours.resize(place + 1, (0, 0));
        }
        &mut self.hours[place]
    }

    pub(super) fn into_forecast(mut self, until: Timestamp) -> Forecast {
        let last = until.minus(Duration::from_nanos(1));
        self.hour(last.max(Timestamp::from_unix(self.first_hour * HOUR, 0)));
        let begin = |units: i64, length: i64| Timestamp::from_unix(units * length, 0);
        let first = self.first_hour;
        let hours = (first..).zip(&self.hours);
        let hours = hours.map(|(hour, &(runs, lost))| Hour {
            at: begin(hour, HOUR),
            runs,
            lost,
        });
        let minutes = self.minutes.iter().map(|(&minute, &runs)| Minute {
            at: begin(minute, MINUTE),
            runs,
        });
        let mut busiest: Vec<Minute> = minutes.collect();
        busiest.sort_unstable_by_key(|minute| (Reverse(minute.runs), minute.at));
        busiest.truncate(config::FORECAST_MINUTES);
        let states = self.subjects.iter().zip(&self.states);
        let touched = states.filter(|(_, state)| state.expected != Expected::default());
        let jobs = touched.map(|(subject, state)| JobForecast {
            id: subject.job.id,
            name: subject.job.spec.name().into(),
            assumed: subject.past.is_empty(),
            expected: state.expected,
        });
        let mut jobs: Vec<JobForecast> = jobs.collect();
        // Stable: jobs that are alike stay in order of creation.
        jobs.sort_by_key(|job| Reverse((job.expected.trouble(), job.expected.runs)));
        Forecast {
            all: self.all,
            hours: hours.collect(),
            busiest,
            busy_max: self.busy_max,
            jobs,
            until: Some(until),
        }
    }
}

/// How long the run after so many others takes.
fn run_time(subject: &Subject, runs: u64) -> Duration {
    match subject.past.len() {
        0 => config::FORECAST_RUN_ASSUMED,
        known => subject.past[(runs % known as u64) as usize],
    }
}
