//! The scheduler: what is due, what may start, what is remembered.
//!
//! [`core`] decides, purely; [`dispatcher`] is the one thread that owns it, waits, and carries out; [`wheel`] says what is
//! next. Everybody else holds a [`Handle`], and reads the [`Registry`]. [`forecast`] turns a core of its own.

pub mod command;
pub mod core;
pub mod dispatcher;
pub mod forecast;
pub mod journal;
pub mod policy;
mod tale;
pub mod wheel;

use std::fmt;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use self::command::{Answer, Command, Refusal};
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
    Command(Command, Reply),
    Completion(Completion),
    Committed(Committed),
    ClockStepped,
    Stop,
    StopRuns,
}

/// How others talk to the dispatcher. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    messages: Sender<Box<Message>>,
    registry: Arc<Registry>,
    events: Arc<Events>,
    forbidden: Forbidden,
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
            Command::DeleteAll => self.delete_all.then_some(Refusal::DeleteAllDenied),
            _ => None,
        }
    }
}

/// The dispatcher's end of its [`Handle`]s.
pub struct Inbox {
    messages: Receiver<Box<Message>>,
    registry: Arc<Registry>,
    events: Arc<Events>,
}

/// A handle, and the inbox that the dispatcher is started with.
#[must_use]
pub fn channel() -> (Handle, Inbox) {
    let (sender, receiver) = bounded(config::MESSAGES_MAX);
    let registry = Arc::new(Registry::new());
    let events = Arc::new(Events::new());
    (
        Handle {
            messages: sender,
            registry: registry.clone(),
            events: events.clone(),
            forbidden: Forbidden::default(),
        },
        Inbox {
            messages: receiver,
            registry,
            events,
        },
    )
}

impl Handle {
    /// The same, but for what is forbidden to all who get it or a clone of it.
    #[must_use]
    pub fn forbidding(self, forbidden: Forbidden) -> Handle {
        Handle { forbidden, ..self }
    }

    /// Asks for something. `reply` is called when it is durable or refused; at once if it is forbidden, or after the
    /// dispatcher's end.
    pub fn send(
        &self,
        command: Command,
        reply: impl FnOnce(Result<Answer, Refusal>) + Send + 'static,
    ) {
        if let Some(refusal) = self.forbidden.refuses(&command) {
            return reply(Err(refusal));
        }
        let message = Message::Command(command, Box::new(reply));
        if let Err(unsent) = self.messages.send(Box::new(message))
            && let Message::Command(_, reply) = *unsent.into_inner()
        {
            reply(Err(Refusal::Stopping));
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

    /// Lets nothing start any more, and ends the dispatcher when what runs has ended and everything is stored.
    pub fn stop(&self) {
        self.post(Message::Stop);
    }

    /// Ends what runs: the first time with SIGTERM, the second with SIGKILL.
    pub fn stop_runs(&self) {
        self.post(Message::StopRuns);
    }

    /// After the dispatcher's end nobody is there to hear it, and that is right.
    fn post(&self, message: Message) {
        let _ = self.messages.send(Box::new(message));
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
