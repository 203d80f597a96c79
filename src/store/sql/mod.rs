//! What the drivers of SQL databases share: a batch as few statements, the lease, and what becomes of a commit whose
//! answer was lost. A driver adds its dialect, as a [`Session`].
//!
//! A commit is one transaction in three flights. The first locks the row of the lease and reads the term in it, so that a
//! server which takes over waits for the commit, and one that was taken over commits nothing. The second reads what
//! stands where the batch will write, writes, and leaves the batch's id in the row. The third is the commit itself.
//!
//! When the answer to that is lost, the next thing done on a new connection is to look whether the id is in the row. The
//! same call answers by that if it can. If it cannot, its caller is told that the batch failed, and what the batch changed
//! is put back before the next one, or before the lease is prolonged. That knowledge is in memory: a server that
//! dies meanwhile leaves the batch as the database has it.

mod batch;
mod lease;
mod link;
pub(super) mod pem;
#[cfg(test)]
pub(super) mod tests;
#[cfg(any(feature = "redis", feature = "postgres"))]
pub(super) mod tls;
pub(super) mod words;

use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use self::batch::Batch;
use self::link::Link;
use super::lease::Lease;
use super::{Op, Store, StoreError, Table, is_empty_range};
use crate::config;
use crate::settings::database::Database;

/// Version of the tables. A later one changes them here, when it finds an earlier one's.
const SCHEMA: u32 = 1;
/// Name of the table with the one row of the lease, behind the prefix.
pub(super) const LEASE: &str = "lease";

/// A key and its value.
pub(super) type Row = (Vec<u8>, Vec<u8>);

/// Why a session did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
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
pub(super) struct LeaseRow {
    /// Grows with each change of hands.
    pub(super) term: u64,
    /// Id of the store that took it last; empty after it was given back.
    pub(super) holder: Vec<u8>,
    /// What that one called itself.
    pub(super) owner: String,
    /// Its end, in microseconds of the database's clock.
    pub(super) ends_us: i64,
    /// Id of the batch that was committed last.
    pub(super) batch: Vec<u8>,
    /// The database's clock as the row was read, or shortly before.
    pub(super) now_us: i64,
}

/// A part of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
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
pub(super) struct Page<'a> {
    pub(super) table: Table,
    pub(super) from: &'a [u8],
    /// Empty for the end of the table.
    pub(super) to: &'a [u8],
    pub(super) reverse: bool,
    pub(super) rows_max: usize,
    /// Begins a transaction that sees one instant, which is the one of all pages until it is ended.
    pub(super) is_first: bool,
}

/// A connection to a database, in the driver's dialect. After [`Failure::Conflict`] and [`Failure::Said`] it is asked
/// to roll back and used again; after the others it is dropped.
pub(super) trait Session: Sized + Send {
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
    /// Does the steps in order; answers what those read that look.
    fn apply(&mut self, steps: &[Step<'_>]) -> Result<Vec<(Table, Row)>, Failure>;
    /// Makes the transaction durable. After any failure it is unknown whether it is.
    fn commit(&mut self) -> Result<(), Failure>;
    /// Ends the transaction without a change.
    fn rollback(&mut self) -> Result<(), Failure>;
    /// The value of a key.
    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Failure>;
    /// Reads rows.
    fn page(&mut self, page: Page<'_>) -> Result<Vec<Row>, Failure>;
}

/// A store in an SQL database.
pub(super) struct SqlStore<S> {
    /// By which the row of the lease says that it is this store's.
    id: Uuid,
    writer: Mutex<Writer<S>>,
    /// Apart from the writer's, so that no reader waits for a commit.
    readers: [Mutex<Link<S>>; config::JOBDB_READERS],
}

struct Writer<S> {
    link: Link<S>,
    /// Of the lease, while this store believes that it holds it.
    term: Option<u64>,
    unsettled: Option<Unsettled>,
}

/// A batch whose caller was told that it failed, though it may be stored.
struct Unsettled {
    id: Uuid,
    put_back: Vec<Op>,
}

impl<S: Session> SqlStore<S> {
    /// Connects, and makes the tables where there are none.
    pub(super) fn open(database: &Database) -> Result<SqlStore<S>, StoreError> {
        let database = Arc::new(database.clone());
        let link = || Link::new(database.clone());
        let mut writer = link();
        writer.run(|session| check_schema(session, &database))?;
        for doubt in writer.run(S::doubts)? {
            log::warn!("{database}: {doubt}");
        }
        Ok(SqlStore {
            id: Uuid::new_v4(),
            writer: Mutex::new(Writer {
                link: writer,
                term: None,
                unsettled: None,
            }),
            readers: std::array::from_fn(|_| Mutex::new(link())),
        })
    }

    fn read<T>(&self, work: impl FnMut(&mut S) -> Result<T, Failure>) -> Result<T, StoreError> {
        let free = self.readers.iter().find_map(Mutex::try_lock);
        let mut link = free.unwrap_or_else(|| self.readers[0].lock());
        Ok(link.run(work)?)
    }
}

fn check_schema<S: Session>(session: &mut S, database: &Database) -> Result<(), Failure> {
    let mut found = session.schema()?;
    if found.is_none() {
        session.make_tables(SCHEMA)?;
        found = session.schema()?;
    }
    match found {
        Some(SCHEMA) => Ok(()),
        found => Err(Failure::Said(StoreError::Corrupt(format!(
            "{database}: its tables are of version {}, this Nimesha knows version {SCHEMA}: start the newer Nimesha that \
             made them, or use other ones with --jobdb-prefix",
            found.unwrap_or(0)
        )))),
    }
}

impl<S: Session> Store for SqlStore<S> {
    fn commit(&self, ops: &[Op]) -> Result<(), StoreError> {
        let batch = Batch::of(ops)?;
        let id = Uuid::new_v4();
        let mut steps = batch.steps();
        steps.push(Step::Mark(id.as_bytes()));
        let mut writer = self.writer.lock();
        let writer = &mut *writer;
        writer.settle(self.id)?;
        let before = writer.link.run(|session| {
            lease::check(&session.begin()?, self.id, writer.term)?;
            session.apply(&steps)
        });
        let before = before.inspect_err(|failure| writer.note_lost(failure))?;
        let Err(failure) = writer.link.once(S::commit) else {
            return Ok(());
        };
        let put_back = batch.put_back(before);
        writer.unsettled = Some(Unsettled { id, put_back });
        writer.look_whether_landed(self.id, failure)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|session| session.get(table, key))
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        if is_empty_range(from, to) {
            return Ok(());
        }
        self.read(|session| {
            let mut page = Page {
                table,
                from,
                to,
                reverse,
                rows_max: config::JOBDB_PAGE_ROWS_MIN,
                is_first: true,
            };
            let mut rows = session.page(page)?;
            // Nothing may be visited twice: from here on a lost connection is an error.
            visit_pages(session, &mut page, &mut rows, visit).map_err(|failure| match failure {
                Failure::Gone(why) => Failure::Silent(why),
                failure => failure,
            })
        })
    }

    fn lease(&self) -> Option<&dyn Lease> {
        Some(self)
    }
}

fn visit_pages<S: Session>(
    session: &mut S,
    page: &mut Page<'_>,
    rows: &mut Vec<Row>,
    visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
) -> Result<(), Failure> {
    loop {
        let wanted = rows.iter().all(|(key, value)| visit(key, value));
        let is_last = rows.len() < page.rows_max;
        let Some((mut edge, _)) = rows.pop().filter(|_| wanted && !is_last) else {
            return session.rollback();
        };
        // The next page begins behind the last key, or ends before it.
        if !page.reverse {
            edge.push(0);
        }
        let (from, to) = match page.reverse {
            true => (page.from, &edge[..]),
            false => (&edge[..], page.to),
        };
        page.rows_max = (page.rows_max * 4).min(config::JOBDB_PAGE_ROWS_MAX);
        *rows = session.page(Page {
            from,
            to,
            is_first: false,
            ..*page
        })?;
    }
}

impl<S: Session> Writer<S> {
    /// Whoever took the lease knows more than this store does.
    fn note_lost(&mut self, failure: &Failure) {
        if matches!(failure, Failure::Said(StoreError::Lost(_))) {
            self.term = None;
        }
    }

    /// After a commit whose answer was lost: answers what became of it. Where that cannot be learnt now, it is left to
    /// [`settle`](Self::settle).
    fn look_whether_landed(&mut self, store: Uuid, failure: Failure) -> Result<(), StoreError> {
        let Some(Unsettled { id, .. }) = &self.unsettled else {
            return Err(failure.into());
        };
        let looked = self.link.run(|session| {
            let row = session.begin()?;
            session.rollback()?;
            if row.batch == id.as_bytes() {
                return Ok(true);
            }
            lease::check(&row, store, self.term).map(|()| false)
        });
        match looked {
            Ok(landed) => {
                self.unsettled = None;
                if landed { Ok(()) } else { Err(failure.into()) }
            }
            Err(lost @ Failure::Said(StoreError::Lost(_))) => {
                self.note_lost(&lost);
                self.unsettled = None;
                Err(lost.into())
            }
            Err(_) => Err(failure.into()),
        }
    }

    /// Puts back what a batch changed whose caller was told that it failed. What another server has built on since is
    /// left to it.
    fn settle(&mut self, store: Uuid) -> Result<(), StoreError> {
        let Some(Unsettled { id, put_back }) = &self.unsettled else {
            return Ok(());
        };
        let batch = Batch::of(put_back)?;
        let mut steps = batch.writes();
        let next = Uuid::new_v4();
        steps.push(Step::Mark(next.as_bytes()));
        self.link.run(|session| {
            let row = session.begin()?;
            let is_ours = lease::check(&row, store, self.term).is_ok();
            if !is_ours || row.batch != id.as_bytes() {
                return session.rollback();
            }
            session.apply(&steps)?;
            session.commit()
        })?;
        self.unsettled = None;
        Ok(())
    }
}
