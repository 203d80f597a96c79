//! Where jobs, runs and claims outlive the process.
//!
//! A driver is a small thing: ordered byte keys to byte values in a handful of tables, and an atomic batch. What the
//! bytes mean is known to [`record`] alone, so that every driver holds the same data and `migrate` can copy between
//! any two. One thread writes ([`writer`]); whoever reads history does so beside it ([`history`]).

pub mod backup;
pub mod change;
pub mod check;
#[cfg(test)]
pub(crate) mod conformance;
mod encode;
#[cfg(test)]
pub(crate) mod faulty;
pub mod fill;
pub mod history;
pub mod lease;
pub mod load;
pub mod memory;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
pub mod record;
pub mod redb;
#[cfg(feature = "redis")]
mod redis;
pub mod relaxed;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(all(test, any(feature = "redis", feature = "postgres", feature = "mysql")))]
#[path = "../../tests/it/support/databases/mod.rs"]
pub(crate) mod servers;
pub mod shared;
pub mod snapshot;
#[cfg(test)]
pub(crate) mod temp;
pub mod writer;

use std::fmt;

use self::lease::Lease;
use self::snapshot::Snapshot;

/// A table of the store. Keys are ordered by their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Job definitions, by job.
    Jobs,
    /// Cursor and counters of each job, by job; apart from the definition, since every run rewrites them.
    States,
    /// Runs that were claimed or triggered and have no recorded end, by job and occurrence.
    Claims,
    /// History entries, by job and number.
    History,
    /// Output of runs, by job and number.
    Outputs,
    /// Which outputs are kept, oldest first, and their sizes: by this the oldest go when there are too many bytes.
    OutputSizes,
    /// Chains of dependent jobs in progress, by id.
    Chains,
    /// Format version and what concerns the whole server, by name.
    Meta,
}

impl Table {
    /// All of them, in order of declaration: `Table::ALL[t as usize] == t`.
    pub const ALL: [Table; 8] = [
        Table::Jobs,
        Table::States,
        Table::Claims,
        Table::History,
        Table::Outputs,
        Table::OutputSizes,
        Table::Chains,
        Table::Meta,
    ];

    /// Its name in a database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Table::Jobs => "jobs",
            Table::States => "states",
            Table::Claims => "claims",
            Table::History => "history",
            Table::Outputs => "outputs",
            Table::OutputSizes => "output_sizes",
            Table::Chains => "chains",
            Table::Meta => "meta",
        }
    }
}

/// One change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Sets the value of a key.
    Put(Table, Vec<u8>, Vec<u8>),
    /// Sets the value of a key that must not exist; else the unit fails with [`StoreError::Conflict`].
    Insert(Table, Vec<u8>, Vec<u8>),
    /// Removes a key; it need not exist.
    Delete(Table, Vec<u8>),
    /// Removes all keys that begin with these bytes; with none, the whole table.
    DeletePrefix(Table, Vec<u8>),
}

/// Why the store did not do what it was asked.
#[derive(Debug)]
pub enum StoreError {
    /// A key that had to be new exists.
    Conflict,
    /// The database cannot be reached or written now; later it may.
    Away(String),
    /// What is stored cannot be read: damaged, or from a newer version.
    Corrupt(String),
    /// Another server works on it.
    Locked(String),
    /// The database does not let this server in, or cannot be asked in the way that the settings say: waiting mends nothing.
    Refused(String),
    /// The lease of this server has gone to another: what this one knows is no longer true.
    Lost(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Conflict => f.write_str("the key exists already"),
            StoreError::Away(why)
            | StoreError::Corrupt(why)
            | StoreError::Locked(why)
            | StoreError::Refused(why)
            | StoreError::Lost(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for StoreError {}

/// A job database.
pub trait Store: Send + Sync {
    /// Applies all operations in order, in one durable transaction, or none of them.
    ///
    /// # Errors
    /// See [`StoreError`]; after any error nothing of the batch is stored.
    fn commit(&self, ops: &[Op]) -> Result<(), StoreError>;

    /// The value of a key.
    ///
    /// # Errors
    /// When the database is away or damaged.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The values of several keys, in their order: where the database is a way off, there and back once.
    ///
    /// # Errors
    /// When the database is away or damaged.
    fn get_many(&self, table: Table, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        keys.iter().map(|key| self.get(table, key)).collect()
    }

    /// Visits the rows whose keys lie in `from..to` (`to` empty: to the end of the table), in order of the keys or
    /// against it, until `visit` answers false. The rows are those of one instant. `visit` must be quick and must not
    /// call the store: some drivers hold a lock meanwhile.
    ///
    /// # Errors
    /// When the database is away or damaged.
    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError>;

    /// Makes durable what [`commit`](Self::commit) has only taken in. Nothing to do for all drivers but
    /// [`Relaxed`](relaxed::Relaxed).
    ///
    /// # Errors
    /// When the database is away; then it is kept, and the next call tries again.
    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// By which several servers take turns on it; none where one process has the database to itself. A store with a
    /// lease takes commits only while it holds it, and answers [`StoreError::Lost`] otherwise.
    fn lease(&self) -> Option<&dyn Lease> {
        None
    }

    /// The rows of this instant, to be read while others write; none from a driver that cannot keep them: such databases
    /// have tools of their own for that.
    ///
    /// # Errors
    /// When the database is away.
    fn snapshot(&self) -> Result<Option<Box<dyn Snapshot + Send>>, StoreError> {
        Ok(None)
    }

    /// Bytes that the database takes, where that can be said. Waits for nothing: a shared database said so a while ago.
    fn size_bytes(&self) -> Option<u64> {
        None
    }
}

/// The end of the range of keys that begin with `prefix`: the first key after them, empty if there is none.
#[must_use]
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

/// Whether `from..to`, with `to` empty for the end of the table, holds no key at all. Ordered maps panic on some of these.
fn is_empty_range(from: &[u8], to: &[u8]) -> bool {
    !to.is_empty() && from >= to
}

/// [`Store::scan`] with a visitor that may fail; the first failure ends the scan.
fn try_scan(
    store: &dyn Store,
    table: Table,
    (from, to): (&[u8], &[u8]),
    reverse: bool,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let mut failed = None;
    store.scan(table, from, to, reverse, &mut |key, value| {
        visit(key, value).unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    })?;
    failed.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stand_at_their_place() {
        for (place, table) in Table::ALL.into_iter().enumerate() {
            assert_eq!(table as usize, place, "{}", table.name());
        }
    }

    #[test]
    fn the_end_of_a_prefix_is_the_first_key_after_it() {
        for (prefix, end) in [
            (&b"ab"[..], &b"ac"[..]),
            (b"a\xff", b"b"),
            (b"\xff\xff", b""),
            (b"", b""),
            (b"\x00", b"\x01"),
        ] {
            assert_eq!(prefix_end(prefix), end, "{prefix:?}");
        }
    }
}
