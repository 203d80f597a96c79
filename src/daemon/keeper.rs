//! The thread that keeps the lease of a shared database, or asks for it.
//!
//! It alone asks: as long as the lease is ours it prolongs it and tells the dispatcher so, and when the lease is another
//! server's it asks again and again. It opens the database too, however long that takes to be there. It does not know
//! what is done under the lease.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::Event;
use crate::metrics::Metrics;
use crate::scheduler::Handle;
use crate::store::lease::Held;
use crate::store::shared::LateStore;
use crate::store::{Store, StoreError};
use crate::{clock, config, process};

/// What the keeper is told.
enum Word {
    /// The dispatcher has just started and needs to hear of the lease.
    Prolong,
    /// Nothing is done under the lease any more, or it could not be begun: ask for it anew, after a while.
    Ask,
    /// Give it back, and end.
    GiveBack,
}

/// Whose the lease is, as far as this server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Another's, or nobody's: it is asked for.
    Asking,
    /// Ours, in this term.
    Leading(u64),
    /// No longer ours, and what was done under it is coming to its end.
    Losing,
}

/// The thread, for its owner.
pub(super) struct Keeper {
    words: Sender<Word>,
    ended: Receiver<()>,
}

impl Keeper {
    /// Starts the thread. When the lease is ours it says [`Event::Leads`].
    pub(super) fn start(
        store: Arc<LateStore>,
        handle: Handle,
        metrics: Arc<Metrics>,
        events: Sender<Event>,
    ) -> io::Result<Keeper> {
        let (words, heard) = bounded(config::DAEMON_EVENTS_MAX);
        let (ends, ended) = bounded(1);
        let mut actor = Actor {
            store,
            handle,
            metrics,
            events,
            words: heard,
            owner: format!("{} {}", process::host_name(), std::process::id()),
            mode: Mode::Asking,
            pause: config::JOBDB_RECONNECT_MIN,
            trouble: None,
        };
        thread::Builder::new()
            .name("lease".to_owned())
            .spawn(move || {
                actor.run();
                // Whoever waited for it has gone.
                let _ = ends.send(());
            })?;
        Ok(Keeper { words, ended })
    }

    pub(super) fn prolong(&self) {
        self.tell(Word::Prolong);
    }

    pub(super) fn ask(&self) {
        self.tell(Word::Ask);
    }

    /// Gives the lease back, so that nobody has to wait for its end; a database that does not answer is not waited for.
    pub(super) fn give_back(&self) {
        self.tell(Word::GiveBack);
        let _ = self.ended.recv_timeout(config::LEASE_GIVE_BACK_MAX);
    }

    /// The thread ends only after being told to.
    fn tell(&self, word: Word) {
        let _ = self.words.send_timeout(word, config::LEASE_GIVE_BACK_MAX);
    }
}

struct Actor {
    store: Arc<LateStore>,
    handle: Handle,
    metrics: Arc<Metrics>,
    events: Sender<Event>,
    words: Receiver<Word>,
    owner: String,
    mode: Mode,
    /// How long it waits after a request that failed.
    pause: Duration,
    /// What was said last of a database that does not answer.
    trouble: Option<String>,
}

impl Actor {
    fn run(&mut self) {
        let mut wait = Duration::ZERO;
        loop {
            match self.words.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => wait = self.turn(),
                Ok(Word::Prolong) => wait = Duration::ZERO,
                Ok(Word::Ask) => {
                    self.mode = Mode::Asking;
                    wait = config::JOBDB_RECONNECT_MAX;
                }
                Ok(Word::GiveBack) | Err(RecvTimeoutError::Disconnected) => {
                    return self.give_back();
                }
            }
        }
    }

    /// Asks the database once. Says when to ask again.
    fn turn(&mut self) -> Duration {
        if self.mode == Mode::Losing {
            return config::LEASE_EVERY;
        }
        // Before the request leaves: by the database's clock it is prolonged later than that.
        let (mono, wall) = (clock::monotonic(), clock::now());
        let is_first = !self.store.is_reached();
        match self.take() {
            Ok(held) => {
                self.answered();
                match held {
                    Held::Ours { term } if self.mode == Mode::Asking => self.leads(term),
                    Held::Ours { term } if self.mode == Mode::Leading(term) => {
                        self.handle.leased(mono, wall);
                    }
                    Held::Ours { .. } => self.lost(
                        "its lease ended, and another server may have worked on the job database"
                            .to_owned(),
                    ),
                    Held::Theirs { owner, ends_in } => return self.theirs(&owner, ends_in),
                }
                config::LEASE_EVERY
            }
            Err(error) if is_first && !matches!(error, StoreError::Away(_)) => {
                let _ = self.events.send(Event::Failed(error.into()));
                config::LEASE_EVERY
            }
            Err(error) => self.failed(&error),
        }
    }

    fn take(&self) -> Result<Held, StoreError> {
        let store = self.store.reach()?;
        let lease = store.lease().ok_or_else(|| {
            StoreError::Refused("a database without a lease cannot be shared".to_owned())
        })?;
        lease.take(&self.owner, config::LEASE_TTL)
    }

    fn leads(&mut self, term: u64) {
        log::info!("this server ({}) works on the job database now", self.owner);
        self.mode = Mode::Leading(term);
        let _ = self.events.send(Event::Leads);
    }

    fn theirs(&mut self, owner: &str, ends_in: Duration) -> Duration {
        let why = format!("{owner} works on the job database");
        if matches!(self.mode, Mode::Leading(_)) {
            self.lost(why);
            return config::LEASE_EVERY;
        }
        if self.handle.stands_by().as_deref() != Some(&why) {
            log::info!("standing by: {why}");
            self.handle.stand_by(&why);
        }
        ends_in.clamp(config::JOBDB_RECONNECT_MIN, config::LEASE_EVERY)
    }

    fn lost(&mut self, why: String) {
        self.mode = Mode::Losing;
        self.handle.lost(why);
    }

    fn failed(&mut self, error: &StoreError) -> Duration {
        let words = error.to_string();
        if self.trouble.as_ref() != Some(&words) {
            log::error!("the job database does not answer: {words}; trying again");
        }
        self.metrics.set_lease_away(true);
        if self.mode == Mode::Asking {
            self.handle
                .stand_by(&format!("the job database does not answer: {words}"));
        }
        self.trouble = Some(words);
        let pause = self.pause;
        self.pause = (pause * 2).min(config::LEASE_EVERY / 3);
        pause
    }

    fn answered(&mut self) {
        if self.trouble.take().is_some() {
            log::info!("the job database answers again");
        }
        self.metrics.set_lease_away(false);
        self.pause = config::JOBDB_RECONNECT_MIN;
    }

    fn give_back(&self) {
        let lease = self
            .store
            .lease()
            .filter(|_| matches!(self.mode, Mode::Leading(_)));
        if let Some(Err(error)) = lease.map(|lease| lease.give_back()) {
            log::warn!(
                "the lease of the job database could not be given back and ends by itself: {error}"
            );
        }
    }
}
