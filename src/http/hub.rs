//! What the threads of the pool share, and what they do with it: give a connection its turn, look at deadlines, give up
//! an idle connection for a new one.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Handler;
use super::accept::{Door, Listener};
use super::connection::{Cause, Next};
use super::limits::Limits;
use super::mail::Mail;
use super::poll::{Key, Poll, Source};
use super::pool::Desk;
use super::quota::Quota;
use super::table::{Glance, Table, Taken};
use super::timer::Timer;
use crate::clock;

/// Deadlines may be seen this much later than they come, so that a thousand of them at odd instants are not a thousand
/// looks at all connections.
const DEADLINE_SLACK: Duration = Duration::from_millis(20);

/// The shared state of one server.
pub(super) struct Hub {
    pub(super) limits: Limits,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) poll: Poll,
    pub(super) timer: Timer,
    pub(super) mail: Arc<Mail>,
    pub(super) table: Table,
    pub(super) doors: Vec<Door>,
    /// Connections that are streams.
    pub(super) streams: Arc<Quota>,
    /// Bytes of bodies on their way in.
    pub(super) bodies: Arc<Quota>,
    stopping: AtomicBool,
}

impl Hub {
    pub(super) fn new(
        listeners: Vec<Listener>,
        limits: Limits,
        handler: Arc<dyn Handler>,
    ) -> io::Result<Hub> {
        let poll = Poll::new()?;
        let timer = Timer::new(clock::monotonic())?;
        let mail = Arc::new(Mail::new()?);
        poll.add_bell(mail.as_ref(), Source::Bell)?;
        poll.add_bell(&timer, Source::Timer)?;
        let mut doors = Vec::with_capacity(listeners.len());
        for (listener, index) in listeners.into_iter().zip(0..) {
            doors.push(Door::open(listener, &poll, Source::Listener(index))?);
        }
        Ok(Hub {
            handler,
            poll,
            timer,
            mail,
            table: Table::new(limits.connections_max),
            doors,
            streams: Quota::new(limits.streams_max),
            bodies: Quota::new(limits.bodies_bytes_max),
            stopping: AtomicBool::new(false),
            limits,
        })
    }

    /// Whether connections are being ended.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Takes no more connections, and ends those that there are: idle ones now, the others after their answer.
    pub(super) fn stop(&self, deadline: Instant) {
        self.stopping.store(true, Ordering::SeqCst);
        for door in &self.doors {
            door.close();
        }
        for key in self.table.keys(deadline) {
            self.mail.post(key);
        }
    }

    /// Drives a connection, if it still is there, as far as it goes; then parks or closes it.
    pub(super) fn turn(&self, key: Key, cause: Cause, desk: &mut Desk) {
        if let Some(taken) = self.table.take(key) {
            self.drive(taken, cause, desk);
        }
    }

    fn drive(&self, mut taken: Taken<'_>, cause: Cause, desk: &mut Desk) {
        desk.tidy();
        let key = taken.key();
        let connection = taken.connection();
        match catch_unwind(AssertUnwindSafe(|| connection.turn(cause, self, desk))) {
            Ok(Next::Park(interest)) => {
                let now = clock::monotonic();
                let deadline = connection.park(now, self);
                let wire = connection.wire();
                let interest = wire.interest(interest);
                let armed = self.poll.arm(wire, Source::Connection(key), interest);
                if armed.is_ok() {
                    drop(taken);
                    if let Some(deadline) = deadline {
                        self.timer.arm(deadline, now);
                    }
                    return;
                }
            }
            Ok(Next::Step | Next::Close) => {}
            Err(_) => log::error!("a connection is cut: the code for its answer panicked"),
        }
        self.table.remove(taken);
    }

    /// The timer went off: gives a turn to those whose deadline has come, and arms it for the next.
    pub(super) fn look_at_deadlines(&self, desk: &mut Desk) {
        self.timer.went_off();
        let now = clock::monotonic();
        let soonest = now + DEADLINE_SLACK;
        let mut next: Option<Instant> = None;
        for glance in self.table.glances() {
            let deadline = match glance {
                Glance::Free => None,
                // Whoever is at work on it may have looked at the timer before it went off.
                Glance::Busy => Some(soonest),
                Glance::Taken(mut taken) => match taken.connection().deadline(self) {
                    Some(deadline) if deadline <= now => {
                        self.drive(taken, Cause::Deadline, desk);
                        None
                    }
                    deadline => deadline,
                },
            };
            next = [next, deadline].into_iter().flatten().min();
        }
        for (door, index) in self.doors.iter().zip(0..) {
            door.resume(&self.poll, Source::Listener(index));
        }
        if let Some(next) = next {
            self.timer.arm(next.max(soonest), now);
        }
    }

    /// Closes the connection that has been idle for longest; whether there was one.
    pub(super) fn give_up_idle(&self) -> bool {
        let mut oldest: Option<(Instant, Key)> = None;
        for glance in self.table.glances() {
            if let Glance::Taken(mut taken) = glance
                && let Some(since) = taken.connection().idle_since()
                && oldest.is_none_or(|(instant, _)| since < instant)
            {
                oldest = Some((since, taken.key()));
            }
        }
        let Some(mut taken) = oldest.and_then(|(_, key)| self.table.take(key)) else {
            return false;
        };
        // It may have got a request meanwhile.
        let idle = taken.connection().idle_since().is_some();
        if idle {
            self.table.remove(taken);
        }
        idle
    }
}
