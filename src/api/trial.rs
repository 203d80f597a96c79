//! `POST /run/`: a command on trial, run as a job would run it, stored nowhere.
//!
//! It takes as long as it takes, so each has a thread of its own, which answers when the command has ended. There are few
//! of them at once, each with a limit of its time, and what still runs when the server stops is killed.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use crate::clock::{self, Timestamp};
use crate::config;
use crate::http::{self, Responder};
use crate::job::Span;
use crate::job::run::AttemptEnd;
use crate::schedule::{Interval, Zone};
use crate::scheduler::command::Refusal;
use crate::worker::{Stop, StopSignal, Trial, run_trial_until};

use super::answer;
use super::error::ApiError;
use super::wire::{Json, parse_trial, write_end};
use super::{Api, Call, Reply};

/// `POST /run/`: how the command ended and what it wrote.
pub(super) fn run(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    if api.scheduler.forbidden().local_jobs {
        return Err(Refusal::LocalJobsDenied.into());
    }
    let spec = parse_trial(&call.request.body)?.check()?;
    let extras = spec.extras.unwrap_or_default();
    let trial = Trial {
        command: spec.command.into(),
        env: extras.env,
        cwd: extras.cwd,
        timeout: Some(timeout(spec.timeout.as_deref(), clock::now())?),
    };
    let trials = Arc::clone(&api.trials);
    Ok(Reply::Later(Box::new(move |responder| {
        trials.start(trial, responder);
    })))
}

/// The limit of its time, checked.
fn timeout(asked: Option<&Span>, now: Timestamp) -> Result<Interval, ApiError> {
    let Some(asked) = asked else {
        return Ok(Interval {
            months: 0,
            days: 0,
            exact: config::TRIAL_TIMEOUT,
        });
    };
    let timeout = asked.interval;
    if timeout.after(now, Zone::UTC).since(now) > config::TRIAL_TIMEOUT_MAX {
        let max = config::TRIAL_TIMEOUT_MAX.as_secs() / 60;
        return Err(ApiError::new(
            400,
            format!(
                "timeout must be at most {max} minutes: make it a job, which may take as long as it wants"
            ),
        ));
    }
    Ok(timeout)
}

/// Commands on trial; what still runs is killed when this is dropped.
#[derive(Default)]
pub(super) struct Trials {
    running: Mutex<Vec<Running>>,
}

struct Running {
    stop: Arc<StopSignal>,
    thread: JoinHandle<()>,
}

impl Trials {
    fn start(&self, trial: Trial, responder: Responder) {
        let mut running = self.running.lock();
        running.retain(|trial| !trial.thread.is_finished());
        if running.len() >= config::TRIALS_MAX {
            return responder.send(too_many());
        }
        match spawn(trial, responder) {
            Ok(trial) => running.push(trial),
            // Its responder is gone with it, and has answered that the server failed.
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

fn spawn(trial: Trial, responder: Responder) -> std::io::Result<Running> {
    let stop = Arc::new(StopSignal::new()?);
    let bell = Arc::clone(&stop);
    let thread = thread::Builder::new()
        .name("trial".to_owned())
        .stack_size(config::WORKER_STACK_BYTES)
        .spawn(move || {
            let (end, output) = run_trial_until(&trial, &bell);
            responder.send_with(move || report(&end, &output));
        })?;
    Ok(Running { stop, thread })
}

fn report(end: &AttemptEnd, output: &[u8]) -> http::Answer {
    let mut json = Json::with_capacity(output.len() + 128);
    let outcome = match end {
        AttemptEnd::Exited(0) => "succeeded",
        AttemptEnd::TimedOut => "timed_out",
        AttemptEnd::Stopped => "cancelled",
        _ => "failed",
    };
    json.open('{').key("outcome").string(outcome);
    write_end(&mut json, Some(end));
    json.key("error");
    match end {
        AttemptEnd::Error(why) => json.string(why),
        _ => json.raw("null"),
    }
    json.key("output").string(&String::from_utf8_lossy(output));
    json.close('}');
    answer::json(200, json.finish())
}

fn too_many() -> ApiError {
    ApiError::new(
        503,
        format!(
            "{} commands are being tried, and no more can be at once: try again when one has ended",
            config::TRIALS_MAX
        ),
    )
}

#[cfg(test)]
mod tests {
    use tiny_http::Method::Post;

    use super::super::testing::{api, now};
    use super::*;

    #[test]
    fn err_trials() {
        let api = api();
        for (body, why) in [
            ("", "the body is empty"),
            ("{}", "command"),
            (r#"{"command":" "}"#, "command"),
            (r#"{"comand":"true"}"#, "did you mean \"command\"?"),
            (r#"{"command":"true","schedule":"R//PT1H"}"#, "schedule"),
            (r#"{"command":"true","env":{"A=B":"x"}}"#, "env"),
            (r#"{"command":"true","timeout":"10"}"#, "timeout"),
            (
                r#"{"command":"true","timeout":"PT10M1S"}"#,
                "timeout must be at most 10 minutes",
            ),
        ] {
            let answer = now(&api, Post, "/run/", body);
            assert_eq!(answer.status.0, 400, "{body}");
            let text = answer::text(answer);
            let why = why.replace('"', "\\\"");
            assert!(text.contains(&why), "{body}: {text}");
        }
    }

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
            let responder = Responder::to(move |answer| sender.send(answer).unwrap());
            trials.start(trial, responder);
        }
        let refused = answer::text(receiver.recv().unwrap());
        assert!(refused.contains("4 commands are being tried"), "{refused}");
        drop(trials);
        for _ in 0..config::TRIALS_MAX {
            let report = answer::text(receiver.recv().unwrap());
            assert!(report.contains("\"outcome\":\"cancelled\""), "{report}");
        }
    }
}
