//! The timing wheel: which entry is due next, among as many as there are.
//!
//! It is data only. It reads no clock, waits for nothing and takes no lock; `now` is told to it, so a year can be played
//! through in a test.

mod bucket;
mod heap;
mod open;
mod slab;
#[cfg(test)]
mod tests;

use self::bucket::{Bucket, Item};
use self::open::Open;
pub use self::slab::Key;
use self::slab::Slab;

/// A tick is a microsecond; the finest slot is this many bits of them wide: about a millisecond.
const GRAIN_BITS: u32 = 10;
/// A level has as many slots as a word has bits, so that one word says which of them are occupied.
const LEVEL_BITS: u32 = 6;
const SLOTS: usize = 1 << LEVEL_BITS;
/// As many levels as it takes to reach the last tick of a `u64`.
const LEVELS: usize = (u64::BITS - GRAIN_BITS).div_ceil(LEVEL_BITS) as usize;
/// A slot of at most so many items is sorted as a whole, a fuller one is dealt out to finer slots first. An emptied
/// slot keeps the memory of so many (2 KiB). Small in tests, so that they see fuller slots as well.
const FEW: usize = if cfg!(any(test, fuzzing)) { 3 } else { 128 };
/// Cancelled entries are swept out when they outnumber the waiting ones by so many: the cancels pay for the sweep.
const SWEEP_MIN: usize = if cfg!(any(test, fuzzing)) { 16 } else { 1024 };

/// A hierarchical timing wheel: entries of `T`, each due at a tick, in order of deadline, then of insertion.
///
/// The deadline's bits say where an entry belongs. Read from the top, the first six-bit digit in which the deadline
/// differs from `at`, how far the wheel has turned, is the level; the value of the digit is the slot.
///
/// ```text
///   deadline   | digit 8 |   ...   | digit 2 | digit 1 | digit 0 | 10 bits in the slot |
///
///                        at
///                         v
///   level 0    ........... open |   | # |   |   | # |      64 slots of 1 ms each
///   level 1    ........... |         #         |    |      64 slots of 66 ms
///   level 2    ........... |                        |  #   64 slots of 4.2 s
///    ...                                                   level 8: 64 slots of 9,100 years
/// ```
///
/// To insert is to push into a slot's vector. When the time comes to the first occupied slot, which one word of
/// occupancy a level tells by its trailing zeros, it is *opened*: if it is full, its entries are dealt out to the
/// levels below, else they are sorted and wait in order beside what is still closed. So each entry is moved a few
/// times in its life, always from one vector to the end of another, whether a thousand wait or a million.
///
/// Nothing is opened to look ahead: each slot knows its earliest entry, so the next deadline is exact and costs a
/// look at the first one. A cancelled entry loses its value at once; what stands for it in a slot is dropped when
/// it comes up or when such remains are the majority.
///
/// The wheel is scheme 7 of G. Varghese and T. Lauck, *Hashed and Hierarchical Timing Wheels*, SOSP 1987. Theirs turns
/// with every tick and holds lists; this one jumps from slot to slot, and it sorts slots of few entries, which
/// saves the lower levels where timers are sparse (as in W. T. Tang, R. S. M. Goh and I. L.-J. Thng, *Ladder Queue*,
/// ACM TOMACS 2005).
pub struct Wheel<T> {
    /// The latest tick that the wheel was told.
    now: u64,
    /// How far the wheel has turned, counted in finest slots. Closed slots are later.
    at: u64,
    /// The tick at which the first closed slot that is occupied begins; before it only open entries are due.
    closed_from: u64,
    open: Open,
    /// A word a level: which of its slots hold something.
    occupied: [u64; LEVELS],
    /// The slots, level by level.
    buckets: Box<[Bucket]>,
    /// What the entries carry; everything above holds keys to it.
    values: Slab<T>,
    /// How many items are still about whose entries have been cancelled.
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
            closed_from: u64::MAX,
            open: Open::default(),
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
        if self.cancelled > self.len() + SWEEP_MIN {
            self.sweep();
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
            let first = self.open.first();
            if first.is_none_or(|item| item.deadline >= self.closed_from) && self.turn(slot_of(now))
            {
                continue;
            }
            let item = first.filter(|item| item.deadline <= now)?;
            self.open.pop();
            if let Some(value) = self.values.remove(item.key) {
                return Some((item.deadline, value));
            }
            self.cancelled -= 1;
        }
    }

    /// Turns the wheel back: the clock was set back to `now`. All entries stay; those that were due may be no more.
    pub fn rewind(&mut self, now: u64) {
        self.now = now;
        if slot_of(now) >= self.at {
            return;
        }
        self.at = slot_of(now);
        self.closed_from = u64::MAX;
        self.occupied = [0; LEVELS];
        let mut items = std::mem::take(&mut self.open).into_items();
        for bucket in &mut self.buckets {
            items.append(&mut std::mem::take(bucket).into_items());
        }
        for item in items {
            self.place(item);
        }
    }

    /// Puts an item where it belongs as the wheel stands.
    #[inline]
    fn place(&mut self, item: Item) {
        let slot = slot_of(item.deadline);
        if slot <= self.at {
            self.open.push_late(item);
            return;
        }
        let level = (slot ^ self.at).ilog2() / LEVEL_BITS;
        let shift = level * LEVEL_BITS;
        let digit = (slot >> shift) as usize % SLOTS;
        self.closed_from = self.closed_from.min(slot >> shift << shift << GRAIN_BITS);
        self.occupied[level as usize] |= 1 << digit;
        self.buckets[level as usize * SLOTS + digit].push(item);
    }

    /// Position of the first occupied bucket, and the finest slot with which it begins.
    #[inline]
    fn first_closed(&self) -> Option<(usize, u64)> {
        let level = self.occupied.iter().position(|&word| word != 0)?;
        let digit = self.occupied[level].trailing_zeros() as usize;
        let shift = level as u32 * LEVEL_BITS;
        let above = self.at >> shift >> LEVEL_BITS << LEVEL_BITS;
        Some((level * SLOTS + digit, (above | digit as u64) << shift))
    }

    /// To be called when buckets have become empty.
    fn refresh_closed_from(&mut self) {
        let first = self.first_closed();
        self.closed_from = first.map_or(u64::MAX, |(_, start)| start << GRAIN_BITS);
    }

    fn mark_empty(&mut self, bucket: usize) {
        self.occupied[bucket / SLOTS] &= !(1 << (bucket % SLOTS));
    }

    /// The earliest item whose entry still waits; cancelled ones before it are dropped. No slot is opened for it.
    fn first(&mut self) -> Option<Item> {
        while !self.is_empty() {
            let open = self.open.first();
            let closed = match open {
                Some(item) if item.deadline < self.closed_from => None,
                _ => self.first_closed().map(|(bucket, _)| bucket),
            };
            // Of equal ones the open one came first.
            let both = open
                .into_iter()
                .chain(closed.and_then(|bucket| self.buckets[bucket].first()));
            let item = both.min_by_key(|item| item.deadline)?;
            if self.values.contains(item.key) {
                return Some(item);
            }
            self.cancelled -= 1;
            match closed {
                Some(bucket) if open.is_none_or(|open| item.deadline < open.deadline) => {
                    self.buckets[bucket].pop();
                    if self.buckets[bucket].first().is_none() {
                        self.mark_empty(bucket);
                        self.refresh_closed_from();
                    }
                }
                _ => drop(self.open.pop()),
            }
        }
        None
    }

    /// Opens the first closed slot if it begins by slot `limit`, else turns the wheel to there.
    fn turn(&mut self, limit: u64) -> bool {
        let Some((bucket, start)) = self.first_closed().filter(|&(_, start)| start <= limit) else {
            self.at = self.at.max(limit);
            if self.open.first().is_none() {
                self.open.shrink_to(FEW);
            }
            return false;
        };
        let closed = std::mem::take(&mut self.buckets[bucket]);
        let first = closed.first().map_or(start, |item| slot_of(item.deadline));
        self.at = first.min(limit);
        self.mark_empty(bucket);
        self.refresh_closed_from();

        let mut items = closed.into_items();
        if items.len() > FEW && bucket >= SLOTS {
            items.retain(|&item| {
                let stays = slot_of(item.deadline) == self.at;
                if !stays {
                    self.place(item);
                }
                stays
            });
        }
        let all = items.len();
        items.retain(|item| self.values.contains(item.key));
        self.cancelled -= all - items.len();
        self.open.merge(&mut items);
        if items.capacity() <= FEW {
            self.buckets[bucket] = Bucket::from(items);
        }
        true
    }

    /// Drops what is left of cancelled entries.
    fn sweep(&mut self) {
        let live = |item: &Item| self.values.contains(item.key);
        self.open.retain(live);
        for (position, bucket) in self.buckets.iter_mut().enumerate() {
            bucket.retain(live);
            if bucket.first().is_none() {
                self.occupied[position / SLOTS] &= !(1 << (position % SLOTS));
            }
        }
        self.cancelled = 0;
        self.refresh_closed_from();
    }
}
