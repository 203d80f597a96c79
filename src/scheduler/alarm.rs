//! What the core notices, as alerts for those who do not look.
//!
//! When many jobs miss occurrences at one moment, as after the server was down, the cause is one: they are one alert.

use crate::alerts::{Alert, Ended, Subject, What};
use crate::clock::Timestamp;
use crate::config;
use crate::events::beginning;
use crate::job::run::{Gap, GapKind, Outcome};
use crate::job::{Job, secret};
use crate::scheduler::core::{Notice, TurnOfJob};
use crate::scheduler::policy::Turn;

use super::journal::words;

/// The alerts that the notices of one step come to.
pub(super) fn alerts(notices: &[Notice], now: Timestamp) -> Vec<Alert> {
    let missed =
        |notice: &&Notice| matches!(notice, Notice::Gap { gap, .. } if gap.kind == GapKind::Missed);
    let many = notices.iter().filter(missed).count() > config::ALERT_MISSED_JOBS_MAX;
    let mut all_missed = (0, 0);
    let mut alerts = Vec::new();
    for notice in notices {
        match notice {
            Notice::Gap { new, .. } if many && missed(&notice) => {
                all_missed = (all_missed.0 + 1, all_missed.1 + new);
            }
            notice => alerts.extend(alert(notice, now)),
        }
    }
    if let (jobs @ 1.., count) = all_missed {
        let what = What::ManyMissed { jobs };
        alerts.push(Alert {
            what,
            at: now,
            count,
        });
    }
    alerts
}

fn alert(notice: &Notice, now: Timestamp) -> Option<Alert> {
    let (what, at, count) = match notice {
        Notice::Turn(turn) => {
            let ended = Box::new(ended(turn));
            let what = match turn.turn {
                Turn::Failed => What::Failed(ended),
                Turn::Recovered => What::Recovered(ended),
            };
            (what, turn.run.finished_at, 1)
        }
        Notice::Gap { job, gap, new } => (missed(job, gap)?, now, *new),
        Notice::StoreAway(why) => (What::StoreAway(beginning(why).into()), now, 1),
        Notice::StoreBack => (What::StoreBack, now, 1),
        Notice::Started { .. }
        | Notice::Retrying { .. }
        | Notice::Ended { .. }
        | Notice::Expired { .. }
        | Notice::ClockStepped { .. }
        | Notice::ClaimTaken { .. }
        | Notice::Unwritten { .. }
        | Notice::LeaseLost(_) => return None,
    };
    Some(Alert { what, at, count })
}

fn missed(job: &Job, gap: &Gap) -> Option<What> {
    (gap.kind == GapKind::Missed).then(|| What::Missed {
        job: subject(job),
        last: gap.last,
    })
}

fn ended(turn: &TurnOfJob) -> Ended {
    let (job, run) = (&turn.job, &turn.run);
    let error = run
        .end
        .as_ref()
        .filter(|_| run.outcome != Outcome::Succeeded);
    let output = turn.output.as_ref().map(|output| {
        secret::tail(&job.spec, config::ALERT_OUTPUT_BYTES, |bytes| {
            output.since(output.total().saturating_sub(bytes as u64)).0
        })
    });
    Ended {
        job: subject(job),
        run: run.id,
        trigger: run.trigger,
        scheduled_at: run.scheduled_at,
        outcome: run.outcome,
        error: error.map(|end| beginning(&words(end)).into()),
        attempts: run.attempts,
        failures_in_a_row: turn.failures_in_a_row,
        output: output.unwrap_or_default().into(),
    }
}

fn subject(job: &Job) -> Subject {
    Subject {
        id: job.id,
        name: beginning(job.spec.name()).into(),
        owner: beginning(job.spec.owner()).into(),
        zone: job.schedule.zone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::job::JobId;
    use crate::job::run::RunId;
    use crate::store::samples;

    fn gap(kind: GapKind, number: u64) -> Notice {
        let mut job = samples::plain_job(number);
        job.id = JobId(uuid::Uuid::from_u128(number.into()));
        let gap = Gap {
            id: RunId::new(job.id, 1, Timestamp::EPOCH),
            kind,
            first: Timestamp::EPOCH,
            last: Timestamp::EPOCH,
            count: 9,
        };
        Notice::Gap {
            job: Arc::new(job),
            gap,
            new: 2,
        }
    }

    /// The kinds and numbers of the alerts.
    fn told(notices: &[Notice]) -> Vec<(&'static str, u64)> {
        let alerts = alerts(notices, Timestamp::EPOCH);
        let told = alerts
            .iter()
            .map(|alert| (alert.what.as_str(), alert.count));
        told.collect()
    }

    #[test]
    fn some_notices_are_alerts() {
        let notices = [
            Notice::StoreAway("disk full".to_owned()),
            gap(GapKind::Skipped, 1),
            gap(GapKind::Missed, 2),
            Notice::StoreBack,
            Notice::ClockStepped {
                forward: true,
                by: std::time::Duration::ZERO,
            },
        ];
        assert_eq!(
            told(&notices),
            [("store_away", 1), ("missed", 2), ("store_back", 1)]
        );
    }

    #[test]
    fn many_jobs_that_miss_at_one_moment_are_one() {
        let max = config::ALERT_MISSED_JOBS_MAX as u64;
        let mut notices: Vec<_> = (0..max).map(|job| gap(GapKind::Missed, job)).collect();
        assert_eq!(told(&notices).len() as u64, max);
        notices.push(Notice::StoreBack);
        notices.push(gap(GapKind::Missed, max));
        assert_eq!(
            told(&notices),
            [("store_back", 1), ("missed", 2 * (max + 1))]
        );
    }
}
