//! `GET /events/`: what happens, as it happens, as server-sent events (WHATWG HTML, section 9.2).
//!
//! One thread tells all who listen, and is there only while somebody does. A client that reads too slowly gets what its
//! buffer holds and then the end of the answer: it comes back with the number of the last event that it has seen, as
//! browsers do by themselves, and goes on from there.
//!
//! What runs write is told to those who ask for it, and matters less: a piece for which a slow client has no room is left
//! out, before any event is.

use std::io::Write as _;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;

use crate::clock;
use crate::config;
use crate::events::{Event, Events, News, Outputs, Piece};
use crate::http::{self, Body, Request, Stream, StreamSender};
use crate::schedule::Zone;

use super::error::ApiError;
use super::wire::{Json, write_event, write_output};
use super::{Api, Call, Reply};

/// The first words to a listener: come back after a second when the connection is lost.
const HELLO: &str = "retry: 1000\n\n";
/// For one who missed what is no longer kept. It has no number: the next event's is the one to go on from.
const LOST: &[u8] = b"event: lost\ndata: {}\n\n";
/// A comment, which clients ignore.
const HEARTBEAT: &[u8] = b":\n\n";

/// `GET /events/`: from now on, or from the number in `Last-Event-ID` on; with `?output=true` also what runs write.
pub(super) fn listen(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let after = last_event_id(call.request)?;
    let outputs = call.query.is("output", "true")?.then(|| outputs(api));
    let stream = Broadcast::listen(&api.broadcast, after, outputs)?;
    let answer = http::Answer::new(200, Body::Stream(stream))
        .with_header("Content-Type", "text/event-stream")
        .with_header("Cache-Control", "no-store");
    Ok(Reply::Now(answer))
}

/// The wish to hear what runs write, those included that are in progress.
fn outputs(api: &Api) -> Arc<Outputs> {
    let (outputs, is_new) = api.scheduler.events().want_outputs();
    if is_new {
        for run in api.registry.begun() {
            outputs.follow(run.id, &*run.job, &run.output);
        }
    }
    outputs
}

fn last_event_id(request: &Request) -> Result<Option<u64>, ApiError> {
    let Some(id) = request.headers.get("last-event-id") else {
        return Ok(None);
    };
    let refusal = |_| {
        let why = "Last-Event-ID must be the id of an event that came from here";
        ApiError::new(400, format!("{why}, but is {id:?}: leave it out"))
    };
    id.parse().map(Some).map_err(refusal)
}

/// All who listen, and the thread that tells them.
pub(super) struct Broadcast {
    events: Arc<Events>,
    zone: Zone,
    audience: Mutex<Audience>,
}

#[derive(Default)]
struct Audience {
    listeners: Vec<Listener>,
    /// A thread tells them. It goes when it finds nobody.
    is_told: bool,
}

struct Listener {
    sender: StreamSender,
    /// The last event that it was sent.
    seen: u64,
    /// When it was sent something.
    heard: Instant,
    /// There if it wants to hear what runs write.
    outputs: Option<Arc<Outputs>>,
}

/// News in the form in which they are sent.
struct Bulletin {
    has_gap: bool,
    items: Vec<Item>,
}

/// A part of it.
enum Item {
    /// An event, and its number.
    Event(u64, Vec<u8>),
    /// A piece of output, and the number of the event before it.
    Output(u64, Vec<u8>),
}

impl Broadcast {
    pub(super) fn new(events: Arc<Events>, zone: Zone) -> Arc<Broadcast> {
        Arc::new(Broadcast {
            events,
            zone,
            audience: Mutex::default(),
        })
    }

    /// Takes in a listener who knows everything up to event `after`, or wants to know only what happens from now on.
    fn listen(
        broadcast: &Arc<Broadcast>,
        after: Option<u64>,
        outputs: Option<Arc<Outputs>>,
    ) -> Result<Stream, ApiError> {
        let (sender, stream) = http::stream(config::STREAM_BUFFER_BYTES);
        let mut audience = broadcast.audience.lock();
        audience
            .listeners
            .retain(|listener| !listener.sender.is_closed());
        if audience.listeners.len() >= config::EVENT_STREAMS_MAX {
            return Err(too_many());
        }
        let news = broadcast.events.since(after.unwrap_or(u64::MAX));
        if !audience.is_told {
            broadcast.start_to_tell(news.upto)?;
            audience.is_told = true;
        }
        let mut listener = Listener {
            sender,
            seen: 0,
            heard: clock::monotonic(),
            outputs,
        };
        let stays = match after {
            // A number without an event: it goes on from there even if nothing happens before the connection is lost.
            None => {
                let hello = format!("id: {}\n{HELLO}", news.upto);
                listener.sender.push(hello.as_bytes()).is_ok()
            }
            Some(_) => {
                let welcome = listener.sender.push(HELLO.as_bytes());
                welcome.is_ok() && listener.hear(&broadcast.bulletin(&news))
            }
        };
        listener.seen = news.upto;
        if stays {
            audience.listeners.push(listener);
        }
        Ok(stream)
    }

    fn start_to_tell(self: &Arc<Broadcast>, upto: u64) -> Result<(), ApiError> {
        let teller = Arc::clone(self);
        let spawned = thread::Builder::new()
            .name("events".to_owned())
            .stack_size(config::WORKER_STACK_BYTES)
            .spawn(move || teller.tell_all(upto));
        let refusal = |error| ApiError::new(503, format!("{error}; try again"));
        spawned.map(drop).map_err(refusal)
    }

    /// Tells what happens after event `upto`, until nobody listens any more.
    fn tell_all(&self, mut upto: u64) {
        loop {
            let news = self.events.wait(upto, config::EVENTS_HEARTBEAT);
            upto = news.upto;
            let bulletin = self.bulletin(&news);
            let mut audience = self.audience.lock();
            audience
                .listeners
                .retain_mut(|listener| listener.hear(&bulletin));
            if audience.listeners.is_empty() {
                audience.is_told = false;
                return;
            }
        }
    }

    fn bulletin(&self, news: &News) -> Bulletin {
        let mut pieces = news.pieces.iter().peekable();
        let mut items = Vec::with_capacity(news.events.len() + news.pieces.len());
        let output = |piece: &Piece| Item::Output(piece.after, output_text(piece, self.zone));
        for event in &news.events {
            while let Some(piece) = pieces.next_if(|piece| piece.after < event.id) {
                items.push(output(piece));
            }
            items.push(Item::Event(event.id, text(event, self.zone)));
        }
        items.extend(pieces.map(output));
        Bulletin {
            has_gap: news.has_gap,
            items,
        }
    }
}

impl Listener {
    /// Sends what it has not been sent yet. Says whether it goes on listening: its end comes when it is dropped, after
    /// all that was taken.
    fn hear(&mut self, bulletin: &Bulletin) -> bool {
        let goes_on = (!bulletin.has_gap || self.send(LOST))
            && bulletin.items.iter().all(|item| match item {
                Item::Event(id, text) => self.hear_event(*id, text),
                Item::Output(after, text) => self.hear_output(*after, text),
            });
        // Others may have heard something that this one did not ask for, again and again.
        let is_quiet = bulletin.items.is_empty()
            || clock::monotonic() - self.heard >= config::EVENTS_HEARTBEAT;
        goes_on && (!is_quiet || self.send(HEARTBEAT))
    }

    fn hear_event(&mut self, id: u64, text: &[u8]) -> bool {
        if id <= self.seen {
            return true;
        }
        self.seen = id;
        self.send(text)
    }

    /// Sends a piece, if it is wanted and there is room beside which events find some as well.
    fn hear_output(&mut self, after: u64, text: &[u8]) -> bool {
        let is_wanted = self.outputs.is_some() && after >= self.seen;
        let has_room = self.sender.backlog() + text.len() <= config::EVENT_OUTPUT_BACKLOG_BYTES_MAX;
        !(is_wanted && has_room) || self.send(text)
    }

    fn send(&mut self, text: &[u8]) -> bool {
        self.heard = clock::monotonic();
        self.sender.push(text).is_ok()
    }
}

fn text(event: &Event, zone: Zone) -> Vec<u8> {
    let mut text = Vec::with_capacity(256);
    let kind = event.what.as_str();
    write!(text, "id: {}\nevent: {kind}\n", event.id).expect("a Vec takes everything");
    with_data(text, |json| write_event(json, event, zone))
}

/// A piece of output. It has no number: who comes back goes on after an event.
fn output_text(piece: &Piece, zone: Zone) -> Vec<u8> {
    with_data(b"event: output\n".to_vec(), |json| {
        write_output(json, piece, zone);
    })
}

fn with_data(mut text: Vec<u8>, write: impl FnOnce(&mut Json)) -> Vec<u8> {
    let mut json = Json::with_capacity(192);
    write(&mut json);
    text.extend_from_slice(b"data: ");
    text.append(&mut json.into_bytes());
    text.extend_from_slice(b"\n\n");
    text
}

fn too_many() -> ApiError {
    ApiError::new(
        503,
        format!(
            "{} clients listen to events, and no more can: close one of them",
            config::EVENT_STREAMS_MAX
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOW, api, id, now};
    use super::*;
    use crate::events::{Named, What};
    use crate::job::run::{GapKind, Outcome, RunId, Trigger};
    use std::time::Duration;
    use tiny_http::Method::Get;

    fn broadcast() -> Arc<Broadcast> {
        Broadcast::new(Arc::new(Events::new()), Zone::UTC)
    }

    fn is_told(broadcast: &Broadcast) -> bool {
        broadcast.audience.lock().is_told
    }

    #[test]
    fn events_are_written_with_what_is_known_of_them() {
        let job = Named {
            id: id(1),
            name: "a\nb".into(),
        };
        let run = RunId::new(id(1), 1, NOW);
        let named = format!("\"job_id\":\"{}\",\"name\":\"a\\nb\"", id(1));
        let of_run = format!("\"run_id\":\"{run}\",{named}");
        let rows = [
            (What::JobCreated(job.clone()), "job_created", named.clone()),
            (What::JobChanged(job.clone()), "job_changed", named.clone()),
            (What::JobDeleted(job.clone()), "job_deleted", named.clone()),
            (
                What::RunStarted {
                    run,
                    job: job.clone(),
                    trigger: Trigger::Schedule,
                    lateness: Some(Duration::from_micros(250)),
                },
                "run_started",
                format!("{of_run},\"trigger\":\"schedule\",\"lateness\":250000"),
            ),
            (
                What::RunRetrying {
                    run,
                    job: job.clone(),
                    attempt: 1,
                    end: "exit status 1".into(),
                    next_at: NOW,
                },
                "run_retrying",
                format!(
                    "{of_run},\"attempt\":1,\"end\":\"exit status 1\",\"next_attempt_at\":\"2026-11-23T06:49:12Z\""
                ),
            ),
            (
                What::RunEnded {
                    run,
                    job: job.clone(),
                    outcome: Outcome::TimedOut,
                    end: Some("ran into its timeout".into()),
                    duration: Duration::from_millis(2),
                },
                "run_ended",
                format!(
                    "{of_run},\"outcome\":\"timed_out\",\"end\":\"ran into its timeout\",\"execution_duration\":2000000"
                ),
            ),
            (
                What::Gap {
                    job,
                    kind: GapKind::Missed,
                    count: 3,
                    last: NOW,
                },
                "missed",
                format!("{named},\"count\":3,\"last_scheduled_at\":\"2026-11-23T06:49:12Z\""),
            ),
            (
                What::StoreAway("disk full".into()),
                "store_away",
                "\"error\":\"disk full\"".to_owned(),
            ),
        ];
        for (what, kind, known) in rows {
            assert!(What::KINDS.contains(&kind), "{kind}");
            let event = Event {
                id: 7,
                at: NOW,
                what,
            };
            let expected = format!(
                "id: 7\nevent: {kind}\ndata: {{\"at\":\"2026-11-23T06:49:12Z\",{known}}}\n\n"
            );
            assert_eq!(
                String::from_utf8(text(&event, Zone::UTC)).unwrap(),
                expected
            );
        }
    }

    #[test]
    fn a_listener_that_does_not_read_is_let_go_and_the_thread_goes_with_the_last() {
        let broadcast = broadcast();
        let stream = Broadcast::listen(&broadcast, None, None).ok().unwrap();
        assert!(is_told(&broadcast));
        while is_told(&broadcast) {
            broadcast.events.tell(What::Paused);
        }
        drop(stream);
        // Next time there is a thread again, and it finds that the client has gone.
        drop(Broadcast::listen(&broadcast, None, None));
        assert!(is_told(&broadcast));
        broadcast.events.tell(What::Paused);
        while is_told(&broadcast) {
            thread::yield_now();
        }
    }

    #[test]
    fn there_are_so_many_listeners_and_no_more() {
        let broadcast = broadcast();
        let listen = || Broadcast::listen(&broadcast, None, None);
        let mut streams: Vec<_> = (0..config::EVENT_STREAMS_MAX)
            .map(|_| listen().ok().unwrap())
            .collect();
        assert!(listen().err().unwrap().message().starts_with("64 clients"));
        streams.pop();
        assert!(listen().is_ok());
    }

    #[test]
    fn err_last_event_ids() {
        let api = api();
        assert_eq!(now(&api, Get, "/events/", "").status.0, 200);
        for id in ["", "x", "-1", "1.5"] {
            let mut request = Request::new(Get, "/api/v1/events/");
            request.headers.push("Last-Event-ID", id.as_bytes());
            assert!(last_event_id(&request).is_err(), "{id}");
        }
    }
}
