//! A bound that connections share: so much of something may be out at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much may be out, and how much is.
pub(super) struct Quota {
    max: usize,
    out: AtomicUsize,
}

/// A part of a quota, given back when dropped.
pub(super) struct Share {
    quota: Arc<Quota>,
    amount: usize,
}

impl Quota {
    pub(super) fn new(max: usize) -> Arc<Quota> {
        Arc::new(Quota {
            max,
            out: AtomicUsize::new(0),
        })
    }

    /// A share of nothing, to be enlarged.
    pub(super) fn share(self: &Arc<Quota>) -> Share {
        Share {
            quota: Arc::clone(self),
            amount: 0,
        }
    }
}

impl Share {
    /// Enlarges the share; whether there was so much left.
    #[must_use]
    pub(super) fn grow(&mut self, by: usize) -> bool {
        let before = self.quota.out.fetch_add(by, Ordering::Relaxed);
        self.amount += by;
        before + by <= self.quota.max
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.quota.out.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_can_be_had_again() {
        let quota = Quota::new(3);
        let mut first = quota.share();
        assert!(first.grow(2));
        let mut second = quota.share();
        assert!(!second.grow(2));
        drop(second);
        assert!(first.grow(1));
        assert!(!first.grow(1));
        drop(first);
        assert!(quota.share().grow(3));
    }
}
