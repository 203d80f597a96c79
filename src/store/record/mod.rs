//! The disk form: keys that sort by their bytes, and values of one version byte and compact JSON.
//!
//! Domain types are not serializable. Their mirrors stand here, by serde's `remote`: the compiler sees to it that no
//! field is forgotten, and a field renamed in the domain does not change what lies on a disk. How the form may grow:
//! a new key with a default, left out when it has it, is the same version, and an older server reads past it; a new
//! word of an enumeration, or another meaning, is a new version, which an older server refuses by name. JSON, because
//! a database that must be repaired by hand is repaired by someone in a hurry.

mod field;
mod job;
mod run;
mod state;

pub use job::{decode_job, encode_job};
pub use run::{decode_chain, decode_entry, decode_run, encode_chain, encode_entry, encode_run};
pub use state::{decode_state, encode_state};

use std::fmt;

use uuid::Uuid;

use super::StoreError;
use crate::job::JobId;
use crate::job::run::RunId;
use crate::job::state::OpenRun;

/// Version of each record.
pub const VERSION: u8 = 1;
/// Version of the arrangement: which tables there are, and how their keys are made.
pub const FORMAT: u32 = 1;
/// Key in [`Table::Meta`](super::Table::Meta) of the arrangement's version.
pub const FORMAT_KEY: &[u8] = b"format";
/// Key in [`Table::Meta`](super::Table::Meta) that exists while all scheduling is paused.
pub const PAUSED_KEY: &[u8] = b"paused";

/// Key of a job's definition and state, and first part of the keys of all that belongs to it.
#[must_use]
pub fn job_key(job: JobId) -> Vec<u8> {
    job.0.as_bytes().to_vec()
}

/// Key of an open run: by its occurrence, where the schedule has it only once, so that a second claim of it is a
/// conflict; else by its id.
#[must_use]
pub fn run_key(run: &OpenRun) -> Vec<u8> {
    let mut key = job_key(run.job);
    match run.holds_occurrence() {
        Some(at) => {
            key.push(0);
            // Instants before 1970 are negative: with the sign flipped they stand before the others.
            key.extend_from_slice(&(at.unix_secs() ^ i64::MIN).to_be_bytes());
            key.extend_from_slice(&at.subsec_nanos().to_be_bytes());
        }
        None => {
            key.push(1);
            key.extend_from_slice(run.id.0.as_bytes());
        }
    }
    key
}

/// Key of a history entry and of the output that belongs to it.
#[must_use]
pub fn entry_key(job: JobId, number: u64) -> Vec<u8> {
    let mut key = job_key(job);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Key of an output's size. It begins with the run's id, and that with its time: the oldest output comes first.
#[must_use]
pub fn size_key(run: RunId, job: JobId) -> Vec<u8> {
    let mut key = chain_key(run);
    key.extend_from_slice(job.0.as_bytes());
    key
}

/// Key of a chain.
#[must_use]
pub fn chain_key(chain: RunId) -> Vec<u8> {
    chain.0.as_bytes().to_vec()
}

/// The job that a key of its definition, state, runs, history or output begins with.
///
/// # Errors
/// When the key is too short for one.
pub fn job_of_key(key: &[u8]) -> Result<JobId, StoreError> {
    uuid_at(key, 0).map(JobId)
}

/// The run and the job that a [`size_key`] is made of.
///
/// # Errors
/// When the key is too short for them.
pub fn split_size_key(key: &[u8]) -> Result<(RunId, JobId), StoreError> {
    Ok((RunId(uuid_at(key, 0)?), JobId(uuid_at(key, 16)?)))
}

fn uuid_at(key: &[u8], at: usize) -> Result<Uuid, StoreError> {
    key.get(at..at + 16)
        .and_then(|bytes| Uuid::from_slice(bytes).ok())
        .ok_or_else(|| {
            corrupt(
                &format_args!("a key of {} bytes", key.len()),
                "it is cut off",
            )
        })
}

/// An output as it is stored: the version byte, then the bytes as they are.
#[must_use]
pub fn encode_output(text: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(1 + text.len());
    value.push(VERSION);
    value.extend_from_slice(text);
    value
}

/// The bytes of a stored output.
///
/// # Errors
/// When its version is not known here.
pub fn decode_output(mut value: Vec<u8>, whose: &dyn fmt::Display) -> Result<Vec<u8>, StoreError> {
    body(&value, whose)?;
    value.remove(0);
    Ok(value)
}

/// A plain value of [`Table::Meta`](super::Table::Meta) and [`Table::OutputSizes`](super::Table::OutputSizes).
#[must_use]
pub fn encode_number(number: u64) -> Vec<u8> {
    encode(|json| serde::Serialize::serialize(&number, json))
}

/// What [`encode_number`] made.
///
/// # Errors
/// When it is damaged or of a newer version.
pub fn decode_number(value: &[u8], whose: &dyn fmt::Display) -> Result<u64, StoreError> {
    decode(value, whose, |json| serde::Deserialize::deserialize(json))
}

type JsonWriter<'a> = serde_json::Serializer<&'a mut Vec<u8>>;
type JsonReader<'a> = serde_json::Deserializer<serde_json::de::SliceRead<'a>>;

/// The version byte and what `write` makes of a mirror.
fn encode(write: impl FnOnce(&mut JsonWriter<'_>) -> serde_json::Result<()>) -> Vec<u8> {
    let mut value = Vec::with_capacity(256);
    value.push(VERSION);
    write(&mut serde_json::Serializer::new(&mut value))
        .expect("mirrors have keys of text, and memory does not refuse a write");
    value
}

/// What `read` makes of the value behind the version byte; `whose` says in an error what could not be read.
fn decode<'a, T>(
    value: &'a [u8],
    whose: &dyn fmt::Display,
    read: impl FnOnce(&mut JsonReader<'a>) -> serde_json::Result<T>,
) -> Result<T, StoreError> {
    let mut json = serde_json::Deserializer::from_slice(body(value, whose)?);
    let row = read(&mut json).map_err(|error| corrupt(whose, &error))?;
    json.end().map_err(|error| corrupt(whose, &error))?;
    Ok(row)
}

fn body<'a>(value: &'a [u8], whose: &dyn fmt::Display) -> Result<&'a [u8], StoreError> {
    match value.split_first() {
        Some((&VERSION, body)) => Ok(body),
        Some((&version, _)) if version > VERSION => Err(StoreError::Corrupt(format!(
            "{whose} was written by a newer Nimesha (record version {version}, this one knows up to {VERSION}): \
             start that newer version again, or restore a backup from before the upgrade"
        ))),
        _ => Err(corrupt(whose, "it does not begin with a version")),
    }
}

fn corrupt(whose: &dyn fmt::Display, why: impl fmt::Display) -> StoreError {
    StoreError::Corrupt(format!(
        "{whose} cannot be read: {why}; the database is damaged, restore it from a backup"
    ))
}

#[cfg(test)]
mod tests;
