//! A job's runs: those in progress and those that ended, their output, and cancelling one.

use std::collections::HashSet;

use crate::config;
use crate::http;
use crate::job::JobId;
use crate::job::run::RunId;
use crate::registry::past::Found;
use crate::scheduler::command::Command;

use super::error::ApiError;
use super::past;
use super::wire::{Json, write_entry, write_running};
use super::{Api, Call, Reply, answer, follow};

/// `GET /job/{id}/runs/`, newest first: at most `?limit=` that ended before `?before=`, a run's id. The first page, which
/// is the one without `before`, begins with those in progress, at most as many again.
pub(super) fn list(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let view = api.job(call.job_id()?)?;
    let limit = call.query.count("limit", config::RUNS_PAGE_MAX)?;
    let limit = limit.unwrap_or(config::RUNS_PAGE);
    let before: Option<RunId> = call.query.read("before", "a run's id")?;
    let mut running = match before {
        None => api.registry.running(Some(view.job.id)),
        Some(_) => Vec::new(),
    };
    running.truncate(limit);
    // One more than asked for tells whether there is a next page.
    let mut ended = past::of(api).entries(view.job.id, before.map(RunId::number), limit + 1)?;
    let next = (ended.len() > limit).then(|| ended[limit - 1].id());
    ended.truncate(limit);
    let over: HashSet<RunId> = ended.iter().map(|entry| entry.id()).collect();

    let mut json = Json::with_capacity(512);
    json.open('{').key("runs").open('[');
    for run in running.iter().filter(|run| !over.contains(&run.id)) {
        write_running(json.item(), run);
    }
    for entry in &ended {
        write_entry(json.item(), view.job.id, entry, view.job.schedule.zone());
    }
    json.close(']');
    if let Some(next) = next {
        json.key("next").id(next.0);
    }
    json.close('}');
    Ok(Reply::Now(answer::json(200, json.finish())))
}

/// `GET /job/{id}/runs/{run}/`.
pub(super) fn show(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let view = api.job(call.job_id()?)?;
    let zone = view.job.schedule.zone();
    let mut json = Json::with_capacity(512);
    json.open('{').key("run");
    match find(api, view.job.id, call)? {
        Found::Running(run) => write_running(&mut json, &run),
        Found::Fresh(fresh) => write_entry(&mut json, view.job.id, &fresh.entry, zone),
        Found::Stored(entry) => write_entry(&mut json, view.job.id, &entry, zone),
    }
    json.close('}');
    Ok(Reply::Now(answer::json(200, json.finish())))
}

/// `GET /job/{id}/runs/{run}/output/`: what it wrote, or has written so far, or with `?follow=true` will have written at
/// its end.
pub(super) fn output(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let view = api.job(call.job_id()?)?;
    let run = find(api, view.job.id, call)?;
    let follows = call.query.is("follow", "true")?;
    let answer = match &run {
        Found::Running(run) if follows => follow::follow(&run.output)?,
        _ => http::Answer::text(200, past::of(api).output(view.job.id, &run)?),
    };
    // A browser must not take what a command wrote for a page of ours.
    let answer = answer.with_header("X-Content-Type-Options", "nosniff");
    Ok(Reply::Now(answer))
}

/// `POST /job/{id}/runs/{run}/cancel/`.
pub(super) fn cancel(_: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(Reply::done(Command::Cancel {
        job: call.job_id()?,
        run: run_id(call)?,
    }))
}

fn find(api: &Api, job: JobId, call: &Call<'_>) -> Result<Found, ApiError> {
    past::of(api)
        .find(job, run_id(call)?)?
        .ok_or_else(|| unknown_run(call))
}

fn run_id(call: &Call<'_>) -> Result<RunId, ApiError> {
    call.run.parse().map_err(|_| unknown_run(call))
}

fn unknown_run(call: &Call<'_>) -> ApiError {
    ApiError::new(
        404,
        format!(
            "the job has no run {:?}, or no longer: GET /api/v1/job/{}/runs/ lists those that are kept",
            call.run, call.job
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tiny_http::Method::{Get, Post};

    use super::super::answer::text;
    use super::super::testing::{NOW, api, asked, id, now, put, read, run};
    use super::*;
    use crate::job::Job;
    use crate::job::output::OutputBuffer;
    use crate::job::run::{Gap, GapKind, HistoryEntry, Trigger};
    use crate::registry::{FreshEntry, Live, RunningView};

    fn output_of(text: &str) -> Arc<OutputBuffer> {
        let output = OutputBuffer::new(100);
        output.append(text.as_bytes());
        Arc::new(output)
    }

    fn with_job() -> (Api, Arc<Job>) {
        let api = api();
        let body = r#"{"name":"x","command":"true","schedule":"@manual"}"#;
        let job = put(&api, 1, body, Live::default());
        (api, job)
    }

    fn put_ended(api: &Api, entry: HistoryEntry) {
        let entry = Arc::new(entry);
        let output = Some(output_of("ended"));
        let fresh = FreshEntry { entry, output };
        api.registry.write(|inner| inner.put_fresh(id(1), fresh));
    }

    fn put_running(api: &Api, job: &Arc<Job>, number: u64) -> RunId {
        let view = RunningView {
            id: RunId::new(job.id, number, NOW),
            job: job.clone(),
            trigger: Trigger::Manual,
            scheduled_at: None,
            started_at: Some(NOW),
            attempt: 1,
            output: output_of("so far"),
        };
        let id = view.id;
        api.registry.write(|inner| inner.put_running(view));
        id
    }

    /// Outcomes in a list of runs, and its `next`.
    fn outcomes(api: &Api, query: &str) -> (Vec<String>, Option<String>) {
        let (status, text) = read(api, &format!("/job/{}/runs/{query}", id(1)));
        assert_eq!(status, 200, "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let runs = value["runs"].as_array().unwrap();
        let outcomes = runs.iter().map(|run| match run["outcome"].as_str() {
            Some(outcome) => outcome.to_owned(),
            None => "running".to_owned(),
        });
        (
            outcomes.collect(),
            value["next"].as_str().map(str::to_owned),
        )
    }

    #[test]
    fn runs_in_progress_come_first_then_what_ended_then_what_never_began() {
        let (api, job) = with_job();
        assert_eq!(outcomes(&api, ""), (Vec::new(), None));
        put_ended(&api, HistoryEntry::Run(Box::new(run(job.id, 2))));
        put_ended(
            &api,
            HistoryEntry::Gap(Gap {
                id: RunId::new(job.id, 1, NOW),
                kind: GapKind::Skipped,
                first: NOW,
                last: NOW,
                count: 1,
            }),
        );
        put_running(&api, &job, 3);
        let (found, next) = outcomes(&api, "");
        assert_eq!(
            (found, next),
            (
                vec!["running".into(), "succeeded".into(), "skipped".into()],
                None
            )
        );
        let (found, next) = outcomes(&api, "?limit=1");
        assert_eq!(found, ["running", "succeeded"]);
        let (found, next) = outcomes(&api, &format!("?limit=1&before={}", next.unwrap()));
        assert_eq!((found, next), (vec!["skipped".to_owned()], None));
    }

    #[test]
    fn a_run_that_ended_while_it_was_read_is_shown_once() {
        let (api, job) = with_job();
        let ended = run(job.id, 1);
        put_running(&api, &job, 2);
        let mut running = api.registry.running(None).remove(0);
        running.id = ended.id;
        api.registry.write(|inner| inner.put_running(running));
        put_ended(&api, HistoryEntry::Run(Box::new(ended)));
        assert_eq!(outcomes(&api, "").0, ["running", "succeeded"]);
    }

    #[test]
    fn one_run_and_its_output() {
        let (api, job) = with_job();
        let running = put_running(&api, &job, 2);
        let ended = run(job.id, 1);
        put_ended(&api, HistoryEntry::Run(Box::new(ended.clone())));
        for (run, outcome, output) in [
            (running, "null", "so far"),
            (ended.id, "\"succeeded\"", "ended"),
        ] {
            let target = format!("/job/{}/runs/{run}/", job.id);
            let (status, shown) = read(&api, &target);
            assert_eq!(status, 200);
            assert!(
                shown.starts_with(&format!("{{\"run\":{{\"id\":\"{run}\"")),
                "{shown}"
            );
            assert!(shown.contains(&format!("\"outcome\":{outcome}")), "{shown}");
            let answer = now(&api, Get, &format!("{target}output"), "");
            assert_eq!(
                answer.header("content-type"),
                Some("text/plain; charset=utf-8")
            );
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(text(answer), output);
        }
    }

    #[test]
    fn a_cancel_names_job_and_run() {
        let (api, job) = with_job();
        let wanted = put_running(&api, &job, 2);
        let (command, _) = asked(
            &api,
            Post,
            &format!("/job/{}/runs/{wanted}/cancel/", job.id),
            "",
        );
        assert!(
            matches!(command, Command::Cancel { job: of, run } if of == job.id && run == wanted)
        );
    }

    #[test]
    fn err_runs() {
        let (api, job) = with_job();
        let unknown = run(job.id, 1).id;
        for (target, status) in [
            (format!("/job/{}/runs/", id(9)), 404),
            (format!("/job/{}/runs/{unknown}/", job.id), 404),
            (format!("/job/{}/runs/{unknown}/output/", job.id), 404),
            (format!("/job/{}/runs/nope/", job.id), 404),
            (format!("/job/{}/runs/?limit=1001", job.id), 400),
            (format!("/job/{}/runs/?before=nope", job.id), 400),
        ] {
            let answer = now(&api, Get, &target, "");
            assert_eq!(answer.status.0, status, "{target}");
        }
        // Another job's run is none of this one's.
        let other = put_running(
            &api,
            &put(&api, 2, r#"{"name":"y","command":"true"}"#, Live::default()),
            1,
        );
        assert_eq!(read(&api, &format!("/job/{}/runs/{other}/", job.id)).0, 404);
    }
}
