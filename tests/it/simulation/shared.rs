//! A store that two servers share: one holds the lease, sometimes it lapses for a while, and sometimes the other takes
//! over while the first one sleeps; then that one wakes up.

use std::sync::Arc;
use std::time::Duration;

use nimesha::config;
use nimesha::scheduler::core::{Core, Effects, End, Event, Now};
use nimesha::store::StoreError;
use nimesha::store::change::Unit;

use super::world::{World, trace};

/// The lease of a history.
#[derive(Debug, Default)]
pub(super) struct Lease {
    /// There is one: other servers share the store.
    pub(super) shared: bool,
    /// When it was last prolonged, by this process.
    asked: Option<Now>,
    /// Until then it is not prolonged.
    pub(super) lapses_until: Option<Duration>,
}

impl World {
    /// How long the lease lasts, where there is one.
    pub(super) fn lease(&self) -> Option<Duration> {
        self.lease.shared.then_some(config::LEASE_TTL)
    }

    /// Prolongs the lease, but while it lapses.
    pub(super) fn prolong(&mut self) {
        let now = self.now();
        self.lease.lapses_until.take_if(|until| *until <= now.mono);
        if self.lease.shared && self.lease.lapses_until.is_none() {
            self.lease.asked = Some(now);
            self.step_core(Event::Leased(now));
        }
    }

    pub(super) fn forget_lease(&mut self) {
        self.lease.asked = None;
        self.lease.lapses_until = None;
    }

    /// Something starts: the lease cannot have ended.
    pub(super) fn check_lease(&self) {
        let lasts = config::LEASE_TTL - config::LEASE_MARGIN;
        let is_fresh =
            |asked: Now| self.mono < asked.mono + lasts && self.wall() < asked.wall.plus(lasts);
        assert!(
            !self.lease.shared || self.lease.asked.is_some_and(is_fresh),
            "its lease may have ended"
        );
    }

    /// The lease lapses for a while, or the other server takes over.
    pub(super) fn disturb_lease(&mut self) {
        if self.dice.one_in(2) {
            let lapse = self.dice.up_to(Duration::from_secs(60));
            trace!(self, "the lease lapses for {lapse:?}");
            self.lease.lapses_until = Some(self.mono + lapse);
        } else {
            self.take_over();
        }
    }

    fn take_over(&mut self) {
        trace!(self, "the other server takes over");
        let Some(mut asleep) = self.core.take() else {
            return;
        };
        let in_flight = self.flight.as_ref().map(|flight| flight.units.clone());
        self.crash();
        self.mono += config::LEASE_TTL;
        self.go_by();
        self.stopping = false;
        self.boot();
        self.wake(&mut asleep, in_flight);
    }

    /// The one that slept through the end of its lease does nothing but end.
    fn wake(&mut self, asleep: &mut Core, in_flight: Option<Vec<Unit>>) {
        let now = self.now();
        let told = self.dice.one_in(2);
        let first = match in_flight.clone().filter(|_| self.dice.one_in(2)) {
            Some(units) => lost(units),
            None => Event::Tick,
        };
        let mut effects = asleep.step(now, first);
        check_idle(&effects);
        let unheard = effects.batch.take().or(in_flight);
        let effects = match unheard.filter(|_| !told) {
            Some(units) => asleep.step(now, lost(units)),
            None => asleep.step(now, Event::Lost("another server has it".to_owned())),
        };
        check_idle(&effects);
        assert!(effects.batch.is_none() && asleep.step(now, Event::Tick).batch.is_none());
        let ended = asleep.step(now, Event::Tick).end;
        assert!(ended.is_none_or(|end| end == End::Lost));
        asleep.assert_consistent();
    }
}

fn lost(units: Vec<Unit>) -> Event {
    let error = || {
        Err(Arc::new(StoreError::Lost(
            "another server has it".to_owned(),
        )))
    };
    let results = units.into_iter().map(|unit| (unit, error()));
    Event::Committed(results.collect(), Duration::ZERO)
}

fn check_idle(effects: &Effects) {
    assert!(effects.orders.is_empty(), "{:?}", effects.orders);
}
