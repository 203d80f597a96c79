//! A connection that is made anew when it is lost, and not too often.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Failure, Session};
use crate::settings::database::Database;
use crate::store::StoreError;
use crate::{clock, config};

/// A session, or why there is none.
pub(super) struct Link<S> {
    database: Arc<Database>,
    session: Option<S>,
    /// After an attempt to connect that failed.
    pause: Option<Pause>,
}

/// Until then nobody tries: each would wait for the same answer.
struct Pause {
    until: Instant,
    length: Duration,
    why: String,
}

impl<S: Session> Link<S> {
    /// Connects at the first use.
    pub(super) fn new(database: Arc<Database>) -> Link<S> {
        Link {
            database,
            session: None,
            pause: None,
        }
    }

    /// Works with the session, on a new one if need be. `work` is done once more from its beginning when the connection
    /// turns out to have ended while nobody used it.
    pub(super) fn run<T>(
        &mut self,
        mut work: impl FnMut(&mut S) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.session.is_some() {
            match self.once(&mut work) {
                Err(Failure::Gone(_)) => {}
                result => return result,
            }
        }
        self.session = Some(self.connect()?);
        self.once(work)
    }

    /// Works with the session that there is, once.
    pub(super) fn once<T>(
        &mut self,
        work: impl FnOnce(&mut S) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Some(mut session) = self.session.take() else {
            return Err(Failure::Gone(format!("{}: not connected", self.database)));
        };
        let result = work(&mut session);
        let is_sound = match &result {
            Ok(_) => true,
            Err(Failure::Conflict | Failure::Said(_)) => session.rollback().is_ok(),
            Err(Failure::Gone(_) | Failure::Silent(_)) => false,
        };
        self.session = is_sound.then_some(session);
        result
    }

    fn connect(&mut self) -> Result<S, Failure> {
        if let Some(pause) = &self.pause
            && clock::monotonic() < pause.until
        {
            return Err(Failure::Silent(pause.why.clone()));
        }
        let connected = S::connect(&self.database);
        self.pause = connected.as_ref().err().map(|failure| {
            let length = self
                .pause
                .as_ref()
                .map_or(config::JOBDB_RECONNECT_MIN, |pause| {
                    (pause.length * 2).min(config::JOBDB_RECONNECT_MAX)
                });
            let why = match failure {
                Failure::Said(error) => error.to_string(),
                Failure::Gone(why) | Failure::Silent(why) => why.clone(),
                Failure::Conflict => StoreError::Conflict.to_string(),
            };
            Pause {
                until: clock::monotonic() + length,
                length,
                why,
            }
        });
        connected
    }
}
