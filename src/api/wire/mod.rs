//! The JSON of the API, both ways. Knows neither routes nor the scheduler.
//!
//! This is the one room that knows Kala: which of its keys are spelled in two ways, how it orders, escapes and leaves
//! empty. Clients written for it must find here what they found there.

mod alert;
mod bodies;
mod draft;
mod event;
mod forecast;
mod import;
mod input;
mod job;
mod json;
mod past;
mod run;
mod stats;
mod words;

#[cfg(test)]
mod tests;

pub use alert::write_alert;
pub use bodies::{BackfillKeys, PreviewKeys, instant, parse_trial};
pub use draft::JobKeys;
pub use event::{write_event, write_output};
pub use forecast::forecast;
pub use import::{ImportKeys, Seen, parse_import};
pub use input::BadBody;
pub use job::{JOB_BYTES, write_job};
pub use json::Json;
pub use past::history;
pub use run::{write_end, write_entry, write_job_stats, write_running};
pub use stats::stats;
