//! Workers: a fixed pool of threads that make attempts, and report how each of them ended.
//!
//! A thread of the pool waits in one place only: for an order while idle, and for its process or socket, the deadline
//! and its bell while at work. Threads come to be as orders need them, and an idle pool makes no wake-ups. What is to
//! be run, and when, is not known here; nor are retries: an attempt is all that a worker sees.

mod command;
mod environment;
mod executor;
mod http;
mod poll;
pub mod reaper;
mod roster;
mod shortage;
mod stop;
mod supervise;
mod trial;
mod trials;

#[cfg(test)]
mod tests;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

pub(crate) use self::http::Post;
pub use self::stop::Stop;
pub(crate) use self::stop::StopSignal;
pub(crate) use self::trial::run_trial_until;
pub use self::trial::{Trial, run_trial};
pub use self::trials::{Trials, Tried, Untried};

use self::command::LocalExecutor;
use self::executor::{Attempt, Executor};
use self::http::RemoteExecutor;
use self::roster::Roster;
use self::shortage::Shortage;
use crate::config;
use crate::job::Action;
use crate::job::run::{AttemptEnd, Completion, RunId, RunOrder};

/// How a pool is set up.
#[derive(Clone, Copy, Debug)]
pub struct PoolConfig {
    /// Threads, at least one.
    pub workers: usize,
    /// After SIGTERM a command has this long before SIGKILL.
    pub kill_after: Duration,
}

impl Default for PoolConfig {
    fn default() -> PoolConfig {
        PoolConfig {
            workers: config::WORKERS,
            kill_after: config::KILL_AFTER,
        }
    }
}

/// The pool, as its owner holds it. Dropped without [`shutdown`](Pool::shutdown), its threads end by themselves.
pub struct Pool {
    orders: Sender<RunOrder>,
    crew: Arc<Crew>,
    threads: Mutex<Threads>,
    workers: usize,
}

#[derive(Default)]
struct Threads {
    pool: Vec<JoinHandle<()>>,
    extra: Vec<JoinHandle<()>>,
}

/// What the threads share.
struct Crew {
    orders: Receiver<RunOrder>,
    roster: Roster,
    /// Orders of the pool, from the submit until their thread is free for the next.
    outstanding: AtomicUsize,
    commands: Arc<command::Shared>,
    client: Arc<http::Client>,
    report: Box<dyn Fn(Completion) + Send + Sync>,
}

/// What one thread works with.
struct Hands {
    stop: Arc<StopSignal>,
    local: LocalExecutor,
    remote: RemoteExecutor,
}

impl Pool {
    /// Starts a pool with one thread; the others follow when there is work for them. `report` is called on the thread
    /// that made the attempt, which takes its next order afterwards.
    ///
    /// # Errors
    /// When not even the first thread, or what it waits with, can be had.
    pub fn start(
        config: PoolConfig,
        report: impl Fn(Completion) + Send + Sync + 'static,
    ) -> io::Result<Pool> {
        let workers = config.workers.max(1);
        // Twice the workers: extra orders, of which there are as many at most, wait here if they get no thread.
        let (sender, orders) = bounded(2 * workers);
        let shortage = Arc::new(Shortage::new()?);
        let pool = Pool {
            orders: sender,
            crew: Arc::new(Crew {
                orders,
                roster: Roster::default(),
                outstanding: AtomicUsize::new(0),
                client: Arc::new(http::Client::new(Arc::clone(&shortage))),
                commands: Arc::new(command::Shared::new(config.kill_after, shortage)),
                report: Box::new(report),
            }),
            threads: Mutex::default(),
            workers,
        };
        pool.add_worker(&mut pool.threads.lock())?;
        Ok(pool)
    }

    /// Takes an order; it is reported once, whatever becomes of it. Never blocks.
    ///
    /// # Panics
    /// When more orders are outstanding than there are workers for, extra ones apart: the caller counts them.
    pub fn submit(&self, order: RunOrder) {
        self.crew.roster.enter(order.run);
        match order.extra {
            true => self.submit_extra(order),
            false => self.enqueue(order),
        }
    }

    fn enqueue(&self, order: RunOrder) {
        let outstanding = self.crew.outstanding.fetch_add(1, Ordering::AcqRel) + 1;
        let sent = self.orders.try_send(order);
        assert!(sent.is_ok(), "more orders are outstanding than workers");
        let mut threads = self.threads.lock();
        if threads.pool.len() < outstanding.min(self.workers)
            && let Err(e) = self.add_worker(&mut threads)
        {
            // Those that are there do the work, later.
            log::warn!("a worker could not be started: {e}");
        }
    }

    fn submit_extra(&self, order: RunOrder) {
        let mut threads = self.threads.lock();
        threads.extra.retain(|thread| !thread.is_finished());
        let crew = Arc::clone(&self.crew);
        let (hand_over, take) = bounded(1);
        let thread = Hands::new(&crew).and_then(|mut hands| {
            let work = move || take.iter().for_each(|order| crew.serve(&order, &mut hands));
            spawn("worker-extra".to_owned(), work)
        });
        match thread {
            Ok(thread) => {
                threads.extra.push(thread);
                let sent = hand_over.send(order);
                assert!(sent.is_ok(), "the thread waits for its order");
            }
            Err(e) => {
                log::warn!("an extra worker could not be started: {e}; its run waits for another");
                drop(threads);
                self.enqueue(order);
            }
        }
    }

    fn add_worker(&self, threads: &mut Threads) -> io::Result<()> {
        let crew = Arc::clone(&self.crew);
        let mut hands = Hands::new(&crew)?;
        let name = format!("worker-{}", threads.pool.len() + 1);
        threads.pool.push(spawn(name, move || {
            for order in &crew.orders {
                let completion = crew.make(&order, &mut hands);
                drop(order);
                // Free before the report is heard: the next order that it lets in needs no further thread.
                crew.outstanding.fetch_sub(1, Ordering::AcqRel);
                (crew.report)(completion);
            }
        })?);
        Ok(())
    }

    /// Stops a run; one that no thread has taken yet is reported as stopped without being executed. An unknown one is
    /// nothing to stop.
    pub fn stop(&self, run: RunId, how: Stop) {
        self.crew.roster.stop(run, how);
    }

    /// Stops all runs that were submitted and not reported.
    pub fn stop_all(&self, how: Stop) {
        self.crew.roster.stop_all(how);
    }

    /// Waits until all that was submitted is reported and the threads have ended. [`stop_all`](Pool::stop_all) before
    /// it makes that soon.
    pub fn shutdown(self) {
        drop(self.orders);
        let threads = self.threads.into_inner();
        for thread in threads.pool.into_iter().chain(threads.extra) {
            // What an attempt panics with is caught in it; a panic of `report` has been printed by its thread.
            let _ = thread.join();
        }
    }
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(name)
        .stack_size(config::WORKER_STACK_BYTES)
        .spawn(work)
}

impl Crew {
    /// Makes the attempt that `order` asks for.
    fn make(&self, order: &RunOrder, hands: &mut Hands) -> Completion {
        let stop = Arc::clone(&hands.stop);
        let mut attempt = Attempt::new(order, &stop);
        let end = if !self.roster.begin(order.run, &stop) {
            AttemptEnd::Stopped
        } else if attempt.is_too_late() {
            AttemptEnd::TooLate
        } else {
            let executor = hands.executor(&order.job.spec.action);
            contain(|| executor.execute(&mut attempt))
        };
        self.roster.leave(order.run);
        Completion {
            run: order.run,
            job: order.job.id,
            started_at: attempt.start.at,
            duration: attempt.start.elapsed(),
            end,
        }
    }

    fn serve(&self, order: &RunOrder, hands: &mut Hands) {
        (self.report)(self.make(order, hands));
    }
}

/// Makes a panic in `attempt` the end of it, and of nothing else.
fn contain(attempt: impl FnOnce() -> AttemptEnd) -> AttemptEnd {
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("without a word");
        AttemptEnd::Error(format!("the worker panicked: {text}"))
    })
}

impl Hands {
    fn new(crew: &Crew) -> io::Result<Hands> {
        Ok(Hands {
            stop: Arc::new(StopSignal::new()?),
            local: LocalExecutor::new(Arc::clone(&crew.commands)),
            remote: RemoteExecutor::new(Arc::clone(&crew.client)),
        })
    }

    fn executor(&mut self, action: &Action) -> &mut dyn Executor {
        match action {
            Action::Local => &mut self.local,
            Action::Remote(_) => &mut self.remote,
        }
    }
}
