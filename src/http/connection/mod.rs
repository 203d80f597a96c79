//! One connection: its states, and how far it comes in a turn.
//!
//! A turn goes on until the connection has to wait, for its client or for its answer; it never waits itself. Between
//! turns a connection holds what it cannot do without: bytes that came too early, or could not be sent yet. The large
//! buffers belong to the thread (the [`Desk`]), so that an idle connection takes a few hundred bytes.

mod answering;
mod reading;

use std::sync::Arc;
use std::time::Instant;

use super::body::Decoder;
use super::exchange::Exchange;
use super::hub::Hub;
use super::outgoing::Outgoing;
use super::parse::Refusal;
use super::poll::{Interest, Key, Readiness};
use super::pool::Desk;
use super::quota::Share;
use super::request::{Peer, Request};
use super::wire::Wire;
use super::write::Manner;

/// Steps of one turn: a client that sends request upon request lets others have a turn after so many.
const STEPS_MAX: usize = 32;

/// A connection and where it stands.
pub(super) struct Connection {
    wire: Wire,
    peer: Peer,
    key: Key,
    phase: Phase,
    /// When it first had to wait in this phase; what deadlines count from.
    since: Option<Instant>,
    /// Bytes that came and were not used yet: part of a head, or further requests.
    kept: Vec<u8>,
    /// The client sends no more.
    peer_done: bool,
}

/// Where a connection stands. In brackets who moves it on.
enum Phase {
    /// Between requests: new, or kept alive. (The client, by the first byte of a request.) Closed after
    /// [`Limits::idle`](super::Limits), at shutdown, and for a new connection when there are too many. A handshake of
    /// TLS belongs here, and has to be over as soon as a head.
    Idle,
    /// Part of a head is there; `seen` bytes of it were looked at. (The client, by the rest.) Until
    /// [`Limits::head`](super::Limits), else 408.
    Head { seen: usize },
    /// The head is read, the body is coming. (The client.) Patience is bounded, bytes prolong it; else 408.
    Body(Box<Incoming>),
    /// The handler has the request, or has passed it on. (Whoever has the [`Responder`].) No deadline: an answer takes
    /// as long as it takes. Nothing is read, so further requests wait in the socket.
    Waiting {
        exchange: Arc<Exchange>,
        manner: Manner,
    },
    /// The answer is on its way out. (The client, by reading; for a stream with nothing to send, its sender.) Patience
    /// is bounded, bytes prolong it; else the connection is cut.
    Answering(Outgoing),
    /// The last answer is out, and `read` bytes of what still came were thrown away: closed at once, the kernel would
    /// answer them with a reset that takes our answer away. (The client, by closing.) Bounded in time and bytes.
    Draining { read: usize },
}

/// A request whose body is coming.
struct Incoming {
    request: Request,
    manner: Manner,
    decoder: Decoder,
    /// What its body takes of the memory for all of them.
    share: Share,
}

/// Why a connection gets a turn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    /// What it waited for came about.
    Event(Readiness),
    /// There is mail for it, or a shutdown.
    Mail,
    /// Its deadline has come.
    Deadline,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// Another step.
    Step,
    /// It waits for this.
    Park(Interest),
    Close,
}

impl Connection {
    pub(super) fn new(wire: Wire, peer: Peer, key: Key, now: Instant) -> Connection {
        Connection {
            wire,
            peer,
            key,
            phase: Phase::Idle,
            since: Some(now),
            kept: Vec::new(),
            peer_done: false,
        }
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Drives it until it has to wait.
    pub(super) fn turn(&mut self, cause: Cause, hub: &Hub, desk: &mut Desk) -> Next {
        let mut next = self.notice(cause, hub, desk);
        for _ in 0..STEPS_MAX {
            next = match (next, &self.phase) {
                (Next::Park(_) | Next::Close, _) => return next,
                (Next::Step, Phase::Idle | Phase::Head { .. } | Phase::Body(_)) => {
                    self.read(hub, desk)
                }
                (Next::Step, Phase::Waiting { .. }) => self.fetch_answer(hub, desk),
                (Next::Step, Phase::Answering(_)) => self.write(hub, desk),
                (Next::Step, Phase::Draining { .. }) => self.drain(hub, desk),
            };
        }
        match next {
            Next::Step => Next::Park(Interest::Write),
            next => next,
        }
    }

    /// It waits from now on, unless it already did: until when, at most.
    pub(super) fn park(&mut self, now: Instant, hub: &Hub) -> Option<Instant> {
        self.since.get_or_insert(now);
        self.deadline(hub)
    }

    /// Until when it may wait where it stands.
    pub(super) fn deadline(&self, hub: &Hub) -> Option<Instant> {
        let limits = &hub.limits;
        let allowed = match &self.phase {
            Phase::Idle if self.wire.is_handshaking() => limits.head,
            Phase::Idle => limits.idle,
            Phase::Head { .. } => limits.head,
            Phase::Body(incoming) => limits.patience_after(incoming.request.body.len() as u64),
            Phase::Waiting { .. } => return None,
            Phase::Answering(outgoing) if outgoing.is_starved() => return None,
            Phase::Answering(outgoing) => limits.patience_after(outgoing.sent),
            Phase::Draining { .. } => limits.linger,
        };
        self.since.map(|since| since + allowed)
    }

    /// Since when it has been without a whole head; such a connection may be given up for a new one.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        match self.phase {
            Phase::Idle | Phase::Head { .. } => self.since,
            _ => None,
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = None;
    }

    /// Takes notice of why there is a turn.
    fn notice(&mut self, cause: Cause, hub: &Hub, desk: &mut Desk) -> Next {
        match (cause, &self.phase) {
            (Cause::Deadline, Phase::Head { .. } | Phase::Body(_)) => {
                let refusal = Refusal::new(408, "the request came too slowly");
                return self.refuse(&refusal, hub, desk);
            }
            (Cause::Deadline, Phase::Answering(_)) => {
                // What it does not read shall not lie in the kernel for longer.
                self.wire.reset_on_close();
                return Next::Close;
            }
            (Cause::Deadline, _) => return Next::Close,
            (Cause::Event(other), Phase::Waiting { .. }) if other.lost => return Next::Close,
            // A client that has only ended sending still waits for its answer.
            (Cause::Event(other), Phase::Waiting { .. }) => self.peer_done |= other.hung_up,
            // One that follows a stream has nothing to send but its good-bye.
            (Cause::Event(other), Phase::Answering(outgoing))
                if outgoing.stream().is_some() && (other.hung_up || other.lost) =>
            {
                return Next::Close;
            }
            _ => {}
        }
        match &self.phase {
            Phase::Idle | Phase::Head { .. } | Phase::Draining { .. } if hub.is_stopping() => {
                Next::Close
            }
            Phase::Answering(outgoing) if hub.is_stopping() => {
                if let Some(stream) = outgoing.stream() {
                    stream.end();
                }
                Next::Step
            }
            _ => Next::Step,
        }
    }
}
