//! A job: created, shown, switched on and off, deleted. Updates and lists have rooms of their own.

use crate::clock;
use crate::http;
use crate::job::JobId;
use crate::job::secret::Secrets;
use crate::job::validate;
use crate::registry::JobView;
use crate::scheduler::command::{Command, NewJob};

use super::error::ApiError;
use super::wire::{JOB_BYTES, JobKeys, Json, write_job, write_job_stats};
use super::{Api, Call, Reply, checked, past};
use super::{answer, etag};

/// `POST /job/`. `?past_start=keep` takes a schedule whose start has passed, `?unique=name` refuses a name that a job has.
pub(super) fn create(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let now = clock::now();
    let unique_name = call.query.is("unique", "name")?;
    let keep_past_start = call.query.is("past_start", "keep")?;
    let spec = checked(api.whole(&JobKeys::parse(&call.request.body)?)?)?;
    let schedule = validate::schedule(&spec, api.settings.zone, now)?;
    if !keep_past_start {
        schedule.check_start(now)?;
    }
    let job = Box::new(NewJob {
        id: JobId::random(),
        spec,
        schedule,
        anchor: now,
    });
    let id = job.id;
    Ok(Reply::ask(
        Command::Create { job, unique_name },
        move |_| {
            let mut json = Json::with_capacity(64);
            json.open('{').key("id").id(id.0);
            json.close('}');
            answer::json(201, json.finish()).with_header("Location", &format!("/api/v1/job/{id}/"))
        },
    ))
}

/// `GET /job/{id}/`.
pub(super) fn show(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let view = api.job(call.job_id()?)?;
    let runs = past::known_runs(api, &view)?;
    Ok(Reply::Now(job_answer(&view, call.secrets(), |json| {
        write_job_stats(json, &view.job, runs.iter());
    })))
}

/// `GET /job/stats/{id}/`.
pub(super) fn stats(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let view = api.job(call.job_id()?)?;
    let runs = past::ended_runs(api, &view)?;
    let mut json = Json::with_capacity(256);
    json.open('{');
    write_job_stats(json.key("job_stats"), &view.job, runs.iter());
    json.close('}');
    Ok(Reply::Now(answer::json(200, json.finish())))
}

/// `DELETE /job/{id}/`; with `If-Match` only if nobody has changed the job meanwhile.
pub(super) fn delete(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = call.job_id()?;
    let expected_version = match call.request.header("if-match") {
        None => None,
        condition => {
            let version = api.job(id)?.job.version;
            etag::check(condition, version)?;
            Some(version)
        }
    };
    Ok(Reply::done(Command::Delete {
        id,
        expected_version,
    }))
}

/// `DELETE /job/all/`.
pub(super) fn delete_all(_: &Api, _: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(Reply::done(Command::DeleteAll))
}

/// `POST /job/enable/{id}/`.
pub(super) fn enable(_: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(Reply::done(Command::Enable(call.job_id()?)))
}

/// `POST /job/disable/{id}/`.
pub(super) fn disable(_: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(Reply::done(Command::Disable(call.job_id()?)))
}

/// `{"job": ...}`. Its `ETag` begins with the version of the definition, for `If-Match`.
pub(super) fn job_answer(
    view: &JobView,
    secrets: Secrets,
    stats: impl FnOnce(&mut Json),
) -> http::Answer {
    let mut json = Json::with_capacity(JOB_BYTES);
    json.open('{');
    write_job(json.key("job"), view, secrets, stats);
    json.close('}');
    answer::json(200, json.finish()).with_header("ETag", &etag::of_version(view.job.version))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tiny_http::Method::{Delete, Get, Post};

    use super::super::answer::text;
    use super::super::testing::{api, asked, id, now, put, read, run, settled};
    use super::*;
    use crate::job::run::{Figures, HistoryEntry};
    use crate::registry::{FreshEntry, Live};
    use crate::scheduler::command::{Answer, Refusal};

    const BODY: &str = r#"{"name":"x","command":"true","schedule":"R/2037-06-04T19:25:16Z/PT10S"}"#;

    #[test]
    fn a_created_job_is_answered_with_its_id() {
        let api = api();
        let (command, then) = asked(&api, Post, "/job/", BODY);
        let Command::Create { job, unique_name } = command else {
            panic!("{command:?}")
        };
        assert_eq!(
            (job.spec.name(), job.spec.owner(), unique_name),
            ("x", "ops", false)
        );
        let answer = settled(then(Ok(Answer::Created(job.id))));
        assert_eq!(answer.status.0, 201);
        assert_eq!(
            answer.header("content-type"),
            Some("application/json;charset=UTF-8")
        );
        assert_eq!(
            answer.header("location"),
            Some(&*format!("/api/v1/job/{}/", job.id))
        );
        assert_eq!(text(answer), format!("{{\"id\":\"{}\"}}\n", job.id));
    }

    #[test]
    fn a_name_may_be_asked_to_be_the_only_one() {
        let (command, then) = asked(&api(), Post, "/job/?unique=name", BODY);
        assert!(matches!(
            command,
            Command::Create {
                unique_name: true,
                ..
            }
        ));
        let answer = settled(then(Err(Refusal::NameTaken(id(1)))));
        assert_eq!(answer.status.0, 409);
        assert!(text(answer).contains(&format!("\"id\":\"{}\"", id(1))));
    }

    #[test]
    fn a_start_that_has_passed_is_refused_unless_it_is_meant() {
        let body = r#"{"name":"x","command":"true","schedule":"R/2001-01-01T00:00:00Z/PT1H"}"#;
        assert_eq!(now(&api(), Post, "/job/", body).status.0, 400);
        let _ = asked(&api(), Post, "/job/?past_start=keep", body);
    }

    #[test]
    fn err_creates() {
        for (query, body, expected) in [
            ("", "", "the body is empty"),
            ("", "{}", "name is missing"),
            ("", r#"{"name":"x"}"#, "command is missing"),
            (
                "",
                r#"{"name":"x","command":"true","schedule":"//"}"#,
                "schedule: ",
            ),
            (
                "",
                r#"{"name":"x","command":"true","epsilon":"bad"}"#,
                "epsilon: ",
            ),
            ("?unique=id", BODY, "unique in the query must be"),
        ] {
            let answer = now(&api(), Post, &format!("/job/{query}"), body);
            assert_eq!(answer.status.0, 400, "{body}");
            let text = text(answer);
            assert!(
                text.starts_with(&format!("{{\"error\":\"{expected}")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_job_is_shown_with_its_past() {
        let api = api();
        let figures = Some(Arc::new(Figures::default()));
        put(
            &api,
            1,
            BODY,
            Live {
                figures,
                ..Live::default()
            },
        );
        let target = format!("/job/{}/", id(1));
        let answer = now(&api, Get, &target, "");
        assert_eq!(answer.header("etag"), Some("\"1\""));
        assert!(text(answer).contains("\"stats\":null"));
        for number in [1, 2] {
            let entry = Arc::new(HistoryEntry::Run(Box::new(run(id(1), number))));
            let fresh = FreshEntry {
                entry,
                output: None,
            };
            api.registry.write(|inner| inner.put_fresh(id(1), fresh));
        }
        let (_, text) = read(&api, &target);
        let oldest = text.find("\"ran_at\":\"2026-11-23T06:49:13Z\"").unwrap();
        let newest = text.find("\"ran_at\":\"2026-11-23T06:49:14Z\"").unwrap();
        assert!(oldest < newest, "{text}");
        let (status, stats) = read(&api, &format!("/job/stats/{}/", id(1)));
        assert_eq!(status, 200);
        assert!(stats.starts_with("{\"job_stats\":[{\"job_id\":"), "{stats}");
    }

    #[test]
    fn stats_of_a_job_that_never_ran_are_null() {
        let api = api();
        put(&api, 1, BODY, Live::default());
        let stats = read(&api, &format!("/job/stats/{}", id(1)));
        assert_eq!(stats, (200, "{\"job_stats\":null}\n".to_owned()));
    }

    #[test]
    fn err_unknown_jobs() {
        let unknown = format!("{{\"error\":\"no job has the id {}\"}}\n", id(9));
        assert_eq!(read(&api(), &format!("/job/{}/", id(9))), (404, unknown));
        let (status, text) = read(&api(), "/job/nope/");
        assert_eq!(status, 404);
        assert!(
            text.contains("no job has the id \\\"nope\\\": ids look like"),
            "{text}"
        );
        assert_eq!(now(&api(), Delete, "/job/nope/", "").status.0, 404);
    }

    #[test]
    fn what_the_scheduler_does_is_answered_204() {
        let job = id(1);
        for (method, target, expected) in [
            (
                Delete,
                format!("/job/{job}/"),
                Command::Delete {
                    id: job,
                    expected_version: None,
                },
            ),
            (Delete, "/job/all/".to_owned(), Command::DeleteAll),
            (Post, format!("/job/enable/{job}/"), Command::Enable(job)),
            (Post, format!("/job/disable/{job}/"), Command::Disable(job)),
            (Post, "/pause/".to_owned(), Command::Pause),
            (Post, "/resume/".to_owned(), Command::Resume),
        ] {
            let (command, then) = asked(&api(), method, &target, "");
            assert_eq!(format!("{command:?}"), format!("{expected:?}"));
            let answer = settled(then(Ok(Answer::Done)));
            assert_eq!((answer.status.0, text(answer)), (204, String::new()));
        }
        let (_, then) = asked(&api(), Delete, &format!("/job/{job}/"), "");
        assert_eq!(settled(then(Err(Refusal::UnknownJob(job)))).status.0, 404);
    }
}
