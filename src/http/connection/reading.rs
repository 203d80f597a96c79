//! How a connection comes by a request, and what it still reads after refusing one.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tiny_http::Method;

use super::{Connection, Incoming, Next, Phase};
use crate::http::body::{BodyFraming, Decoder};
use crate::http::exchange::{Exchange, Responder};
use crate::http::hub::Hub;
use crate::http::parse::{self, Head, Refusal};
use crate::http::poll::Interest;
use crate::http::pool::{Desk, READ_BYTES};
use crate::http::request::Request;
use crate::http::write::Manner;

impl Connection {
    /// Reads what has come, as far as one request.
    pub(super) fn read(&mut self, hub: &Hub, desk: &mut Desk) -> Next {
        let mut input = std::mem::take(&mut desk.input);
        input.clear();
        input.append(&mut std::mem::take(&mut self.kept));
        let next = match self.read_to(&mut input, hub) {
            Ok(next) => {
                self.kept.extend_from_slice(&input);
                next
            }
            Err(refusal) => self.refuse(&refusal, hub, desk),
        };
        desk.input = input;
        next
    }

    fn read_to(&mut self, input: &mut Vec<u8>, hub: &Hub) -> Result<Next, Refusal> {
        if !input.is_empty() && self.use_input(input, hub)? {
            return Ok(Next::Step);
        }
        loop {
            input.reserve(READ_BYTES);
            let room = input.capacity() - input.len();
            match self.wire.receive(input) {
                Ok(0) => return self.input_ended(),
                Ok(read) => {
                    if self.use_input(input, hub)? {
                        return Ok(Next::Step);
                    }
                    if read < room {
                        // Nothing more is there; if something has come meanwhile, epoll says so.
                        return Ok(Next::Park(Interest::Read));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(Next::Park(Interest::Read));
                }
                Err(error) if error.kind() == ErrorKind::InvalidData => {
                    return Err(Refusal::new(400, "this port speaks TLS: ask by https://"));
                }
                Err(_) => return Ok(Next::Close),
            }
        }
    }

    /// Takes what it can from `input`; whether a request is whole and with the handler.
    fn use_input(&mut self, input: &mut Vec<u8>, hub: &Hub) -> Result<bool, Refusal> {
        if let Phase::Idle = self.phase {
            // RFC 9112 2.2: an empty line or two before a request is to be ignored.
            let blank = input
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count();
            input.drain(..blank);
            if !input.is_empty() {
                self.enter(Phase::Head { seen: 0 });
            }
        }
        if let Phase::Head { seen } = &mut self.phase {
            let fresh = *seen;
            *seen = input.len();
            // Heads end with a line: without a new one there is nothing to be gained from parsing again, and a client
            // that sends byte by byte would have the whole of it parsed for each.
            let worth_parsing = fresh == 0
                || input.len() >= hub.limits.head_bytes_max
                || input[fresh..].contains(&b'\n');
            if !worth_parsing {
                return Ok(false);
            }
            match parse::head(input, self.peer, &hub.limits)? {
                None => return Ok(false),
                Some((length, head)) => {
                    input.drain(..length);
                    if self.begin_body(head, input, hub)? {
                        return Ok(true);
                    }
                }
            }
        }
        self.use_body(input, hub)
    }

    /// The head is whole; whether that is all of the request.
    fn begin_body(&mut self, mut head: Head, input: &[u8], hub: &Hub) -> Result<bool, Refusal> {
        head.request.secure = self.wire.is_tls();
        let manner = Manner {
            old: head.request.version == (1, 0),
            keep_alive: head.keep_alive,
            head_only: head.request.method == Method::Head,
        };
        if head.framing == BodyFraming::Length(0) {
            self.hand_over(head.request, manner, hub);
            return Ok(true);
        }
        if head.expects_continue && input.is_empty() {
            // Nothing else is on its way out, so a socket that does not take these few bytes is no good.
            const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
            if !matches!(self.wire.send(CONTINUE), Ok(sent) if sent == CONTINUE.len()) {
                // Part of it may have gone, so no answer may follow.
                self.wire.end_sending();
                return Err(Refusal::new(408, "the client does not read"));
            }
        }
        let decoder = Decoder::new(head.framing, hub.limits.body_bytes_max);
        let share = hub.bodies.share();
        self.enter(Phase::Body(Box::new(Incoming {
            request: head.request,
            manner,
            decoder,
            share,
        })));
        Ok(false)
    }

    /// Takes what belongs to the body; whether it is whole and the request with the handler.
    fn use_body(&mut self, input: &mut Vec<u8>, hub: &Hub) -> Result<bool, Refusal> {
        let Phase::Body(incoming) = &mut self.phase else {
            return Ok(false);
        };
        let before = incoming.request.body.len();
        let used = incoming.decoder.feed(input, &mut incoming.request.body)?;
        input.drain(..used);
        if !incoming.share.grow(incoming.request.body.len() - before) {
            return Err(Refusal::new(
                503,
                "too many bodies are coming in at once; try again later",
            ));
        }
        if !incoming.decoder.is_done() {
            return Ok(false);
        }
        if let Phase::Body(incoming) = std::mem::replace(&mut self.phase, Phase::Idle) {
            self.hand_over(incoming.request, incoming.manner, hub);
        }
        Ok(true)
    }

    /// The client has ended sending.
    fn input_ended(&mut self) -> Result<Next, Refusal> {
        match self.phase {
            Phase::Head { .. } | Phase::Body(_) => Err(Refusal::new(
                400,
                "the client stopped sending in the middle of its request",
            )),
            _ => Ok(Next::Close),
        }
    }

    /// Gives a whole request to the handler.
    fn hand_over(&mut self, request: Request, manner: Manner, hub: &Hub) {
        let exchange = Exchange::new(&hub.mail, self.key);
        let responder = Responder::new(Arc::clone(&exchange));
        self.enter(Phase::Waiting { exchange, manner });
        let handled = catch_unwind(AssertUnwindSafe(|| hub.handler.handle(request, responder)));
        if handled.is_err() {
            // The responder, dropped by the panic, has answered.
            log::error!("a handler panicked; its request was answered with 500");
        }
    }

    /// Whether nothing lies unread that would turn the close into a reset.
    pub(super) fn has_read_all(&mut self, desk: &mut Desk) -> bool {
        desk.input.clear();
        desk.input.reserve(READ_BYTES);
        self.kept.is_empty() && !matches!(self.wire.receive(&mut desk.input), Ok(1..))
    }

    /// Throws away what still comes.
    pub(super) fn drain(&mut self, hub: &Hub, desk: &mut Desk) -> Next {
        let Phase::Draining { read } = &mut self.phase else {
            return Next::Close;
        };
        loop {
            desk.input.clear();
            desk.input.reserve(READ_BYTES);
            match self.wire.receive(&mut desk.input) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Next::Park(Interest::Read);
                }
                Ok(0) | Err(_) => return Next::Close,
                Ok(more) => *read += more,
            }
            if *read > hub.limits.linger_bytes_max {
                return Next::Close;
            }
        }
    }
}
