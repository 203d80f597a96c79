//! The way of one answer from whoever makes it to the connection that waits for it.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::answer::Answer;
use super::mail::Mail;
use super::poll::Key;

type Make = Box<dyn FnOnce() -> Answer + Send>;
type Finish = Box<dyn FnOnce(Answer) -> Answer + Send>;

/// The right and the duty to answer one request, once, from any thread.
///
/// Sending never waits and touches no socket: the answer is left for the pool. Dropped unused, by a panic for instance,
/// it answers 500.
pub struct Responder {
    /// `None` once it is used.
    way: Option<Way>,
    finish: Option<Finish>,
}

enum Way {
    Connection(Arc<Exchange>),
    Call(Box<dyn FnOnce(Answer) + Send>),
}

impl Responder {
    pub(super) fn new(exchange: Arc<Exchange>) -> Responder {
        Responder {
            way: Some(Way::Connection(exchange)),
            finish: None,
        }
    }

    /// One that gives the answer to `call`, on the sender's thread: for callers of a [`Handler`](super::Handler)
    /// without a connection.
    #[must_use]
    pub fn to(call: impl FnOnce(Answer) + Send + 'static) -> Responder {
        Responder {
            way: Some(Way::Call(Box::new(call))),
            finish: None,
        }
    }

    /// Sends the answer.
    pub fn send(mut self, answer: impl Into<Answer>) {
        self.put(Content::Answer(answer.into()));
    }

    /// Sends what `make` makes, on a thread of the pool: for answers that the sender has no time to write out.
    pub fn send_with(mut self, make: impl FnOnce() -> Answer + Send + 'static) {
        self.put(Content::Make(Box::new(make)));
    }

    /// Has the answer pass through `finish`, on a thread of the pool, before it is written: whoever sends it, and
    /// whenever. The last one added is the first to see it.
    #[must_use]
    pub fn finish_with(
        mut self,
        finish: impl FnOnce(Answer) -> Answer + Send + 'static,
    ) -> Responder {
        self.finish = Some(match self.finish.take() {
            None => Box::new(finish),
            Some(outer) => Box::new(move |answer| outer(finish(answer))),
        });
        self
    }

    fn put(&mut self, content: Content) {
        let reply = Reply {
            content,
            finish: self.finish.take(),
        };
        match self.way.take() {
            Some(Way::Connection(exchange)) => exchange.put(reply),
            Some(Way::Call(call)) => call(reply.into_answer()),
            None => {}
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if self.way.is_some() {
            self.put(Content::Answer(failure()));
        }
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").finish_non_exhaustive()
    }
}

/// What a request is answered whose handler failed.
pub(super) fn failure() -> Answer {
    Answer::error(
        500,
        "the server failed at this request, which is its own fault; its log says more",
    )
}

/// An answer as it was sent.
pub(super) struct Reply {
    content: Content,
    finish: Option<Finish>,
}

enum Content {
    Answer(Answer),
    Make(Make),
}

impl Reply {
    /// Makes what is still to be made. It may panic, as what it calls may.
    pub(super) fn into_answer(self) -> Answer {
        let answer = match self.content {
            Content::Answer(answer) => answer,
            Content::Make(make) => make(),
        };
        match self.finish {
            None => answer,
            Some(finish) => finish(answer),
        }
    }
}

/// One request and its answer: what a connection and a [`Responder`] share.
pub(super) struct Exchange {
    state: Mutex<State>,
    mail: Arc<Mail>,
    key: Key,
}

enum State {
    /// The connection's thread is still in the handler and will look here when it comes back.
    Handling,
    /// The connection is parked and has to be called.
    Parked,
    Replied(Reply),
    /// The connection has taken the reply.
    Over,
}

impl Exchange {
    pub(super) fn new(mail: &Arc<Mail>, key: Key) -> Arc<Exchange> {
        Arc::new(Exchange {
            state: Mutex::new(State::Handling),
            mail: Arc::clone(mail),
            key,
        })
    }

    /// The reply, if it is there. If not, the connection will be called when it is.
    pub(super) fn take(&self) -> Option<Reply> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::Over) {
            State::Replied(reply) => Some(reply),
            State::Handling | State::Parked => {
                *state = State::Parked;
                None
            }
            State::Over => None,
        }
    }

    fn put(&self, reply: Reply) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Replied(reply));
        if let State::Parked = before {
            self.mail.post(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange() -> (Arc<Exchange>, Arc<Mail>, Responder) {
        let mail = Arc::new(Mail::new().unwrap());
        let exchange = Exchange::new(&mail, Key { seat: 1, tenant: 2 });
        (Arc::clone(&exchange), mail, Responder::new(exchange))
    }

    #[test]
    fn only_a_parked_connection_is_called() {
        let (exchange, mail, responder) = exchange();
        responder.send(Answer::empty(204));
        assert_eq!(mail.take(), None);
        assert_eq!(exchange.take().unwrap().into_answer().status.0, 204);
        assert!(exchange.take().is_none());

        let (exchange, mail, responder) = self::exchange();
        assert!(exchange.take().is_none());
        assert!(exchange.take().is_none());
        responder.send_with(|| Answer::empty(201));
        assert_eq!(mail.take(), Some(Key { seat: 1, tenant: 2 }));
        assert_eq!(mail.take(), None);
        assert_eq!(exchange.take().unwrap().into_answer().status.0, 201);
    }

    #[test]
    fn a_responder_dropped_unused_answers_500() {
        let (exchange, _mail, responder) = exchange();
        drop(responder.finish_with(|answer| answer.with_header("X", "y")));
        let answer = exchange.take().unwrap().into_answer();
        assert_eq!((answer.status.0, answer.header("x")), (500, Some("y")));
    }

    #[test]
    fn the_last_finish_added_is_the_first_to_see_the_answer() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let responder = Responder::to(move |answer| sender.send(answer).unwrap());
        responder
            .finish_with(|answer| Answer::empty(answer.status.0 * 2))
            .finish_with(|answer| Answer::empty(answer.status.0 + 1))
            .send(Answer::empty(200));
        assert_eq!(receiver.recv().unwrap().status.0, 402);
    }
}
