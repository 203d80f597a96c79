//! The output of a run: the last part of it, bounded, written by a worker and read by whoever follows.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// The last `limit` bytes that a run wrote, over all its attempts, with a count of what was dropped before them.
///
/// A worker appends while readers follow, so the bytes stand behind a lock that is held for a copy only.
#[derive(Debug)]
pub struct OutputBuffer {
    limit: usize,
    /// Written under the lock, read without it.
    total: AtomicU64,
    tail: Mutex<VecDeque<u8>>,
}

impl OutputBuffer {
    /// An empty buffer that keeps at most `limit` bytes. It takes no memory before the first byte.
    #[must_use]
    pub fn new(limit: usize) -> OutputBuffer {
        OutputBuffer {
            limit,
            total: AtomicU64::new(0),
            tail: Mutex::default(),
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
        let (kept, total) = self.since(0);
        let dropped = total - kept.len() as u64;
        if dropped == 0 {
            return kept;
        }
        let mut text = format!("[{dropped} bytes dropped before this]\n").into_bytes();
        text.extend_from_slice(&kept);
        text
    }
}

#[cfg(test)]
mod tests {
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
}
