//! The way by which other threads tell the pool that a connection has something to write.
//!
//! They never touch a socket: they leave the connection's key and ring. The queue needs no bound of its own, since
//! each request leaves its key at most once and each stream once for a full turn of the pool.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};

use super::poll::{self, Key};

/// The keys of connections that have something to write.
pub(super) struct Mail {
    keys: Mutex<VecDeque<Key>>,
    bell: OwnedFd,
}

impl Mail {
    pub(super) fn new() -> io::Result<Mail> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Mail {
            keys: Mutex::default(),
            bell,
        })
    }

    /// Leaves a key. The bell is rung for the first one only: who answers it takes all.
    pub(super) fn post(&self, key: Key) {
        let mut keys = self.keys.lock();
        keys.push_back(key);
        let first = keys.len() == 1;
        drop(keys);
        if first {
            // Writing to an eventfd of one's own fails for no reason that could be met here.
            let rung = poll::ring(&self.bell);
            debug_assert!(rung.is_ok(), "{rung:?}");
        }
    }

    /// Takes the key that has waited longest.
    pub(super) fn take(&self) -> Option<Key> {
        self.keys.lock().pop_front()
    }
}

impl AsFd for Mail {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
