//! The disk form of a job's cursor and counters.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::field::{self, is_default, optional};
use super::run::GapRow;
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::job::run::{Figures, Gap};
use crate::job::state::{JobState, JobStateRest};
use crate::store::StoreError;

/// The value for a job's state.
#[must_use]
pub fn encode_state(state: &JobState) -> Vec<u8> {
    super::encode(|json| StateRow::serialize(state, json))
}

/// The state of `job`.
///
/// # Errors
/// When the value is damaged or of a newer version; the message names the job.
pub fn decode_state(job: JobId, value: &[u8]) -> Result<JobState, StoreError> {
    super::decode(value, &format_args!("the state of job {job}"), |json| {
        StateRow::deserialize(json)
    })
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "JobState")]
struct StateRow {
    #[serde(with = "field::instant")]
    cursor: Timestamp,
    #[serde(rename = "fig", with = "FiguresRow")]
    figures: Figures,
    #[serde(rename = "next")]
    next_number: u64,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "rest")]
    rest: Option<Box<JobStateRest>>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Figures")]
struct FiguresRow {
    #[serde(rename = "ok", default, skip_serializing_if = "is_default")]
    success_count: u64,
    #[serde(
        rename = "ok_at",
        default,
        skip_serializing_if = "Option::is_none",
        with = "field::maybe_instant"
    )]
    last_success: Option<Timestamp>,
    #[serde(rename = "err", default, skip_serializing_if = "is_default")]
    error_count: u64,
    #[serde(
        rename = "err_at",
        default,
        skip_serializing_if = "Option::is_none",
        with = "field::maybe_instant"
    )]
    last_error: Option<Timestamp>,
    #[serde(
        rename = "run_at",
        default,
        skip_serializing_if = "Option::is_none",
        with = "field::maybe_instant"
    )]
    last_attempted_run: Option<Timestamp>,
    #[serde(rename = "runs", default, skip_serializing_if = "is_default")]
    finished_runs: u64,
    #[serde(rename = "missed", default, skip_serializing_if = "is_default")]
    missed_count: u64,
    #[serde(rename = "skipped", default, skip_serializing_if = "is_default")]
    skipped_count: u64,
    #[serde(rename = "fails", default, skip_serializing_if = "is_default")]
    failures_in_a_row: u32,
    #[serde(
        rename = "took",
        default,
        skip_serializing_if = "is_default",
        with = "field::nanos"
    )]
    last_duration: Duration,
    #[serde(default, skip_serializing_if = "is_default")]
    alerted: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "JobStateRest")]
struct RestRow {
    #[serde(default, skip_serializing_if = "Option::is_none", with = "gap")]
    gap: Option<Gap>,
    #[serde(
        rename = "done",
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "field::job_ids"
    )]
    parents_done: Vec<JobId>,
    #[serde(
        rename = "end",
        default,
        skip_serializing_if = "Option::is_none",
        with = "field::maybe_instant"
    )]
    ended_at: Option<Timestamp>,
    #[serde(
        rename = "from",
        default,
        skip_serializing_if = "Option::is_none",
        with = "field::maybe_instant"
    )]
    claimed_from: Option<Timestamp>,
    #[serde(
        rename = "claimed",
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "field::stretches"
    )]
    claimed: Vec<(Timestamp, Timestamp)>,
}

optional!(rest, Box<JobStateRest>, RestRow, Box::new);
optional!(gap, Gap, GapRow, std::convert::identity);
