//! The one thread that writes. All units that wait go into one transaction, so that many clients pay for one sync.
//!
//! It decides nothing: what it is given it stores, or says of each unit why not. A panic in it ends the process at once,
//! since nobody could tell any more what is stored; the store itself is right, and the next start reads it.

use std::slice;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use super::change::Unit;
use super::encode::Encoder;
use super::{Store, StoreError};
use crate::clock;

pub use super::encode::Keep;

/// What the writer is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterConfig {
    /// How much history and output is kept.
    pub keep: Keep,
    /// With a [`Relaxed`](super::relaxed::Relaxed) store: how long changes may wait before they are written down.
    pub persist_every: Option<Duration>,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Committed {
    /// Each unit, and whether it is durable, or why nothing of it is stored; in the order given.
    pub outcomes: Vec<(Unit, Result<(), Arc<StoreError>>)>,
    /// How long it took, encoding included.
    pub took: Duration,
}

/// The writer's thread. When this is dropped, what was submitted is stored, and the thread has ended.
#[derive(Debug)]
pub struct Writer {
    /// None only while it is dropped.
    batches: Option<Sender<Vec<Unit>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. It calls `committed` once for each batch, when its fate is known; that must not wait.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn start(
        store: Arc<dyn Store>,
        config: WriterConfig,
        committed: impl Fn(Committed) + Send + 'static,
    ) -> Result<Writer, StoreError> {
        let encoder = Encoder::new(&*store, config.keep)?;
        let (batches, receiver) = bounded(1);
        let actor = Actor {
            store,
            encoder,
            batches: receiver,
            persist_every: config.persist_every,
            flush_at: None,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let _guard = AbortOnPanic;
                actor.run(&committed);
            })
            .map_err(|error| StoreError::Away(format!("no thread for the store: {error}")))?;
        Ok(Writer {
            batches: Some(batches),
            thread: Some(thread),
        })
    }

    /// Hands over a batch, without waiting.
    ///
    /// # Panics
    /// When the one before is not committed yet: whoever writes waits for that, and gathers meanwhile what comes next.
    pub fn submit(&self, units: Vec<Unit>) {
        let batches = self.batches.as_ref().expect("it is there until the drop");
        match batches.try_send(units) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => panic!("a batch was submitted before the last was done"),
            Err(TrySendError::Disconnected(_)) => panic!("the writer ended before its owner"),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            thread
                .join()
                .expect("a panic in the writer ends the process");
        }
    }
}

struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "nimesha: the store's writer panicked, see above: ending at once, so that nothing is told stored that is not"
            );
            std::process::abort();
        }
    }
}

enum Event {
    Batch(Vec<Unit>),
    FlushDue,
    Closed,
}

struct Actor {
    store: Arc<dyn Store>,
    encoder: Encoder,
    batches: Receiver<Vec<Unit>>,
    persist_every: Option<Duration>,
    flush_at: Option<Instant>,
}

impl Actor {
    fn run(mut self, committed: &dyn Fn(Committed)) {
        loop {
            match self.next_event() {
                Event::Batch(units) => {
                    let began = clock::monotonic();
                    let results = self.store_all(&units);
                    committed(Committed {
                        outcomes: units.into_iter().zip(results).collect(),
                        took: clock::monotonic() - began,
                    });
                    if let (None, Some(every)) = (self.flush_at, self.persist_every) {
                        self.flush_at = Some(clock::monotonic() + every);
                    }
                }
                Event::FlushDue => {
                    let again = self.persist_every.filter(|_| !self.flush());
                    self.flush_at = again.map(|every| clock::monotonic() + every);
                }
                Event::Closed => {
                    self.flush();
                    return;
                }
            }
        }
    }

    fn next_event(&self) -> Event {
        let batch = match self.flush_at {
            Some(at) => self.batches.recv_deadline(at),
            None => self
                .batches
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
        };
        match batch {
            Ok(units) => Event::Batch(units),
            Err(RecvTimeoutError::Timeout) => Event::FlushDue,
            Err(RecvTimeoutError::Disconnected) => Event::Closed,
        }
    }

    fn flush(&self) -> bool {
        let result = self.store.flush();
        if let Err(error) = &result {
            log::error!("changes could not be written down: {error}");
        }
        result.is_ok()
    }

    fn store_all(&mut self, units: &[Unit]) -> Vec<Result<(), Arc<StoreError>>> {
        let all = |result: Result<(), Arc<StoreError>>| vec![result; units.len()];
        match self.commit(units) {
            Ok(()) => all(Ok(())),
            Err(StoreError::Conflict | StoreError::Away(_)) => self.store_each(units),
            Err(error) => all(Err(Arc::new(error))),
        }
    }

    /// One transaction a unit, so that one that cannot be stored does not take the others with it. A database that is
    /// away for two units in a row is away for the rest as well: they do not each wait for it to say so.
    fn store_each(&mut self, units: &[Unit]) -> Vec<Result<(), Arc<StoreError>>> {
        let mut away_in_a_row = 0;
        let mut last = Ok(());
        let mut outcomes = Vec::with_capacity(units.len());
        for unit in units {
            if away_in_a_row < 2 {
                last = self.commit(slice::from_ref(unit)).map_err(Arc::new);
                let away = matches!(&last, Err(error) if matches!(**error, StoreError::Away(_)));
                away_in_a_row = if away { away_in_a_row + 1 } else { 0 };
            }
            outcomes.push(last.clone());
        }
        outcomes
    }

    fn commit(&mut self, units: &[Unit]) -> Result<(), StoreError> {
        let batch = self.encoder.encode(&*self.store, units, clock::now())?;
        self.store.commit(&batch.ops)?;
        self.encoder.stored(&batch);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
