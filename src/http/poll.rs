//! The epoll set in which everything waits, and what its events are about.
//!
//! Connections and listeners are armed for one event (`EPOLLONESHOT`): the thread that gets it is alone with them until
//! it arms them again. Bell and timer are edge-triggered, so that each ring wakes one thread and nobody has to read
//! them; the stop bell is level-triggered, so that it wakes all.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

/// Names a connection for as long as it lives: its seat in the table, and which of the seat's tenants it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) seat: u32,
    pub(super) tenant: u32,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Connection(Key),
    /// A listener, by its place among the listeners.
    Listener(u32),
    /// There is mail.
    Bell,
    /// The earliest deadline may have come.
    Timer,
    /// The threads shall end.
    Stop,
}

/// The upper half of an event's word is the tenant's number, or this for what is no connection.
const NO_TENANT: u32 = u32::MAX;
const BELL: u32 = u32::MAX;
const TIMER: u32 = u32::MAX - 1;
const STOP: u32 = u32::MAX - 2;

impl Source {
    fn word(self) -> EventData {
        let (high, low) = match self {
            Source::Connection(key) => (key.tenant, key.seat),
            Source::Listener(index) => (NO_TENANT, index),
            Source::Bell => (NO_TENANT, BELL),
            Source::Timer => (NO_TENANT, TIMER),
            Source::Stop => (NO_TENANT, STOP),
        };
        EventData::new_u64(u64::from(high) << 32 | u64::from(low))
    }

    fn from_word(word: EventData) -> Source {
        let word = word.u64();
        let low = word as u32;
        match ((word >> 32) as u32, low) {
            (NO_TENANT, BELL) => Source::Bell,
            (NO_TENANT, TIMER) => Source::Timer,
            (NO_TENANT, STOP) => Source::Stop,
            (NO_TENANT, index) => Source::Listener(index),
            (tenant, seat) => Source::Connection(Key { seat, tenant }),
        }
    }
}

impl Key {
    /// The tenant after this one in the same seat.
    pub(super) fn next_tenant(tenant: u32) -> u32 {
        let next = tenant.wrapping_add(1);
        if next == NO_TENANT { 0 } else { next }
    }
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// Bytes, or their end.
    Read,
    /// Bytes, or their end, or room to write.
    ReadOrWrite,
    /// Room to write. On a socket that has room this is the way to let others have a turn.
    Write,
    /// Room to write, or the client's end of sending.
    WriteOrHangUp,
    /// The client's end of sending.
    HangUp,
    /// Nothing but the loss of the connection, of which epoll always tells.
    Loss,
}

/// What is known of a connection's other end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Readiness {
    /// It sends no more; it may still read.
    pub(super) hung_up: bool,
    /// It is gone in both directions.
    pub(super) lost: bool,
}

/// The epoll set.
pub(super) struct Poll {
    epoll: OwnedFd,
    stop: OwnedFd,
}

impl Poll {
    pub(super) fn new() -> io::Result<Poll> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &stop, Source::Stop.word(), EventFlags::IN)?;
        Ok(Poll { epoll, stop })
    }

    /// Waits for an event without limit of time and takes it. One at a time: a thread that took several would let the
    /// others' clients wait behind its first.
    pub(super) fn wait(&self) -> io::Result<(Source, Readiness)> {
        let mut space = [MaybeUninit::<Event>::uninit(); 1];
        loop {
            match epoll::wait(&self.epoll, &mut space, None) {
                Ok((events, _)) => {
                    if let Some(event) = events.first() {
                        let (data, flags) = (event.data, event.flags);
                        return Ok((Source::from_word(data), Readiness::from_flags(flags)));
                    }
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Adds a bell or a timer: each ring wakes one thread.
    pub(super) fn add_bell(&self, bell: impl AsFd, source: Source) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            bell,
            source.word(),
            EventFlags::IN | EventFlags::ET,
        )?)
    }

    /// Adds a connection or a listener, armed for one event.
    pub(super) fn add(&self, socket: impl AsFd, source: Source) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            socket,
            source.word(),
            Interest::Read.flags(),
        )?)
    }

    /// Arms it for one event more.
    pub(super) fn arm(
        &self,
        socket: impl AsFd,
        source: Source,
        interest: Interest,
    ) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            socket,
            source.word(),
            interest.flags(),
        )?)
    }

    /// Wakes all threads, now and whenever they wait again, for their end.
    pub(super) fn stop(&self) -> io::Result<()> {
        ring(&self.stop)
    }
}

/// Rings an eventfd.
pub(super) fn ring(bell: impl AsFd) -> io::Result<()> {
    match rustix::io::write(bell, &1_u64.to_ne_bytes()) {
        // A counter at its end has rung already.
        Ok(_) | Err(Errno::AGAIN) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Interest {
    fn flags(self) -> EventFlags {
        EventFlags::ONESHOT
            | match self {
                Interest::Read => EventFlags::IN,
                Interest::ReadOrWrite => EventFlags::IN | EventFlags::OUT,
                Interest::Write => EventFlags::OUT,
                Interest::WriteOrHangUp => EventFlags::OUT | EventFlags::RDHUP,
                Interest::HangUp => EventFlags::RDHUP,
                Interest::Loss => EventFlags::empty(),
            }
    }
}

impl Readiness {
    fn from_flags(flags: EventFlags) -> Readiness {
        Readiness {
            hung_up: flags.contains(EventFlags::RDHUP),
            lost: flags.intersects(EventFlags::HUP | EventFlags::ERR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_is_about_survives_the_kernel() {
        for source in [
            Source::Connection(Key { seat: 0, tenant: 0 }),
            Source::Connection(Key {
                seat: 4_095,
                tenant: u32::MAX - 1,
            }),
            Source::Listener(1),
            Source::Bell,
            Source::Timer,
            Source::Stop,
        ] {
            assert_eq!(Source::from_word(source.word()), source);
        }
        assert_eq!(Key::next_tenant(u32::MAX - 1), 0);
    }
}
