//! Where jobs, runs and claims outlive the process.
//!
//! A driver is a small thing: ordered byte keys to byte values in a handful of tables, and an atomic batch. What the
//! bytes mean is known to [`record`] alone, so that every driver holds the same data and `migrate` can copy between
//! any two.

pub mod change;
pub mod record;

use std::fmt;

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
    /// Chains of dependent jobs in progress, by id.
    Chains,
    /// Format version and what concerns the whole server, by name.
    Meta,
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
    /// Removes all keys that begin with these bytes.
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
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Conflict => f.write_str("the key exists already"),
            StoreError::Away(why) | StoreError::Corrupt(why) | StoreError::Locked(why) => {
                f.write_str(why)
            }
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

    /// Visits the rows whose keys lie in `from..to` (`to` empty: to the end of the table), in order of the keys or
    /// against it, until `visit` answers false. The rows are those of one instant.
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

    /// Bytes that the database takes on the disk, where that can be said.
    fn size_bytes(&self) -> Option<u64> {
        None
    }
}
