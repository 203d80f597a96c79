//! The disk form of open runs, chains and history entries.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::field::{self, boxed, is_default, optional};
use super::{job_of_key, uuid_at};
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::job::run::{AttemptEnd, Gap, GapKind, HistoryEntry, Outcome, RunId, RunRecord, Trigger};
use crate::job::state::{Chain, OpenRun};
use crate::store::StoreError;

/// The value for an open run.
#[must_use]
pub fn encode_run(run: &OpenRun) -> Vec<u8> {
    super::encode(|json| OpenRunRow::serialize(run, json))
}

/// An open run.
///
/// # Errors
/// When the row is damaged or of a newer version; the message names the job.
pub fn decode_run(key: &[u8], value: &[u8]) -> Result<OpenRun, StoreError> {
    let job = job_of_key(key)?;
    let whose = format_args!("an open run of job {job}");
    let mut run = super::decode(value, &whose, |json| OpenRunRow::deserialize(json))?;
    run.job = job;
    Ok(run)
}

/// The value for a chain.
#[must_use]
pub fn encode_chain(chain: &Chain) -> Vec<u8> {
    super::encode(|json| ChainRow::serialize(chain, json))
}

/// A chain.
///
/// # Errors
/// When the row is damaged or of a newer version; the message names the run that it began with.
pub fn decode_chain(key: &[u8], value: &[u8]) -> Result<Chain, StoreError> {
    let id = RunId(uuid_at(key, 0)?);
    let whose = format_args!("the chain of dependent jobs after run {id}");
    let mut chain = super::decode(value, &whose, |json| ChainRow::deserialize(json))?;
    chain.id = id;
    Ok(chain)
}

/// The value for a history entry.
#[must_use]
pub fn encode_entry(entry: &HistoryEntry) -> Vec<u8> {
    super::encode(|json| EntryRow::serialize(entry, json))
}

/// A history entry.
///
/// # Errors
/// When the row is damaged or of a newer version; the message names the job.
pub fn decode_entry(key: &[u8], value: &[u8]) -> Result<HistoryEntry, StoreError> {
    let job = job_of_key(key)?;
    let whose = format_args!("a history entry of job {job}");
    super::decode(value, &whose, |json| EntryRow::deserialize(json))
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "OpenRun")]
struct OpenRunRow {
    #[serde(with = "field::run_id")]
    id: RunId,
    #[serde(skip, default = "job_in_key")]
    job: JobId,
    #[serde(rename = "why", with = "TriggerRow")]
    trigger: Trigger,
    #[serde(
        rename = "at",
        default,
        skip_serializing_if = "Option::is_none",
        with = "field::maybe_instant"
    )]
    scheduled_at: Option<Timestamp>,
    #[serde(rename = "made", with = "field::instant")]
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "is_default")]
    claimed: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    repeats: bool,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "field::maybe_run_id"
    )]
    chain: Option<RunId>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Chain")]
struct ChainRow {
    #[serde(skip, default = "run_in_key")]
    id: RunId,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "field::maybe_run_id"
    )]
    parent: Option<RunId>,
    #[serde(with = "field::job_ids")]
    rest: Vec<JobId>,
    #[serde(default, skip_serializing_if = "is_default")]
    together: bool,
}

/// Until the key has been looked at, in which it stands.
fn job_in_key() -> JobId {
    JobId(Uuid::nil())
}

/// Until the key has been looked at, in which it stands.
fn run_in_key() -> RunId {
    RunId(Uuid::nil())
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "HistoryEntry", rename_all = "snake_case")]
enum EntryRow {
    Run(#[serde(with = "boxed_record")] Box<RunRecord>),
    Gap(#[serde(with = "GapRow")] Gap),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RunRecord")]
struct RecordRow {
    #[serde(with = "field::run_id")]
    id: RunId,
    #[serde(rename = "why", with = "TriggerRow")]
    trigger: Trigger,
    #[serde(
        rename = "at",
        default,
        skip_serializing_if = "Option::is_none",
        with = "field::maybe_instant"
    )]
    scheduled_at: Option<Timestamp>,
    #[serde(
        rename = "began",
        default,
        skip_serializing_if = "Option::is_none",
        with = "field::maybe_instant"
    )]
    started_at: Option<Timestamp>,
    #[serde(rename = "ended", with = "field::instant")]
    finished_at: Timestamp,
    #[serde(rename = "tries", default, skip_serializing_if = "is_default")]
    attempts: u32,
    #[serde(rename = "took", with = "field::nanos")]
    duration: Duration,
    #[serde(with = "OutcomeRow")]
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "maybe_end")]
    end: Option<AttemptEnd>,
    #[serde(rename = "out", default, skip_serializing_if = "is_default")]
    output_total: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Gap")]
pub(super) struct GapRow {
    #[serde(with = "field::run_id")]
    id: RunId,
    #[serde(with = "GapKindRow")]
    kind: GapKind,
    #[serde(with = "field::instant")]
    first: Timestamp,
    #[serde(with = "field::instant")]
    last: Timestamp,
    count: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Trigger", rename_all = "snake_case")]
enum TriggerRow {
    Schedule,
    CatchUp,
    Manual,
    Parent,
    Failure,
    Backfill,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Outcome", rename_all = "snake_case")]
enum OutcomeRow {
    Succeeded,
    Failed,
    TimedOut,
    Cancelled,
    Interrupted,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "GapKind", rename_all = "snake_case")]
enum GapKindRow {
    Missed,
    Skipped,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "AttemptEnd", rename_all = "snake_case")]
enum EndRow {
    Exited(i32),
    Signalled(i32),
    Answered(u16, bool),
    Error(String),
    TimedOut,
    Stopped,
    TooLate,
}

boxed!(boxed_record, RunRecord, RecordRow);
optional!(maybe_end, AttemptEnd, EndRow, std::convert::identity);
