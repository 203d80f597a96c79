//! Alerts: what somebody should hear of who is not looking, posted to one address (`--on-event`).
//!
//! Whoever tells of something puts it into a queue and goes on; a thread of its own posts, one alert after the
//! other, and tries again where nobody answers. So a receiver that is slow, away or hostile costs nothing but alerts. What
//! cannot be got rid of goes, the oldest first, and is counted.
//!
//! Left out: what is worth an alert, which the scheduler decides, and how one is written, which whoever starts this says.

mod queue;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use self::queue::{Next, Queue};
use crate::clock::{self, Timestamp};
use crate::config;
use crate::job::JobId;
use crate::job::run::{Outcome, RunId, Trigger};
use crate::metrics::Metrics;
use crate::schedule::Zone;
use crate::worker::Post;

/// Something that somebody should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What it is.
    pub what: What,
    /// When it came about; the last of them, where it stands for several.
    pub at: Timestamp,
    /// How many such it stands for. Of missed occurrences, how many there are.
    pub count: u64,
}

/// What an alert tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A job has failed as often in a row as its author puts up with: the run that was one too many.
    Failed(Box<Ended>),
    /// A job has succeeded after that.
    Recovered(Box<Ended>),
    /// Occurrences of a job were missed.
    Missed {
        /// The job.
        job: Subject,
        /// The last of them.
        last: Timestamp,
    },
    /// Occurrences of more jobs were missed at one moment than anybody wants to hear of one by one.
    ManyMissed {
        /// Of how many jobs.
        jobs: u64,
    },
    /// The store takes no writes, for this reason.
    StoreAway(Box<str>),
    /// The store takes writes again.
    StoreBack,
}

/// A job, as far as an alert tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its id.
    pub id: JobId,
    /// The beginning of its name.
    pub name: Box<str>,
    /// The beginning of its owner's.
    pub owner: Box<str>,
    /// The zone of its times.
    pub zone: Zone,
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its job.
    pub job: Subject,
    /// The run.
    pub run: RunId,
    /// Why it came about.
    pub trigger: Trigger,
    /// Its occurrence, where it has one.
    pub scheduled_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Outcome,
    /// How its last attempt ended, where it did not succeed.
    pub error: Option<Box<str>>,
    /// Attempts made.
    pub attempts: u32,
    /// Failures in a row, up to this run.
    pub failures_in_a_row: u32,
    /// The end of what it wrote, without secrets.
    pub output: Box<str>,
}

impl What {
    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            What::Failed(_) => "failed",
            What::Recovered(_) => "recovered",
            What::Missed { .. } | What::ManyMissed { .. } => "missed",
            What::StoreAway(_) => "store_away",
            What::StoreBack => "store_back",
        }
    }

    fn job(&self) -> Option<JobId> {
        match self {
            What::Failed(run) | What::Recovered(run) => Some(run.job.id),
            What::Missed { job, .. } => Some(job.id),
            What::ManyMissed { .. } | What::StoreAway(_) | What::StoreBack => None,
        }
    }
}

/// Where alerts are told. Cheap to clone.
#[derive(Clone)]
pub struct Sink(Arc<Shared>);

/// The thread that posts alerts, as its owner holds it.
#[derive(Debug)]
pub struct Alerts {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    /// There is an alert, or the end.
    news: Condvar,
    /// The thread is over.
    over: Condvar,
    post: Post,
    write: Box<dyn Fn(&Alert) -> String + Send + Sync>,
    metrics: Arc<Metrics>,
}

struct State {
    queue: Queue,
    life: Life,
}

/// How the thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Life {
    /// It waits for alerts, and tries again what failed.
    Running,
    /// It posts what is there, each alert once, and ends.
    Draining,
    /// It ends.
    Ending,
    /// It has ended.
    Over,
}

impl Alerts {
    /// Starts to post alerts to `url`, in the form that `write` gives them.
    ///
    /// # Errors
    /// When `url` is no address, which is not repeated then, or the system has no descriptor or thread left.
    pub fn start(
        url: &str,
        metrics: Arc<Metrics>,
        write: impl Fn(&Alert) -> String + Send + Sync + 'static,
    ) -> io::Result<Alerts> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                queue: Queue::default(),
                life: Life::Running,
            }),
            news: Condvar::new(),
            over: Condvar::new(),
            post: Post::to(url)?,
            write: Box::new(write),
            metrics,
        });
        let sender = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("alerts".to_owned())
            .stack_size(config::WORKER_STACK_BYTES)
            .spawn(move || sender.run())?;
        Ok(Alerts { shared, thread })
    }

    /// Where to tell alerts.
    #[must_use]
    pub fn sink(&self) -> Sink {
        Sink(Arc::clone(&self.shared))
    }

    /// Posts what is left, for [`ALERTS_DRAIN`](config::ALERTS_DRAIN) at most, and ends the thread.
    pub fn shutdown(self) {
        let until = clock::monotonic() + config::ALERTS_DRAIN;
        let mut state = self.shared.state.lock();
        state.life = state.life.max(Life::Draining);
        self.shared.news.notify_all();
        while state.life != Life::Over {
            if self.shared.over.wait_until(&mut state, until).timed_out() {
                state.life = state.life.max(Life::Ending);
                break;
            }
        }
        drop(state);
        self.shared.post.stop();
        if self.thread.join().is_err() {
            log::error!("the thread of the alerts panicked");
        }
    }
}

impl Sink {
    /// Tells of something. Waits for nobody.
    pub fn tell(&self, alert: Alert) {
        let mut state = self.0.state.lock();
        let before = state.queue.overflows();
        let dropped = state.queue.push(alert, clock::monotonic());
        drop(state);
        self.0.news.notify_all();
        self.0.metrics.alerts_dropped.add(u64::from(dropped));
        if dropped && !before {
            let max = config::ALERTS_WAITING_MAX;
            log::warn!("more than {max} alerts wait to be posted: the oldest are dropped");
        }
    }
}

impl Shared {
    fn run(&self) {
        while let Some(alert) = self.next() {
            self.deliver(&alert);
        }
        let mut state = self.state.lock();
        let left = state.queue.len() as u64;
        state.life = Life::Over;
        drop(state);
        self.over.notify_all();
        if left > 0 {
            self.metrics.alerts_dropped.add(left);
            log::warn!("{left} alerts were not posted: the server stops");
        }
    }

    /// Waits for the next alert; none at the end.
    fn next(&self) -> Option<Alert> {
        let mut state = self.state.lock();
        loop {
            let drains = state.life == Life::Draining;
            if state.life > Life::Draining {
                return None;
            }
            match state.queue.next(clock::monotonic(), drains) {
                Next::Now(alert) => return Some(*alert),
                Next::At(_) | Next::Never if drains => return None,
                Next::At(at) => drop(self.news.wait_until(&mut state, at)),
                Next::Never => self.news.wait(&mut state),
            }
        }
    }

    /// Posts an alert, again and again for as long as it is worth it.
    fn deliver(&self, alert: &Alert) {
        let what = alert.what.as_str();
        let body = (self.write)(alert);
        let host = self.post.host();
        let until = clock::monotonic() + config::ALERT_KEPT;
        let mut wait = config::ALERT_RETRY_MIN;
        loop {
            let drains = self.state.lock().life != Life::Running;
            let why = match self.post.send(body.clone(), config::ALERT_TIMEOUT) {
                Ok(200..=299) => return self.metrics.alerts_sent.add(1),
                Ok(status) => format!("{host} answered {status}"),
                Err(why) => why,
            };
            if drains || clock::monotonic() + wait > until {
                self.metrics.alerts_dropped.add(1);
                log::warn!("the alert {what:?} was given up: {why}");
                return;
            }
            if wait == config::ALERT_RETRY_MIN {
                log::warn!("the alert {what:?} was not taken, and is posted again: {why}");
            }
            self.pause(clock::monotonic() + wait);
            wait = (wait * 2).min(config::ALERT_RETRY_MAX);
        }
    }

    /// Waits until then, or until the server stops.
    fn pause(&self, until: Instant) {
        let mut state = self.state.lock();
        while state.life == Life::Running {
            if self.news.wait_until(&mut state, until).timed_out() {
                return;
            }
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink").finish_non_exhaustive()
    }
}
