//! The wheel and those it is measured against, behind one trait.
//!
//! All count in microseconds from 0. The two wheels of others round to their own tick of a millisecond, so within one
//! they give no order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hierarchical_hash_wheel_timer::IdOnlyTimerEntry;
use hierarchical_hash_wheel_timer::wheels::{Skip, cancellable::QuadWheelWithOverflow};
use nimesha::scheduler::wheel::{Key, Wheel};
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tokio_util::time::{DelayQueue, delay_queue};

/// Timers that carry a number.
pub(crate) trait Timers {
    type Key: Copy;
    fn new() -> Self;
    fn insert(&mut self, deadline: u64, value: u32) -> Self::Key;
    fn cancel(&mut self, key: Self::Key) -> Option<u32>;
    fn next_deadline(&mut self) -> Option<u64>;
    fn pop_due(&mut self, now: u64) -> Option<u32>;
}

impl Timers for Wheel<u32> {
    type Key = Key;

    fn new() -> Self {
        Wheel::new(0)
    }

    fn insert(&mut self, deadline: u64, value: u32) -> Key {
        self.insert(deadline, value)
    }

    fn cancel(&mut self, key: Key) -> Option<u32> {
        self.cancel(key)
    }

    fn next_deadline(&mut self) -> Option<u64> {
        self.next_deadline()
    }

    fn pop_due(&mut self, now: u64) -> Option<u32> {
        self.pop_due(now).map(|(_, value)| value)
    }
}

/// A binary heap; a cancelled timer stays in it until it comes up. Values are in a table whose places are used again,
/// told apart by a stamp, so that a key that is out of date is harmless, as it is with the wheel.
pub(crate) struct Heap {
    heap: BinaryHeap<Reverse<(u64, u32, u32)>>,
    values: Vec<(u32, Option<u32>)>,
    vacant: Vec<u32>,
    stamp: u32,
}

impl Heap {
    fn take(&mut self, stamp: u32, place: u32) -> Option<u32> {
        let value = self
            .values
            .get_mut(place as usize)
            .filter(|v| v.0 == stamp)?
            .1
            .take()?;
        self.vacant.push(place);
        Some(value)
    }
}

impl Timers for Heap {
    type Key = (u32, u32);

    fn new() -> Self {
        Heap {
            heap: BinaryHeap::new(),
            values: Vec::new(),
            vacant: Vec::new(),
            stamp: 0,
        }
    }

    fn insert(&mut self, deadline: u64, value: u32) -> (u32, u32) {
        self.stamp += 1;
        let entry = (self.stamp, Some(value));
        let place = self.vacant.pop().unwrap_or(self.values.len() as u32);
        match self.values.get_mut(place as usize) {
            Some(vacant) => *vacant = entry,
            None => self.values.push(entry),
        }
        self.heap.push(Reverse((deadline, self.stamp, place)));
        (self.stamp, place)
    }

    fn cancel(&mut self, (stamp, place): (u32, u32)) -> Option<u32> {
        self.take(stamp, place)
    }

    fn next_deadline(&mut self) -> Option<u64> {
        while let Some(&Reverse((deadline, stamp, place))) = self.heap.peek() {
            if matches!(self.values[place as usize], (s, Some(_)) if s == stamp) {
                return Some(deadline);
            }
            self.heap.pop();
        }
        None
    }

    fn pop_due(&mut self, now: u64) -> Option<u32> {
        while let Some(&Reverse((deadline, stamp, place))) = self.heap.peek() {
            if deadline > now {
                return None;
            }
            self.heap.pop();
            if let Some(value) = self.take(stamp, place) {
                return Some(value);
            }
        }
        None
    }
}

/// A B-tree by deadline, then by insertion.
pub(crate) struct Tree {
    tree: BTreeMap<(u64, u32), u32>,
    inserted: u32,
}

impl Timers for Tree {
    type Key = (u64, u32);

    fn new() -> Self {
        Tree {
            tree: BTreeMap::new(),
            inserted: 0,
        }
    }

    fn insert(&mut self, deadline: u64, value: u32) -> (u64, u32) {
        let key = (deadline, self.inserted);
        self.inserted += 1;
        self.tree.insert(key, value);
        key
    }

    fn cancel(&mut self, key: (u64, u32)) -> Option<u32> {
        self.tree.remove(&key)
    }

    fn next_deadline(&mut self) -> Option<u64> {
        self.tree
            .first_key_value()
            .map(|(&(deadline, _), _)| deadline)
    }

    fn pop_due(&mut self, now: u64) -> Option<u32> {
        let first = self.tree.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

/// The four-level wheel with a map of what is not cancelled. The number is the identity, so each must be unique.
pub(crate) struct HashWheel {
    wheel: QuadWheelWithOverflow<IdOnlyTimerEntry<u32>>,
    now_ms: u64,
    due: VecDeque<u32>,
    len: usize,
}

impl Timers for HashWheel {
    type Key = u32;

    fn new() -> Self {
        HashWheel {
            wheel: QuadWheelWithOverflow::new(),
            now_ms: 0,
            due: VecDeque::new(),
            len: 0,
        }
    }

    fn insert(&mut self, deadline: u64, value: u32) -> u32 {
        // It refuses a delay of nothing.
        let delay =
            Duration::from_millis(deadline.div_ceil(1000).saturating_sub(self.now_ms).max(1));
        self.wheel
            .insert(IdOnlyTimerEntry::new(value, delay))
            .expect("a delay above zero");
        self.len += 1;
        value
    }

    fn cancel(&mut self, key: u32) -> Option<u32> {
        self.wheel.cancel(&key).ok()?;
        self.len -= 1;
        Some(key)
    }

    /// It cannot tell; the answer is right as to whether there is one.
    fn next_deadline(&mut self) -> Option<u64> {
        (self.len > 0).then_some(self.now_ms * 1000)
    }

    fn pop_due(&mut self, now: u64) -> Option<u32> {
        while self.due.is_empty() && self.now_ms < now / 1000 {
            match self.wheel.can_skip() {
                Skip::Empty => self.now_ms = now / 1000,
                Skip::Millis(ms) => {
                    let ms = u64::from(ms).min(now / 1000 - self.now_ms);
                    self.wheel.skip(ms as u32);
                    self.now_ms += ms;
                }
                Skip::None => {
                    self.due
                        .extend(self.wheel.tick().iter().map(|entry| entry.id));
                    self.now_ms += 1;
                }
            }
        }
        let value = self.due.pop_front()?;
        self.len -= 1;
        Some(value)
    }
}

/// A runtime whose clock stands still unless it is told to move; [`Delays`] must be used inside it.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O")
});

/// tokio's queue.
pub(crate) struct Delays {
    queue: DelayQueue<u32>,
    start: Instant,
    now: u64,
}

impl Timers for Delays {
    type Key = delay_queue::Key;

    fn new() -> Self {
        Delays {
            queue: DelayQueue::new(),
            start: Instant::now(),
            now: 0,
        }
    }

    fn insert(&mut self, deadline: u64, value: u32) -> delay_queue::Key {
        self.queue
            .insert_at(value, self.start + Duration::from_micros(deadline))
    }

    fn cancel(&mut self, key: delay_queue::Key) -> Option<u32> {
        self.queue
            .try_remove(&key)
            .map(delay_queue::Expired::into_inner)
    }

    fn next_deadline(&mut self) -> Option<u64> {
        let key = self.queue.peek()?;
        Some(
            self.queue
                .deadline(&key)
                .duration_since(self.start)
                .as_micros() as u64,
        )
    }

    fn pop_due(&mut self, now: u64) -> Option<u32> {
        if now > self.now {
            // The clock may be ahead already: while it waits, it jumps to the next timer.
            let until = self.start + Duration::from_micros(now);
            let by = until.saturating_duration_since(Instant::now());
            RUNTIME.block_on(tokio::time::advance(by));
            self.now = now;
        }
        match self
            .queue
            .poll_expired(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(expired) => expired.map(delay_queue::Expired::into_inner),
            Poll::Pending => None,
        }
    }
}
