//! The scheduler: what is due, what may start, what is remembered.
//!
//! [`core`] decides, purely; [`dispatcher`] is the one thread that owns it, waits, and carries out; [`wheel`] says what is
//! next. Everybody else holds a [`Handle`], and reads the [`Registry`]. Where several servers share a job database only
//! one of them has a dispatcher at a time; the handles of the others say so. [`forecast`] turns a core of its own.

mod alarm;
pub mod command;
pub mod core;
pub mod dispatcher;
pub mod forecast;
pub mod journal;
pub mod policy;
mod show;
mod tale;
pub mod wheel;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::RwLock;

use self::command::{Answer, Command, ImportedJob, Refusal};
use crate::clock::Timestamp;
use crate::config;
use crate::events::Events;
use crate::job::Action;
use crate::job::run::Completion;
use crate::registry::Registry;
use crate::store::writer::Committed;

/// Takes the answer to a command. Called once, mostly on the dispatcher's thread: it must not wait for anything.
pub type Reply = Box<dyn FnOnce(Result<Answer, Refusal>) + Send>;

/// What reaches the dispatcher from other threads. They are handed over boxed: the channel has room for all of them, and
/// takes it at once.
enum Message {
    Command(Command, Pending),
    Completion(Completion),
    Committed(Committed),
    ClockStepped,
    Stop,
    StopRuns,
    Leased(Instant, Timestamp),
    Lost(String),
}

/// Somebody who waits for an answer, and gets one even if nobody is left to give it.
struct Pending(Option<Reply>);

impl Pending {
    fn answer(mut self, answer: Result<Answer, Refusal>) {
        if let Some(reply) = self.0.take() {
            reply(answer);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(reply) = self.0.take() {
            reply(Err(Refusal::Stopping));
        }
    }
}

/// Who works on the job database.
enum Line {
    /// This server's dispatcher.
    Open(Sender<Box<Message>>),
    /// Nobody here, for this reason.
    Closed(Box<str>),
}

/// How others talk to the dispatcher. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    line: Arc<RwLock<Line>>,
    registry: Arc<Registry>,
    events: Arc<Events>,
    forbidden: Forbidden,
    stopping: Arc<AtomicBool>,
}

/// What this server does for nobody, whoever asks and by whichever way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forbidden {
    /// Storing jobs that run commands (`--deny-local-jobs`).
    pub local_jobs: bool,
    /// Deleting all jobs at once (`--deny-delete-all`).
    pub delete_all: bool,
}

impl Forbidden {
    fn refuses(self, command: &Command) -> Option<Refusal> {
        match command {
            Command::Create { job, .. } | Command::Update { job, .. } => {
                let refused = self.local_jobs && job.spec.action == Action::Local;
                refused.then_some(Refusal::LocalJobsDenied)
            }
            Command::Import(import) => {
                let is_local = |job: &ImportedJob| job.job.spec.action == Action::Local;
                let refused = self.local_jobs && import.jobs.iter().any(is_local);
                refused.then_some(Refusal::LocalJobsDenied)
            }
            Command::DeleteAll => self.delete_all.then_some(Refusal::DeleteAllDenied),
            _ => None,
        }
    }
}

/// The dispatcher's end of its [`Handle`]s.
pub struct Inbox {
    messages: Receiver<Box<Message>>,
    /// None once it is open: holding on to the line it would never learn that there is no handle any more.
    opening: Option<Opening>,
    registry: Arc<Registry>,
    events: Arc<Events>,
}

/// Where the sender of an inbox goes when it is opened.
struct Opening {
    line: Arc<RwLock<Line>>,
    sender: Sender<Box<Message>>,
}

/// A handle, and the inbox that the dispatcher is started with.
#[must_use]
pub fn channel() -> (Handle, Inbox) {
    let handle = Handle::standing_by("it is starting");
    let mut inbox = handle.inbox();
    inbox.open();
    (handle, inbox)
}

impl Inbox {
    /// All messages come here from now on.
    pub(crate) fn open(&mut self) {
        if let Some(Opening { line, sender }) = self.opening.take() {
            *line.write() = Line::Open(sender);
        }
    }
}

impl Handle {
    /// A handle to no dispatcher, and why there is none.
    #[must_use]
    pub fn standing_by(why: &str) -> Handle {
        Handle {
            line: Arc::new(RwLock::new(Line::Closed(why.into()))),
            registry: Arc::new(Registry::new()),
            events: Arc::new(Events::new()),
            forbidden: Forbidden::default(),
            stopping: Arc::default(),
        }
    }

    /// The inbox for a dispatcher, which opens it when readers see what it knows: until then there is none for them. The
    /// one before it has come to its end.
    #[must_use]
    pub fn inbox(&self) -> Inbox {
        let (sender, messages) = bounded(config::MESSAGES_MAX);
        Inbox {
            messages,
            opening: Some(Opening {
                line: Arc::clone(&self.line),
                sender,
            }),
            registry: self.registry.clone(),
            events: self.events.clone(),
        }
    }

    /// There is no dispatcher here, for this reason: commands are refused from now on.
    pub fn stand_by(&self, why: &str) {
        *self.line.write() = Line::Closed(why.into());
    }

    /// Why there is no dispatcher here, if that is so.
    #[must_use]
    pub fn stands_by(&self) -> Option<Box<str>> {
        match &*self.line.read() {
            Line::Open(_) => None,
            Line::Closed(why) => Some(why.clone()),
        }
    }

    /// The same, but for what is forbidden to all who get it or a clone of it.
    #[must_use]
    pub fn forbidding(self, forbidden: Forbidden) -> Handle {
        Handle { forbidden, ..self }
    }

    /// Asks for something. `reply` is called when it is durable or refused; at once if it is forbidden, or if there is no
    /// dispatcher.
    pub fn send(
        &self,
        command: Command,
        reply: impl FnOnce(Result<Answer, Refusal>) + Send + 'static,
    ) {
        if let Some(refusal) = self.forbidden.refuses(&command) {
            return reply(Err(refusal));
        }
        match self.sender() {
            Ok(messages) => {
                let pending = Pending(Some(Box::new(reply)));
                // Where nobody is there any more, it is answered as it is dropped.
                let _ = messages.send(Box::new(Message::Command(command, pending)));
            }
            Err(why) => reply(Err(Refusal::StandingBy(why))),
        }
    }

    /// Cloned, so that nobody who waits for room in the channel holds the lock.
    fn sender(&self) -> Result<Sender<Box<Message>>, Box<str>> {
        match &*self.line.read() {
            Line::Open(messages) => Ok(messages.clone()),
            Line::Closed(why) => Err(why.clone()),
        }
    }

    /// What readers see.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// What is forbidden to all who have this handle.
    #[must_use]
    pub fn forbidden(&self) -> Forbidden {
        self.forbidden
    }

    /// What happens, as it happens.
    #[must_use]
    pub fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// A worker is done with an attempt.
    pub fn completed(&self, completion: Completion) {
        self.post(Message::Completion(completion));
    }

    /// The writer is done with a batch.
    pub fn committed(&self, committed: Committed) {
        self.post(Message::Committed(committed));
    }

    /// The wall clock was stepped.
    pub fn clock_stepped(&self) {
        self.post(Message::ClockStepped);
    }

    /// The lease of a shared store was prolonged by a request that left at this time, by both clocks.
    pub fn leased(&self, mono: Instant, wall: Timestamp) {
        self.post(Message::Leased(mono, wall));
    }

    /// That lease has gone to another server: the dispatcher ends what runs, and then itself.
    pub fn lost(&self, why: String) {
        self.post(Message::Lost(why));
    }

    /// Lets nothing start any more, and ends the dispatcher when what runs has ended and everything is stored.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.post(Message::Stop);
    }

    /// Whether nothing starts any more, since the server is [stopping](Handle::stop).
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Ends what runs: the first time with SIGTERM, the second with SIGKILL.
    pub fn stop_runs(&self) {
        self.post(Message::StopRuns);
    }

    /// After the dispatcher's end nobody is there to hear it, and that is right.
    fn post(&self, message: Message) {
        if let Ok(messages) = self.sender() {
            let _ = messages.send(Box::new(message));
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}
