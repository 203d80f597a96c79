//! Counts and distributions of what the server does, and the text form in which Prometheus reads them.
//!
//! Counters are atomics that whoever does the thing increments; gauges are read where they stand when somebody asks.
//! The text form is small enough to be written by hand: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

mod exposition;
mod http;
mod underway;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

pub use self::exposition::Exposition;
pub use self::http::{HttpCounts, method_label};
pub use self::underway::Underway;

use crate::clock::{self, Timestamp};

/// Upper bounds of the buckets for lateness, waits and commits, in seconds.
const FINE: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0, 60.0,
];
/// Upper bounds of the buckets for durations of runs, in seconds.
const COARSE: &[f64] = &[
    0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 1_800.0, 3_600.0, 21_600.0,
];

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts so many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The count.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How durations are distributed: a count for each bucket, and their sum.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than there are bounds; the last is for what is above them all.
    buckets: Box<[AtomicU64]>,
    sum_micros: AtomicU64,
}

impl Histogram {
    fn new(bounds: &'static [f64]) -> Histogram {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram {
            bounds,
            buckets,
            sum_micros: AtomicU64::new(0),
        }
    }

    /// Counts a duration.
    pub fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

/// What is counted while it happens.
#[derive(Debug)]
pub struct Metrics {
    /// Runs that succeeded.
    pub succeeded: Counter,
    /// Runs that failed for good.
    pub failed: Counter,
    /// Runs that the job's timeout ended.
    pub timed_out: Counter,
    /// Runs that a user ended.
    pub cancelled: Counter,
    /// Runs that the server's end cut off.
    pub interrupted: Counter,
    /// Attempts that failed and were tried again.
    pub retried: Counter,
    /// Occurrences that were missed.
    pub missed: Counter,
    /// Occurrences that were skipped.
    pub skipped: Counter,
    /// From an occurrence to its start.
    pub lateness: Histogram,
    /// From the first start of a run to its end.
    pub duration: Histogram,
    /// From the entry into the run queue to the start.
    pub queue_wait: Histogram,
    /// One transaction of the store.
    pub commit: Histogram,
    /// Transactions that the store did not take.
    pub commits_failed: Counter,
    /// Steps of the wall clock.
    pub clock_steps: Counter,
    /// Alerts that were posted.
    pub alerts_sent: Counter,
    /// Alerts that were not, or not in time.
    pub alerts_dropped: Counter,
    /// Answers of the HTTP server.
    pub http: HttpCounts,
    /// A turn of the dispatcher.
    pub turn: Underway,
    /// A write that the dispatcher waits for.
    pub write_underway: Underway,
    started: Timestamp,
    store_away: AtomicBool,
    lease_away: AtomicBool,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics {
            succeeded: Counter::default(),
            failed: Counter::default(),
            timed_out: Counter::default(),
            cancelled: Counter::default(),
            interrupted: Counter::default(),
            retried: Counter::default(),
            missed: Counter::default(),
            skipped: Counter::default(),
            lateness: Histogram::new(FINE),
            duration: Histogram::new(COARSE),
            queue_wait: Histogram::new(FINE),
            commit: Histogram::new(FINE),
            commits_failed: Counter::default(),
            clock_steps: Counter::default(),
            alerts_sent: Counter::default(),
            alerts_dropped: Counter::default(),
            http: HttpCounts::default(),
            turn: Underway::default(),
            write_underway: Underway::default(),
            started: clock::now(),
            store_away: AtomicBool::new(false),
            lease_away: AtomicBool::new(false),
        }
    }
}

impl Metrics {
    /// The store refuses writes, or takes them again.
    pub fn set_store_away(&self, away: bool) {
        self.store_away.store(away, Ordering::Relaxed);
    }

    /// A shared store does not answer when it is asked for the lease, or does again.
    pub fn set_lease_away(&self, away: bool) {
        self.lease_away.store(away, Ordering::Relaxed);
    }

    /// Whether the store refuses writes, or does not answer.
    #[must_use]
    pub fn is_store_away(&self) -> bool {
        self.store_away.load(Ordering::Relaxed) || self.lease_away.load(Ordering::Relaxed)
    }

    /// Writes all that is counted here.
    pub fn write(&self, to: &mut Exposition) {
        self.write_runs(to);
        self.write_counters(to);
        self.write_histograms(to);
        to.gauge(
            "nimesha_store_up",
            "Whether the store takes writes.",
            u8::from(!self.is_store_away()),
        );
        to.gauge(
            "process_start_time_seconds",
            "When this process began to count.",
            self.started.unix_nanos() as f64 / 1e9,
        );
        self.http.write(to);
    }

    fn write_runs(&self, to: &mut Exposition) {
        to.family(
            "nimesha_runs_total",
            "counter",
            "Runs that ended, by outcome.",
        );
        for (outcome, count) in [
            ("succeeded", &self.succeeded),
            ("failed", &self.failed),
            ("timed_out", &self.timed_out),
            ("cancelled", &self.cancelled),
            ("interrupted", &self.interrupted),
        ] {
            to.sample("nimesha_runs_total", &[("outcome", outcome)], count.get());
        }
    }

    fn write_counters(&self, to: &mut Exposition) {
        let counters = [
            (
                "nimesha_attempts_retried_total",
                "Attempts that failed and were tried again.",
                &self.retried,
            ),
            (
                "nimesha_occurrences_missed_total",
                "Occurrences that were missed.",
                &self.missed,
            ),
            (
                "nimesha_occurrences_skipped_total",
                "Occurrences that were skipped.",
                &self.skipped,
            ),
            (
                "nimesha_store_commits_failed_total",
                "Transactions that the store did not take.",
                &self.commits_failed,
            ),
            (
                "nimesha_clock_steps_total",
                "Steps of the wall clock.",
                &self.clock_steps,
            ),
            (
                "nimesha_alerts_sent_total",
                "Alerts that were posted.",
                &self.alerts_sent,
            ),
            (
                "nimesha_alerts_dropped_total",
                "Alerts that were given up.",
                &self.alerts_dropped,
            ),
        ];
        for (name, help, count) in counters {
            to.family(name, "counter", help);
            to.sample(name, &[], count.get());
        }
    }

    fn write_histograms(&self, to: &mut Exposition) {
        to.histogram(
            "nimesha_run_lateness_seconds",
            "From an occurrence to its start.",
            &self.lateness,
        );
        to.histogram(
            "nimesha_run_duration_seconds",
            "From the start of a run to its end.",
            &self.duration,
        );
        to.histogram(
            "nimesha_queue_wait_seconds",
            "From the run queue's entry to the start.",
            &self.queue_wait,
        );
        to.histogram(
            "nimesha_store_commit_seconds",
            "One transaction of the store.",
            &self.commit,
        );
    }
}
