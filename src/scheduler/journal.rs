//! What the core notices, as lines in the log, as counts, and as alerts.

use std::sync::Arc;
use std::time::Duration;

use log::Level;

use super::alarm;
use crate::alerts::Sink;
use crate::clock;
use crate::config;
use crate::job::Job;
use crate::job::run::{AttemptEnd, GapKind, Outcome};
use crate::metrics::Metrics;
use crate::scheduler::core::Notice;
use crate::scheduler::policy::Turn;

/// Writes down what the core notices. Names of jobs come from outside: the log makes one line of each message.
#[derive(Debug, Default)]
pub struct Journal {
    metrics: Arc<Metrics>,
    alerts: Option<Sink>,
}

impl Journal {
    /// A journal that counts in `metrics`, and alerts those who listen.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, alerts: Option<Sink>) -> Journal {
        // A dispatcher before this one may have ended at any moment.
        metrics.turn.end();
        metrics.write_underway.end();
        Journal { metrics, alerts }
    }

    /// The dispatcher begins a turn.
    pub fn turn_begins(&self) {
        self.metrics.turn.begin();
    }

    /// The dispatcher waits.
    pub fn turn_ends(&self) {
        self.metrics.turn.end();
    }

    /// The store is given a batch.
    pub fn submitted(&self) {
        self.metrics.write_underway.begin();
    }

    /// Takes in the notices of one step.
    pub fn note(&mut self, notices: &[Notice]) {
        for notice in notices {
            self.count(notice);
            write(notice);
        }
        if let Some(sink) = self.alerts.as_ref().filter(|_| !notices.is_empty()) {
            let alerts = alarm::alerts(notices, clock::now());
            alerts.into_iter().for_each(|alert| sink.tell(alert));
        }
    }

    /// Takes in how long the store took for a batch.
    pub fn committed(&mut self, took: Duration, failed: bool) {
        self.metrics.write_underway.end();
        self.metrics.commit.observe(took);
        self.metrics.commits_failed.add(u64::from(failed));
    }

    fn count(&self, notice: &Notice) {
        let metrics = &self.metrics;
        match notice {
            Notice::Started {
                lateness, queued, ..
            } => {
                if let Some(late) = lateness {
                    metrics.lateness.observe(*late);
                }
                metrics.queue_wait.observe(*queued);
            }
            Notice::Retrying { .. } => metrics.retried.add(1),
            Notice::Ended {
                outcome, duration, ..
            } => {
                metrics.duration.observe(*duration);
                let count = match outcome {
                    Outcome::Succeeded => &metrics.succeeded,
                    Outcome::Failed => &metrics.failed,
                    Outcome::TimedOut => &metrics.timed_out,
                    Outcome::Cancelled => &metrics.cancelled,
                    Outcome::Interrupted => &metrics.interrupted,
                };
                count.add(1);
            }
            Notice::Gap { gap, new, .. } => match gap.kind {
                GapKind::Missed => metrics.missed.add(*new),
                GapKind::Skipped => metrics.skipped.add(*new),
            },
            Notice::ClockStepped { .. } => metrics.clock_steps.add(1),
            Notice::StoreAway(_) => metrics.set_store_away(true),
            Notice::StoreBack => metrics.set_store_away(false),
            Notice::Turn(_)
            | Notice::Expired { .. }
            | Notice::ClaimTaken { .. }
            | Notice::Unwritten { .. }
            | Notice::LeaseLost(_) => {}
        }
    }
}

/// One line for a notice. What goes well is told only to those who debug.
fn write(notice: &Notice) {
    match notice {
        Notice::Started { .. } | Notice::Retrying { .. } | Notice::Ended { .. } => {
            write_of_run(notice);
        }
        Notice::Gap { .. }
        | Notice::Turn(_)
        | Notice::Expired { .. }
        | Notice::ClaimTaken { .. } => write_of_job(notice),
        Notice::ClockStepped { forward, by } => {
            let direction = if *forward { "forward" } else { "back" };
            log::warn!(event = "clock_stepped"; "the clock was stepped {direction} by {} ms", by.as_millis());
        }
        Notice::StoreAway(_)
        | Notice::StoreBack
        | Notice::LeaseLost(_)
        | Notice::Unwritten { .. } => write_of_store(notice),
    }
}

fn write_of_run(notice: &Notice) {
    match notice {
        Notice::Started {
            run,
            job,
            trigger,
            lateness,
            queued,
        } => {
            if *queued > config::QUEUE_WAIT_WARN {
                let waited = queued.as_millis();
                log::warn!(
                    job:% = job.id, run:% = run, event = "run_waited";
                    "{} run {run}: waited {waited} ms in the queue; more --workers would shorten that",
                    named(job)
                );
            }
            // Thousands of these a second must cost nothing where nobody reads them.
            if log::log_enabled!(Level::Debug) {
                let late = lateness.map(|late| format!(", {} us late", late.as_micros()));
                let (trigger, late) = (trigger.as_str(), late.unwrap_or_default());
                log::debug!(
                    job:% = job.id, run:% = run, event = "run_started", trigger;
                    "{} run {run}: started by {trigger}{late}",
                    named(job)
                );
            }
        }
        Notice::Retrying {
            run,
            job,
            attempt,
            end,
            ..
        } => log::warn!(
            job:% = job.id, run:% = run, event = "run_retrying", attempt;
            "{} run {run}: attempt {attempt} {}, to be tried again",
            named(job),
            words(end)
        ),
        Notice::Ended {
            run,
            job,
            outcome,
            end,
            duration,
        } => {
            let end = end.as_ref().filter(|_| *outcome != Outcome::Succeeded);
            let end = end.map_or(String::new(), |end| format!(": {}", words(end)));
            let (done, took) = (outcome.as_str(), duration.as_millis());
            log::log!(
                level_of(*outcome),
                job:% = job.id, run:% = run, event = "run_ended", outcome = done;
                "{} run {run}: {done} after {took} ms{end}",
                named(job)
            );
        }
        _ => {}
    }
}

fn write_of_job(notice: &Notice) {
    match notice {
        Notice::Gap { job, gap, new } => {
            let level = match gap.kind {
                GapKind::Missed => Level::Warn,
                GapKind::Skipped => Level::Info,
            };
            let (kind, last) = (gap.kind.as_str(), gap.last);
            log::log!(
                level,
                job:% = job.id, event = kind, count = new;
                "{}: {new} {kind}, the last at {last:?}",
                named(job)
            );
        }
        Notice::Turn(turn) => {
            let (id, job) = (turn.job.id, named(&turn.job));
            let failures = turn.failures_in_a_row;
            match turn.turn {
                Turn::Failed => {
                    log::warn!(job:% = id, event = "failing", count = failures; "{job}: has failed {failures} times in a row");
                }
                Turn::Recovered => {
                    log::info!(job:% = id, event = "recovered", count = failures; "{job}: succeeds again, after {failures} failures");
                }
            }
        }
        Notice::Expired { job } => {
            log::info!(job:% = job.id, event = "expired"; "{}: has been done for --done-ttl, and goes", named(job));
        }
        Notice::ClaimTaken { job, scheduled_at } => log::warn!(
            job:% = job.id, event = "claim_taken";
            "{}: {scheduled_at:?} is claimed by another server",
            named(job)
        ),
        _ => {}
    }
}

fn write_of_store(notice: &Notice) {
    match notice {
        Notice::StoreAway(why) => log::error!(
            event = "store_away";
            "the job database cannot be written: {why}; what runs goes on and is written later, changes are refused"
        ),
        Notice::StoreBack => {
            log::info!(event = "store_back"; "the job database takes writes again");
        }
        Notice::LeaseLost(why) => log::error!(
            event = "lease_lost";
            "this server has lost the lease of the job database: {why}; what it ran is ended and not recorded here"
        ),
        Notice::Unwritten { runs, why } => log::error!(
            event = "ends_lost";
            "the job database did not come back in time: the ends of {runs} runs are lost, and after the next start \
             they stand as interrupted or missed: {why}"
        ),
        _ => {}
    }
}

fn named(job: &Job) -> String {
    format!("job {} ({})", job.id, job.spec.name())
}

fn level_of(outcome: Outcome) -> Level {
    match outcome {
        Outcome::Succeeded | Outcome::Cancelled => Level::Debug,
        Outcome::Failed | Outcome::TimedOut | Outcome::Interrupted => Level::Warn,
    }
}

/// How an attempt ended, in words.
pub(super) fn words(end: &AttemptEnd) -> String {
    match end {
        AttemptEnd::Exited(code) => format!("exit status {code}"),
        AttemptEnd::Signalled(signal) => format!("ended by signal {signal}"),
        AttemptEnd::Answered(status, _) => format!("status {status}"),
        AttemptEnd::Error(why) => why.clone(),
        AttemptEnd::TimedOut => "ran into its timeout".to_owned(),
        AttemptEnd::Stopped => "was stopped".to_owned(),
        AttemptEnd::TooLate => "came too late to start".to_owned(),
    }
}
