//! The output of a run: the last part of it, bounded, written by a worker and read by whoever follows.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::config;

/// The last `limit` bytes that a run wrote, over all its attempts, with a count of what was dropped before them.
///
/// A worker appends while readers follow, so the bytes stand behind a lock that is held for a copy only.
#[derive(Debug)]
pub struct OutputBuffer {
    limit: usize,
    /// Written under the lock, read without it.
    total: AtomicU64,
    tail: Mutex<VecDeque<u8>>,
    followers: Mutex<Followers>,
}

/// One who is called after each part that a run writes, on the writer's thread, so it must not wait for anything. Says
/// whether it wants to be called again; it is dropped if not, and when the run ends.
pub type Follower = Box<dyn FnMut(&OutputBuffer) -> bool + Send>;

/// There are [`OUTPUT_FOLLOWERS_MAX`](config::OUTPUT_FOLLOWERS_MAX) already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyFollowers;

#[derive(Default)]
struct Followers {
    list: Vec<Follower>,
    /// Nothing more comes.
    is_over: bool,
}

impl fmt::Debug for Followers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followers").finish_non_exhaustive()
    }
}

impl OutputBuffer {
    /// An empty buffer that keeps at most `limit` bytes. It takes no memory before the first byte.
    #[must_use]
    pub fn new(limit: usize) -> OutputBuffer {
        OutputBuffer {
            limit,
            total: AtomicU64::new(0),
            tail: Mutex::default(),
            followers: Mutex::default(),
        }
    }

    /// Takes in what the run wrote next; the oldest bytes go when the limit is passed.
    pub fn append(&self, bytes: &[u8]) {
        let mut tail = self.tail.lock();
        self.total.fetch_add(bytes.len() as u64, Ordering::Release);
        let keep = &bytes[bytes.len().saturating_sub(self.limit)..];
        let excess = (tail.len() + keep.len()).saturating_sub(self.limit);
        tail.drain(..excess);
        tail.extend(keep);
        drop(tail);
        self.call(&mut self.followers.lock());
    }

    /// Calls `follower` now, after each part that comes, and when [no more](Self::end) does.
    ///
    /// # Errors
    /// When there are too many already.
    pub fn follow(&self, mut follower: Follower) -> Result<(), TooManyFollowers> {
        let mut followers = self.followers.lock();
        // Of a run that writes nothing, those who have gone are found here.
        self.call(&mut followers);
        if followers.list.len() >= config::OUTPUT_FOLLOWERS_MAX {
            return Err(TooManyFollowers);
        }
        if follower(self) && !followers.is_over {
            followers.list.push(follower);
        }
        Ok(())
    }

    /// Nothing more comes: lets the followers go.
    pub fn end(&self) {
        let mut followers = self.followers.lock();
        self.call(&mut followers);
        followers.is_over = true;
        followers.list = Vec::new();
    }

    fn call(&self, followers: &mut Followers) {
        followers.list.retain_mut(|follower| follower(self));
    }

    /// The bytes that are kept at most.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes written so far, those dropped included.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Acquire)
    }

    /// What is kept of everything from byte `from` on, and the number of the byte after it.
    #[must_use]
    pub fn since(&self, from: u64) -> (Vec<u8>, u64) {
        let tail = self.tail.lock();
        let total = self.total();
        let first = total - tail.len() as u64;
        let skip = from.saturating_sub(first).min(tail.len() as u64) as usize;
        (tail.iter().skip(skip).copied().collect(), total)
    }

    /// What is kept, headed by a line that says how many bytes were dropped, if any were.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        self.text_since(0).0
    }

    /// [`text`](Self::text) of everything from byte `from` on, and the number of the byte after it.
    #[must_use]
    pub fn text_since(&self, from: u64) -> (Vec<u8>, u64) {
        let (kept, total) = self.since(from);
        let dropped = total.saturating_sub(from) - kept.len() as u64;
        if dropped == 0 {
            return (kept, total);
        }
        let mut text = format!("[{dropped} bytes dropped before this]\n").into_bytes();
        text.extend_from_slice(&kept);
        (text, total)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_last_part_is_kept_and_the_rest_counted() {
        let out = OutputBuffer::new(4);
        out.append(b"ab");
        assert_eq!(out.text(), b"ab");
        out.append(b"cdef");
        assert_eq!(out.text(), b"[2 bytes dropped before this]\ncdef");
        out.append(b"0123456789");
        assert_eq!(out.text(), b"[12 bytes dropped before this]\n6789");
        assert_eq!(out.since(15), (b"9".to_vec(), 16));
        assert_eq!(out.since(99), (Vec::new(), 16));
    }

    /// A follower that keeps what it hears, as long as it is to go on.
    fn keeper(goes_on: bool) -> (Follower, Arc<Mutex<Vec<u8>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&heard);
        let mut from = 0;
        let follower = move |output: &OutputBuffer| {
            let (mut text, upto) = output.text_since(from);
            from = upto;
            keep.lock().append(&mut text);
            goes_on
        };
        (Box::new(follower), heard)
    }

    #[test]
    fn followers_hear_everything_until_the_end() {
        let out = OutputBuffer::new(4);
        out.append(b"ab");
        let (follower, heard) = keeper(true);
        out.follow(follower).unwrap();
        let (follower, once) = keeper(false);
        out.follow(follower).unwrap();
        out.append(b"c");
        out.append(b"123456");
        assert_eq!(*heard.lock(), b"abc[2 bytes dropped before this]\n3456");
        assert_eq!((&**once.lock(), Arc::strong_count(&once)), (&b"ab"[..], 1));
        out.end();
        assert_eq!(Arc::strong_count(&heard), 1);
        let (follower, late) = keeper(true);
        out.follow(follower).unwrap();
        assert_eq!(*late.lock(), b"[5 bytes dropped before this]\n3456");
        assert_eq!(Arc::strong_count(&late), 1);
    }

    #[test]
    fn those_who_have_gone_make_room() {
        let out = OutputBuffer::new(4);
        let is_there = Arc::new(AtomicU64::new(1));
        let follow = || {
            let is_there = Arc::clone(&is_there);
            out.follow(Box::new(move |_| is_there.load(Ordering::Relaxed) == 1))
        };
        for _ in 0..config::OUTPUT_FOLLOWERS_MAX {
            assert_eq!(follow(), Ok(()));
        }
        assert_eq!(follow(), Err(TooManyFollowers));
        is_there.store(0, Ordering::Relaxed);
        assert_eq!(follow(), Ok(()));
    }
}
