//! The dispatcher: the one thread that owns the core, waits for what happens next, and carries out what the core says.
//!
//! It never waits for a disk, a socket, or a lock that is held during I/O. While nothing is due and nobody asks, it
//! sleeps without a timeout.

use std::collections::HashMap;
use std::io;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::core::{Core, Effects, End, Event, Now, ReplyTo, Settings, Wakeup};
use super::journal::Journal;
use super::show::{show, show_anew};
use super::tale::{self, Changes};
use super::{Inbox, Message, Pending};
use crate::clock;
use crate::events::What;
use crate::job::run::RunOrder;
use crate::store::change::Loaded;
use crate::store::writer::Writer;
use crate::worker::Pool;

/// The dispatcher's thread.
#[derive(Debug)]
pub struct Dispatcher {
    thread: JoinHandle<(Pool, End)>,
}

impl Dispatcher {
    /// Goes on from what the store remembers. When this returns, readers see all jobs.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(
        inbox: Inbox,
        settings: Settings,
        loaded: Loaded,
        writer: Writer,
        pool: Pool,
        journal: Journal,
    ) -> io::Result<Dispatcher> {
        let origin = clock::monotonic();
        let jobs = loaded.jobs.len();
        let (core, mut effects) = Core::load(settings, read_clocks(origin), loaded);
        let mut actor = Actor {
            core,
            origin,
            inbox,
            writer,
            pool,
            journal,
            replies: HashMap::new(),
            next_reply: 0,
        };
        let views = std::mem::take(&mut effects.views);
        show_anew(&actor.inbox.registry, jobs, views, actor.core.totals());
        // Before anything is under way whose end comes in here.
        actor.inbox.open();
        let end = actor.carry_out(effects);
        debug_assert!(end.is_none(), "nobody has asked it to stop");
        let thread = std::thread::Builder::new()
            .name("dispatcher".to_owned())
            .spawn(move || {
                let _guard = AbortOnPanic;
                clock::wake_precisely();
                actor.run()
            })?;
        Ok(Dispatcher { thread })
    }

    /// Waits until the dispatcher has come to its end: nothing runs; after [`Handle::stop`](super::Handle::stop) everything
    /// is stored, and after a loss of the lease nothing more.
    #[must_use]
    pub fn join(self) -> End {
        let (pool, end) = self
            .thread
            .join()
            .expect("a panic of the dispatcher ends the process");
        pool.shutdown();
        end
    }

    /// Whether it has come to its end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

/// The store is right, and a new process goes on from it; a server without its dispatcher would look alive and do nothing.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            log::error!(
                "the dispatcher panicked: the process ends; start it again, it goes on from the store"
            );
            std::process::abort();
        }
    }
}

struct Actor {
    core: Core,
    /// Where the monotonic clock is counted from.
    origin: Instant,
    inbox: Inbox,
    writer: Writer,
    pool: Pool,
    journal: Journal,
    replies: HashMap<u64, Pending>,
    next_reply: u64,
}

fn read_clocks(origin: Instant) -> Now {
    Now {
        wall: clock::now(),
        mono: clock::monotonic().duration_since(origin),
    }
}

impl Actor {
    fn run(mut self) -> (Pool, End) {
        loop {
            let event = self.next_event();
            let effects = self.core.step(read_clocks(self.origin), event);
            let changes = Changes::of(&effects.views, &self.inbox.registry);
            let was_paused = self.inbox.registry.totals().paused;
            let end = self.carry_out(effects);
            // Whoever hears of something and looks, finds it so.
            changes.tell(&self.inbox.events);
            self.tell_of_pause(was_paused);
            if let Some(end) = end {
                return (self.pool, end);
            }
        }
    }

    /// Waits for a message or the next instant that the core wants. The only place that waits.
    fn next_event(&mut self) -> Event {
        let deadline = self.deadline();
        self.journal.turn_ends();
        let message = match deadline {
            None => self
                .inbox
                .messages
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => self.inbox.messages.recv_deadline(deadline),
        };
        self.journal.turn_begins();
        match message.map(|message| *message) {
            Ok(Message::Command(command, reply)) => {
                let from = ReplyTo(self.next_reply);
                self.next_reply += 1;
                self.replies.insert(from.0, reply);
                Event::Command(from, command)
            }
            Ok(Message::Completion(completion)) => Event::Completion(completion),
            Ok(Message::Committed(committed)) => {
                let failed = committed.outcomes.iter().any(|(_, stored)| stored.is_err());
                self.journal.committed(committed.took, failed);
                Event::Committed(committed.outcomes, committed.took)
            }
            Ok(Message::ClockStepped) | Err(RecvTimeoutError::Timeout) => Event::Tick,
            Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => Event::Stop,
            Ok(Message::StopRuns) => Event::StopRuns,
            Ok(Message::Leased(mono, wall)) => Event::Leased(Now {
                wall,
                mono: mono.saturating_duration_since(self.origin),
            }),
            Ok(Message::Lost(why)) => Event::Lost(why),
        }
    }

    fn deadline(&mut self) -> Option<Instant> {
        let Wakeup { wall, mono } = self.core.wakeup();
        if wall.is_none() && mono.is_none() {
            return None;
        }
        let now = read_clocks(self.origin);
        let waits = [
            wall.map(|at| at.since(now.wall)),
            mono.map(|at| at.saturating_sub(now.mono)),
        ];
        let wait = waits.into_iter().flatten().min()?;
        // The year 9999 is further away than some clocks can count; nobody minds a wake-up in a century.
        let century = Duration::from_secs(100 * 365 * 86_400);
        Some(self.origin + now.mono + wait.min(century))
    }

    /// Does what the core says, visible things first. Says whether the core has come to its end, and how.
    fn carry_out(&mut self, mut effects: Effects) -> Option<End> {
        let totals = self.core.totals();
        if !effects.views.is_empty() || self.inbox.registry.totals() != totals {
            show(&self.inbox.registry, effects.views, totals);
        }
        // Told before anything that a run may write.
        for notice in &effects.notices {
            tale::tell(&self.inbox.events, notice);
        }
        self.submit(effects.orders);
        if let Some(batch) = effects.batch {
            self.journal.submitted();
            self.writer.submit(batch);
        }
        for (run, how) in effects.stops {
            self.pool.stop(run, how);
        }
        // Whoever was refused for having lost a race may ask again at once, and must come before the winner's next wish.
        effects.replies.sort_by_key(|(_, answer)| answer.is_ok());
        for (to, answer) in effects.replies {
            if let Some(reply) = self.replies.remove(&to.0) {
                reply.answer(answer);
            }
        }
        self.journal.note(&effects.notices);
        effects.end
    }

    fn submit(&self, orders: Vec<RunOrder>) {
        if let Some(outputs) = self.inbox.events.wanted_outputs() {
            for order in &orders {
                outputs.follow(order.run, &*order.job, &order.output);
            }
        }
        for order in orders {
            self.pool.submit(order);
        }
    }

    fn tell_of_pause(&self, was_paused: bool) {
        match (was_paused, self.core.totals().paused) {
            (false, true) => self.inbox.events.tell(What::Paused),
            (true, false) => self.inbox.events.tell(What::Resumed),
            _ => {}
        }
    }
}
