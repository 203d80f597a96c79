//! The system's clocks, and the instant that the whole program counts in.
//!
//! This is the only module that reads a clock. Everything else is given `now`, so that a year of schedules can be
//! simulated in milliseconds and a test never sleeps.

use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Nanoseconds in a second.
pub const NANOS_PER_SEC: i128 = 1_000_000_000;

/// An instant of the wall clock, in nanoseconds, from year 1 to year 9999.
///
/// Seconds and nanoseconds are kept apart because 64 bits of nanoseconds end in 2262. The nanoseconds are stored plus
/// one, so that `Option<Timestamp>` takes no more, and packed to 12 bytes: a server holds a few of them for each of a
/// million jobs.
#[repr(Rust, packed(4))]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    secs: i64,
    nanos_plus_one: NonZeroU32,
}

impl Timestamp {
    /// 0001-01-01T00:00:00Z, which stands in answers for "has not come about".
    pub const MIN: Timestamp = Timestamp::from_unix(-62_135_596_800, 0);
    /// The last nanosecond of the year 9999, the last that RFC 3339 can write.
    pub const MAX: Timestamp = Timestamp::from_unix(253_402_300_799, 999_999_999);
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Timestamp = Timestamp::from_unix(0, 0);

    /// The instant `nanos` nanoseconds after second `secs` of the Unix epoch.
    ///
    /// # Panics
    /// When `nanos` is a second or more.
    #[must_use]
    pub const fn from_unix(secs: i64, nanos: u32) -> Timestamp {
        assert!(nanos < 1_000_000_000);
        match NonZeroU32::new(nanos + 1) {
            Some(nanos_plus_one) => Timestamp {
                secs,
                nanos_plus_one,
            },
            None => unreachable!(),
        }
    }

    /// The instant that many nanoseconds after the Unix epoch, brought into [`MIN`](Self::MIN)..=[`MAX`](Self::MAX).
    #[must_use]
    pub fn from_unix_nanos(nanos: i128) -> Timestamp {
        let nanos = nanos.clamp(Self::MIN.unix_nanos(), Self::MAX.unix_nanos());
        let secs = nanos.div_euclid(NANOS_PER_SEC);
        Timestamp::from_unix(secs as i64, nanos.rem_euclid(NANOS_PER_SEC) as u32)
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_nanos(self) -> i128 {
        self.secs as i128 * NANOS_PER_SEC + self.subsec_nanos() as i128
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn unix_secs(self) -> i64 {
        self.secs
    }

    /// Nanoseconds since the last whole second.
    #[must_use]
    pub const fn subsec_nanos(self) -> u32 {
        self.nanos_plus_one.get() - 1
    }

    /// This instant in the wheel's unit: microseconds since the Unix epoch, rounded up (a run may be late, never
    /// early); instants before 1970 are 0.
    #[must_use]
    pub fn ticks(self) -> u64 {
        if self.secs < 0 {
            0
        } else {
            self.secs as u64 * 1_000_000 + u64::from(self.subsec_nanos()).div_ceil(1_000)
        }
    }

    /// The last whole tick that has passed at this instant: [`ticks`](Self::ticks), but rounded down.
    #[must_use]
    pub fn ticks_passed(self) -> u64 {
        if self.secs < 0 {
            0
        } else {
            self.secs as u64 * 1_000_000 + u64::from(self.subsec_nanos()) / 1_000
        }
    }

    /// This instant moved on by `by`, at most to [`MAX`](Self::MAX).
    #[must_use]
    pub fn plus(self, by: Duration) -> Timestamp {
        let secs = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        let nanos = self.subsec_nanos() + by.subsec_nanos();
        match self
            .secs
            .checked_add(secs)
            .and_then(|s| s.checked_add(i64::from(nanos / 1_000_000_000)))
        {
            Some(secs) if secs <= Self::MAX.secs => {
                Timestamp::from_unix(secs, nanos % 1_000_000_000)
            }
            _ => Self::MAX,
        }
    }

    /// This instant moved back by `by`, at most to [`MIN`](Self::MIN).
    #[must_use]
    pub fn minus(self, by: Duration) -> Timestamp {
        Timestamp::from_unix_nanos(
            self.unix_nanos() - by.as_nanos().min(i128::MAX as u128 / 2) as i128,
        )
    }

    /// How long after `earlier` this instant is; zero when it is not after.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Duration {
        let nanos = self.unix_nanos() - earlier.unix_nanos();
        if nanos <= 0 {
            return Duration::ZERO;
        }
        Duration::new(
            (nanos / NANOS_PER_SEC) as u64,
            (nanos % NANOS_PER_SEC) as u32,
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match chrono::DateTime::from_timestamp(self.secs, self.subsec_nanos()) {
            Some(time) => write!(
                f,
                "{}",
                time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
            ),
            None => write!(f, "{}s", self.unix_secs()),
        }
    }
}

/// The wall clock now.
#[must_use]
pub fn now() -> Timestamp {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Timestamp::from_unix_nanos(i128::from(now.tv_sec) * NANOS_PER_SEC + i128::from(now.tv_nsec))
}

/// An instant of the clock that no one sets, to measure durations by.
#[must_use]
pub fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}

/// Processor time that this process has taken, its commands apart.
#[must_use]
pub fn processor_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}

/// Lets the sleeps of the calling thread end when they should: by default the kernel may add 50 microseconds.
pub fn wake_precisely() {
    // Where the kernel refuses, wake-ups are that little later.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}

/// Calls `stepped` after each step of the wall clock, a resume from suspend included, from a thread that sleeps until then.
///
/// The kernel says so by cancelling a timer that is set to the end of time (`TFD_TIMER_CANCEL_ON_SET`, timerfd_create(2)).
///
/// # Errors
/// When the kernel has no such timer or no thread is to be had.
pub fn watch_steps(stepped: impl Fn() + Send + 'static) -> io::Result<()> {
    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC)?;
    arm_for_steps(&timer)?;
    let watch = move || {
        let mut expirations = [0; 8];
        loop {
            match rustix::io::read(&timer, &mut expirations) {
                Err(Errno::CANCELED) => {
                    if arm_for_steps(&timer).is_err() {
                        return;
                    }
                    stepped();
                }
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    };
    std::thread::Builder::new()
        .name("clock".to_owned())
        .stack_size(64 * 1024)
        .spawn(watch)?;
    Ok(())
}

fn arm_for_steps(timer: &OwnedFd) -> Result<(), Errno> {
    let zero = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let never = Itimerspec {
        it_interval: zero,
        it_value: Timespec {
            tv_sec: i64::MAX / 2_000_000_000,
            tv_nsec: 0,
        },
    };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    match timerfd_settime(timer, flags, &never) {
        // The clock was stepped between the last reading and this; the timer is set nevertheless.
        Ok(_) | Err(Errno::CANCELED) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_stand_in_order_and_count_in_nanoseconds() {
        let t = Timestamp::from_unix(1_700_000_000, 1);
        assert_eq!(Timestamp::from_unix_nanos(t.unix_nanos()), t);
        assert!(t.plus(Duration::from_nanos(1)) > t);
        assert_eq!(
            t.plus(Duration::from_millis(1_500)).since(t),
            Duration::from_millis(1_500)
        );
        assert_eq!(t.since(t.plus(Duration::from_secs(1))), Duration::ZERO);
        assert_eq!(
            t.minus(Duration::from_secs(2)).plus(Duration::from_secs(2)),
            t
        );
    }

    #[test]
    fn ticks_round_up_so_that_nothing_is_early() {
        assert_eq!(Timestamp::from_unix(1, 0).ticks(), 1_000_000);
        assert_eq!(Timestamp::from_unix(1, 1).ticks(), 1_000_001);
        assert_eq!(Timestamp::from_unix(-1, 0).ticks(), 0);
    }

    #[test]
    fn the_ends_of_time_hold() {
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.minus(Duration::MAX), Timestamp::MIN);
        assert_eq!(format!("{:?}", Timestamp::MIN), "0001-01-01T00:00:00Z");
        assert_eq!(size_of::<Option<Timestamp>>(), 12);
    }
}
