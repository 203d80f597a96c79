//! What bounds a request at each step: its deadline, and the worker's bell.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};

use crate::worker::poll::{passed, poll_until};
use crate::worker::stop::StopSignal;

/// The bounds of one request.
#[derive(Debug)]
pub(super) struct Guard {
    stop: Arc<StopSignal>,
    deadline: Option<Instant>,
    /// Something of the request has left: it must not be sent a second time.
    sent: AtomicBool,
}

impl Guard {
    pub(super) fn new(stop: Arc<StopSignal>, deadline: Option<Instant>) -> Guard {
        Guard {
            stop,
            deadline,
            sent: AtomicBool::new(false),
        }
    }

    /// A request, or the next of a row of redirects, begins.
    pub(super) fn begin(&self) {
        self.sent.store(false, Ordering::Relaxed);
    }

    /// Something of it leaves.
    pub(super) fn sends(&self) {
        self.sent.store(true, Ordering::Relaxed);
    }

    /// Whether a request that failed is as if it had never been, and there is time left for it.
    pub(super) fn may_try_again(&self) -> bool {
        !self.sent.load(Ordering::Relaxed) && self.stop.wanted().is_none() && !passed(self.deadline)
    }

    pub(super) fn stop(&self) -> &StopSignal {
        &self.stop
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Waits until `fd` is ready for `flags`, or has failed.
    ///
    /// # Errors
    /// `TimedOut` at the deadline or at `or_until`, `ConnectionAborted` when the run is stopped.
    pub(super) fn wait(
        &self,
        fd: impl AsFd,
        flags: PollFlags,
        or_until: Option<Instant>,
    ) -> io::Result<()> {
        let deadline = [self.deadline, or_until].into_iter().flatten().min();
        let mut fds = [
            PollFd::new(&fd, flags),
            PollFd::new(&*self.stop, PollFlags::IN),
        ];
        poll_until(&mut fds, deadline)?;
        if self.stop.wanted().is_some() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "stopped"));
        }
        if !fds[0].revents().is_empty() {
            return Ok(());
        }
        debug_assert!(passed(deadline));
        Err(io::ErrorKind::TimedOut.into())
    }
}
