//! Which of several servers works on a shared database.
//!
//! One holds the lease, by the database's clock, and prolongs it; the others stand by and ask now and then. Clocks and
//! pauses make any lease a guess, so it is only half of the matter: each time it changes hands its term grows, and a
//! [`commit`](super::Store::commit) counts only while the term that its server took is still the one in the database,
//! which the driver checks in the same transaction. So a server that slept through its end changes nothing any more.

use std::time::Duration;

use super::StoreError;

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// This store does. Its commits count as long as the term is this one.
    Ours {
        /// Grows by one each time that the lease changes hands.
        term: u64,
    },
    /// Another server does.
    Theirs {
        /// What it called itself.
        owner: String,
        /// How long it lasts if it is not prolonged, by the database's clock.
        ends_in: Duration,
    },
}

/// The lease of a shared database.
pub trait Lease {
    /// Takes the lease for `ttl` from now, by the database's clock, if it is free or has ended; prolongs it, in the same
    /// term, if this store took it last. `owner` is for people: two stores never share a lease, whatever they are called.
    ///
    /// # Errors
    /// When the database is away.
    fn take(&self, owner: &str, ttl: Duration) -> Result<Held, StoreError>;

    /// Gives it back if it is held, so that nobody waits for its end. Commits are refused from now on.
    ///
    /// # Errors
    /// When the database is away; then the lease ends by itself.
    fn give_back(&self) -> Result<(), StoreError>;
}
