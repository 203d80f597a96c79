//! Since when something is under way that should be over soon.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock;

/// Nothing is under way.
const NONE: u64 = u64::MAX;

/// A mark that whoever does the thing sets and takes away, and that tells others how long it takes. So a thread that
/// hangs is noticed by those who ask, without a clock that ticks for them.
#[derive(Debug)]
pub struct Underway {
    origin: Instant,
    /// Nanoseconds after `origin`.
    since: AtomicU64,
}

impl Default for Underway {
    fn default() -> Underway {
        Underway {
            origin: clock::monotonic(),
            since: AtomicU64::new(NONE),
        }
    }
}

impl Underway {
    /// It begins.
    pub fn begin(&self) {
        let since = clock::monotonic() - self.origin;
        self.since.store(since.as_nanos() as u64, Ordering::Relaxed);
    }

    /// It is over.
    pub fn end(&self) {
        self.since.store(NONE, Ordering::Relaxed);
    }

    /// How long it has lasted at `now`, if it is under way.
    #[must_use]
    pub fn lasts(&self, now: Instant) -> Option<Duration> {
        let since = self.since.load(Ordering::Relaxed);
        let began = self.origin.checked_add(Duration::from_nanos(since))?;
        (since != NONE).then(|| now.saturating_duration_since(began))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_from_its_beginning_to_its_end() {
        let underway = Underway::default();
        let later = || clock::monotonic() + Duration::from_secs(60);
        assert_eq!(underway.lasts(later()), None);
        underway.begin();
        let minute = Duration::from_secs(60);
        assert!(underway.lasts(later()) >= Some(minute));
        assert_eq!(underway.lasts(underway.origin), Some(Duration::ZERO));
        underway.end();
        assert_eq!(underway.lasts(later()), None);
    }
}
