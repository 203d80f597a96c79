//! What a closed slot of the wheel holds: entries in the order in which they came, and which of them is the earliest.
//!
//! A bucket does not know which of its entries were cancelled; the wheel finds out when it looks at them.

use super::heap::Heap;
use super::slab::Key;

/// An entry as the wheel moves it about: when it is due, and where its value lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) deadline: u64,
    pub(super) key: Key,
}

/// The entries of one slot.
#[derive(Debug)]
pub(super) enum Bucket {
    /// As they came; `first` is the position of the earliest. To add one is to push it.
    Loose { items: Vec<Item>, first: usize },
    /// The earliest turned out to be cancelled while the slot was closed. From now on the next one must be at hand as
    /// well, or cancelling one after the other would search the slot as often.
    Ordered(Heap),
}

impl Default for Bucket {
    fn default() -> Bucket {
        Bucket::from(Vec::new())
    }
}

impl From<Vec<Item>> for Bucket {
    fn from(items: Vec<Item>) -> Bucket {
        let first = items
            .iter()
            .enumerate()
            .min_by_key(|(_, item)| item.deadline);
        Bucket::Loose {
            first: first.map_or(0, |(position, _)| position),
            items,
        }
    }
}

impl Bucket {
    #[inline]
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
    #[inline]
    pub(super) fn first(&self) -> Option<Item> {
        match self {
            Bucket::Loose { items, first } => items.get(*first).copied(),
            Bucket::Ordered(heap) => heap.first(),
        }
    }

    /// Takes the earliest entry out.
    pub(super) fn pop(&mut self) -> Option<Item> {
        if let Bucket::Loose { items, .. } = self {
            *self = Bucket::Ordered(items.drain(..).collect());
        }
        match self {
            Bucket::Ordered(heap) => heap.pop(),
            Bucket::Loose { .. } => None,
        }
    }

    /// Drops the entries that are not `live`, and the memory they took.
    pub(super) fn retain(&mut self, live: impl Fn(&Item) -> bool) {
        match self {
            Bucket::Loose { items, .. } => {
                items.retain(live);
                items.shrink_to(2 * items.len());
                *self = Bucket::from(std::mem::take(items));
            }
            Bucket::Ordered(heap) => heap.retain(live),
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
