//! What runs write, as they write it, for listeners who ask for it.
//!
//! Nothing is done for it while nobody does. Otherwise each run in progress has a follower at its output, which the
//! thread that reads the output calls. It leaves a copy with the events, and does not wait: a piece for which there is no
//! room is left out, and the offset of the next one shows that. Pieces have no numbers, and are kept only until they are
//! told: they must not push out the events that a listener who comes back asks for.

use std::collections::HashSet;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::{Events, Named};
use crate::clock::{self, Timestamp};
use crate::config;
use crate::job::output::OutputBuffer;
use crate::job::run::RunId;

/// A piece of what a run has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The number of the event after which it was written.
    pub after: u64,
    /// When it was told.
    pub at: Timestamp,
    /// The run.
    pub run: RunId,
    /// Its job.
    pub job: Named,
    /// The bytes that the run had written before it.
    pub offset: u64,
    /// The bytes, those that are no UTF-8 replaced.
    pub text: Box<str>,
}

/// Pieces that wait to be told.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    list: Vec<Piece>,
    bytes: usize,
}

impl Pieces {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn take(&mut self) -> Vec<Piece> {
        std::mem::take(self).list
    }

    /// Adds a piece, if there is room.
    fn add(&mut self, piece: Piece) {
        let bytes = size_of::<Piece>() + piece.job.name.len() + piece.text.len();
        if self.bytes + bytes <= config::EVENT_OUTPUTS_BYTES_MAX {
            self.bytes += bytes;
            self.list.push(piece);
        }
    }
}

/// The wish to hear what runs write. It is there as long as somebody holds it.
#[derive(Debug)]
pub struct Outputs {
    events: Arc<Events>,
    /// Runs that have a follower.
    followed: Mutex<HashSet<RunId>>,
}

impl Events {
    /// Has outputs told of until the wish is dropped, and says whether nobody had wished it before: then the runs that
    /// are in progress have to be [followed](Outputs::follow); those that start later are by themselves.
    #[must_use]
    pub fn want_outputs(self: &Arc<Events>) -> (Arc<Outputs>, bool) {
        let mut wish = self.outputs.lock();
        if let Some(outputs) = wish.upgrade() {
            return (outputs, false);
        }
        let outputs = Arc::new(Outputs {
            events: Arc::clone(self),
            followed: Mutex::default(),
        });
        *wish = Arc::downgrade(&outputs);
        (outputs, true)
    }

    /// The wish to hear what runs write, if somebody has it.
    #[must_use]
    pub fn wanted_outputs(&self) -> Option<Arc<Outputs>> {
        self.outputs.lock().upgrade()
    }
}

impl Outputs {
    /// Tells of what is written to the `output` of a run from now on.
    pub fn follow(self: &Arc<Outputs>, run: RunId, job: impl Into<Named>, output: &OutputBuffer) {
        if !self.followed.lock().insert(run) {
            return;
        }
        let total = output.total();
        let mut follower = Follower {
            outputs: Arc::downgrade(self),
            run,
            job: job.into(),
            told: total,
            total,
        };
        // With too many followers of its own the run is left out.
        let _ = output.follow(Box::new(move |output| follower.hear(output)));
    }

    fn tell(&self, piece: impl FnOnce(u64) -> Piece) {
        let mut ring = self.events.ring.lock();
        let piece = piece(ring.last);
        ring.pieces.add(piece);
        drop(ring);
        self.events.news.notify_all();
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        self.events.ring.lock().pieces.take();
    }
}

/// One who follows a run.
struct Follower {
    outputs: Weak<Outputs>,
    run: RunId,
    job: Named,
    /// The bytes of the output that were told of, or left out.
    told: u64,
    /// The bytes that there were when it was last called.
    total: u64,
}

impl Follower {
    /// Tells what is new. Says whether somebody still wants to hear it.
    fn hear(&mut self, output: &OutputBuffer) -> bool {
        let Some(outputs) = self.outputs.upgrade() else {
            return false;
        };
        let (bytes, total) = output.since(self.told);
        // A character that was cut waits for its other half, unless that does not come.
        let is_over = total == self.total;
        self.total = total;
        self.told = total - bytes.len() as u64;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let part = &rest[..rest.len().min(config::EVENT_OUTPUT_BYTES_MAX)];
            let cut = match is_over && part.len() == rest.len() {
                true => 0,
                false => unfinished(part),
            };
            let (part, after) = rest.split_at(part.len() - cut);
            if part.is_empty() {
                break;
            }
            outputs.tell(|after| self.piece(after, part));
            self.told += part.len() as u64;
            rest = after;
        }
        true
    }

    fn piece(&self, after: u64, bytes: &[u8]) -> Piece {
        Piece {
            after,
            at: clock::now(),
            run: self.run,
            job: self.job.clone(),
            offset: self.told,
            text: String::from_utf8_lossy(bytes).into(),
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(outputs) = self.outputs.upgrade() {
            outputs.followed.lock().remove(&self.run);
        }
    }
}

/// The bytes at the end that are the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    let last = bytes
        .utf8_chunks()
        .last()
        .map_or(&[][..], |last| last.invalid());
    match std::str::from_utf8(last) {
        Err(error) if error.error_len().is_none() => last.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::What;
    use super::*;
    use crate::job::JobId;
    use std::time::Duration;

    const LIMIT: usize = 64 * 1024;

    fn run(number: u64) -> RunId {
        RunId::new(JobId(uuid::Uuid::from_u128(1)), number, Timestamp::EPOCH)
    }

    fn job() -> Named {
        Named {
            id: JobId(uuid::Uuid::from_u128(1)),
            name: "job".into(),
        }
    }

    /// The offsets and texts that wait to be told.
    fn told(events: &Events) -> Vec<(u64, String)> {
        let pieces = events.wait(events.last(), Duration::ZERO).pieces;
        let told = pieces.into_iter();
        told.map(|piece| (piece.offset, piece.text.into()))
            .collect()
    }

    #[test]
    fn what_is_written_is_told_while_somebody_wants_to_hear_it() {
        let events = Arc::new(Events::new());
        let output = OutputBuffer::new(LIMIT);
        output.append(b"before");
        assert!(events.wanted_outputs().is_none());
        let (wish, is_new) = events.want_outputs();
        let (again, is_new_again) = events.want_outputs();
        assert_eq!((is_new, is_new_again), (true, false));
        // Two who start to follow at one moment tell it once.
        wish.follow(run(1), job(), &output);
        again.follow(run(1), job(), &output);
        output.append(b"one\n");
        events.tell(What::Paused);
        output.append(b"two\n");
        let news = events.wait(events.last() - 1, Duration::ZERO);
        let places: Vec<u64> = news.pieces.iter().map(|piece| piece.after).collect();
        assert_eq!(places, [news.upto - 1, news.upto]);
        let first = &news.pieces[0];
        assert_eq!((first.offset, &*first.text), (6, "one\n"));
        assert_eq!((first.run, &first.job), (run(1), &job()));
        assert_eq!(events.since(0).pieces, []);

        output.append(b"untold");
        drop((wish, again));
        assert!(events.wanted_outputs().is_none());
        output.append(b"unheard");
        assert_eq!(told(&events), []);

        let (wish, is_new) = events.want_outputs();
        assert!(is_new);
        wish.follow(run(1), job(), &output);
        output.append(b"!");
        assert_eq!(told(&events), [(27, "!".to_owned())]);
        output.end();
        assert!(wish.followed.lock().is_empty());
    }

    #[test]
    fn characters_are_not_cut_and_long_texts_are() {
        type Row = (&'static [&'static [u8]], &'static [(u64, &'static str)]);
        let rows: [Row; 4] = [
            (&[b"caf\xc3", b"\xa9"], &[(0, "caf"), (3, "\u{e9}")]),
            (&[b"\xe2\x82", b"\xac", b""], &[(0, "\u{20ac}")]),
            (&[b"a\xe2\x82"], &[(0, "a"), (1, "\u{fffd}")]),
            (&[b"\xffa\xc3\xff"], &[(0, "\u{fffd}a\u{fffd}\u{fffd}")]),
        ];
        for (written, expected) in rows {
            let events = Arc::new(Events::new());
            let (wish, _) = events.want_outputs();
            let output = OutputBuffer::new(LIMIT);
            wish.follow(run(1), job(), &output);
            written.iter().for_each(|bytes| output.append(bytes));
            output.end();
            let expected = expected.iter().map(|(at, text)| (*at, (*text).to_owned()));
            assert_eq!(told(&events), expected.collect::<Vec<_>>(), "{written:?}");
        }
        let events = Arc::new(Events::new());
        let (wish, _) = events.want_outputs();
        let output = OutputBuffer::new(LIMIT);
        wish.follow(run(1), job(), &output);
        let long = "\u{e9}".repeat(config::EVENT_OUTPUT_BYTES_MAX);
        output.append(format!("a{long}").as_bytes());
        let told = told(&events);
        assert_eq!(told.len(), 3);
        assert!(
            told.iter()
                .all(|(_, text)| text.len() <= config::EVENT_OUTPUT_BYTES_MAX)
        );
        let whole: String = told.into_iter().map(|(_, text)| text).collect();
        assert_eq!(whole, format!("a{long}"));
    }

    #[test]
    fn what_finds_no_room_is_left_out_and_the_offset_shows_it() {
        let events = Arc::new(Events::new());
        let (wish, _) = events.want_outputs();
        let output = OutputBuffer::new(LIMIT);
        wish.follow(run(1), job(), &output);
        let part = vec![b'x'; 1_000];
        for _ in 0..1_000 {
            output.append(&part);
        }
        let pieces = told(&events);
        let bytes: usize = pieces.iter().map(|(_, text)| text.len()).sum();
        assert!(
            (200_000..=config::EVENT_OUTPUTS_BYTES_MAX).contains(&bytes),
            "{bytes}"
        );
        output.append(b"y");
        assert_eq!(told(&events), [(1_000_000, "y".to_owned())]);
    }
}
