//! What a slot of the wheel holds: entries in the order in which they came, their earliest known.
//!
//! A bucket does not know which of its entries were cancelled; the wheel finds that out when it looks at them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::slab::Key;

/// An entry as the slots hold it: when, and where its value lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) deadline: u64,
    pub(super) key: Key,
}

/// The entries of one slot.
#[derive(Debug)]
pub(super) enum Bucket {
    /// As they came; `first` is the position of the earliest. Adding one costs a push.
    Loose { items: Vec<Item>, first: usize },
    /// The earliest was taken out while the slot was still closed (it had been cancelled): from now on the next
    /// earliest must be at hand as well, or cancelling one after the other would search the slot each time.
    Ordered(Heap),
}

impl Default for Bucket {
    fn default() -> Bucket {
        Bucket::from(Vec::new())
    }
}

impl From<Vec<Item>> for Bucket {
    /// A bucket of no items, in the vector's memory.
    fn from(mut items: Vec<Item>) -> Bucket {
        items.clear();
        Bucket::Loose { items, first: 0 }
    }
}

impl Bucket {
    pub(super) fn push(&mut self, item: Item) {
        match self {
            Bucket::Loose { items, first } => {
                if items
                    .get(*first)
                    .is_some_and(|f| item.deadline < f.deadline)
                {
                    *first = items.len();
                }
                items.push(item);
            }
            Bucket::Ordered(heap) => heap.push(item),
        }
    }

    /// The earliest entry; among equals the one that came first.
    pub(super) fn first(&self) -> Option<Item> {
        match self {
            Bucket::Loose { items, first } => items.get(*first).copied(),
            Bucket::Ordered(heap) => heap.first(),
        }
    }

    /// Takes the earliest entry out.
    pub(super) fn pop(&mut self) -> Option<Item> {
        if let Bucket::Loose { items, .. } = self {
            *self = Bucket::Ordered(Heap::from_iter(items.drain(..)));
        }
        match self {
            Bucket::Ordered(heap) => heap.pop(),
            Bucket::Loose { .. } => None,
        }
    }

    /// All entries; those of equal deadline in the order in which they came.
    pub(super) fn into_items(self) -> Vec<Item> {
        match self {
            Bucket::Loose { items, .. } => items,
            Bucket::Ordered(heap) => heap.into_items(),
        }
    }
}

/// A binary heap that gives equal deadlines back in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Heap {
    heap: BinaryHeap<Ranked>,
    pushed: u64,
}

impl Heap {
    pub(super) fn push(&mut self, item: Item) {
        self.heap.push(Ranked {
            item,
            rank: self.pushed,
        });
        self.pushed += 1;
    }

    pub(super) fn first(&self) -> Option<Item> {
        self.heap.peek().map(|ranked| ranked.item)
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        self.heap.pop().map(|ranked| ranked.item)
    }

    /// All entries, from the earliest to the last.
    pub(super) fn into_items(self) -> Vec<Item> {
        let mut ranked = self.heap.into_vec();
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        ranked.into_iter().map(|ranked| ranked.item).collect()
    }
}

impl FromIterator<Item> for Heap {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Heap {
        let heap: BinaryHeap<Ranked> = (0..)
            .zip(items)
            .map(|(rank, item)| Ranked { item, rank })
            .collect();
        Heap {
            pushed: heap.len() as u64,
            heap,
        }
    }
}

#[derive(Debug)]
struct Ranked {
    item: Item,
    rank: u64,
}

impl Ord for Ranked {
    /// Backwards, since the standard heap gives the greatest first.
    fn cmp(&self, other: &Ranked) -> Ordering {
        (other.item.deadline, other.rank).cmp(&(self.item.deadline, self.rank))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}
