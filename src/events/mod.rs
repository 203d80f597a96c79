//! What happens, as it happens: a numbered list of the last events, for whoever listens.
//!
//! Whoever tells waits for nobody: the lock is held for as long as it takes to add an entry or to copy the list.
//! Listeners read on from the number that they know, so one that lost its connection misses nothing, and one that stayed
//! away for too long is told so.
//!
//! Left out: who listens, and in which form they hear it. And all of it is in memory only, because what must last of a
//! run stands in its job's history.

mod outputs;

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::clock::{self, Timestamp};
use crate::config;
use crate::job::run::{GapKind, Outcome, RunId, Trigger};
use crate::job::{Job, JobId};

use self::outputs::Pieces;
pub use self::outputs::{Outputs, Piece};

/// Something that happened.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number, one more than that of the event before it. They go on from the clock when the server starts, so that
    /// a number of an earlier process is not taken for one of this.
    pub id: u64,
    /// When it was told.
    pub at: Timestamp,
    /// What it was.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A job is there.
    JobCreated(Named),
    /// A job's definition changed; enabled and disabled count as such.
    JobChanged(Named),
    /// A job is gone.
    JobDeleted(Named),
    /// A run's first attempt goes to a worker.
    RunStarted {
        /// The run.
        run: RunId,
        /// Its job.
        job: Named,
        /// Why it came about.
        trigger: Trigger,
        /// How long after its occurrence, if it has one.
        lateness: Option<Duration>,
    },
    /// An attempt failed and is made again.
    RunRetrying {
        /// The run.
        run: RunId,
        /// Its job.
        job: Named,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// How it ended.
        end: Box<str>,
        /// When the next one starts.
        next_at: Timestamp,
    },
    /// A run is over.
    RunEnded {
        /// The run.
        run: RunId,
        /// Its job.
        job: Named,
        /// How.
        outcome: Outcome,
        /// How its last attempt ended, where there was one.
        end: Option<Box<str>>,
        /// How long it took.
        duration: Duration,
    },
    /// Occurrences became no run.
    Gap {
        /// Their job.
        job: Named,
        /// Why.
        kind: GapKind,
        /// How many.
        count: u64,
        /// The last of them.
        last: Timestamp,
    },
    /// Nothing is scheduled until somebody lets it go on.
    Paused,
    /// Scheduling goes on.
    Resumed,
    /// The store takes no writes, for this reason.
    StoreAway(Box<str>),
    /// The store takes writes again.
    StoreBack,
}

impl What {
    /// All words that [`as_str`](Self::as_str) has.
    pub const KINDS: [&'static str; 12] = [
        "job_created",
        "job_changed",
        "job_deleted",
        "run_started",
        "run_retrying",
        "run_ended",
        "missed",
        "skipped",
        "paused",
        "resumed",
        "store_away",
        "store_back",
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            What::JobCreated(_) => "job_created",
            What::JobChanged(_) => "job_changed",
            What::JobDeleted(_) => "job_deleted",
            What::RunStarted { .. } => "run_started",
            What::RunRetrying { .. } => "run_retrying",
            What::RunEnded { .. } => "run_ended",
            What::Gap { kind, .. } => kind.as_str(),
            What::Paused => "paused",
            What::Resumed => "resumed",
            What::StoreAway(_) => "store_away",
            What::StoreBack => "store_back",
        }
    }
}

/// A job, as far as an event tells of it: its definition may be large, and gone by the time that somebody hears of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: JobId,
    /// The beginning of its name.
    pub name: Box<str>,
}

impl From<&Job> for Named {
    fn from(job: &Job) -> Named {
        Named {
            id: job.id,
            name: beginning(job.spec.name()).into(),
        }
    }
}

/// As much of a text from outside as an event keeps.
#[must_use]
pub fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(config::EVENT_TEXT_BYTES_MAX)]
}

/// The last events; see the [module's documentation](self).
#[derive(Debug)]
pub struct Events {
    ring: Mutex<Ring>,
    news: Condvar,
    /// There while somebody listens to outputs.
    outputs: Mutex<Weak<Outputs>>,
}

#[derive(Debug)]
struct Ring {
    /// The number of the last event.
    last: u64,
    kept: VecDeque<Arc<Event>>,
    pieces: Pieces,
}

/// What a listener has not heard yet.
#[derive(Debug, PartialEq, Eq)]
pub struct News {
    /// The events, oldest first.
    pub events: Vec<Arc<Event>>,
    /// What was written meanwhile by runs that somebody listens to, oldest first.
    pub pieces: Vec<Piece>,
    /// The number to read on from.
    pub upto: u64,
    /// Some before these are kept no longer, or the number was none of this process.
    pub has_gap: bool,
}

impl Default for Events {
    fn default() -> Events {
        Events::new()
    }
}

impl Events {
    /// An empty list, whose numbers begin at the microsecond that it is.
    #[must_use]
    pub fn new() -> Events {
        let micros = clock::now().unix_nanos() / 1_000;
        Events {
            ring: Mutex::new(Ring {
                last: u64::try_from(micros).unwrap_or_default(),
                kept: VecDeque::new(),
                pieces: Pieces::default(),
            }),
            news: Condvar::new(),
            outputs: Mutex::default(),
        }
    }

    /// Adds an event. Wakes those who wait for one, and nobody where nobody waits.
    pub fn tell(&self, what: What) {
        let at = clock::now();
        let mut ring = self.ring.lock();
        ring.last += 1;
        let id = ring.last;
        if ring.kept.len() == config::EVENTS_KEPT {
            ring.kept.pop_front();
        }
        ring.kept.push_back(Arc::new(Event { id, at, what }));
        drop(ring);
        self.news.notify_all();
    }

    /// Counts events that are not kept, since more follow at this moment than are. All before them is dropped as well:
    /// what is kept has no holes.
    pub fn pass_over(&self, count: u64) {
        let mut ring = self.ring.lock();
        ring.last += count;
        ring.kept.clear();
        drop(ring);
        self.news.notify_all();
    }

    /// The number of the last event.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.ring.lock().last
    }

    /// What came after number `id`.
    #[must_use]
    pub fn since(&self, id: u64) -> News {
        self.ring.lock().since(id)
    }

    /// What came after number `id`, as soon as there is something; nothing when the `patience` is over before. Takes the
    /// pieces of output that there are.
    #[must_use]
    pub fn wait(&self, id: u64, patience: Duration) -> News {
        let mut ring = self.ring.lock();
        if ring.last == id && ring.pieces.is_empty() {
            // Whatever wakes it, its caller looks at what there is and comes back.
            let _ = self.news.wait_for(&mut ring, patience);
        }
        let pieces = ring.pieces.take();
        News {
            pieces,
            ..ring.since(id)
        }
    }
}

impl Ring {
    fn since(&self, id: u64) -> News {
        let before_first = self.last - self.kept.len() as u64;
        let has_gap = !(before_first..=self.last).contains(&id);
        let heard = match id > self.last {
            true => self.kept.len(),
            // No more than are kept, which is a number of memory.
            false => id.saturating_sub(before_first) as usize,
        };
        News {
            events: self.kept.iter().skip(heard).cloned().collect(),
            pieces: Vec::new(),
            upto: self.last,
            has_gap,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many events there are after `id`, and whether some are missing.
    fn since(events: &Events, id: u64) -> (usize, bool) {
        let news = events.since(id);
        assert_eq!(news.upto, events.last());
        let ids: Vec<u64> = news.events.iter().map(|event| event.id).collect();
        assert!(
            ids.iter()
                .rev()
                .copied()
                .eq((0..=news.upto).rev().take(ids.len()))
        );
        (ids.len(), news.has_gap)
    }

    #[test]
    fn a_listener_reads_on_from_where_it_was() {
        let events = Events::new();
        let start = events.last();
        assert_eq!(since(&events, start), (0, false));
        for _ in 0..3 {
            events.tell(What::Paused);
        }
        assert_eq!(since(&events, start), (3, false));
        assert_eq!(since(&events, start + 2), (1, false));
        assert_eq!(since(&events, start + 3), (0, false));
        for foreign in [0, start - 1, start + 4, u64::MAX] {
            assert!(since(&events, foreign).1, "{foreign}");
        }
        assert_eq!(since(&events, u64::MAX), (0, true));
        assert_eq!(since(&events, 0), (3, true));
    }

    #[test]
    fn the_oldest_go_and_their_absence_is_known() {
        let events = Events::new();
        let start = events.last();
        for _ in 0..=config::EVENTS_KEPT {
            events.tell(What::StoreBack);
        }
        assert_eq!(since(&events, start), (config::EVENTS_KEPT, true));
        assert_eq!(since(&events, start + 1), (config::EVENTS_KEPT, false));
        events.pass_over(10);
        assert_eq!(since(&events, start + 1), (0, true));
        assert_eq!(since(&events, events.last()), (0, false));
    }

    #[test]
    fn who_waits_is_woken() {
        let events = Events::new();
        let start = events.last();
        assert_eq!(events.wait(start, Duration::ZERO).events, []);
        std::thread::scope(|scope| {
            let heard = scope.spawn(|| {
                loop {
                    let news = events.wait(start, Duration::from_secs(3_600));
                    if !news.events.is_empty() {
                        return news.events.len();
                    }
                }
            });
            events.tell(What::Resumed);
            assert_eq!(heard.join().unwrap(), 1);
        });
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(beginning("short"), "short");
        let long = "é".repeat(config::EVENT_TEXT_BYTES_MAX);
        let kept = beginning(&long);
        assert!(kept.len() <= config::EVENT_TEXT_BYTES_MAX && kept.ends_with('é'));
    }
}
