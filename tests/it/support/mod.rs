//! What tests tell their stories with: a server, a client, a directory that goes away, and waiting for a condition.

mod answering;
mod ask;
mod client;
pub(crate) mod databases;
mod disk;
pub(crate) mod program;
mod server;
mod tempdir;

use std::thread;
use std::time::{Duration, Instant};

pub(crate) use answering::Answering;
pub(crate) use ask::{HOLD, NEVER, assert_accounted, await_time, start_in, time};
pub(crate) use client::{Client, Response};
pub(crate) use disk::{BrokenDisk, SmallDisk};
pub(crate) use program::{bare_command, nimesha};
pub(crate) use server::Server;
pub(crate) use tempdir::TempDir;

/// Far more than anything takes, even where many tests share one slow core: to pass it means to hang.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until `look` finds something, and gives it back.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            start.elapsed() < DEADLINE,
            "waited {DEADLINE:?} in vain until {what}"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}
