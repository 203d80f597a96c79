//! The server's turns at a job database: one that lasts its whole life where the database is its own; where it is shared,
//! as many as the lease gives it, and in between it stands by.

use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender};

use super::keeper::Keeper;
use super::standby::Standby;
use super::works::Works;
use super::{Event, StartError, cannot};
use crate::scheduler::core::End;
use crate::scheduler::dispatcher::Dispatcher;
use crate::store::load;
use crate::store::shared::LateStore;
use crate::{config, process};

/// Who takes turns with others.
pub(super) struct Sharing {
    pub(super) keeper: Keeper,
    pub(super) standby: Arc<Standby>,
}

/// The loop of the main thread.
pub(super) struct Turns<'a> {
    pub(super) works: Works<'a>,
    pub(super) events: Sender<Event>,
    pub(super) happened: Receiver<Event>,
}

impl Turns<'_> {
    /// Begins the only turn, or asks for turns at a database that is shared.
    pub(super) fn take(
        &self,
        shared: Option<Arc<LateStore>>,
    ) -> Result<Option<Sharing>, StartError> {
        match shared {
            Some(store) => self.share(store).map(Some),
            None => self.begin().map(|()| None),
        }
    }

    /// Begins the only turn at a database of its own. It is there, and so are all jobs when this returns.
    fn begin(&self) -> Result<(), StartError> {
        let dispatcher = self.works.start()?;
        self.watch(dispatcher)
    }

    /// Asks for turns at a database that is shared. The server stands by until it has the first.
    fn share(&self, store: Arc<LateStore>) -> Result<Sharing, StartError> {
        let Works {
            settings,
            handle,
            metrics,
            ..
        } = &self.works;
        let standby = Arc::new(Standby::new(
            Arc::clone(&store),
            handle.clone(),
            settings.timezone,
        ));
        let keeper = Keeper::start(
            store,
            handle.clone(),
            Arc::clone(metrics),
            self.events.clone(),
        );
        let keeper = keeper.map_err(cannot("keep the lease of the job database"))?;
        Ok(Sharing { keeper, standby })
    }

    /// Goes on until a signal ends the server. `sharing` is for a database that others work on as well.
    pub(super) fn go_on(&self, sharing: Option<&Sharing>) -> Result<(), StartError> {
        let mut works = sharing.is_none();
        loop {
            match (self.happened.recv(), sharing) {
                (Ok(Event::Leads), Some(sharing)) => works = self.lead(sharing)?,
                (Ok(Event::Ended(End::Lost)), Some(sharing)) => {
                    works = false;
                    self.stand_by(sharing);
                }
                (Ok(Event::Stop), _) if works => {
                    self.wind_down();
                    return Ok(());
                }
                (Ok(Event::Failed(error)), _) => return Err(error),
                _ => return Ok(()),
            }
        }
    }

    /// The lease is ours: begins a turn. A database that is away again already is asked again; says whether it was there.
    fn lead(&self, sharing: &Sharing) -> Result<bool, StartError> {
        let started = {
            let _held = sharing.standby.hold();
            let prepared = load::prepare(&*self.works.store).map_err(StartError::from);
            prepared.and_then(|_| self.works.start())
        };
        match started {
            Ok(dispatcher) => {
                self.watch(dispatcher)?;
                sharing.keeper.prolong();
                Ok(true)
            }
            Err(error) if error.may_pass => {
                log::error!("cannot work on the job database yet: {error}");
                self.stand_by(sharing);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn stand_by(&self, sharing: &Sharing) {
        self.works.metrics.set_store_away(false);
        self.works
            .handle
            .stand_by("another server may work on the job database");
        sharing.keeper.ask();
    }

    /// Says when the dispatcher has come to its end.
    fn watch(&self, dispatcher: Dispatcher) -> Result<(), StartError> {
        let events = self.events.clone();
        let joined = thread::Builder::new()
            .name("stop".to_owned())
            .spawn(move || {
                let end = dispatcher.join();
                // Whoever waited for it has gone.
                let _ = events.send(Event::Ended(end));
            });
        joined.map(drop).map_err(cannot("watch the dispatcher"))
    }

    /// Waits for the end of what runs: for the grace, then with SIGTERM, then with SIGKILL. A second signal skips the
    /// grace.
    fn wind_down(&self) {
        let grace = self.works.settings.grace;
        log::info!(
            "Stopping: nothing starts any more, and runs have {} s to finish",
            grace.as_secs()
        );
        process::manager::tell("STOPPING=1");
        self.works.handle.stop();
        for patience in [grace, config::STOP_KILL_AFTER] {
            if let Ok(Event::Ended(_)) = self.happened.recv_timeout(patience) {
                return;
            }
            self.works.handle.stop_runs();
        }
        while !matches!(self.happened.recv(), Ok(Event::Ended(_)) | Err(_)) {}
    }
}
