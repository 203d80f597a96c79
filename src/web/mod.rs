//! The pages at `/webui/`: HTML made here, charts and graphs as SVG, one small script that keeps it fresh.
//!
//! Every page can be read and every button works without the script: buttons post forms, and answers lead on to a page.
//! The script only replaces what has changed, follows output and previews forms. Nothing is loaded from elsewhere and
//! nothing stands inline, so the strictest policy holds, and what a job's name might smuggle in does nothing.
//!
//! ```text
//! router   (method, path) -> handler
//! overview jobs job run      pages for looking       survey past forecast   what they ask the registry and the store
//! signin                     the page before all others
//! editor actions             pages for doing         drafts choices snippet forms to jobs and back, and to JSON
//! page part mark strip chart graph ansi text         how things look
//! ```
//!
//! Left out: the JSON API, which stands beside and has its own words, and who may come in, which is decided before.

mod actions;
mod ansi;
mod answer;
mod assets;
mod chart;
mod choices;
mod drafts;
mod editor;
mod fieldset;
mod forecast;
mod form;
mod graph;
mod job;
mod jobs;
mod mark;
mod overview;
mod page;
mod part;
mod past;
mod router;
mod run;
mod runs;
mod signin;
mod snippet;
mod strip;
mod survey;
mod text;
mod tryout;
mod viewer;

#[cfg(test)]
mod testing;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{self, Timestamp};
use crate::http::{self, Handler, Request, Responder};
use crate::registry::{Pulse, Registry};
use crate::schedule::Zone;
use crate::scheduler::Handle;
use crate::scheduler::command::{Answer, Command, Refusal};
use crate::store::Store;
use crate::worker::{Trial, Trials, Tried, Untried};

use self::forecast::{Forecast, Forecaster};
use self::viewer::Viewer;

/// What the pages need to know of the server's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The zone of schedules that name none, and of times until a browser has told its own (`--timezone`).
    pub zone: Zone,
    /// The owner of jobs that name none (`--default-owner`).
    pub default_owner: Box<str>,
    /// How long a job's history is shown; none for ever (`--jobstat-ttl`).
    pub history_ttl: Option<Duration>,
}

/// The pages; see the [module's documentation](self). Clones share everything.
#[derive(Clone)]
pub struct Web {
    inner: Arc<Inner>,
}

struct Inner {
    scheduler: Handle,
    store: Arc<dyn Store>,
    trials: Arc<Trials>,
    settings: Settings,
    started: Timestamp,
    forecaster: Forecaster,
    /// What happened before the start, read when somebody first looks.
    before: OnceLock<Pulse>,
}

/// What a handler makes of a request.
enum Reply {
    /// The answer.
    Now(http::Answer),
    /// Questions to the scheduler, and what to make of its answers, which come in the same order.
    Ask(Vec<Command>, Then),
    /// A command to try, and what to make of how it ended.
    Try(
        Trial,
        Box<dyn FnOnce(Result<Tried, Untried>) -> http::Answer + Send>,
    ),
}

type Heard = Vec<Result<Answer, Refusal>>;
type Then = Box<dyn FnOnce(Heard) -> http::Answer + Send>;

/// Why there is no page: a status, and words for whoever asked.
#[derive(Clone, Debug)]
struct Fault {
    status: u16,
    why: String,
}

impl Web {
    /// Pages that change things by way of `scheduler`, and read from its registry and from `store`.
    #[must_use]
    pub fn new(
        scheduler: Handle,
        store: Arc<dyn Store>,
        trials: Arc<Trials>,
        settings: Settings,
    ) -> Web {
        Web {
            inner: Arc::new(Inner {
                scheduler,
                store,
                trials,
                settings,
                started: clock::now(),
                forecaster: Forecaster::default(),
                before: OnceLock::new(),
            }),
        }
    }

    /// Whether a path is one of the pages'; `/` leads to them.
    #[must_use]
    pub fn wants(path: &str) -> bool {
        path == "/" || path == "/webui" || path.starts_with("/webui/")
    }

    fn registry(&self) -> &Registry {
        self.inner.scheduler.registry()
    }

    /// Why another server works on the database, if that is so.
    fn stands_by(&self) -> Option<Box<str>> {
        self.inner.scheduler.stands_by()
    }

    fn store(&self) -> &dyn Store {
        &*self.inner.store
    }

    fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// What happened during the last day: since the start, and before it as far as is known.
    fn pulses(&self) -> [Pulse; 2] {
        let now = self.registry().pulse();
        let before = self.inner.before.get_or_init(|| {
            past::before_start(self, self.inner.started).unwrap_or_else(|error| {
                log::warn!("cannot read what happened before the start: {error}");
                Pulse::default()
            })
        });
        [now, before.clone()]
    }

    fn forecast(&self, now: Timestamp) -> Arc<Forecast> {
        self.inner.forecaster.look(self.registry(), now)
    }

    /// Sends the answer, now or when the scheduler has answered every question.
    fn settle(&self, reply: Reply, responder: Responder) {
        let (commands, then) = match reply {
            Reply::Now(answer) => return responder.send(answer),
            Reply::Ask(commands, then) => (commands, then),
            Reply::Try(trial, then) => {
                return self.inner.trials.start(trial, move |tried| {
                    responder.send_with(move || then(tried));
                });
            }
        };
        let open = commands.len();
        if open == 0 {
            return responder.send(then(Vec::new()));
        }
        let heard: Vec<Option<Result<Answer, Refusal>>> = (0..open).map(|_| None).collect();
        let waiting = Arc::new(Mutex::new((open, heard, Some((responder, then)))));
        for (place, command) in commands.into_iter().enumerate() {
            let waiting = Arc::clone(&waiting);
            self.inner.scheduler.send(command, move |answer| {
                let mut waiting = waiting.lock();
                waiting.1[place] = Some(answer);
                waiting.0 -= 1;
                if waiting.0 == 0
                    && let Some((responder, then)) = waiting.2.take()
                {
                    let heard: Heard = waiting.1.drain(..).flatten().collect();
                    // Pages are made on a thread of the pool: the scheduler's has other things to do.
                    responder.send_with(move || then(heard));
                }
            });
        }
    }
}

impl Handler for Web {
    fn handle(&self, request: Request, responder: Responder) {
        let gzip = answer::takes_gzip(&request);
        let responder = responder.finish_with(move |answer| answer::compressed(answer, gzip));
        let viewer = Viewer::of(&request, request.role, self.settings().zone, clock::now());
        let reply = router::answer(self, &viewer, &request);
        let reply = reply.unwrap_or_else(|fault| {
            Reply::Now(page::fault(self, &viewer, fault.status, &fault.why))
        });
        self.settle(reply, responder);
    }
}

impl Reply {
    fn ask(
        commands: Vec<Command>,
        then: impl FnOnce(Heard) -> http::Answer + Send + 'static,
    ) -> Reply {
        Reply::Ask(commands, Box::new(then))
    }
}

impl Fault {
    fn new(status: u16, why: impl Into<String>) -> Fault {
        Fault {
            status,
            why: why.into(),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        let status = match refusal {
            Refusal::UnknownJob(_) | Refusal::UnknownRun(_) => 404,
            Refusal::UnknownParent(_) | Refusal::UnknownFailureJob(_) | Refusal::Cycle(_) => 400,
            Refusal::LocalJobsDenied | Refusal::DeleteAllDenied => 403,
            Refusal::Store(_) | Refusal::Stopping | Refusal::StandingBy(_) => 503,
            _ => 409,
        };
        Fault::new(status, refusal.to_string())
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").finish_non_exhaustive()
    }
}
