//! What readers of a server that stands by see: the database as it was a moment ago, read when somebody asks.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};

use crate::schedule::Zone;
use crate::scheduler::Handle;
use crate::store::load;
use crate::store::shared::LateStore;
use crate::{clock, config};

/// Reads the database for readers, while no dispatcher of this server does.
pub(super) struct Standby {
    store: Arc<LateStore>,
    handle: Handle,
    zone: Zone,
    /// Until when what readers see is new enough.
    good_until: Mutex<Option<Instant>>,
}

impl Standby {
    pub(super) fn new(store: Arc<LateStore>, handle: Handle, zone: Zone) -> Standby {
        Standby {
            store,
            handle,
            zone,
            good_until: Mutex::new(None),
        }
    }

    /// Reads the database anew if this server stands by and the last look at it was a while ago. One thread does; if that
    /// takes long, the others see what was seen before.
    pub(super) fn refresh(&self) {
        if self.handle.stands_by().is_none() {
            return;
        }
        let Some(mut good_until) = self.good_until.try_lock_for(config::STANDBY_VIEW_EVERY) else {
            return;
        };
        let began = clock::monotonic();
        // It may have become the one that works while this thread waited.
        if good_until.is_some_and(|at| began < at) || self.handle.stands_by().is_none() {
            return;
        }
        match load::load(&*self.store, self.zone) {
            Ok(loaded) => self.handle.survey(loaded),
            Err(error) => log::debug!("the job database cannot be looked at: {error}"),
        }
        // Of a big database no more than a part of the time goes into this.
        let took = clock::monotonic() - began;
        *good_until = Some(clock::monotonic() + config::STANDBY_VIEW_EVERY.max(took * 8));
    }

    /// Nobody puts an old view in the place of a dispatcher's while this is held.
    pub(super) fn hold(&self) -> MutexGuard<'_, Option<Instant>> {
        self.good_until.lock()
    }
}
