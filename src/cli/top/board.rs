//! What is known of the server: kept up to date by its events, without a look at the network.
//!
//! Events say that something happened; what it is now has to be asked for. So the board also knows what it does not know:
//! the jobs that have changed since somebody looked, or that all of it is to be read anew.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::Value;

use crate::cli::screen::instant;
use crate::cli::select::text;
use crate::client::Event;
use crate::clock::Timestamp;
use crate::config;

/// The state of a server.
#[derive(Default)]
pub(super) struct Board {
    /// The answer to `/stats/`.
    pub(super) stats: Value,
    /// By id.
    pub(super) jobs: BTreeMap<String, Job>,
    /// In progress, by id.
    pub(super) runs: BTreeMap<String, Run>,
    /// What went wrong, the latest last.
    pub(super) troubles: VecDeque<Trouble>,
    /// Why the server cannot be heard, while it cannot.
    pub(super) silence: Option<String>,
    /// Why its store takes no writes, while it takes none.
    pub(super) store_away: Option<String>,
    /// How late runs started, in the last minute.
    late: VecDeque<(Timestamp, Duration)>,
    /// When runs ended, in the last minute.
    ends: VecDeque<Timestamp>,
    /// Jobs to be looked at again.
    stale: BTreeSet<String>,
    /// All is to be read anew.
    is_unknown: bool,
    /// Figures may have changed.
    is_counting: bool,
    /// Somebody reads all of it.
    is_read: bool,
    /// Runs that ended meanwhile: the answer may still have them.
    ended: BTreeSet<String>,
    /// Runs that started meanwhile: the answer may lack them.
    started: BTreeSet<String>,
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) schedule: String,
    pub(super) next: Option<Timestamp>,
    pub(super) is_disabled: bool,
}

/// A run in progress.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) job: String,
    pub(super) name: String,
    pub(super) trigger: String,
    pub(super) started: Timestamp,
    pub(super) attempt: u64,
}

/// A run that did not succeed, or occurrences that became no run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trouble {
    pub(super) at: Timestamp,
    pub(super) job: String,
    pub(super) name: String,
    pub(super) what: String,
    pub(super) why: String,
}

/// All of it, as it was asked for.
#[derive(Default)]
pub(super) struct Whole {
    /// Whole jobs.
    pub(super) jobs: Vec<Value>,
    /// Runs in progress, each with the name of its job.
    pub(super) runs: Vec<(String, Value)>,
}

impl Board {
    /// A board that knows nothing yet.
    pub(super) fn new() -> Board {
        Board {
            is_unknown: true,
            is_counting: true,
            ..Board::default()
        }
    }

    /// Takes in what happened.
    pub(super) fn hear(&mut self, event: &Event) {
        let data = &event.data;
        let at = instant(text(data, "at")).unwrap_or(Timestamp::MIN);
        let run = text(data, "run_id");
        match event.kind.as_str() {
            "" => return,
            "lost" => self.is_unknown = true,
            "run_started" => self.start(run, at, data),
            "run_retrying" => {
                if let Some(run) = self.runs.get_mut(run) {
                    run.attempt = data["attempt"].as_u64().unwrap_or(1) + 1;
                }
            }
            "run_ended" => self.end(run, at, data),
            "missed" => {
                let count = data["count"].as_u64().unwrap_or(1);
                let plural = if count == 1 { "" } else { "s" };
                let why = format!("{count} occurrence{plural}");
                self.fail(at, data, "missed", why);
            }
            "job_deleted" => {
                self.jobs.remove(text(data, "job_id"));
            }
            "store_away" => self.store_away = Some(text(data, "error").to_owned()),
            "store_back" => self.store_away = None,
            _ => {}
        }
        let job = text(data, "job_id");
        if !job.is_empty() && event.kind != "job_deleted" {
            self.stale.insert(job.to_owned());
        }
        self.is_counting = true;
    }

    fn start(&mut self, id: &str, at: Timestamp, data: &Value) {
        let run = Run {
            job: text(data, "job_id").to_owned(),
            name: text(data, "name").to_owned(),
            trigger: text(data, "trigger").to_owned(),
            started: at,
            attempt: 1,
        };
        self.runs.insert(id.to_owned(), run);
        if self.is_read {
            self.started.insert(id.to_owned());
        }
        if let Some(nanos) = data["lateness"].as_u64() {
            push(&mut self.late, (at, Duration::from_nanos(nanos)));
        }
    }

    fn end(&mut self, id: &str, at: Timestamp, data: &Value) {
        self.runs.remove(id);
        if self.is_read {
            self.ended.insert(id.to_owned());
        }
        push(&mut self.ends, at);
        let outcome = text(data, "outcome");
        if outcome != "succeeded" {
            let why = text(data, "end").to_owned();
            self.fail(at, data, &outcome.replace('_', " "), why);
        }
    }

    fn fail(&mut self, at: Timestamp, data: &Value, what: &str, why: String) {
        let trouble = Trouble {
            at,
            job: text(data, "job_id").to_owned(),
            name: text(data, "name").to_owned(),
            what: what.to_owned(),
            why,
        };
        self.troubles.push_back(trouble);
        if self.troubles.len() > config::TOP_TROUBLES_MAX {
            self.troubles.pop_front();
        }
    }

    /// Whether all is to be read anew. Whoever asks reads it.
    pub(super) fn take_unknown(&mut self) -> bool {
        if self.is_unknown {
            self.ended.clear();
            self.started.clear();
            self.stale.clear();
            self.is_read = true;
        }
        std::mem::take(&mut self.is_unknown)
    }

    /// Some of the jobs that have changed. Whoever asks looks at them.
    pub(super) fn take_stale(&mut self) -> Vec<String> {
        if self.stale.len() > config::TOP_STALE_MAX {
            self.is_unknown = true;
        }
        let some: Vec<String> = self.stale.iter().take(config::TOP_LOOKS).cloned().collect();
        some.iter().for_each(|id| {
            self.stale.remove(id);
        });
        some
    }

    /// Whether figures may have changed. Whoever asks reads them.
    pub(super) fn take_counting(&mut self) -> bool {
        std::mem::take(&mut self.is_counting)
    }

    /// The answer about all could not be had.
    pub(super) fn unknown(&mut self) {
        self.is_unknown = true;
        self.is_read = false;
    }

    /// Takes in all of it.
    pub(super) fn learn(&mut self, whole: &Whole) {
        self.is_read = false;
        self.jobs = whole.jobs.iter().map(job).collect();
        let mut runs: BTreeMap<String, Run> = whole
            .runs
            .iter()
            .filter_map(|(name, answer)| run(name, answer))
            .filter(|(id, _)| !self.ended.contains(id))
            .collect();
        for id in &self.started {
            runs.extend(self.runs.remove(id).map(|run| (id.clone(), run)));
        }
        self.runs = runs;
    }

    /// Takes in how a job is now; null if it is gone.
    pub(super) fn learn_job(&mut self, id: &str, answer: &Value) {
        match answer.is_object() {
            true => self.jobs.extend([job(answer)]),
            false => drop(self.jobs.remove(id)),
        }
    }

    /// How late the runs of the last minute started: half of them at most so much, and the latest one.
    pub(super) fn lateness(&self, now: Timestamp) -> Option<(Duration, Duration)> {
        let late = self.late.iter().filter(|(at, _)| is_recent(*at, now));
        let mut late: Vec<Duration> = late.map(|(_, late)| *late).collect();
        late.sort_unstable();
        Some((*late.get(late.len() / 2)?, *late.last()?))
    }

    /// Runs that ended in the last minute.
    pub(super) fn throughput(&self, now: Timestamp) -> usize {
        self.ends.iter().filter(|at| is_recent(**at, now)).count()
    }
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.since(at) < config::TOP_WINDOW
}

/// Keeps the latest of them.
fn push<T>(kept: &mut VecDeque<T>, new: T) {
    kept.push_back(new);
    if kept.len() > config::TOP_EVENTS_MAX {
        kept.pop_front();
    }
}

fn job(answer: &Value) -> (String, Job) {
    let job = Job {
        name: text(answer, "name").to_owned(),
        schedule: text(answer, "schedule").to_owned(),
        next: instant(text(answer, "next_run_at")),
        is_disabled: answer["disabled"] == true,
    };
    (text(answer, "id").to_owned(), job)
}

/// A run, if it is in progress and has started.
fn run(name: &str, answer: &Value) -> Option<(String, Run)> {
    let run = Run {
        job: text(answer, "job_id").to_owned(),
        name: name.to_owned(),
        trigger: text(answer, "trigger").to_owned(),
        started: instant(text(answer, "started_at"))?,
        attempt: answer["attempts"].as_u64().unwrap_or(1),
    };
    answer["outcome"]
        .is_null()
        .then(|| (text(answer, "id").to_owned(), run))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AT: &str = "2030-01-01T00:00:00Z";

    fn hear(board: &mut Board, kind: &str, more: &Value) {
        let mut data = json!({"at": AT, "run_id": "r1", "job_id": "1", "name": "a"});
        data.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        board.hear(&Event {
            id: None,
            kind: kind.to_owned(),
            data,
        });
    }

    #[test]
    fn runs_come_and_go_and_what_went_wrong_stays() {
        let now = instant(AT).unwrap().plus(Duration::from_secs(10));
        let mut board = Board::new();
        hear(
            &mut board,
            "run_started",
            &json!({"trigger": "schedule", "lateness": 2_000_000}),
        );
        hear(&mut board, "run_retrying", &json!({"attempt": 1}));
        let run = &board.runs["r1"];
        assert_eq!(
            (&*run.name, &*run.trigger, run.attempt),
            ("a", "schedule", 2)
        );
        let end = json!({"outcome": "timed_out", "end": "ran into its timeout"});
        hear(&mut board, "run_ended", &end);
        hear(&mut board, "missed", &json!({"count": 3}));
        assert!(board.runs.is_empty());
        let told = |trouble: &Trouble| (trouble.what.clone(), trouble.why.clone());
        let troubles: Vec<_> = board.troubles.iter().map(told).collect();
        assert_eq!(
            troubles,
            [
                ("timed out".to_owned(), "ran into its timeout".to_owned()),
                ("missed".to_owned(), "3 occurrences".to_owned())
            ]
        );
        let late = Duration::from_millis(2);
        assert_eq!(board.lateness(now), Some((late, late)));
        assert_eq!(board.throughput(now), 1);
        let later = now.plus(config::TOP_WINDOW);
        assert_eq!((board.lateness(later), board.throughput(later)), (None, 0));
    }

    #[test]
    fn what_happens_while_all_is_read_is_not_forgotten() {
        let mut board = Board::new();
        assert!(board.take_unknown() && !board.take_unknown());
        hear(&mut board, "run_started", &json!({"run_id": "new"}));
        hear(
            &mut board,
            "run_ended",
            &json!({"run_id": "old", "outcome": "succeeded"}),
        );
        let running =
            |id: &str| json!({"id": id, "job_id": "1", "started_at": AT, "outcome": null});
        board.learn(&Whole {
            jobs: vec![json!({"id": "1", "name": "a", "next_run_at": AT})],
            runs: vec![
                ("a".to_owned(), running("old")),
                ("a".to_owned(), running("still")),
            ],
        });
        let runs: Vec<&str> = board.runs.keys().map(String::as_str).collect();
        assert_eq!(runs, ["new", "still"]);
        assert_eq!(board.jobs["1"].next, instant(AT));
        assert_eq!(board.take_stale(), ["1"]);
        board.learn_job("1", &Value::Null);
        assert!(board.jobs.is_empty());
    }
}
