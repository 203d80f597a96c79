//! A binary heap that gives equal deadlines back in the order in which they came.
//!
//! The wheel falls back on it where no order of arrival can be foreseen; it is not on the way that most entries take.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::bucket::Item;

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

    #[inline]
    pub(super) fn first(&self) -> Option<Item> {
        self.heap.peek().map(|ranked| ranked.item)
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        self.heap.pop().map(|ranked| ranked.item)
    }

    /// Drops the items that are not `live`, and the memory they took.
    pub(super) fn retain(&mut self, live: impl Fn(&Item) -> bool) {
        self.heap.retain(|ranked| live(&ranked.item));
        self.shrink_to(2 * self.heap.len());
    }

    pub(super) fn shrink_to(&mut self, capacity: usize) {
        self.heap.shrink_to(capacity);
    }

    /// All items, from the earliest to the last.
    pub(super) fn into_items(self) -> Vec<Item> {
        let mut ranked = self.heap.into_vec();
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        ranked.into_iter().map(|ranked| ranked.item).collect()
    }
}

impl FromIterator<Item> for Heap {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Heap {
        let ranked = (0..).zip(items).map(|(rank, item)| Ranked { item, rank });
        let heap: BinaryHeap<Ranked> = ranked.collect();
        Heap {
            pushed: heap.len() as u64,
            heap,
        }
    }
}

/// An item and how many were pushed before it.
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
