//! Who has which run: what a stop needs to reach a run wherever it is.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::stop::{Stop, StopSignal};
use crate::job::run::RunId;

/// The runs of a pool, from the submit to the report. The lock is held for a look or an entry only.
#[derive(Debug, Default)]
pub(super) struct Roster {
    places: Mutex<HashMap<RunId, Place>>,
}

#[derive(Debug)]
enum Place {
    /// No thread has it yet.
    Queued,
    /// It was stopped before a thread had it.
    Withdrawn,
    /// The worker with this bell has it.
    With(Arc<StopSignal>),
}

impl Roster {
    /// A run was submitted.
    pub(super) fn enter(&self, run: RunId) {
        self.places.lock().insert(run, Place::Queued);
    }

    /// The worker with bell `stop` takes a run; false when it has been stopped already.
    pub(super) fn begin(&self, run: RunId, stop: &Arc<StopSignal>) -> bool {
        let mut places = self.places.lock();
        // Under the lock, so that no stop meant for this run is wiped away, and none for the one before rings here.
        stop.reset();
        let before = places.insert(run, Place::With(Arc::clone(stop)));
        !matches!(before, Some(Place::Withdrawn))
    }

    /// A run has ended.
    pub(super) fn leave(&self, run: RunId) {
        self.places.lock().remove(&run);
    }

    /// Stops a run, if it is here.
    pub(super) fn stop(&self, run: RunId, how: Stop) {
        if let Some(place) = self.places.lock().get_mut(&run) {
            place.stop(how);
        }
    }

    /// Stops all that are here.
    pub(super) fn stop_all(&self, how: Stop) {
        for place in self.places.lock().values_mut() {
            place.stop(how);
        }
    }
}

impl Place {
    fn stop(&mut self, how: Stop) {
        match self {
            Place::Queued => *self = Place::Withdrawn,
            Place::Withdrawn => {}
            Place::With(stop) => stop.raise(how),
        }
    }
}
