//! Commands on trial for somebody who waits elsewhere: few at once, each with a limit of its time.
//!
//! A trial takes as long as it takes, so each has a thread of its own, which hands on what became of it.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use super::stop::{Stop, StopSignal};
use super::trial::{Trial, run_trial_until};
use crate::clock::Timestamp;
use crate::config;
use crate::job::JobSpec;
use crate::job::run::AttemptEnd;
use crate::schedule::{Interval, Zone};

/// How a command on trial ended, and the last part of what it wrote.
pub type Tried = (AttemptEnd, Vec<u8>);

/// Why there is no trial, in words for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untried {
    /// The limit of its time is longer than a trial may take.
    TooLong,
    /// Too many are in progress.
    TooMany,
}

impl fmt::Display for Untried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Untried::TooLong => {
                let max = config::TRIAL_TIMEOUT_MAX.as_secs() / 60;
                write!(
                    f,
                    "timeout must be at most {max} minutes: make it a job, which may take as long as it wants"
                )
            }
            Untried::TooMany => write!(
                f,
                "{} commands are being tried, and no more can be at once: try again when one has ended",
                config::TRIALS_MAX
            ),
        }
    }
}

impl Trial {
    /// The command of a job, on trial; without a timeout of its own it gets
    /// [`TRIAL_TIMEOUT`](config::TRIAL_TIMEOUT).
    ///
    /// # Errors
    /// When its timeout is longer than [`TRIAL_TIMEOUT_MAX`](config::TRIAL_TIMEOUT_MAX).
    pub fn of(spec: JobSpec, now: Timestamp) -> Result<Trial, Untried> {
        let timeout = match &spec.timeout {
            Some(timeout) => timeout.interval,
            None => Interval {
                months: 0,
                days: 0,
                exact: config::TRIAL_TIMEOUT,
            },
        };
        if timeout.after(now, Zone::UTC).since(now) > config::TRIAL_TIMEOUT_MAX {
            return Err(Untried::TooLong);
        }
        let command = spec.command().into();
        let extras = spec.extras.unwrap_or_default();
        Ok(Trial {
            command,
            env: extras.env,
            cwd: extras.cwd,
            timeout: Some(timeout),
        })
    }
}

/// Commands on trial; what still runs is killed when this is dropped.
#[derive(Default)]
pub struct Trials {
    running: Mutex<Vec<Running>>,
}

struct Running {
    stop: Arc<StopSignal>,
    thread: JoinHandle<()>,
}

impl Trials {
    /// Starts a trial on a thread of its own, which calls `done` at its end. Where there is none, `done` is called at
    /// once.
    pub fn start(&self, trial: Trial, done: impl FnOnce(Result<Tried, Untried>) + Send + 'static) {
        let mut running = self.running.lock();
        running.retain(|trial| !trial.thread.is_finished());
        if running.len() >= config::TRIALS_MAX {
            return done(Err(Untried::TooMany));
        }
        match spawn(trial, done) {
            Ok(trial) => running.push(trial),
            // What `done` held is gone with it, and has answered that the server failed.
            Err(error) => log::warn!("a command could not be tried: {error}"),
        }
    }
}

impl Drop for Trials {
    fn drop(&mut self) {
        let running = std::mem::take(&mut *self.running.lock());
        for trial in &running {
            trial.stop.raise(Stop::Kill);
        }
        for trial in running {
            // A panic of it has been printed by its thread.
            let _ = trial.thread.join();
        }
    }
}

impl fmt::Debug for Trials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trials").finish_non_exhaustive()
    }
}

fn spawn(
    trial: Trial,
    done: impl FnOnce(Result<Tried, Untried>) + Send + 'static,
) -> std::io::Result<Running> {
    let stop = Arc::new(StopSignal::new()?);
    let bell = Arc::clone(&stop);
    let thread = thread::Builder::new()
        .name("trial".to_owned())
        .stack_size(config::WORKER_STACK_BYTES)
        .spawn(move || done(Ok(run_trial_until(&trial, &bell))))?;
    Ok(Running { stop, thread })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_still_runs_is_killed_at_the_end() {
        let trials = Trials::default();
        let (sender, receiver) = std::sync::mpsc::channel();
        for _ in 0..=config::TRIALS_MAX {
            let sender = sender.clone();
            let trial = Trial {
                command: "exec sleep 3600".to_owned(),
                ..Trial::default()
            };
            trials.start(trial, move |tried| sender.send(tried).unwrap());
        }
        assert_eq!(receiver.recv().unwrap(), Err(Untried::TooMany));
        drop(trials);
        for _ in 0..config::TRIALS_MAX {
            let (end, _) = receiver.recv().unwrap().unwrap();
            assert_eq!(end, AttemptEnd::Stopped);
        }
    }
}
