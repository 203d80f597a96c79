//! Jobs, runs and states for tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::change::{Change, Unit};
use crate::clock::Timestamp;
use crate::job::output::OutputBuffer;
use crate::job::run::{
    AttemptEnd, Figures, Gap, GapKind, HistoryEntry, Outcome, RunId, RunRecord, Trigger,
};
use crate::job::state::{JobState, JobStateRest, OpenRun};
use crate::job::texts::TextsOf;
use crate::job::{
    Action, ChildrenRun, Extras, Job, JobId, JobSpec, OnInterrupted, Overlap, RemoteRequest,
    RunAfter, Span,
};
use crate::schedule::{Interval, Schedule, Zone};

/// The instant that all samples count from.
pub(crate) const NOON: Timestamp = Timestamp::from_unix(1_800_000_000, 123_456_789);

const TEXTS: TextsOf<'_> = TextsOf {
    name: "",
    command: "/usr/bin/true --flag value",
    owner: "someone@example.com",
    schedule: "",
    timezone: "",
};

/// A job as most are: a command every hour.
pub(crate) fn plain_job(seq: u64) -> Job {
    let spec = JobSpec {
        texts: TextsOf {
            name: &format!("job {seq}"),
            schedule: "R/2027-01-04T09:00:00Z/PT1H",
            ..TEXTS
        }
        .into(),
        action: Action::Local,
        parents: Vec::new(),
        on_failure_job: None,
        retries: 0,
        retry_delay: None,
        epsilon: span("PT5S"),
        timeout: None,
        overlap: Overlap::Queue,
        run_after: RunAfter::Any,
        children_run: ChildrenRun::InOrder,
        on_interrupted: OnInterrupted::Leave,
        resume_at_next_scheduled_time: false,
        disabled: false,
        extras: None,
    };
    with_spec(seq, spec)
}

/// A job with nothing left at its default.
pub(crate) fn full_job() -> Job {
    let text = |text: &str| text.to_owned();
    let spec = JobSpec {
        texts: TextsOf {
            name: "job 1",
            schedule: "R5/2027-01-04T09:00:00/P1M",
            timezone: "Europe/Berlin",
            ..TEXTS
        }
        .into(),
        action: Action::Remote(Box::new(RemoteRequest {
            url: text("https://example.com/{{.Name}}"),
            method: text("POST"),
            body: text("\u{0}\"quoted\"\n\u{1F552}"),
            headers: BTreeMap::from([(text("X-A"), vec![text("1"), text("2")])]),
            timeout_secs: 7,
            expected_response_codes: vec![200, 204],
        })),
        parents: vec![JobId(Uuid::from_u128(1)), JobId(Uuid::from_u128(u128::MAX))],
        on_failure_job: Some(JobId(Uuid::from_u128(7))),
        retries: 3,
        retry_delay: span("PT0.25S"),
        epsilon: span("PT1H"),
        timeout: span("P1DT2H"),
        overlap: Overlap::Allow,
        run_after: RunAfter::All,
        children_run: ChildrenRun::Together,
        on_interrupted: OnInterrupted::Retry,
        resume_at_next_scheduled_time: true,
        disabled: true,
        extras: Some(Box::new(Extras {
            template_delimiters: text("{{ }}"),
            env: BTreeMap::from([(text("KEY"), text("value"))]),
            cwd: text("/tmp"),
            tags: vec![text("a"), text("b")],
            description: text("does it all"),
            alert_after: 4,
            alert_on_missed: true,
        })),
    };
    let mut job = with_spec(u64::MAX, spec);
    job.linked = [1, 2].into();
    job
}

fn with_spec(seq: u64, spec: JobSpec) -> Job {
    let zone = match spec.timezone() {
        "" => Zone::UTC,
        name => Zone::parse(name).unwrap(),
    };
    let schedule =
        Schedule::parse(spec.schedule(), zone, !spec.timezone().is_empty(), NOON).unwrap();
    Job {
        id: JobId::random(),
        seq,
        version: 1,
        created_at: NOON,
        updated_at: NOON.plus(Duration::from_nanos(1)),
        linked: Box::default(),
        anchor: NOON,
        spec,
        schedule,
    }
}

fn span(text: &str) -> Option<Box<Span>> {
    Some(Box::new(Span {
        text: text.into(),
        interval: Interval::parse(text).unwrap(),
    }))
}

/// A state that has seen everything.
pub(crate) fn busy_state() -> JobState {
    JobState {
        cursor: NOON,
        figures: Figures {
            success_count: 100_000,
            last_success: Some(NOON),
            error_count: 3,
            last_error: Some(NOON.minus(Duration::from_secs(5))),
            last_attempted_run: Some(NOON),
            finished_runs: 100_001,
            missed_count: 4,
            skipped_count: 5,
            failures_in_a_row: 1,
            last_duration: Duration::from_millis(1_500),
            alerted: false,
        },
        next_number: 100_010,
        rest: None,
    }
}

/// What few states have.
pub(crate) fn rest(job: JobId) -> JobStateRest {
    JobStateRest {
        ended_at: Some(at(1)),
        gap: Some(gap(job, 9)),
        parents_done: vec![job],
        claimed_from: Some(NOON),
        claimed: vec![(NOON, Timestamp::MAX), (Timestamp::MIN, NOON)],
    }
}

/// An entry for missed occurrences.
pub(crate) fn gap(job: JobId, number: u64) -> Gap {
    Gap {
        id: RunId::new(job, number, at(number)),
        kind: GapKind::Missed,
        first: at(number),
        last: at(number + 5),
        count: 6,
    }
}

/// A claim of the occurrence at `scheduled_at`.
pub(crate) fn claim(job: JobId, number: u64, scheduled_at: Timestamp) -> OpenRun {
    OpenRun {
        id: RunId::new(job, number, NOON),
        job,
        trigger: Trigger::Schedule,
        scheduled_at: Some(scheduled_at),
        created_at: NOON,
        claimed: true,
        repeats: false,
        chain: None,
    }
}

/// Each run begins a second after the one before.
fn at(number: u64) -> Timestamp {
    NOON.plus(Duration::from_secs(number))
}

/// The record of a run that succeeded and wrote something.
pub(crate) fn ended_run(job: JobId, number: u64) -> HistoryEntry {
    HistoryEntry::Run(Box::new(RunRecord {
        id: RunId::new(job, number, at(number)),
        trigger: Trigger::Schedule,
        scheduled_at: Some(at(number)),
        started_at: Some(at(number)),
        finished_at: at(number).plus(Duration::from_millis(2)),
        attempts: 1,
        duration: Duration::from_micros(1_999),
        outcome: Outcome::Succeeded,
        end: Some(AttemptEnd::Exited(0)),
        output_total: 10,
    }))
}

/// An output of so many bytes.
pub(crate) fn output(bytes: usize) -> Arc<OutputBuffer> {
    let buffer = OutputBuffer::new(bytes);
    buffer.append(&vec![b'x'; bytes]);
    Arc::new(buffer)
}

/// Changes under a ticket.
pub(crate) fn unit(ticket: u64, changes: Vec<Change>) -> Unit {
    Unit { ticket, changes }
}
