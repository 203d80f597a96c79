//! Waiting for descriptors with a deadline.

use std::io;
use std::time::Instant;

use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;

use crate::clock;

/// Waits until one of `fds` is ready or `deadline` has come; which of it, `fds` and the clock tell.
pub(super) fn poll_until(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<()> {
    loop {
        let left = deadline.map(|at| {
            let left = at.saturating_duration_since(clock::monotonic());
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(left.subsec_nanos()),
            }
        });
        match poll(fds, left.as_ref()) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Whether `deadline` has come.
pub(super) fn passed(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|at| clock::monotonic() >= at)
}
