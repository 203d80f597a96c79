//! Runs as answers show them: Kala's `job_stats`, and the history with all that is known of a run.

use super::json::Json;
use crate::job::run::{AttemptEnd, Gap, HistoryEntry, Outcome, RunRecord};
use crate::job::{Job, JobId};
use crate::registry::RunningView;
use crate::schedule::Zone;

/// Writes `runs` as Kala's `job_stats`, in the order given, or null when there are none. Each figure has the key of
/// Kala's program and that of its document.
pub fn write_job_stats<'a>(json: &mut Json, job: &Job, runs: impl Iterator<Item = &'a RunRecord>) {
    const PROGRAM: [&str; 5] = [
        "job_id",
        "ran_at",
        "number_of_retries",
        "success",
        "execution_duration",
    ];
    const DOCUMENT: [&str; 5] = [
        "JobId",
        "RanAt",
        "NumberOfRetries",
        "Success",
        "ExecutionDuration",
    ];
    let mut runs = runs.peekable();
    if runs.peek().is_none() {
        return json.raw("null");
    }
    json.open('[');
    for run in runs {
        json.item().open('{');
        for [id, ran_at, retries, success, duration] in [PROGRAM, DOCUMENT] {
            json.key(id).id(job.id.0);
            json.key(ran_at).time(run.started_at, job.schedule.zone());
            json.key(retries).number(run.attempts.saturating_sub(1));
            json.key(success).flag(run.outcome == Outcome::Succeeded);
            json.key(duration).number(run.duration.as_nanos());
        }
        json.close('}');
    }
    json.close(']');
}

/// Writes an entry of a job's history. Occurrences that never became a run have `missed` or `skipped` for an outcome,
/// and their number.
pub fn write_entry(json: &mut Json, job: JobId, entry: &HistoryEntry, zone: Zone) {
    match entry {
        HistoryEntry::Run(run) => write_run(json, job, run, zone),
        HistoryEntry::Gap(gap) => write_gap(json, job, gap, zone),
    }
}

/// Writes a run that is in progress: its outcome is null and its end the zero time.
pub fn write_running(json: &mut Json, run: &RunningView) {
    let zone = run.job.schedule.zone();
    json.open('{');
    json.key("id").id(run.id.0);
    json.key("job_id").id(run.job.id.0);
    json.key("trigger").string(run.trigger.as_str());
    json.key("scheduled_at").time(run.scheduled_at, zone);
    json.key("started_at").time(run.started_at, zone);
    json.key("finished_at").time(None, zone);
    json.key("attempts").number(run.attempt);
    json.key("outcome").raw("null");
    write_end(json, None);
    json.key("error").raw("null");
    json.key("execution_duration").number(0);
    json.key("output_size").number(run.output.total());
    json.close('}');
}

fn write_run(json: &mut Json, job: JobId, run: &RunRecord, zone: Zone) {
    json.open('{');
    json.key("id").id(run.id.0);
    json.key("job_id").id(job.0);
    json.key("trigger").string(run.trigger.as_str());
    json.key("scheduled_at").time(run.scheduled_at, zone);
    json.key("started_at").time(run.started_at, zone);
    json.key("finished_at").time(Some(run.finished_at), zone);
    json.key("attempts").number(run.attempts);
    json.key("outcome").string(run.outcome.as_str());
    write_end(json, run.end.as_ref());
    json.key("error");
    match error(run) {
        Some(error) => json.string(&error),
        None => json.raw("null"),
    }
    json.key("execution_duration")
        .number(run.duration.as_nanos());
    json.key("output_size").number(run.output_total);
    json.close('}');
}

fn write_gap(json: &mut Json, job: JobId, gap: &Gap, zone: Zone) {
    json.open('{');
    json.key("id").id(gap.id.0);
    json.key("job_id").id(job.0);
    json.key("outcome").string(gap.kind.as_str());
    json.key("count").number(gap.count);
    json.key("scheduled_at").time(Some(gap.first), zone);
    json.key("last_scheduled_at").time(Some(gap.last), zone);
    json.close('}');
}

/// Exit code, signal or status: whichever the last attempt ended with.
pub fn write_end(json: &mut Json, end: Option<&AttemptEnd>) {
    let (mut exit_code, mut signal, mut status) = (None, None, None);
    match end {
        Some(AttemptEnd::Exited(code)) => exit_code = Some(*code),
        Some(AttemptEnd::Signalled(number)) => signal = Some(*number),
        Some(AttemptEnd::Answered(code, _)) => status = Some(i32::from(*code)),
        _ => {}
    }
    for (key, number) in [
        ("exit_code", exit_code),
        ("signal", signal),
        ("status", status),
    ] {
        json.key(key);
        match number {
            Some(number) => json.number(number),
            None => json.raw("null"),
        }
    }
}

/// Why a run did not succeed, in words.
fn error(run: &RunRecord) -> Option<String> {
    if run.outcome == Outcome::Succeeded {
        return None;
    }
    Some(match &run.end {
        None => "the server died under it; it may have succeeded".to_owned(),
        Some(AttemptEnd::Exited(code)) => format!("exit status {code}"),
        Some(AttemptEnd::Signalled(number)) => format!("ended by signal {number}"),
        Some(AttemptEnd::Answered(status, _)) => {
            format!("answered with status {status}, which was not expected")
        }
        Some(AttemptEnd::Error(why)) => why.clone(),
        Some(AttemptEnd::TimedOut) => "took longer than its timeout".to_owned(),
        Some(AttemptEnd::Stopped) => "stopped on request".to_owned(),
        Some(AttemptEnd::TooLate) => "its window closed before an attempt could start".to_owned(),
    })
}
