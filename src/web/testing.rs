//! Pages over a handful of jobs for the tests, without sockets and threads.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use tiny_http::Method;

use crate::clock::Timestamp;
use crate::http::{self, Body, Request};
use crate::job::run::{AttemptEnd, Outcome, RunId, RunRecord, Trigger};
use crate::job::validate::{self, Draft};
use crate::job::{Job, JobId};
use crate::registry::Live;
use crate::schedule::Zone;
use crate::scheduler;
use crate::scheduler::command::Command;
use crate::store::memory::MemoryStore;

use super::viewer::{Role, Theme, Viewer};
use super::{Reply, Settings, Then, Web, page, router};

/// When everything was created: a Monday, 06:49:12 UTC.
pub(super) const NOW: Timestamp = Timestamp::from_unix(1_795_416_552, 0);

/// Pages of a server without jobs, whose scheduler nobody answers for.
pub(super) fn web() -> Web {
    let (handle, _) = scheduler::channel();
    let settings = Settings {
        zone: Zone::UTC,
        default_owner: "ops".into(),
        history_ttl: None,
    };
    Web::new(
        handle,
        Arc::new(MemoryStore::new()),
        Arc::default(),
        settings,
    )
}

pub(super) fn viewer() -> Viewer {
    Viewer {
        role: Role::Admin,
        zone: Zone::UTC,
        theme: Theme::Auto,
        now: NOW,
        signed_in: false,
    }
}

/// Puts a job into the registry as number `seq`, by hand unless `change` says otherwise.
pub(super) fn put(web: &Web, seq: u64, change: impl FnOnce(&mut Draft)) -> Arc<Job> {
    let mut draft = Draft {
        name: format!("job {seq}"),
        command: "true".to_owned(),
        ..Draft::default()
    };
    change(&mut draft);
    if draft.schedule.is_empty() && draft.parents.is_empty() {
        draft.schedule.push_str("@manual");
    }
    let spec = draft.check().unwrap();
    let schedule = validate::schedule(&spec, Zone::UTC, NOW).unwrap();
    let job = Arc::new(Job {
        id: JobId(uuid::Uuid::from_u64_pair(
            0x4000,
            0x8000_0000_0000_0000 | seq,
        )),
        seq,
        version: 1,
        created_at: NOW,
        updated_at: NOW,
        anchor: NOW,
        linked: Box::default(),
        spec,
        schedule,
    });
    web.registry().write(|inner| {
        inner.put_job(Arc::clone(&job), Live::default());
        inner.totals.jobs += 1;
    });
    job
}

/// Makes parents of jobs: places of parent and child among `ids`.
pub(super) fn link(web: &Web, ids: &[JobId], links: &[(usize, usize)]) {
    for (place, id) in ids.iter().enumerate() {
        let parents: Vec<JobId> = links
            .iter()
            .filter(|(_, to)| *to == place)
            .map(|(from, _)| ids[*from])
            .collect();
        let children: Vec<JobId> = links
            .iter()
            .filter(|(from, _)| *from == place)
            .map(|(_, to)| ids[*to])
            .collect();
        let mut job = (*web.registry().job(*id).unwrap().job).clone();
        job.spec.parents = parents;
        let live = Live {
            children: Some(children.into()),
            ..Live::default()
        };
        web.registry()
            .write(|inner| inner.put_job(Arc::new(job), live));
    }
}

/// Entry `number` of the history of `job`, a run that succeeded.
pub(super) fn run(job: JobId, number: u64) -> RunRecord {
    let at = NOW.plus(Duration::from_secs(number));
    RunRecord {
        id: RunId::new(job, number, at),
        trigger: Trigger::Schedule,
        scheduled_at: Some(at),
        started_at: Some(at),
        finished_at: at,
        attempts: 1,
        duration: Duration::from_millis(2),
        outcome: Outcome::Succeeded,
        end: Some(AttemptEnd::Exited(0)),
        output_total: 0,
    }
}

/// What the pages make of a request.
fn reply(web: &Web, method: Method, target: &str, body: &str) -> Reply {
    let mut request = Request::new(method, target);
    request.body = body.into();
    let reply = router::answer(web, &viewer(), &request);
    reply.unwrap_or_else(|fault| Reply::Now(page::fault(web, &viewer(), fault.status, &fault.why)))
}

/// Status and body of a page.
pub(super) fn get(web: &Web, target: &str) -> (u16, String) {
    match reply(web, Method::Get, target, "") {
        Reply::Now(answer) => (answer.status.0, text(answer)),
        Reply::Ask(commands, _) => panic!("{target} asks for {commands:?}"),
        Reply::Try(trial, _) => panic!("{target} tries {trial:?}"),
    }
}

/// Status of what a form is answered with at once, and where it leads.
pub(super) fn post(web: &Web, target: &str, body: &str) -> (u16, String) {
    match reply(web, Method::Post, target, body) {
        Reply::Now(answer) => (
            answer.status.0,
            answer.header("location").unwrap_or_default().to_owned(),
        ),
        Reply::Ask(commands, _) => panic!("{target} asks for {commands:?}"),
        Reply::Try(trial, _) => panic!("{target} tries {trial:?}"),
    }
}

/// What a form asks the scheduler.
pub(super) fn asked(web: &Web, target: &str, body: &str) -> (Vec<Command>, Then) {
    match reply(web, Method::Post, target, body) {
        Reply::Ask(commands, then) => (commands, then),
        Reply::Now(answer) => panic!("{target} is answered: {}", text(answer)),
        Reply::Try(trial, _) => panic!("{target} tries {trial:?}"),
    }
}

/// The whole body.
pub(super) fn text(answer: http::Answer) -> String {
    match answer.body {
        Body::Bytes(bytes) => String::from_utf8(bytes.into_owned()).unwrap(),
        Body::Reader { mut reader, .. } => {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            text
        }
        Body::Stream(_) => panic!("a stream has no end"),
    }
}
