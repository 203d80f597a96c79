//! One command, run as a job would run it, with nobody waiting but the caller.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::command::{LocalExecutor, Shared, Task};
use super::executor::{Limit, Start};
use super::shortage::Shortage;
use super::stop::StopSignal;
use crate::config;
use crate::job::command;
use crate::job::output::OutputBuffer;
use crate::job::run::AttemptEnd;
use crate::schedule::{Interval, Zone};

/// A command to try. There is no job, so there are no templates and no `NIMESHA_*` variables.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// The command.
    pub command: String,
    /// Added to this process's environment.
    pub env: BTreeMap<String, String>,
    /// Working directory, or empty for this process's.
    pub cwd: String,
    /// Limit of its duration.
    pub timeout: Option<Interval>,
}

/// Runs `trial` on the caller's thread; returns how it ended and the last
/// [`OUTPUT_LIMIT_BYTES`](config::OUTPUT_LIMIT_BYTES) that it wrote.
#[must_use]
pub fn run_trial(trial: &Trial) -> (AttemptEnd, Vec<u8>) {
    match StopSignal::new() {
        Ok(stop) => run_trial_until(trial, &stop),
        Err(error) => (AttemptEnd::Error(unwatched(&error)), Vec::new()),
    }
}

/// [`run_trial`], ended before its time when `stop` is raised.
pub(crate) fn run_trial_until(trial: &Trial, stop: &StopSignal) -> (AttemptEnd, Vec<u8>) {
    let output = OutputBuffer::new(config::OUTPUT_LIMIT_BYTES);
    let end = attempt(trial, stop, &output).unwrap_or_else(AttemptEnd::Error);
    (end, output.text())
}

fn unwatched(error: &io::Error) -> String {
    format!("the command cannot be watched: {error}")
}

fn attempt(trial: &Trial, stop: &StopSignal, output: &OutputBuffer) -> Result<AttemptEnd, String> {
    let form = command::parse(&trial.command, "")?;
    let task = Task {
        command: form.fill(|field| field.path.to_owned()),
        env: (trial.env.iter())
            .map(|(name, value)| (name.as_str(), value.into()))
            .collect(),
        cwd: &trial.cwd,
        limit: trial.timeout.map(|interval| Limit {
            interval,
            zone: Zone::UTC,
        }),
        not_after: None,
        output,
    };
    let shortage = Arc::new(Shortage::new().map_err(|error| unwatched(&error))?);
    let shared = Shared::new(config::KILL_AFTER, shortage);
    let mut executor = LocalExecutor::new(Arc::new(shared));
    Ok(executor.run(&task, stop, &mut Start::now()))
}
