//! One timer for all deadlines, armed only while there is one.
//!
//! It knows nothing but an instant at which some connection's deadline may have come; who wakes then looks at all of
//! them. Deadlines mostly move away before they come (each request moves its connection's), and moving one away costs
//! nothing here: no list is kept in order for events that hardly ever happen.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Milliseconds that mean "not armed".
const NEVER: u64 = u64::MAX;

/// The timer.
pub(super) struct Timer {
    fd: OwnedFd,
    start: Instant,
    /// When it goes off, in milliseconds after `start`; written under the lock.
    armed_ms: AtomicU64,
    lock: Mutex<()>,
}

impl Timer {
    pub(super) fn new(now: Instant) -> io::Result<Timer> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Timer {
            fd: timerfd_create(TimerfdClockId::Monotonic, flags)?,
            start: now,
            armed_ms: AtomicU64::new(NEVER),
            lock: Mutex::new(()),
        })
    }

    /// Makes sure that it goes off at `deadline` or before.
    pub(super) fn arm(&self, deadline: Instant, now: Instant) {
        let after_start = deadline.saturating_duration_since(self.start);
        // Rounded up, so that the deadline has come when the timer goes off.
        let deadline_ms = after_start.as_millis() as u64 + 1;
        if deadline_ms >= self.armed_ms.load(Ordering::Acquire) {
            return;
        }
        let _guard = self.lock.lock();
        if deadline_ms < self.armed_ms.load(Ordering::Acquire) {
            self.armed_ms.store(deadline_ms, Ordering::Release);
            self.set(
                (self.start + Duration::from_millis(deadline_ms)).saturating_duration_since(now),
            );
        }
    }

    /// It went off: whoever is told so arms it for the deadlines that are left, after looking at all of them.
    pub(super) fn went_off(&self) {
        let _guard = self.lock.lock();
        self.armed_ms.store(NEVER, Ordering::Release);
    }

    fn set(&self, after: Duration) {
        // Zero would disarm it.
        let after = after.max(Duration::from_nanos(1));
        let it_value = Timespec {
            tv_sec: after.as_secs() as i64,
            tv_nsec: i64::from(after.subsec_nanos()),
        };
        let once = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value,
        };
        let set = timerfd_settime(&self.fd, TimerfdTimerFlags::empty(), &once);
        // The descriptor and the value are valid, which is all that can be wrong.
        debug_assert!(set.is_ok());
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
