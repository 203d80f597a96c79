//! Runs that somebody asks for: a manual start, and occurrences of the past.

use crate::http;
use crate::job::JobId;
use crate::job::run::RunId;
use crate::scheduler::command::{Answer, Command};

use super::answer;
use super::error::ApiError;
use super::query::bad;
use super::wire::{BackfillKeys, Json};
use super::{Api, Call, Reply};

/// `POST /job/start/{id}/`: answers when the run and its children are over, or with `?wait=false` once it is claimed.
pub(super) fn start(_: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = call.job_id()?;
    let wait = match call.query.get("wait") {
        None | Some("true") => true,
        Some("false") => false,
        Some(other) => return Err(bad("wait", other, "\"true\" or \"false\"")),
    };
    Ok(Reply::ask(
        Command::Start { id, wait },
        move |answer| match answer {
            Answer::Started(run) | Answer::Ran(run, _) => {
                http::Answer::empty(204).with_header("Location", &run_path(id, run))
            }
            _ => http::Answer::empty(204),
        },
    ))
}

/// `POST /job/{id}/backfill/`: answers how many runs were put in line.
pub(super) fn backfill(_: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = call.job_id()?;
    let keys = BackfillKeys::parse(&call.request.body)?;
    let command = Command::Backfill {
        id,
        from: keys.from,
        to: keys.to,
        limit: keys.limit,
    };
    Ok(Reply::ask(command, |answer| {
        let runs = match answer {
            Answer::Backfilled(runs) => runs,
            _ => 0,
        };
        let mut json = Json::with_capacity(32);
        json.open('{').key("runs").number(runs);
        json.close('}');
        answer::json(202, json.finish())
    }))
}

fn run_path(job: JobId, run: RunId) -> String {
    format!("/api/v1/job/{job}/runs/{run}/")
}

#[cfg(test)]
mod tests {
    use tiny_http::Method::Post;

    use super::super::answer::text;
    use super::super::testing::{NOW, api, asked, id, now, run, settled};
    use super::*;
    use crate::job::run::Outcome;
    use crate::scheduler::command::Refusal;

    #[test]
    fn a_start_waits_unless_told_otherwise() {
        let job = id(1);
        let run = run(job, 1).id;
        for (query, waits, answer) in [
            ("", true, Answer::Ran(run, Outcome::Failed)),
            ("?wait=true", true, Answer::Ran(run, Outcome::Succeeded)),
            ("?wait=false", false, Answer::Started(run)),
        ] {
            let target = format!("/job/start/{job}/{query}");
            let (command, then) = asked(&api(), Post, &target, "");
            let Command::Start { id, wait } = command else {
                panic!("{command:?}")
            };
            assert_eq!((id, wait), (job, waits));
            let answer = settled(then(Ok(answer)));
            assert_eq!(answer.status.0, 204);
            assert_eq!(answer.header("location"), Some(&*run_path(job, run)));
        }
        let (_, then) = asked(&api(), Post, &format!("/job/start/{job}"), "");
        assert_eq!(settled(then(Err(Refusal::Disabled(job)))).status.0, 409);
        let odd = now(&api(), Post, &format!("/job/start/{job}/?wait=no"), "");
        assert_eq!(odd.status.0, 400);
    }

    #[test]
    fn a_backfill_says_how_many_runs_it_made() {
        let target = format!("/job/{}/backfill/", id(1));
        let body = r#"{"from":"2026-11-23T06:49:12Z","to":"2026-11-23T07:49:12Z","limit":3}"#;
        let (command, then) = asked(&api(), Post, &target, body);
        assert!(matches!(
            command,
            Command::Backfill {
                from: NOW,
                limit: 3,
                ..
            }
        ));
        let answer = settled(then(Ok(Answer::Backfilled(2))));
        assert_eq!(
            (answer.status.0, text(answer)),
            (202, "{\"runs\":2}\n".to_owned())
        );
        assert_eq!(now(&api(), Post, &target, "{}").status.0, 400);
    }
}
