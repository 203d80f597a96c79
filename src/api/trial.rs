//! `POST /run/`: a command on trial, run as a job would run it, stored nowhere.

use std::sync::Arc;

use crate::clock;
use crate::http;
use crate::job::run::AttemptEnd;
use crate::scheduler::command::Refusal;
use crate::worker::{Trial, Untried};

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
    let trial = Trial::of(spec, clock::now())?;
    let trials = Arc::clone(&api.trials);
    Ok(Reply::Later(Box::new(move |responder| {
        trials.start(trial, move |tried| match tried {
            Ok((end, output)) => responder.send_with(move || report(&end, &output)),
            Err(why) => responder.send(ApiError::from(why)),
        });
    })))
}

impl From<Untried> for ApiError {
    fn from(why: Untried) -> ApiError {
        let status = match why {
            Untried::TooLong => 400,
            Untried::TooMany => 503,
        };
        ApiError::new(status, why.to_string())
    }
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
}
