//! `GET /forecast/`: the schedule simulated, with the run times of the past.
//!
//! That may take seconds of a processor, so it is made beside everything else: on a thread of its own that stands back
//! behind those with runs to start, one forecast at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use crate::clock::{self, Timestamp};
use crate::config;
use crate::http::{self, Responder};
use crate::job::JobId;
use crate::job::run::{HistoryEntry, Outcome};
use crate::process;
use crate::registry::{JobView, Registry};
use crate::schedule::Zone;
use crate::scheduler::forecast::{self, Cut, Subject, Window};
use crate::store::{Store, history};

use super::error::ApiError;
use super::{Api, Call, Reply, answer, wire};

/// `GET /forecast/`: what to expect from `?from=`, else from now, to `?to=`, else for a day.
pub(super) fn show(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let from = call.query.time("from")?.unwrap_or_else(clock::now);
    let to = call.query.time("to")?;
    let to = to.unwrap_or_else(|| from.plus(config::FORECAST_SPAN));
    if to < from {
        return Err(ApiError::new(400, "to is before from: exchange them"));
    }
    let turn = Turn::take(&api.forecasting).ok_or_else(busy)?;
    let task = Task {
        asked: Window { from, to },
        workers: api.settings.workers,
        zone: api.settings.zone,
        registry: api.registry.clone(),
        store: Arc::downgrade(&api.store),
    };
    Ok(Reply::Later(Box::new(move |responder| {
        start(task, turn, responder);
    })))
}

fn busy() -> ApiError {
    ApiError::new(
        503,
        "another forecast is being made, and there is one at a time: try again in a few seconds",
    )
}

/// The turn of one forecast; given back when this is dropped.
struct Turn(Arc<AtomicBool>);

impl Turn {
    fn take(taken: &Arc<AtomicBool>) -> Option<Turn> {
        let was_taken = taken.swap(true, Ordering::AcqRel);
        (!was_taken).then(|| Turn(taken.clone()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

struct Task {
    asked: Window,
    workers: usize,
    zone: Zone,
    registry: Arc<Registry>,
    /// Not held on to: a forecast must not keep a server that stops from closing its database.
    store: Weak<dyn Store>,
}

fn start(task: Task, turn: Turn, responder: Responder) {
    let thread = thread::Builder::new()
        .name("forecast".to_owned())
        .spawn(move || {
            process::stand_back(config::FORECAST_NICE);
            let answer = task.answer();
            drop(turn);
            responder.send(answer);
        });
    if let Err(error) = thread {
        // The responder is gone with it, and has answered that the server failed.
        log::warn!("a forecast could not be made: {error}");
    }
}

impl Task {
    fn answer(&self) -> http::Answer {
        let (subjects, left_out) = self.subjects();
        let (found, mut cuts) = forecast::forecast(self.asked, self.workers, &subjects);
        cuts.extend((left_out > 0).then_some(Cut::Jobs(left_out)));
        let body = wire::forecast(self.asked, self.workers, &found, &cuts, self.zone);
        answer::json(200, body)
    }

    /// The jobs that have something to do in the window, and how many are too many.
    fn subjects(&self) -> (Vec<Subject>, u64) {
        let window = self.asked.clamped().0;
        let (mut subjects, mut left_out) = (Vec::new(), 0);
        let mut asked_of = 0;
        let mut after = None;
        loop {
            let page = self.registry.page(after, config::LIST_PAGE_JOBS);
            let Some(last) = page.last() else {
                return (subjects, left_out);
            };
            after = Some(last.job.seq);
            for view in page.iter().filter(|view| window.concerns(&view.job)) {
                if subjects.len() == config::FORECAST_JOBS_MAX {
                    left_out += 1;
                    continue;
                }
                subjects.push(Subject {
                    job: view.job.clone(),
                    past: self.past(view, &mut asked_of),
                });
            }
        }
    }

    /// How long the job's last runs took, as far as that is known.
    fn past(&self, view: &JobView, asked_of: &mut usize) -> Box<[Duration]> {
        let figures = view.live.figures();
        if figures.finished_runs == 0 {
            return Box::default();
        }
        let mut past = Vec::new();
        if *asked_of < config::FORECAST_PAST_JOBS {
            *asked_of += 1;
            past = self.stored(view.job.id);
        }
        if past.is_empty() {
            past.push(figures.last_duration);
        }
        past.into()
    }

    /// What the store remembers of it. A store that is away remembers nothing.
    fn stored(&self, job: JobId) -> Vec<Duration> {
        let Some(store) = self.store.upgrade() else {
            return Vec::new();
        };
        let limit = config::FORECAST_PAST_RUNS;
        let entries = history::page(&*store, job, None, limit, Timestamp::MIN);
        let runs = entries.unwrap_or_default().into_iter();
        let took = runs.filter_map(|entry| match entry {
            HistoryEntry::Run(run) => {
                let whole = !matches!(run.outcome, Outcome::Cancelled | Outcome::Interrupted);
                (whole && run.started_at.is_some()).then_some(run.duration)
            }
            HistoryEntry::Gap(_) => None,
        });
        took.collect()
    }
}

#[cfg(test)]
mod tests {
    use tiny_http::Method::Get;

    use super::super::testing::{api, decide, now, put};
    use super::*;
    use crate::registry::Live;

    const DAY: &str = "/forecast/?from=2026-11-24T00:00:00Z&to=2026-11-25T00:00:00Z";

    /// The answer, once it is made.
    fn made(api: &Api, target: &str) -> serde_json::Value {
        let Ok(Reply::Later(make)) = decide(api, Get, target, "") else {
            panic!("{target} is not answered later")
        };
        let (sender, receiver) = std::sync::mpsc::channel();
        make(Responder::to(move |answer| sender.send(answer).unwrap()));
        let answer = receiver.recv().unwrap();
        assert_eq!(answer.status.0, 200);
        serde_json::from_str(&answer::text(answer)).unwrap()
    }

    #[test]
    fn a_day_of_the_servers_jobs() {
        let api = api();
        let job = r#"{"name":"hourly","command":"true","schedule":"0 * * * *"}"#;
        put(&api, 1, job, Live::default());
        let job = r#"{"name":"off","command":"true","schedule":"@hourly","disabled":true}"#;
        put(&api, 2, job, Live::default());
        let figures = crate::job::run::Figures {
            finished_runs: 1,
            last_duration: Duration::from_secs(7_000),
            ..Default::default()
        };
        let live = Live {
            figures: Some(Arc::new(figures)),
            ..Live::default()
        };
        let job = r#"{"name":"long","command":"true","schedule":"30 * * * *","overlap":"allow"}"#;
        put(&api, 3, job, live);
        let found = made(&api, DAY);
        assert_eq!((&found["runs"], &found["workers"]), (&48.into(), &4.into()));
        assert_eq!(found["hours"].as_array().unwrap().len(), 24);
        assert_eq!(found["jobs"][0]["name"], "long");
        assert_eq!(found["jobs"][0]["overlaps"], 23);
        assert_eq!(found["jobs"][0]["run_ms_mean"], 7_000_000);
        assert_eq!(found["jobs"][1]["is_run_time_assumed"], true);
        assert_eq!(found["notes"], serde_json::json!([]));
        // The turn is given back.
        assert_eq!(made(&api, DAY), found);
    }

    #[test]
    fn there_is_one_at_a_time() {
        let api = api();
        let first = decide(&api, Get, "/forecast/", "");
        assert!(matches!(first, Ok(Reply::Later(_))));
        assert_eq!(now(&api, Get, "/forecast/", "").status.0, 503);
        drop(first);
        assert!(matches!(
            decide(&api, Get, "/forecast/", ""),
            Ok(Reply::Later(_))
        ));
    }

    #[test]
    fn err_windows() {
        for query in ["from=now", "to=2026-11-24", "to=2001-01-01T00:00:00Z"] {
            let answer = now(&api(), Get, &format!("/forecast/?{query}"), "");
            assert_eq!(answer.status.0, 400, "{query}");
        }
    }
}
