//! Answers without an end in sight: events, and output that is being followed.
//!
//! One end is with whoever has something to tell, on any thread; the other is an answer's body. Between them is a
//! buffer with a bound, so that a reader that falls behind costs a known amount of memory and its sender never waits.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::mail::Mail;
use super::poll::Key;

/// Both ends of a stream that holds at most `buffer_bytes_max` bytes on their way.
#[must_use]
pub fn stream(buffer_bytes_max: usize) -> (StreamSender, Stream) {
    let shared = Arc::new(Shared {
        state: Mutex::default(),
        buffer_bytes_max,
    });
    (
        StreamSender {
            shared: Arc::clone(&shared),
        },
        Stream { shared },
    )
}

/// The end into which bytes are pushed. Dropping it ends the answer properly.
pub struct StreamSender {
    shared: Arc<Shared>,
}

/// The end that is an answer's [body](super::Body::Stream).
pub struct Stream {
    shared: Arc<Shared>,
}

/// Why bytes were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// The client reads too slowly: the buffer has no room for them. None of them was taken.
    Full,
    /// The client is gone.
    Closed,
}

struct Shared {
    state: Mutex<State>,
    buffer_bytes_max: usize,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    /// What the sender said last.
    end: Option<End>,
    /// Nobody will fetch any more.
    closed: bool,
    /// The connection to call when there is something new.
    reader: Option<(Arc<Mail>, Key)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Proper,
    Cut,
}

/// What a stream has for its connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    Bytes,
    /// Nothing for now; the connection will be called.
    Nothing,
    Ended,
    /// It ended before its time, and the client has to see that.
    Cut,
}

impl StreamSender {
    /// Adds bytes, to be sent as soon as the client takes them. Never waits.
    ///
    /// # Errors
    /// [`PushError::Full`] and [`PushError::Closed`]; then none of the bytes is sent.
    pub fn push(&self, bytes: &[u8]) -> Result<(), PushError> {
        let mut state = self.shared.state.lock();
        if state.closed {
            return Err(PushError::Closed);
        }
        if state.buffer.len() + bytes.len() > self.shared.buffer_bytes_max {
            return Err(PushError::Full);
        }
        let was_empty = state.buffer.is_empty();
        state.buffer.extend_from_slice(bytes);
        if was_empty && !bytes.is_empty() {
            state.call();
        }
        Ok(())
    }

    /// Bytes that the client has still to take.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.shared.state.lock().buffer.len()
    }

    /// Whether the client is gone. Whoever keeps senders for later looks at this when it adds one.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.state.lock().closed
    }

    /// Ends the answer in a way that the client can tell from its proper end.
    pub fn cut(self) {
        self.end(End::Cut);
    }

    fn end(&self, end: End) {
        let mut state = self.shared.state.lock();
        if state.end.is_none() {
            state.end = Some(end);
            state.call();
        }
    }
}

impl Drop for StreamSender {
    fn drop(&mut self) {
        self.end(End::Proper);
    }
}

impl State {
    fn call(&self) {
        if let Some((mail, key)) = &self.reader {
            mail.post(*key);
        }
    }
}

impl Stream {
    /// From now on `key` is called when there is something new.
    pub(super) fn attach(&self, mail: &Arc<Mail>, key: Key) {
        self.shared.state.lock().reader = Some((Arc::clone(mail), key));
    }

    /// Appends what there is to `bytes`.
    pub(super) fn fetch(&self, bytes: &mut Vec<u8>) -> Fetched {
        let mut state = self.shared.state.lock();
        match (state.buffer.is_empty(), state.end) {
            (_, Some(End::Cut)) => Fetched::Cut,
            (true, Some(End::Proper)) => Fetched::Ended,
            (true, None) => Fetched::Nothing,
            (false, _) => {
                // Its room is given back as well: a stream that is quiet should be small.
                bytes.append(&mut std::mem::take(&mut state.buffer));
                Fetched::Bytes
            }
        }
    }

    /// Takes no more, and ends properly once what is there has been fetched.
    pub(super) fn end(&self) {
        let mut state = self.shared.state.lock();
        state.closed = true;
        state.end.get_or_insert(End::Proper);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.closed = true;
        state.buffer = Vec::new();
        state.reader = None;
    }
}

impl fmt::Debug for StreamSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSender").finish_non_exhaustive()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(stream: &Stream) -> (Fetched, Vec<u8>) {
        let mut bytes = Vec::new();
        (stream.fetch(&mut bytes), bytes)
    }

    #[test]
    fn bytes_come_out_in_order_and_then_the_end() {
        let (sender, stream) = stream(8);
        assert_eq!(fetch(&stream), (Fetched::Nothing, vec![]));
        sender.push(b"abc").unwrap();
        sender.push(b"de").unwrap();
        assert_eq!(fetch(&stream), (Fetched::Bytes, b"abcde".to_vec()));
        sender.push(b"f").unwrap();
        drop(sender);
        assert_eq!(fetch(&stream), (Fetched::Bytes, b"f".to_vec()));
        assert_eq!(fetch(&stream).0, Fetched::Ended);
    }

    #[test]
    fn a_full_buffer_takes_none_of_it() {
        let (sender, stream) = stream(4);
        sender.push(b"abc").unwrap();
        assert_eq!(sender.push(b"de"), Err(PushError::Full));
        assert_eq!(sender.backlog(), 3);
        sender.push(b"d").unwrap();
        assert_eq!(fetch(&stream).1, b"abcd");
        sender.cut();
        assert_eq!(fetch(&stream).0, Fetched::Cut);
    }

    #[test]
    fn a_sender_learns_that_nobody_listens() {
        let (sender, stream) = stream(4);
        assert!(!sender.is_closed());
        drop(stream);
        assert!(sender.is_closed());
        assert_eq!(sender.push(b"a"), Err(PushError::Closed));
    }

    #[test]
    fn the_reader_is_called_once_for_what_it_has_not_fetched() {
        let mail = Arc::new(Mail::new().unwrap());
        let key = Key { seat: 0, tenant: 0 };
        let (sender, stream) = stream(8);
        stream.attach(&mail, key);
        sender.push(b"a").unwrap();
        sender.push(b"b").unwrap();
        assert_eq!((mail.take(), mail.take()), (Some(key), None));
        fetch(&stream);
        sender.push(b"c").unwrap();
        assert_eq!((mail.take(), mail.take()), (Some(key), None));
    }
}
