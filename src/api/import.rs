//! `POST /import/`: whole jobs of another server, of this one at another time, or of Kala.
//!
//! All of a request is taken over, or nothing. Jobs go on as if this server had been down since they were last seen: they
//! keep their ids, counters and history, and where their schedule stood.

use std::collections::HashSet;
use std::time::Duration;

use crate::clock::{self, Timestamp};
use crate::job::JobId;
use crate::job::validate;
use crate::schedule::Schedule;
use crate::scheduler::command::{Answer, Command, Existing, Import, Imported, ImportedJob, NewJob};

use super::error::ApiError;
use super::query::bad;
use super::wire::{self, BadBody, ImportKeys, Json, Seen};
use super::{Api, Call, Reply, answer, checked};

/// `POST /import/`. `?existing=skip|replace` says what is done about jobs that are there, `?dry_run=true` only tells.
pub(super) fn import(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let now = clock::now();
    let existing = match call.query.get("existing") {
        None => Existing::Refuse,
        Some("skip") => Existing::Skip,
        Some("replace") => Existing::Replace,
        Some(other) => {
            return Err(bad(
                "existing",
                other,
                "\"skip\", \"replace\" or be left out",
            ));
        }
    };
    let dry_run = call.query.is("dry_run", "true")?;
    let mut keys = wire::parse_import(&call.request.body)?;
    // An object has no order, and the order of creation is that of lists.
    keys.sort_by_key(|job| job.seen.created_at.unwrap_or(Timestamp::MAX));
    let mut ids = HashSet::new();
    let mut jobs = Vec::with_capacity(keys.len());
    for job in keys {
        let id = job.seen.id.unwrap_or_else(JobId::random);
        if !ids.insert(id) {
            return Err(BadBody(format!("two of the jobs have the id {id}")).into());
        }
        jobs.push(imported(api, id, job, now)?);
    }
    let import = Import {
        jobs,
        existing,
        dry_run,
    };
    Ok(Reply::ask(
        Command::Import(Box::new(import)),
        move |answer| {
            let imported = match answer {
                Answer::Imported(imported) => imported,
                _ => Imported::default(),
            };
            answer::json(200, report(&imported, dry_run))
        },
    ))
}

/// The job that these keys describe, where it stands at `now`.
fn imported(
    api: &Api,
    id: JobId,
    keys: ImportKeys,
    now: Timestamp,
) -> Result<ImportedJob, ApiError> {
    let spec = checked(api.whole(&keys.keys)?);
    let spec = spec.map_err(|why| why.about(&format!("the job {id}")))?;
    let seen = keys.seen;
    let (schedule, anchor) = placed(&seen, now, |anchor| {
        validate::schedule(&spec, api.settings.zone, anchor)
            .map_err(|why| BadBody(format!("the job {id}: {why}")).into())
    })?;
    Ok(ImportedJob {
        cursor: cursor(&seen, now),
        created_at: seen.created_at,
        figures: seen.figures,
        history: wire::history(id, &seen.runs),
        children: seen.children,
        job: NewJob {
            id,
            spec,
            schedule,
            anchor,
        },
    })
}

/// The schedule on its old grid. One that names no start counts from the job's creation, or from when it was last
/// changed: that is not told, but the next occurrence shows which it is.
fn placed(
    seen: &Seen,
    now: Timestamp,
    read: impl Fn(Timestamp) -> Result<Schedule, ApiError>,
) -> Result<(Schedule, Timestamp), ApiError> {
    let anchor = seen.created_at.unwrap_or(now);
    let schedule = read(anchor)?;
    match seen.next_run_at {
        Some(next) if schedule.next_after(before(next)) != Some(next) => Ok((read(next)?, next)),
        _ => Ok((schedule, anchor)),
    }
}

/// Up to where a job's occurrences are done; none for one that was never anywhere. Kala tells no creation, but of a job
/// whose only run is under way that it has begun.
fn cursor(seen: &Seen, now: Timestamp) -> Option<Timestamp> {
    let was_there = seen.created_at.is_some() || seen.figures.last_attempted_run.is_some();
    match seen.next_run_at {
        Some(next) if !seen.is_done => Some(before(next).min(now)),
        None if !was_there && !seen.is_done => None,
        _ => Some(now),
    }
}

fn before(at: Timestamp) -> Timestamp {
    at.minus(Duration::from_nanos(1))
}

fn report(imported: &Imported, dry_run: bool) -> Vec<u8> {
    let mut json = Json::with_capacity(256);
    json.open('{').key("dry_run").flag(dry_run);
    for (key, ids) in [
        ("created", &imported.created),
        ("replaced", &imported.replaced),
        ("skipped", &imported.skipped),
    ] {
        json.key(key).open('[');
        ids.iter().for_each(|id| json.item().id(id.0));
        json.close(']');
    }
    json.close('}');
    json.finish()
}
