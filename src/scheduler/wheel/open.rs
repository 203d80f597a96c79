//! What has been taken out of the slots: the entries that are due next, in order.
//!
//! A slot is sorted once, when it is opened; only what comes in after that pays for its place one by one.

use super::bucket::Item;
use super::heap::Heap;

#[derive(Debug, Default)]
pub(super) struct Open {
    /// From opened slots, in order, the earliest at the end.
    run: Vec<Item>,
    /// Came in when its slot was open already. Of equal deadlines those of the run came first.
    late: Heap,
}

impl Open {
    pub(super) fn push_late(&mut self, item: Item) {
        self.late.push(item);
    }

    /// Takes in the items of an opened slot and leaves some vector's memory in their place. What is in the run came
    /// before them.
    pub(super) fn merge(&mut self, items: &mut Vec<Item>) {
        items.sort_by_key(|item| item.deadline);
        let Some(last) = items.last() else { return };
        // The run reaches beyond the slot when it came from a coarser one.
        let beyond = self
            .run
            .partition_point(|item| item.deadline > last.deadline);
        if self.run.is_empty() {
            items.reverse();
            std::mem::swap(&mut self.run, items);
            return;
        }
        let rest = self.run.len() - beyond;
        self.run[beyond..].reverse();
        self.run.append(items);
        if rest > 0 {
            self.run[beyond..].sort_by_key(|item| item.deadline);
        }
        self.run[beyond..].reverse();
    }

    #[inline]
    fn is_late_first(&self) -> bool {
        match (self.late.first(), self.run.last()) {
            (None, _) => false,
            (Some(late), Some(run)) => late.deadline < run.deadline,
            (Some(_), None) => true,
        }
    }

    #[inline]
    pub(super) fn first(&self) -> Option<Item> {
        if self.is_late_first() {
            self.late.first()
        } else {
            self.run.last().copied()
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Item> {
        if self.is_late_first() {
            self.late.pop()
        } else {
            self.run.pop()
        }
    }

    pub(super) fn retain(&mut self, live: impl Fn(&Item) -> bool) {
        self.run.retain(&live);
        self.late.retain(live);
    }

    /// Gives memory back, down to this many items.
    pub(super) fn shrink_to(&mut self, capacity: usize) {
        self.run.shrink_to(capacity);
        self.late.shrink_to(capacity);
    }

    /// All items; those of equal deadline in the order in which they came.
    pub(super) fn into_items(self) -> Vec<Item> {
        let mut items = self.run;
        items.reverse();
        items.extend(self.late.into_items());
        items
    }
}
