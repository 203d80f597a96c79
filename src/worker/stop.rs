//! The bell of a worker: how a run in progress is told to end.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// How a run is ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM to its process group, and SIGKILL some seconds later.
    Terminate,
    /// SIGKILL at once.
    Kill,
}

/// A request to stop, in a form that a thread can wait for together with a process and a pipe.
///
/// A worker keeps one for its whole life, so that a run costs no system call for it.
#[derive(Debug)]
pub(crate) struct StopSignal {
    /// 0 for none, else as [`Stop`]'s order; only grows until the next run.
    wanted: AtomicU8,
    event: OwnedFd,
}

impl StopSignal {
    pub(crate) fn new() -> io::Result<StopSignal> {
        Ok(StopSignal {
            wanted: AtomicU8::new(0),
            event: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// Asks the run in progress to end.
    pub(crate) fn raise(&self, how: Stop) {
        let level = match how {
            Stop::Terminate => 1,
            Stop::Kill => 2,
        };
        self.wanted.fetch_max(level, Ordering::AcqRel);
        // It can only fail when the counter is full, and then the thread is woken anyway.
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
    }

    /// What has been asked for.
    pub(crate) fn wanted(&self) -> Option<Stop> {
        match self.wanted.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Stop::Terminate),
            _ => Some(Stop::Kill),
        }
    }

    /// Makes the descriptor silent until the next request; what was asked for stays known.
    pub(crate) fn acknowledge(&self) {
        // Nothing to read means that it is silent already.
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
    }

    /// Makes ready for the next run.
    pub(crate) fn reset(&self) {
        if self.wanted.swap(0, Ordering::AcqRel) != 0 {
            self.acknowledge();
        }
    }
}

impl AsFd for StopSignal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
