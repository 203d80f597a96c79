//! A connection to a shared database as each driver makes it, and what is made of it for all of them: a batch as few
//! statements, the lease, a connection that comes back, and words for what is wrong.

mod batch;
mod link;
pub(in crate::store) mod pem;
mod store;
#[cfg(any(feature = "redis", feature = "postgres"))]
pub(in crate::store) mod tls;
pub(in crate::store) mod words;

#[cfg(doc)]
use crate::config;
use crate::settings::database::Database;
use crate::store::{StoreError, Table};

pub(in crate::store) use self::store::SharedStore;

/// Name of the table with the one row of the lease, behind the prefix.
pub(in crate::store) const LEASE: &str = "lease";

/// A key and its value.
pub(in crate::store) type Row = (Vec<u8>, Vec<u8>);

/// Why a session did not do what it was asked.
#[derive(Debug)]
pub(in crate::store) enum Failure {
    /// A key that had to be new exists.
    Conflict,
    /// The database said no, for this reason. It may be asked something else.
    Said(StoreError),
    /// The connection has ended.
    Gone(String),
    /// The database does not answer in time, and the connection is of no use any more.
    Silent(String),
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> StoreError {
        match failure {
            Failure::Conflict => StoreError::Conflict,
            Failure::Said(error) => error,
            Failure::Gone(why) | Failure::Silent(why) => StoreError::Away(why),
        }
    }
}

/// The row of the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct LeaseRow {
    /// Grows with each change of hands.
    pub(in crate::store) term: u64,
    /// Id of the store that took it last; empty after it was given back.
    pub(in crate::store) holder: Vec<u8>,
    /// What that one called itself.
    pub(in crate::store) owner: String,
    /// Its end, in microseconds of the database's clock.
    pub(in crate::store) ends_us: i64,
    /// Id of the batch that was committed last.
    pub(in crate::store) batch: Vec<u8>,
    /// The database's clock as the row was read, or shortly before.
    pub(in crate::store) now_us: i64,
}

/// A part of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) enum Step<'a> {
    /// Reads the rows of these keys, as far as there are any.
    Look(Table, Vec<&'a [u8]>),
    /// Reads the rows from the first key to before the second; with an empty second, to the end.
    LookRange(Table, &'a [u8], Vec<u8>),
    /// Writes rows whose keys must be new.
    Insert(Table, Vec<(&'a [u8], &'a [u8])>),
    /// Removes what [`LookRange`](Step::LookRange) reads.
    DeleteRange(Table, &'a [u8], Vec<u8>),
    /// Removes the rows of these keys, as far as there are any.
    Delete(Table, Vec<&'a [u8]>),
    /// Writes rows, over those that have their keys.
    Put(Table, Vec<(&'a [u8], &'a [u8])>),
    /// Writes the row of the lease: term, holder, owner and end.
    Hold(&'a LeaseRow),
    /// Writes the batch's id into the row of the lease.
    Mark(&'a [u8]),
}

/// A piece of a range of rows.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Page<'a> {
    pub(in crate::store) table: Table,
    pub(in crate::store) from: &'a [u8],
    /// Empty for the end of the table.
    pub(in crate::store) to: &'a [u8],
    pub(in crate::store) reverse: bool,
    pub(in crate::store) rows_max: usize,
    /// Begins a transaction that sees one instant, which is the one of all pages until it is ended.
    pub(in crate::store) is_first: bool,
}

/// A connection to a database, in the driver's dialect. After [`Failure::Conflict`] and [`Failure::Said`] it is asked
/// to roll back and used again; after the others it is dropped.
pub(in crate::store) trait Session: Sized + Send + 'static {
    /// Connects and signs in, within the limits of [`config`].
    fn connect(database: &Database) -> Result<Self, Failure>;
    /// The version of the tables; none if there are none.
    fn schema(&mut self) -> Result<Option<u32>, Failure>;
    /// Makes the tables as far as they are not there, the lease's and its row last. Another server may do so as well.
    fn make_tables(&mut self, schema: u32) -> Result<(), Failure>;
    /// What whoever runs the database should know about how it is set.
    fn doubts(&mut self) -> Result<Vec<String>, Failure>;
    /// Begins a transaction, and locks the row of the lease.
    fn begin(&mut self) -> Result<LeaseRow, Failure>;
    /// Does the steps in order; answers what those read that look, which may stand outside a transaction.
    fn apply(&mut self, steps: &[Step<'_>]) -> Result<Vec<(Table, Row)>, Failure>;
    /// Makes the transaction durable. After any failure it is unknown whether it is.
    fn commit(&mut self) -> Result<(), Failure>;
    /// Ends the transaction without a change.
    fn rollback(&mut self) -> Result<(), Failure>;
    /// Reads rows.
    fn page(&mut self, page: Page<'_>) -> Result<Vec<Row>, Failure>;
    /// Begins a transaction in which all pages are of this instant, for as long as a backup may take; false where the
    /// database has no such thing.
    fn freeze(&mut self) -> Result<bool, Failure>;
    /// Bytes that the tables take.
    fn size_bytes(&mut self) -> Result<u64, Failure>;
}
