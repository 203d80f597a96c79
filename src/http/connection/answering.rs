//! How a connection answers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Connection, Next, Phase};
use crate::http::answer::{Answer, Body};
use crate::http::exchange::failure;
use crate::http::hub::Hub;
use crate::http::outgoing::{Outgoing, Progress, Then};
use crate::http::parse::Refusal;
use crate::http::poll::Interest;
use crate::http::pool::Desk;
use crate::http::write::Manner;

impl Connection {
    /// Looks whether the answer is there.
    pub(super) fn fetch_answer(&mut self, hub: &Hub, desk: &mut Desk) -> Next {
        let Phase::Waiting { exchange, manner } = &self.phase else {
            return Next::Close;
        };
        let manner = *manner;
        let Some(reply) = exchange.take() else {
            return Next::Park(if self.peer_done {
                Interest::Loss
            } else {
                Interest::HangUp
            });
        };
        let answer = catch_unwind(AssertUnwindSafe(|| reply.into_answer())).unwrap_or_else(|_| {
            log::error!("an answer could not be made: the code for it panicked");
            failure()
        });
        let keep_alive = manner.keep_alive && !hub.is_stopping();
        self.answer(
            answer,
            manner,
            if keep_alive {
                Then::KeepAlive
            } else {
                Then::Close
            },
            hub,
            desk,
        )
    }

    /// Answers a request that is not taken, and closes.
    pub(super) fn refuse(&mut self, refusal: &Refusal, hub: &Hub, desk: &mut Desk) -> Next {
        self.kept = Vec::new();
        let manner = Manner {
            old: false,
            keep_alive: false,
            head_only: false,
        };
        let answer = Answer::error(refusal.status, &refusal.message);
        self.answer(answer, manner, Then::Drain, hub, desk)
    }

    fn answer(
        &mut self,
        mut answer: Answer,
        manner: Manner,
        then: Then,
        hub: &Hub,
        desk: &mut Desk,
    ) -> Next {
        let mut share = hub.streams.share();
        if let Body::Stream(stream) = &answer.body {
            if share.grow(1) {
                stream.attach(&hub.mail, self.key);
            } else {
                answer = Answer::error(
                    503,
                    "too many clients follow events or output; try again later",
                );
            }
        }
        desk.output.clear();
        self.enter(Phase::Answering(Outgoing::begin(
            answer, manner, then, share, desk,
        )));
        self.write(hub, desk)
    }

    /// Sends on.
    pub(super) fn write(&mut self, hub: &Hub, desk: &mut Desk) -> Next {
        let Phase::Answering(outgoing) = &mut self.phase else {
            return Next::Close;
        };
        if outgoing.is_starved() {
            // Its client was not to blame for the time that has passed.
            outgoing.sent = 0;
            self.since = None;
        }
        match outgoing.advance(&mut self.wire, desk) {
            Progress::Sent => self.answered(hub, desk),
            Progress::Blocked if outgoing.stream().is_some() => Next::Park(Interest::WriteOrHangUp),
            Progress::Blocked | Progress::Yielded => Next::Park(Interest::Write),
            Progress::Starved => Next::Park(Interest::HangUp),
            Progress::Lost => Next::Close,
        }
    }

    /// The answer is out.
    fn answered(&mut self, hub: &Hub, desk: &mut Desk) -> Next {
        let Phase::Answering(outgoing) = &self.phase else {
            return Next::Close;
        };
        let then = outgoing.then;
        match then {
            Then::KeepAlive if hub.is_stopping() => Next::Close,
            Then::KeepAlive => {
                self.enter(Phase::Idle);
                if self.kept.is_empty() {
                    Next::Park(Interest::Read)
                } else {
                    Next::Step
                }
            }
            Then::Close if self.has_read_all(desk) => Next::Close,
            Then::Close | Then::Drain => {
                self.kept = Vec::new();
                self.wire.end_sending();
                self.enter(Phase::Draining { read: 0 });
                Next::Step
            }
        }
    }
}
