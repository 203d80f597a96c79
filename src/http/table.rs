//! The connections that are open: a fixed number of seats, each behind a lock of its own.
//!
//! A thread locks a seat for one turn, so that events of different connections never wait for each other. The seat's
//! lock is always taken before the list of free ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::connection::Connection;
use super::poll::Key;

/// All seats.
pub(super) struct Table {
    seats: Box<[Mutex<Seat>]>,
    free: Mutex<Vec<u32>>,
    all_free: Condvar,
}

/// A place for one connection. Its number of tenants so far tells an event for an earlier one from one for this.
#[derive(Default)]
struct Seat {
    tenant: u32,
    connection: Option<Box<Connection>>,
}

/// A connection, locked.
pub(super) struct Taken<'a> {
    seat: MutexGuard<'a, Seat>,
    key: Key,
}

/// What a seat looks like from outside.
pub(super) enum Glance<'a> {
    Free,
    /// A thread is at work on it.
    Busy,
    Taken(Taken<'a>),
}

impl Table {
    pub(super) fn new(seats: usize) -> Table {
        // Seats are numbered by 32 bits, of which epoll's words leave nearly all.
        let seats = seats.clamp(1, 1 << 24);
        Table {
            seats: (0..seats).map(|_| Mutex::default()).collect(),
            // The lowest is taken first, so that a quiet server touches few.
            free: Mutex::new((0..seats as u32).rev().collect()),
            all_free: Condvar::new(),
        }
    }

    /// Seats the connection that `make` makes of its key; `None` if all seats are taken or `make` has none.
    pub(super) fn seat(&self, make: impl FnOnce(Key) -> Option<Box<Connection>>) -> Option<Key> {
        let index = self.free.lock().pop()?;
        let mut seat = self.seats[index as usize].lock();
        let key = Key {
            seat: index,
            tenant: seat.tenant,
        };
        seat.connection = make(key);
        let seated = seat.connection.is_some();
        drop(seat);
        if !seated {
            self.free.lock().push(index);
        }
        seated.then_some(key)
    }

    /// Whether a seat is free.
    pub(super) fn has_room(&self) -> bool {
        !self.free.lock().is_empty()
    }

    /// Connections that are open.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.seats.len() - self.free.lock().len()
    }

    /// Locks the connection, if it still is there.
    pub(super) fn take(&self, key: Key) -> Option<Taken<'_>> {
        let seat = self.seats.get(key.seat as usize)?.lock();
        let there = seat.tenant == key.tenant && seat.connection.is_some();
        there.then_some(Taken { seat, key })
    }

    /// Looks at every seat, without waiting for those that are being worked on.
    pub(super) fn glances(&self) -> impl Iterator<Item = Glance<'_>> {
        self.seats
            .iter()
            .zip(0..)
            .map(|(seat, index)| match seat.try_lock() {
                None => Glance::Busy,
                Some(seat) if seat.connection.is_none() => Glance::Free,
                Some(seat) => {
                    let key = Key {
                        seat: index,
                        tenant: seat.tenant,
                    };
                    Glance::Taken(Taken { seat, key })
                }
            })
    }

    /// The keys of all connections. Waits for those that are being worked on, but not beyond `deadline`.
    pub(super) fn keys(&self, deadline: Instant) -> Vec<Key> {
        let key = |(seat, index): (&Mutex<Seat>, u32)| {
            let seat = seat.try_lock_until(deadline)?;
            seat.connection.is_some().then_some(Key {
                seat: index,
                tenant: seat.tenant,
            })
        };
        self.seats.iter().zip(0..).filter_map(key).collect()
    }

    /// Closes every connection that nobody is at work on.
    pub(super) fn clear(&self) {
        for glance in self.glances() {
            if let Glance::Taken(taken) = glance {
                self.remove(taken);
            }
        }
    }

    /// Closes a connection and frees its seat.
    pub(super) fn remove(&self, mut taken: Taken<'_>) {
        let connection = taken.seat.connection.take();
        taken.seat.tenant = Key::next_tenant(taken.key.tenant);
        let index = taken.key.seat;
        drop(taken);
        // Outside of the lock, and caught: an answer may drag along what takes its time to go, or panics.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(connection)));
        let mut free = self.free.lock();
        free.push(index);
        if free.len() == self.seats.len() {
            self.all_free.notify_all();
        }
    }

    /// Waits until no connection is left; whether that came about before `deadline`.
    pub(super) fn wait_until_empty(&self, deadline: Instant) -> bool {
        let mut free = self.free.lock();
        while free.len() < self.seats.len() {
            if self.all_free.wait_until(&mut free, deadline).timed_out() {
                return free.len() == self.seats.len();
            }
        }
        true
    }
}

impl Taken<'_> {
    pub(super) fn key(&self) -> Key {
        self.key
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        self.seat
            .connection
            .as_mut()
            .expect("a taken seat has a connection until it is removed")
    }
}
