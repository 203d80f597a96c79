//! A small server's worth of jobs for the tests of the handlers, and a way to ask them without sockets and threads.

use std::sync::Arc;

use tiny_http::Method;

use crate::clock::Timestamp;
use crate::http::{self, Request};
use crate::job::run::{AttemptEnd, Outcome, RunId, RunRecord, Trigger};
use crate::job::validate::{self, Draft};
use crate::job::{Job, JobId};
use crate::registry::Live;
use crate::schedule::Zone;
use crate::scheduler;
use crate::scheduler::command::Command;
use crate::store::memory::MemoryStore;

use super::error::ApiError;
use super::wire::JobKeys;
use super::{Api, Reply, Settings, Then, answer};

/// When everything was created.
pub(super) const NOW: Timestamp = Timestamp::from_unix(1_795_416_552, 0);

/// An API with no jobs, whose scheduler nobody answers for.
pub(super) fn api() -> Api {
    let (handle, _) = scheduler::channel();
    let settings = Settings {
        zone: Zone::UTC,
        default_owner: "ops".into(),
        history_limit: 1_000,
        history_ttl: None,
        workers: 4,
    };
    Api::new(
        handle,
        Arc::new(MemoryStore::new()),
        Arc::default(),
        Arc::default(),
        settings,
    )
}

/// The id of the job created as number `seq`.
pub(super) fn id(seq: u64) -> JobId {
    JobId(uuid::Uuid::from_u64_pair(
        0x4000,
        0x8000_0000_0000_0000 | seq,
    ))
}

/// Puts a job into the registry as number `seq`.
pub(super) fn put(api: &Api, seq: u64, body: &str, live: Live) -> Arc<Job> {
    let keys = JobKeys::parse(body.as_bytes()).unwrap();
    let spec = keys.apply(Draft::default()).unwrap().check().unwrap();
    let schedule = validate::schedule(&spec, Zone::UTC, NOW).unwrap();
    let job = Arc::new(Job {
        id: id(seq),
        seq,
        version: 1,
        created_at: NOW,
        updated_at: NOW,
        anchor: NOW,
        linked: Box::default(),
        spec,
        schedule,
    });
    api.registry.write(|inner| inner.put_job(job.clone(), live));
    job
}

/// Entry `number` of the history of `job`, a run that succeeded.
pub(super) fn run(job: JobId, number: u64) -> RunRecord {
    let at = NOW.plus(std::time::Duration::from_secs(number));
    RunRecord {
        id: RunId::new(job, number, at),
        trigger: Trigger::Schedule,
        scheduled_at: Some(at),
        started_at: Some(at),
        finished_at: at,
        attempts: 1,
        duration: std::time::Duration::from_millis(2),
        outcome: Outcome::Succeeded,
        end: Some(AttemptEnd::Exited(0)),
        output_total: 0,
    }
}

/// What the API makes of a request.
pub(super) fn decide(
    api: &Api,
    method: Method,
    target: &str,
    body: &str,
) -> Result<Reply, ApiError> {
    let mut request = Request::new(method, &format!("/api/v1{target}"));
    request.body = body.into();
    api.decide(&request)
}

/// The answer that the API has at once.
pub(super) fn now(api: &Api, method: Method, target: &str, body: &str) -> http::Answer {
    match decide(api, method, target, body) {
        Ok(Reply::Now(answer)) => answer,
        Ok(Reply::Ask(command, _)) => panic!("{target} asks for {command:?}"),
        Ok(Reply::Later(_)) => panic!("{target} is answered later"),
        Err(error) => error.into(),
    }
}

/// The status and body of the answer that the API has at once.
pub(super) fn read(api: &Api, target: &str) -> (u16, String) {
    let answer = now(api, Method::Get, target, "");
    (answer.status.0, answer::text(answer))
}

/// What the API asks the scheduler.
pub(super) fn asked(api: &Api, method: Method, target: &str, body: &str) -> (Command, Then) {
    match decide(api, method, target, body) {
        Ok(Reply::Ask(command, then)) => (command, then),
        Ok(Reply::Now(answer)) => panic!("{target} is answered: {}", answer::text(answer)),
        Ok(Reply::Later(_)) => panic!("{target} is answered later"),
        Err(error) => panic!("{target} is refused: {error:?}"),
    }
}

/// The answer that becomes of the scheduler's.
pub(super) fn settled(reply: Result<Reply, ApiError>) -> http::Answer {
    match reply {
        Ok(Reply::Now(answer)) => answer,
        Ok(Reply::Ask(command, _)) => panic!("asks again for {command:?}"),
        Ok(Reply::Later(_)) => panic!("is answered later"),
        Err(error) => error.into(),
    }
}
