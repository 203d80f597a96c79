//! The disk form of a job's definition. Its schedule and durations are stored as the user wrote them and parsed anew
//! when they are read: what they mean is decided in one place.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::field::{self, boxed, is_default, optional};
use super::{corrupt, job_of_key};
use crate::clock::Timestamp;
use crate::job::texts::TextsOf;
use crate::job::{
    Action, ChildrenRun, Extras, Job, JobId, JobSpec, OnInterrupted, Overlap, RemoteRequest,
    RunAfter, Span,
};
use crate::schedule::{Interval, Schedule, ScheduleError, Zone};
use crate::store::StoreError;

/// The value for a job's definition.
#[must_use]
pub fn encode_job(job: &Job) -> Vec<u8> {
    let row = JobRow {
        seq: job.seq,
        version: job.version,
        created_at: job.created_at,
        updated_at: job.updated_at,
        anchor: job.anchor,
        linked: &job.linked,
        spec: SpecOut(&job.spec),
    };
    super::encode(|json| row.serialize(json))
}

/// The job of a row. `server_zone` is the zone of schedules that name none.
///
/// # Errors
/// When the row is damaged, of a newer version, or has a schedule that is not understood; the message names the job.
pub fn decode_job(key: &[u8], value: &[u8], server_zone: Zone) -> Result<Job, StoreError> {
    let id = job_of_key(key)?;
    let whose = format_args!("the definition of job {id}");
    let row: JobRow<Box<[u64]>, SpecIn> =
        super::decode(value, &whose, |json| JobRow::deserialize(json))?;
    let spec = row.spec.0;
    if row.linked.len() != spec.parents.len() {
        return Err(corrupt(&whose, "not each parent has its place"));
    }
    let schedule = parse_schedule(&spec, server_zone, row.anchor)
        .map_err(|error| corrupt(&format_args!("{whose} (\"{}\")", spec.name()), error))?;
    Ok(Job {
        id,
        seq: row.seq,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        linked: row.linked,
        anchor: row.anchor,
        spec,
        schedule,
    })
}

fn parse_schedule(
    spec: &JobSpec,
    server_zone: Zone,
    anchor: Timestamp,
) -> Result<Schedule, ScheduleError> {
    let zone_given = !spec.timezone().is_empty();
    let zone = if zone_given {
        Zone::parse(spec.timezone())?
    } else {
        server_zone
    };
    Schedule::parse(spec.schedule(), zone, zone_given, anchor)
}

/// A job but for its id, which is the key, and its parsed schedule.
#[derive(Serialize, Deserialize)]
struct JobRow<Links, Spec> {
    seq: u64,
    #[serde(rename = "ver")]
    version: u64,
    #[serde(rename = "made", with = "field::instant")]
    created_at: Timestamp,
    #[serde(rename = "set", with = "field::instant")]
    updated_at: Timestamp,
    #[serde(with = "field::instant")]
    anchor: Timestamp,
    linked: Links,
    spec: Spec,
}

#[derive(Serialize)]
struct SpecOut<'a>(#[serde(with = "SpecRow")] &'a JobSpec);

#[derive(Deserialize)]
struct SpecIn(#[serde(with = "SpecRow")] JobSpec);

#[derive(Serialize, Deserialize)]
#[serde(remote = "JobSpec")]
struct SpecRow {
    #[serde(getter = "name")]
    name: Box<str>,
    #[serde(
        rename = "cmd",
        default,
        skip_serializing_if = "str::is_empty",
        getter = "command"
    )]
    command: Box<str>,
    #[serde(
        rename = "do",
        default = "local",
        skip_serializing_if = "is_local",
        with = "ActionRow"
    )]
    action: Action,
    #[serde(default, skip_serializing_if = "str::is_empty", getter = "owner")]
    owner: Box<str>,
    #[serde(
        rename = "when",
        default,
        skip_serializing_if = "str::is_empty",
        getter = "schedule"
    )]
    schedule: Box<str>,
    #[serde(
        rename = "zone",
        default,
        skip_serializing_if = "str::is_empty",
        getter = "timezone"
    )]
    timezone: Box<str>,
    #[serde(
        rename = "after",
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "field::job_ids"
    )]
    parents: Vec<JobId>,
    #[serde(
        rename = "fail",
        default,
        skip_serializing_if = "Option::is_none",
        with = "field::maybe_job_id"
    )]
    on_failure_job: Option<JobId>,
    #[serde(default, skip_serializing_if = "is_default")]
    retries: u32,
    #[serde(
        rename = "pause",
        default,
        skip_serializing_if = "Option::is_none",
        with = "span"
    )]
    retry_delay: Option<Box<Span>>,
    #[serde(
        rename = "eps",
        default,
        skip_serializing_if = "Option::is_none",
        with = "span"
    )]
    epsilon: Option<Box<Span>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "span")]
    timeout: Option<Box<Span>>,
    #[serde(default, skip_serializing_if = "is_default", with = "OverlapRow")]
    overlap: Overlap,
    #[serde(
        rename = "of",
        default,
        skip_serializing_if = "is_default",
        with = "RunAfterRow"
    )]
    run_after: RunAfter,
    #[serde(
        rename = "kids",
        default,
        skip_serializing_if = "is_default",
        with = "ChildrenRunRow"
    )]
    children_run: ChildrenRun,
    #[serde(
        rename = "cut",
        default,
        skip_serializing_if = "is_default",
        with = "OnInterruptedRow"
    )]
    on_interrupted: OnInterrupted,
    #[serde(rename = "resume", default, skip_serializing_if = "is_default")]
    resume_at_next_scheduled_time: bool,
    #[serde(rename = "off", default, skip_serializing_if = "is_default")]
    disabled: bool,
    #[serde(
        rename = "more",
        default,
        skip_serializing_if = "Option::is_none",
        with = "extras"
    )]
    extras: Option<Box<Extras>>,
}

fn name(spec: &JobSpec) -> Box<str> {
    spec.name().into()
}

fn command(spec: &JobSpec) -> Box<str> {
    spec.command().into()
}

fn owner(spec: &JobSpec) -> Box<str> {
    spec.owner().into()
}

fn schedule(spec: &JobSpec) -> Box<str> {
    spec.schedule().into()
}

fn timezone(spec: &JobSpec) -> Box<str> {
    spec.timezone().into()
}

impl From<SpecRow> for JobSpec {
    fn from(row: SpecRow) -> JobSpec {
        let texts = TextsOf {
            name: &row.name,
            command: &row.command,
            owner: &row.owner,
            schedule: &row.schedule,
            timezone: &row.timezone,
        };
        JobSpec {
            texts: texts.into(),
            action: row.action,
            parents: row.parents,
            on_failure_job: row.on_failure_job,
            retries: row.retries,
            retry_delay: row.retry_delay,
            epsilon: row.epsilon,
            timeout: row.timeout,
            overlap: row.overlap,
            run_after: row.run_after,
            children_run: row.children_run,
            on_interrupted: row.on_interrupted,
            resume_at_next_scheduled_time: row.resume_at_next_scheduled_time,
            disabled: row.disabled,
            extras: row.extras,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Extras")]
struct ExtrasRow {
    #[serde(rename = "delims", default, skip_serializing_if = "String::is_empty")]
    template_delimiters: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    env: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    cwd: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(rename = "text", default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(rename = "alert", default, skip_serializing_if = "is_default")]
    alert_after: u32,
    #[serde(rename = "alert_missed", default, skip_serializing_if = "is_default")]
    alert_on_missed: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Action", rename_all = "snake_case")]
enum ActionRow {
    Local,
    Remote(#[serde(with = "request")] Box<RemoteRequest>),
}

fn local() -> Action {
    Action::Local
}

fn is_local(action: &Action) -> bool {
    matches!(action, Action::Local)
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RemoteRequest")]
struct RequestRow {
    url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    method: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    body: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, Vec<String>>,
    #[serde(rename = "timeout", default, skip_serializing_if = "is_default")]
    timeout_secs: u32,
    #[serde(rename = "codes", default, skip_serializing_if = "Vec::is_empty")]
    expected_response_codes: Vec<u16>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Overlap", rename_all = "snake_case")]
enum OverlapRow {
    Queue,
    Skip,
    Allow,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RunAfter", rename_all = "snake_case")]
enum RunAfterRow {
    Any,
    All,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ChildrenRun", rename_all = "snake_case")]
enum ChildrenRunRow {
    InOrder,
    Together,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "OnInterrupted", rename_all = "snake_case")]
enum OnInterruptedRow {
    Leave,
    Retry,
}

/// A duration: its text.
struct SpanRow;

impl SpanRow {
    fn serialize<S: Serializer>(span: &Span, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&span.text)
    }

    fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        let text = Box::<str>::deserialize(from)?;
        let interval = Interval::parse(&text).map_err(D::Error::custom)?;
        Ok(Span { text, interval })
    }
}

optional!(span, Box<Span>, SpanRow, Box::new);
optional!(extras, Box<Extras>, ExtrasRow, Box::new);
boxed!(request, RemoteRequest, RequestRow);
