//! A job's history as answers show it, read back: entries of `runs`, and Kala's `stats`, which know less.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;

use super::import::{TIME, time};
use super::input::{BadBody, Field, Key, Object, key, put};
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::job::run::{AttemptEnd, Gap, GapKind, HistoryEntry, Outcome, RunId, RunRecord, Trigger};

/// An entry of a history, as somebody shows it.
#[derive(Clone, Debug)]
pub struct PastRun {
    id: Option<RunId>,
    ending: Option<Ending>,
    trigger: Trigger,
    scheduled_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    attempts: u32,
    duration: Duration,
    exit_code: Option<i64>,
    signal: Option<i64>,
    status: Option<i64>,
    error: String,
    output_size: u64,
    count: u64,
    last: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Run(Outcome),
    Gap(GapKind),
}

impl Default for PastRun {
    fn default() -> PastRun {
        PastRun {
            id: None,
            ending: None,
            trigger: Trigger::Schedule,
            scheduled_at: None,
            started_at: None,
            finished_at: None,
            attempts: 1,
            duration: Duration::ZERO,
            exit_code: None,
            signal: None,
            status: None,
            error: String::new(),
            output_size: 0,
            count: 1,
            last: None,
        }
    }
}

/// The history of `job`, oldest first. Ids that a server has made for this job are kept; other entries get new ones, in
/// the order of their times. What was in progress is left out.
#[must_use]
pub fn history(job: JobId, runs: &[PastRun]) -> Vec<HistoryEntry> {
    let ended = runs.iter().filter(|run| run.ending.is_some());
    let mut runs: Vec<&PastRun> = ended.collect();
    let mut numbers = HashSet::new();
    let is_ours = |id: RunId| RunId::new(job, id.number(), id.made_at()) == id;
    let keeps_ids = runs.iter().all(|run| {
        run.id
            .is_some_and(|id| is_ours(id) && numbers.insert(id.number()))
    });
    runs.sort_by_key(|run| {
        let number = run.id.filter(|_| keeps_ids).map(RunId::number);
        (number, run.at())
    });
    let numbered = runs.into_iter().zip(1..);
    let entries = numbered.map(|(run, number)| {
        let id = run.id.filter(|_| keeps_ids);
        run.entry(id.unwrap_or_else(|| RunId::new(job, number, run.at())))
    });
    entries.collect()
}

impl PastRun {
    /// When it came about.
    fn at(&self) -> Timestamp {
        let known = self.started_at.or(self.scheduled_at);
        known.or(self.finished_at).unwrap_or(Timestamp::EPOCH)
    }

    fn entry(&self, id: RunId) -> HistoryEntry {
        let outcome = match self.ending {
            Some(Ending::Gap(kind)) => {
                return HistoryEntry::Gap(Gap {
                    id,
                    kind,
                    first: self.at(),
                    last: self.last.unwrap_or(self.at()),
                    count: self.count,
                });
            }
            Some(Ending::Run(outcome)) => outcome,
            None => Outcome::Interrupted,
        };
        let finished_at = self.finished_at;
        HistoryEntry::Run(Box::new(RunRecord {
            id,
            trigger: self.trigger,
            scheduled_at: self.scheduled_at,
            started_at: self.started_at,
            finished_at: finished_at.unwrap_or_else(|| self.at().plus(self.duration)),
            attempts: self.attempts,
            duration: self.duration,
            outcome,
            end: self.end(outcome),
            output_total: self.output_size,
        }))
    }

    fn end(&self, outcome: Outcome) -> Option<AttemptEnd> {
        let small = |number: Option<i64>| number.and_then(|number| i32::try_from(number).ok());
        let status = self.status.and_then(|status| u16::try_from(status).ok());
        match (small(self.exit_code), small(self.signal), status, outcome) {
            (Some(code), ..) => Some(AttemptEnd::Exited(code)),
            (_, Some(signal), ..) => Some(AttemptEnd::Signalled(signal)),
            (_, _, Some(status), _) => {
                Some(AttemptEnd::Answered(status, outcome == Outcome::Succeeded))
            }
            (.., Outcome::TimedOut) => Some(AttemptEnd::TimedOut),
            (.., Outcome::Cancelled) => Some(AttemptEnd::Stopped),
            (.., Outcome::Failed) if !self.error.is_empty() => {
                Some(AttemptEnd::Error(self.error.clone()))
            }
            _ => None,
        }
    }
}

/// A list of entries as `GET /job/{id}/runs/` shows them.
pub(super) fn runs(field: &Field<'_>) -> Result<Vec<PastRun>, BadBody> {
    list(field, RUN, "runs.")
}

/// A list of runs as Kala shows them, null for none.
pub(super) fn stats(field: &Field<'_>) -> Result<Vec<PastRun>, BadBody> {
    list(field, STAT, "stats.")
}

fn list(
    field: &Field<'_>,
    keys: &[Key<PastRun>],
    within: &'static str,
) -> Result<Vec<PastRun>, BadBody> {
    let items = match field.value() {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items,
        _ => return Err(field.must_be("a list of runs")),
    };
    let read = |item: &Value| {
        let Value::Object(run) = item else {
            return Err(field.must_be("a list of runs"));
        };
        let mut past = PastRun::default();
        Object::from(run.clone()).fill(&mut past, keys, within)?;
        Ok(past)
    };
    items.iter().map(read).collect()
}

const RUN: &[Key<PastRun>] = &[
    key("id", r#""01a3185c-546a-8102-8304-050000000001""#, |r, f| {
        put(&mut r.id, id(f))
    }),
    key("job_id", "", |_, _| Ok(())),
    key("trigger", r#""schedule""#, |r, f| {
        put(&mut r.trigger, trigger(f))
    }),
    key("scheduled_at", TIME, |r, f| {
        put(&mut r.scheduled_at, time(f))
    }),
    key("last_scheduled_at", TIME, |r, f| put(&mut r.last, time(f))),
    key("started_at", TIME, |r, f| put(&mut r.started_at, time(f))),
    key("finished_at", TIME, |r, f| put(&mut r.finished_at, time(f))),
    key("attempts", "1", |r, f| {
        put(&mut r.attempts, f.count(u32::MAX))
    }),
    key("outcome", r#""succeeded""#, |r, f| {
        put(&mut r.ending, ending(f))
    }),
    key("exit_code", "0", |r, f| put(&mut r.exit_code, code(f))),
    key("signal", "15", |r, f| put(&mut r.signal, code(f))),
    key("status", "200", |r, f| put(&mut r.status, code(f))),
    key("error", "null", |r, f| put(&mut r.error, f.text())),
    key("execution_duration", "1000000", |r, f| {
        put(&mut r.duration, f.whole().map(Duration::from_nanos))
    }),
    key("output_size", "0", |r, f| {
        put(&mut r.output_size, f.whole())
    }),
    key("count", "1", |r, f| put(&mut r.count, f.whole())),
];

/// Each key as Kala's program and as its document spells it.
const STAT: &[Key<PastRun>] = &[
    key("job_id", "", |_, _| Ok(())),
    key("JobId", "", |_, _| Ok(())),
    key("ran_at", TIME, |r, f| put(&mut r.started_at, time(f))),
    key("RanAt", TIME, |r, f| put(&mut r.started_at, time(f))),
    key("number_of_retries", "0", retries),
    key("NumberOfRetries", "0", retries),
    key("success", "true", success),
    key("Success", "true", success),
    key("execution_duration", "1000000", |r, f| {
        put(&mut r.duration, f.whole().map(Duration::from_nanos))
    }),
    key("ExecutionDuration", "1000000", |r, f| {
        put(&mut r.duration, f.whole().map(Duration::from_nanos))
    }),
];

const TRIGGERS: [Trigger; 6] = [
    Trigger::Schedule,
    Trigger::CatchUp,
    Trigger::Manual,
    Trigger::Parent,
    Trigger::Failure,
    Trigger::Backfill,
];

const OUTCOMES: [Outcome; 5] = [
    Outcome::Succeeded,
    Outcome::Failed,
    Outcome::TimedOut,
    Outcome::Cancelled,
    Outcome::Interrupted,
];

fn id(field: &Field<'_>) -> Result<Option<RunId>, BadBody> {
    match field.text()?.as_str() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| field.must_be("an id")),
    }
}

/// Why it came about; by the schedule where that is not told.
fn trigger(field: &Field<'_>) -> Result<Trigger, BadBody> {
    let text = field.text()?;
    let known = TRIGGERS.iter().find(|trigger| trigger.as_str() == text);
    match known {
        Some(trigger) => Ok(*trigger),
        None if text.is_empty() => Ok(Trigger::Schedule),
        None => {
            let words: Vec<&str> = TRIGGERS.iter().map(|trigger| trigger.as_str()).collect();
            Err(field.must_be(&format!("one of {}", words.join(", "))))
        }
    }
}

/// How it ended; none while it was in progress.
fn ending(field: &Field<'_>) -> Result<Option<Ending>, BadBody> {
    let gaps = [GapKind::Missed, GapKind::Skipped];
    let gaps = gaps.map(|kind| (kind.as_str(), Ending::Gap(kind)));
    let runs = OUTCOMES.map(|outcome| (outcome.as_str(), Ending::Run(outcome)));
    let text = field.text()?;
    let mut known = runs.into_iter().chain(gaps);
    match known.find(|(word, _)| *word == text) {
        Some((_, ending)) => Ok(Some(ending)),
        None if text.is_empty() => Ok(None),
        None => {
            let words = OUTCOMES.map(Outcome::as_str).join(", ");
            Err(field.must_be(&format!("one of {words}, missed, skipped")))
        }
    }
}

fn code(field: &Field<'_>) -> Result<Option<i64>, BadBody> {
    match field.value() {
        Value::Null => Ok(None),
        value => match value.as_i64() {
            Some(number) => Ok(Some(number)),
            None => Err(field.must_be("a whole number")),
        },
    }
}

fn retries(run: &mut PastRun, field: &Field<'_>) -> Result<(), BadBody> {
    let retries = field.count(u32::MAX)?;
    run.attempts = retries.saturating_add(1);
    Ok(())
}

fn success(run: &mut PastRun, field: &Field<'_>) -> Result<(), BadBody> {
    let outcome = match field.flag()? {
        true => Outcome::Succeeded,
        false => Outcome::Failed,
    };
    run.ending = Some(Ending::Run(outcome));
    Ok(())
}
