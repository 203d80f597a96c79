//! Patience when a command cannot be started for want of descriptors, processes or memory.
//!
//! That is the machine's trouble and not the command's: ten thousand jobs at one instant must not fail because a limit
//! lets a few hundred run at a time. The worker waits for another command to end and tries again.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
use rustix::io::Errno;

use super::poll::poll_until;
use super::stop::StopSignal;
use crate::clock;
use crate::config;

/// Where the workers of a pool wait for one another's descriptors and processes.
#[derive(Debug)]
pub(super) struct Shortage {
    /// Counts ended commands while someone waits; each of them wakes one.
    ended: OwnedFd,
    waiting: AtomicUsize,
    warned: Mutex<Option<Instant>>,
}

impl Shortage {
    pub(super) fn new() -> io::Result<Shortage> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK | EventfdFlags::SEMAPHORE;
        Ok(Shortage {
            ended: eventfd(0, flags)?,
            waiting: AtomicUsize::new(0),
            warned: Mutex::new(None),
        })
    }

    /// Says that a command has ended and what it held is free.
    pub(super) fn relieve(&self) {
        if self.waiting.load(Ordering::Acquire) > 0 {
            // A full counter wakes the waiting ones just as well.
            let _ = rustix::io::write(&self.ended, &1_u64.to_ne_bytes());
        }
    }

    /// Waits until a command ends, `stop` is raised, or `wait` is over, which is twice as long the next time.
    pub(super) fn wait(&self, error: &io::Error, stop: Option<&StopSignal>, wait: &mut Duration) {
        self.warn(error);
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let mut fds = vec![PollFd::new(&self.ended, PollFlags::IN)];
        fds.extend(stop.map(|stop| PollFd::new(stop, PollFlags::IN)));
        if poll_until(&mut fds, Some(clock::monotonic() + *wait)).is_err() {
            std::thread::sleep(*wait);
        }
        // Another one may have been quicker to take it; then it tries in vain and waits again.
        let _ = rustix::io::read(&self.ended, &mut [0; 8]);
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        *wait = (*wait * 2).min(config::SHORTAGE_WAIT_MAX);
    }

    fn warn(&self, error: &io::Error) {
        let now = clock::monotonic();
        let mut warned = self.warned.lock();
        if warned.is_none_or(|at| now - at >= config::SHORTAGE_WARN_EVERY) {
            *warned = Some(now);
            log::warn!(
                "commands wait to be started: {error}; raise the limit or use fewer --workers"
            );
        }
    }
}

/// Whether `error` means that the machine, or this process, had no room just then.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    const SHORTAGES: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| SHORTAGES.contains(&errno))
}
