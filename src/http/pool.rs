//! The threads that do all the work.

use super::accept;
use super::connection::Cause;
use super::hub::Hub;
use super::poll::Source;
use super::write::DateText;

/// Bytes read at once. A client that sends ahead makes its connection keep at most twice as much.
pub(super) const READ_BYTES: usize = 16 * 1024;
/// Room that a buffer for answers may keep from one turn to the next.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// What one thread works with: buffers that every turn needs and no connection should own.
#[derive(Default)]
pub(super) struct Desk {
    /// Bytes just read; empty between turns.
    pub(super) input: Vec<u8>,
    /// Bytes to be sent; empty between turns.
    pub(super) output: Vec<u8>,
    /// A piece of an answer's body.
    pub(super) piece: Vec<u8>,
    pub(super) date: DateText,
}

impl Desk {
    /// Makes it ready for the next turn, however the last one ended.
    pub(super) fn tidy(&mut self) {
        self.input.clear();
        self.input.shrink_to(READ_BYTES);
        for buffer in [&mut self.output, &mut self.piece] {
            buffer.clear();
            buffer.shrink_to(KEPT_BYTES_MAX);
        }
    }
}

/// A thread's life: waits for an event, deals with it, until all are told to stop.
pub(super) fn work(hub: &Hub) {
    let mut desk = Desk::default();
    loop {
        match hub.poll.wait() {
            Ok((Source::Connection(key), other)) => hub.turn(key, Cause::Event(other), &mut desk),
            Ok((Source::Listener(index), _)) => accept::accept(hub, index),
            Ok((Source::Bell, _)) => {
                while let Some(key) = hub.mail.take() {
                    hub.turn(key, Cause::Mail, &mut desk);
                }
            }
            Ok((Source::Timer, _)) => hub.look_at_deadlines(&mut desk),
            Ok((Source::Stop, _)) => return,
            Err(error) => {
                // Only a descriptor that is none could be the reason.
                log::error!("a thread of the HTTP server ends: it cannot wait for events: {error}");
                return;
            }
        }
    }
}
