//! The JSON API under `/api/v1`: routes, and what stands behind them.
//!
//! A handler decodes a request and either has the answer, read from the registry and the store, or a [`Command`] for the
//! scheduler and what to make of its answer. It never waits: the scheduler's answer is sent on from the scheduler's
//! thread when it comes, so that a start which runs for an hour holds nothing but its connection.
//!
//! Left out: who may come in and how requests are read, which the floor below does, and pages. Bodies are never logged:
//! jobs carry secrets.

mod answer;
mod backup;
mod error;
mod etag;
mod events;
mod follow;
mod forecast;
mod health;
mod import;
mod jobs;
mod list;
mod openapi;
mod past;
mod query;
mod router;
mod runs;
mod schedule;
mod server;
mod start;
mod trial;
mod update;
pub mod wire;

#[cfg(test)]
mod testing;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::http::{self, Handler, Request, Responder, Role};
use crate::job::secret::{self, Secrets};
use crate::job::validate::Draft;
use crate::job::{JobId, JobSpec};
use crate::metrics::Metrics;
use crate::registry::{JobView, Registry};
use crate::schedule::Zone;
use crate::scheduler::Handle;
use crate::scheduler::command::{Answer, Command, Refusal};
use crate::store::Store;
use crate::worker::Trials;

use self::error::ApiError;
use self::etag::Known;
use self::events::Broadcast;
use self::query::Query;
use self::wire::JobKeys;

/// What the API needs to know of the server's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The zone of schedules that name none (`--timezone`).
    pub zone: Zone,
    /// The owner of jobs that name none (`--default-owner`).
    pub default_owner: Box<str>,
    /// Runs kept in a job's history (`--history-limit`).
    pub history_limit: u64,
    /// How long a job's history is shown; none for ever (`--jobstat-ttl`).
    pub history_ttl: Option<Duration>,
    /// Runs executed at one moment (`--workers`).
    pub workers: usize,
}

/// The API; see the [module's documentation](self). Clones share everything.
#[derive(Clone)]
pub struct Api {
    registry: Arc<Registry>,
    store: Arc<dyn Store>,
    scheduler: Handle,
    broadcast: Arc<Broadcast>,
    trials: Arc<Trials>,
    /// Whether a forecast is being made.
    forecasting: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    settings: Arc<Settings>,
}

/// What a handler makes of a request.
enum Reply {
    /// The answer.
    Now(http::Answer),
    /// A question to the scheduler, and what to make of its answer. That is done on the scheduler's thread, so it must be
    /// quick.
    Ask(Command, Then),
    /// The answer comes from elsewhere, later.
    Later(Box<dyn FnOnce(Responder) + Send>),
}

type Then = Box<dyn FnOnce(Result<Answer, Refusal>) -> Result<Reply, ApiError> + Send>;

/// A request on its way to a handler.
struct Call<'a> {
    request: &'a Request,
    query: Query,
    /// The job's id in the path, or nothing.
    job: &'a str,
    /// The run's id in the path, or nothing.
    run: &'a str,
}

impl Handler for Api {
    fn handle(&self, request: Request, responder: Responder) {
        let gzip = answer::takes_gzip(&request);
        let known = Known::of(&request);
        let responder =
            responder.finish_with(move |answer| answer::compressed(known.answer(answer), gzip));
        self.settle(self.decide(&request), responder);
    }
}

impl Api {
    /// An API that changes things by way of `scheduler`, and reads from its registry and from `store`.
    #[must_use]
    pub fn new(
        scheduler: Handle,
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
        trials: Arc<Trials>,
        settings: Settings,
    ) -> Api {
        Api {
            registry: scheduler.registry().clone(),
            broadcast: Broadcast::new(scheduler.events().clone(), settings.zone),
            trials,
            forecasting: Arc::default(),
            store,
            scheduler,
            metrics,
            settings: Arc::new(settings),
        }
    }

    /// Whether an answer under this path shows jobs or what became of them; what tells of the server itself does not.
    #[must_use]
    pub fn reads_jobs(path: &str) -> bool {
        path.starts_with("/api/")
    }

    /// The route that a path belongs to, with names for the ids in it; none for a path that no route has.
    #[must_use]
    pub fn route_of(path: &str) -> Option<&'static str> {
        router::template(path)
    }

    /// Has the request's handler decide about it.
    fn decide(&self, request: &Request) -> Result<Reply, ApiError> {
        let route = router::route(&request.method, &request.path)?;
        let call = Call {
            request,
            query: Query::parse(&request.query),
            job: route.job,
            run: route.run,
        };
        (route.handler)(self, &call)
    }

    /// Sends the answer, now or when the scheduler has been heard.
    fn settle(&self, reply: Result<Reply, ApiError>, responder: Responder) {
        match reply {
            Ok(Reply::Now(answer)) => responder.send(answer),
            Ok(Reply::Later(answer)) => answer(responder),
            Err(error) => responder.send(error),
            Ok(Reply::Ask(command, then)) => {
                let api = self.clone();
                // Asked again from the scheduler's own thread, this must not wait for it: there is room for what all
                // connections may ask at once, and each asks one thing at a time.
                self.scheduler
                    .send(command, move |heard| api.settle(then(heard), responder));
            }
        }
    }

    fn job(&self, id: JobId) -> Result<JobView, ApiError> {
        self.registry
            .job(id)
            .ok_or_else(|| ApiError::unknown_job(id))
    }

    /// The job that `keys` describe by themselves.
    fn whole(&self, keys: &JobKeys) -> Result<Draft, ApiError> {
        let mut draft = keys.apply(Draft::default())?;
        if draft.owner.is_empty() {
            draft.owner.push_str(&self.settings.default_owner);
        }
        Ok(draft)
    }
}

/// The job that a draft describes, if nothing in it stands for a secret that was not shown.
fn checked(draft: Draft) -> Result<JobSpec, ApiError> {
    secret::check(&draft)?;
    Ok(draft.check()?)
}

impl Reply {
    /// Asks for `command`, and answers 204 once it is done.
    fn done(command: Command) -> Reply {
        Reply::ask(command, |_| http::Answer::empty(204))
    }

    /// Asks for `command`, and answers with what `then` makes of its result; a refusal is answered as such.
    fn ask(command: Command, then: impl FnOnce(Answer) -> http::Answer + Send + 'static) -> Reply {
        Reply::Ask(command, Box::new(|heard| Ok(Reply::Now(then(heard?)))))
    }
}

impl Call<'_> {
    /// Whether the answer may show secrets: only to those who could change them as well.
    fn secrets(&self) -> Secrets {
        match self.request.role {
            Role::Admin => Secrets::Shown,
            Role::Read | Role::Operate => Secrets::Hidden,
        }
    }

    fn job_id(&self) -> Result<JobId, ApiError> {
        self.job.parse().map_err(|_| {
            ApiError::new(
                404,
                format!(
                    "no job has the id {:?}: ids look like \"93b65499-b211-49ce-57e0-19e735cc5abd\", and GET /api/v1/job/ lists them",
                    self.job
                ),
            )
        })
    }
}
