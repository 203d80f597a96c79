//! The timing wheel: which entry is due next, among as many as there are.
//!
//! It is data only: it reads no clock, waits for nothing, takes no lock; `now` is told to it. An entry's place depends
//! on its deadline and on how far the wheel has turned, so a million entries cost as much each as a thousand do.

mod bucket;
mod slab;
#[cfg(test)]
mod tests;

use self::bucket::{Bucket, Heap, Item};
pub use self::slab::Key;
use self::slab::Slab;

/// A tick is a microsecond; the finest slot is this many bits of them wide, about a millisecond.
const GRAIN_BITS: u32 = 10;
/// A level has as many slots as a word has bits, so one word says which of them are occupied.
const LEVEL_BITS: u32 = 6;
const SLOTS: usize = 1 << LEVEL_BITS;
/// As many levels as it takes to reach the last tick of a `u64`.
const LEVELS: usize = (u64::BITS - GRAIN_BITS).div_ceil(LEVEL_BITS) as usize;
/// A bucket keeps its memory for the next turn up to this many items (1 KiB), a larger one gives it back.
const KEPT_ITEMS: usize = 64;
/// Cancelled entries are swept out when they outnumber the others by this: so a sweep is paid by as many cancels.
const SWEEP_MIN: usize = 1024;

/// A hierarchical timing wheel: entries of `T` that come due at a tick, in order of deadline, then of insertion.
///
/// ```text
///                    at
///  level 0           |###|   |  #|   |   |   |   |     64 slots of   1 ms
///  level 1       |###############|   |      #|         64 slots of  66 ms
///  level 2  |#####################|      |    #  #|    64 slots of 4.2 s
///    ...                                               to level 8: 64 slots of 9,100 years
/// ```
pub struct Wheel<T> {
    now: u64,
    at: u64,
    run: Vec<Item>,
    late: Heap,
    occupied: [u64; LEVELS],
    buckets: Box<[Bucket]>,
    values: Slab<T>,
    cancelled: usize,
}

/// The finest slot that a tick is in, counted from tick 0.
const fn slot_of(tick: u64) -> u64 {
    tick >> GRAIN_BITS
}

impl<T> Wheel<T> {
    /// An empty wheel that has turned to tick `now`.
    #[must_use]
    pub fn new(now: u64) -> Wheel<T> {
        Wheel::with_capacity(now, 0)
    }

    /// The same, with room for that many values.
    #[must_use]
    pub fn with_capacity(now: u64, capacity: usize) -> Wheel<T> {
        Wheel {
            now,
            at: slot_of(now),
            run: Vec::new(),
            late: Heap::default(),
            occupied: [0; LEVELS],
            buckets: (0..LEVELS * SLOTS).map(|_| Bucket::default()).collect(),
            values: Slab::with_capacity(capacity),
            cancelled: 0,
        }
    }

    /// The latest tick that the wheel was told.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// How many entries wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of an entry that still waits.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&T> {
        self.values.get(key)
    }

    /// Adds an entry. One whose deadline has passed already is due at once, in its order.
    pub fn insert(&mut self, deadline: u64, value: T) -> Key {
        let key = self.values.insert(value);
        self.place(Item { deadline, key });
        key
    }

    /// Takes an entry out before it is due. A key whose entry has gone gives `None`.
    pub fn cancel(&mut self, key: Key) -> Option<T> {
        let value = self.values.remove(key)?;
        self.cancelled += 1;
        if self.cancelled > self.values.len() + SWEEP_MIN {
            self.rebuild();
        }
        Some(value)
    }

    /// The tick at which the earliest entry is due: exact, however far away.
    pub fn next_deadline(&mut self) -> Option<u64> {
        self.first().map(|item| item.deadline)
    }

    /// The earliest entry.
    pub fn peek(&mut self) -> Option<(u64, &T)> {
        let item = self.first()?;
        self.values
            .get(item.key)
            .map(|value| (item.deadline, value))
    }

    /// Takes out the earliest entry if it is due by `now`, and turns the wheel as far as needed.
    pub fn pop_due(&mut self, now: u64) -> Option<(u64, T)> {
        self.now = self.now.max(now);
        loop {
            while let Some(item) = self.first_open() {
                if item.deadline > now {
                    return None;
                }
                self.pop_open();
                if let Some(value) = self.values.remove(item.key) {
                    return Some((item.deadline, value));
                }
                self.cancelled -= 1;
            }
            if !self.turn(slot_of(now)) {
                return None;
            }
        }
    }

    /// Turns the wheel back: the clock was set back to `now`. All entries stay, those that were due may be no more.
    pub fn rewind(&mut self, now: u64) {
        self.now = now;
        if slot_of(now) < self.at {
            self.at = slot_of(now);
            self.rebuild();
        }
    }

    /// Puts an item where it belongs as the wheel stands.
    fn place(&mut self, item: Item) {
        let slot = slot_of(item.deadline);
        if slot <= self.at {
            self.late.push(item);
            return;
        }
        let level = (slot ^ self.at).ilog2() / LEVEL_BITS;
        let digit = (slot >> (level * LEVEL_BITS)) as usize % SLOTS;
        self.occupied[level as usize] |= 1 << digit;
        self.buckets[level as usize * SLOTS + digit].push(item);
    }

    /// The earliest item whose entry still waits; cancelled ones before it are dropped.
    fn first(&mut self) -> Option<Item> {
        loop {
            let item = match self.first_open() {
                Some(item) => item,
                None => {
                    let (level, digit) = self.first_bucket()?;
                    match self.buckets[level * SLOTS + digit].first() {
                        Some(item) => item,
                        None => {
                            self.occupied[level] &= !(1 << digit);
                            continue;
                        }
                    }
                }
            };
            if self.values.contains(item.key) {
                return Some(item);
            }
            self.cancelled -= 1;
            if self.pop_open().is_none()
                && let Some((level, digit)) = self.first_bucket()
            {
                self.buckets[level * SLOTS + digit].pop();
            }
        }
    }

    /// The earliest item of the open slot. Of equal ones those of the run were there before the late ones.
    fn first_open(&self) -> Option<Item> {
        match (self.run.last().copied(), self.late.first()) {
            (Some(run), Some(late)) if late.deadline < run.deadline => Some(late),
            (Some(run), _) => Some(run),
            (None, late) => late,
        }
    }

    fn pop_open(&mut self) -> Option<Item> {
        match (self.run.last(), self.late.first()) {
            (Some(run), Some(late)) if late.deadline < run.deadline => self.late.pop(),
            (Some(_), _) => self.run.pop(),
            (None, _) => self.late.pop(),
        }
    }

    /// Level and digit of the earliest occupied slot.
    fn first_bucket(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|&word| word != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// Opens the first occupied slot, if it begins by slot `limit`. The open slot must be used up.
    fn turn(&mut self, limit: u64) -> bool {
        let Some((level, digit)) = self.first_bucket() else {
            self.at = self.at.max(limit);
            return false;
        };
        let shift = level as u32 * LEVEL_BITS;
        let above = self.at >> shift >> LEVEL_BITS << LEVEL_BITS;
        if (above | digit as u64) << shift > limit {
            self.at = self.at.max(limit);
            return false;
        }
        self.occupied[level] &= !(1 << digit);
        let bucket = std::mem::take(&mut self.buckets[level * SLOTS + digit]);
        let Some(first) = bucket.first() else {
            return true;
        };
        self.at = slot_of(first.deadline).min(limit);
        let items = bucket.into_items();
        for &item in &items {
            if slot_of(item.deadline) == self.at {
                self.run.push(item);
            } else {
                self.place(item);
            }
        }
        if items.capacity() <= KEPT_ITEMS {
            self.buckets[level * SLOTS + digit] = Bucket::from(items);
        }
        self.run.sort_by_key(|item| item.deadline);
        self.run.reverse();
        true
    }

    /// Places all entries anew and forgets the cancelled ones.
    fn rebuild(&mut self) {
        let mut items = std::mem::take(&mut self.run);
        items.reverse();
        items.extend(std::mem::take(&mut self.late).into_items());
        for bucket in &mut self.buckets {
            items.append(&mut std::mem::take(bucket).into_items());
        }
        self.occupied = [0; LEVELS];
        self.cancelled = 0;
        if self.is_empty() {
            self.values.clear();
        }
        for item in items {
            if self.values.contains(item.key) {
                self.place(item);
            }
        }
    }
}
