//! The network side: a thread that hears events, one that asks and acts, and the messages that both send to the screen.

use std::io;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use crossterm::event::KeyEvent;
use serde_json::Value;

use super::board::Whole;
use super::view::Action;
use crate::cli::job::run_path;
use crate::cli::select::{path, text};
use crate::client::{Client, ClientError, Event, EventStream, escape};
use crate::config;

/// A number from before any event: a server tells all that it still knows.
const ALL_EVENTS: u64 = 0;

/// What the screen is told.
pub(super) enum Message {
    /// Something happened.
    Event(Event),
    /// The server cannot be heard, for this reason; or it can again.
    Silence(Option<String>),
    /// An answer to what was asked.
    Answer(Answer),
    /// Something was done, or not, for this reason.
    Done(Action, Result<(), String>),
    /// A key.
    Key(KeyEvent),
    /// The terminal has another size.
    Resized,
    /// The program is on the screen again after it was stopped.
    Continued,
    /// The terminal has gone, or a signal ends the program.
    End,
}

/// What is asked.
pub(super) enum Question {
    /// Everything.
    Whole,
    /// The figures, and how these jobs are now.
    Some(Vec<String>),
    /// Nothing, but this is to be done.
    Do(Action),
}

/// What came back.
pub(super) struct Answer {
    /// Of `/stats/`.
    pub(super) stats: Result<Value, ClientError>,
    /// All, if that was asked.
    pub(super) whole: Option<Whole>,
    /// By id; null for those that are gone.
    pub(super) jobs: Vec<(String, Value)>,
}

/// Starts both threads; what is sent into the channel that it gives back is asked, one after the other.
pub(super) fn start(client: &Client, messages: &Sender<Message>) -> io::Result<Sender<Question>> {
    let (listener, told) = (client.clone(), messages.clone());
    thread::Builder::new()
        .name("events".to_owned())
        .spawn(move || listen(&listener, &told))?;
    // One is answered while the next one waits, and a third is a wish of the person at the keys.
    let (questions, asked) = bounded(3);
    let (asker, told) = (client.clone(), messages.clone());
    thread::Builder::new()
        .name("asker".to_owned())
        .spawn(move || answer_all(&asker, &asked, &told))?;
    Ok(questions)
}

/// Tells of all events, over as many connections as that takes, until nobody hears it any more.
fn listen(client: &Client, messages: &Sender<Message>) {
    let mut after = ALL_EVENTS;
    let mut wait = Duration::from_secs(1);
    loop {
        let lost = match client.events(Some(after)) {
            Ok(mut events) => {
                wait = Duration::from_secs(1);
                if messages.send(Message::Silence(None)).is_err() {
                    return;
                }
                hear(&mut events, &mut after, messages)
            }
            Err(why) => Some(why),
        };
        let Some(why) = lost else { return };
        if messages.send(Message::Silence(Some(brief(&why)))).is_err() {
            return;
        }
        thread::sleep(wait);
        wait = (2 * wait).min(config::TOP_RETRY_MAX);
    }
}

/// Tells of events until the connection is lost; none when nobody hears it any more.
fn hear(
    events: &mut EventStream,
    after: &mut u64,
    messages: &Sender<Message>,
) -> Option<ClientError> {
    loop {
        match events.next_event() {
            Ok(event) => {
                *after = event.id.unwrap_or(*after);
                messages.send(Message::Event(event)).ok()?;
            }
            Err(why) => return Some(why),
        }
    }
}

/// Why, in a few words: the screen has one line.
fn brief(why: &ClientError) -> String {
    match why {
        ClientError::Away(_) => "AWAY, trying again".to_owned(),
        other => other.to_string(),
    }
}

fn answer_all(client: &Client, questions: &Receiver<Question>, messages: &Sender<Message>) {
    for question in questions {
        let message = match question {
            Question::Whole => Message::Answer(whole(client)),
            Question::Some(ids) => Message::Answer(some(client, ids)),
            Question::Do(action) => {
                let done = act(client, &action).map_err(|why| why.to_string());
                Message::Done(action, done)
            }
        };
        if messages.send(message).is_err() {
            return;
        }
    }
}

/// All jobs, and the runs in progress of those that run.
pub(super) fn whole(client: &Client) -> Answer {
    let read = || {
        let jobs = client.jobs("", config::TOP_JOBS_MAX)?;
        let running = client.jobs("status=running", config::TOP_RUNNING_JOBS)?;
        let mut runs = Vec::new();
        for job in &running {
            let mut answer = match client.get(&format!("{}runs/?limit=1", path(job))) {
                Err(ClientError::NotFound(_)) => continue,
                answer => answer?,
            };
            if let Value::Array(of_job) = answer["runs"].take() {
                let name = text(job, "name");
                runs.extend(of_job.into_iter().map(|run| (name.to_owned(), run)));
            }
        }
        Ok(Whole { jobs, runs })
    };
    let (stats, whole) = match read() {
        Ok(whole) => (stats(client), Some(whole)),
        Err(why) => (Err(why), None),
    };
    Answer {
        stats,
        whole,
        jobs: Vec::new(),
    }
}

fn some(client: &Client, ids: Vec<String>) -> Answer {
    let mut jobs = Vec::new();
    for id in ids {
        match client.get(&format!("/job/{}/", escape(&id))) {
            Ok(mut answer) => jobs.push((id, answer["job"].take())),
            Err(ClientError::NotFound(_)) => jobs.push((id, Value::Null)),
            // The figures will not come either, and say why.
            Err(_) => break,
        }
    }
    Answer {
        stats: stats(client),
        whole: None,
        jobs,
    }
}

fn stats(client: &Client) -> Result<Value, ClientError> {
    Ok(client.get("/stats/")?["Stats"].take())
}

fn act(client: &Client, action: &Action) -> Result<(), ClientError> {
    let path = match action {
        Action::Start { job, .. } => format!("/job/start/{}/?wait=false", escape(job)),
        Action::Disable { job, .. } => format!("/job/disable/{}/", escape(job)),
        Action::Enable { job, .. } => format!("/job/enable/{}/", escape(job)),
        Action::Cancel { job, run, .. } => format!("{}cancel/", run_path(job, run)),
    };
    client.post(&path, None).map(drop)
}

/// The events that a server still knows, for a look that does not last.
pub(super) fn past(client: &Client) -> Result<Vec<Event>, ClientError> {
    // A greeting has the number of the last event.
    let upto = client.events(None)?.next_event()?.id.unwrap_or(ALL_EVENTS);
    let mut events = client.events(Some(ALL_EVENTS))?;
    let mut past = Vec::new();
    // After the greeting there are events, or there is a sign of life.
    let mut empty = 0;
    while empty < 2 {
        let event = events.next_event()?;
        empty += usize::from(event.kind.is_empty());
        let is_last = event.id.is_some_and(|id| id >= upto);
        past.push(event);
        if is_last {
            break;
        }
    }
    Ok(past)
}
