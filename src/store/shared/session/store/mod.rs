//! A store in a shared database: the commit, and what becomes of it when its answer is lost. A driver adds its dialect, as
//! a [`Session`].
//!
//! A commit is one transaction in three flights. The first locks the row of the lease and reads the term in it, so that a
//! server which takes over waits for the commit, and one that was taken over commits nothing. The second reads what
//! stands where the batch will write, writes, and leaves the batch's id in the row. The third is the commit itself.
//!
//! When the answer to that is lost, the next thing done on a new connection is to look whether the id is in the row. The
//! same call answers by that if it can. If it cannot, its caller is told that the batch failed, and what the batch changed
//! is put back before the next one, or before the lease is prolonged. That knowledge is in memory: a server that
//! dies meanwhile leaves the batch as the database has it.

mod frozen;
mod holder;
mod lease;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use uuid::Uuid;

use self::frozen::Frozen;
use self::holder::Holder;
use super::batch::{self, Batch};
use super::link::Link;
use super::{Failure, Page, Row, Session, Step};
use crate::settings::database::Database;
use crate::store::lease::Lease;
use crate::store::snapshot::Snapshot;
use crate::store::{Op, Store, StoreError, Table, is_empty_range};
use crate::{clock, config};

/// Version of the tables. A later one changes them here, when it finds an earlier one's.
const SCHEMA: u32 = 1;
/// A store in a shared database.
pub(in crate::store) struct SharedStore<S> {
    database: Arc<Database>,
    /// By which the row of the lease says that it is this store's.
    id: Holder,
    writer: Mutex<Writer<S>>,
    /// Apart from the writer's, so that no reader waits for a commit.
    readers: [Mutex<Link<S>>; config::JOBDB_READERS],
    size: Size,
}

/// How big the tables were a while ago, so that whoever asks never waits for a database.
#[derive(Default)]
struct Size {
    /// 0 as long as it is not known.
    bytes: AtomicU64,
    measured_at: Mutex<Option<Instant>>,
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

impl<S: Session> SharedStore<S> {
    /// Connects, and makes the tables where there are none.
    pub(in crate::store) fn open(database: &Database) -> Result<SharedStore<S>, StoreError> {
        let database = Arc::new(database.clone());
        let link = || Link::new(database.clone());
        let mut writer = link();
        writer.run(|session| check_schema(session, &database))?;
        for doubt in writer.run(S::doubts)? {
            log::warn!("{database}: {doubt}");
        }
        Ok(SharedStore {
            database: database.clone(),
            id: Holder::new(),
            writer: Mutex::new(Writer {
                link: writer,
                term: None,
                unsettled: None,
            }),
            readers: std::array::from_fn(|_| Mutex::new(link())),
            size: Size::default(),
        })
    }

    /// Asks how big the tables are, unless that was asked not long ago. A database that does not say is asked later.
    fn measure(&self) {
        let mut measured_at = self.size.measured_at.lock();
        let now = clock::monotonic();
        if measured_at.is_some_and(|at| now < at + config::JOBDB_MEASURE_EVERY) {
            return;
        }
        *measured_at = Some(now);
        if let Ok(bytes) = self.read(S::size_bytes) {
            self.size.bytes.store(bytes, Ordering::Relaxed);
        }
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

impl<S: Session> Store for SharedStore<S> {
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
        let found = self.read(|session| session.apply(&[Step::Look(table, vec![key])]))?;
        Ok(found.into_iter().next().map(|(_, (_, value))| value))
    }

    fn get_many(&self, table: Table, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let looks = batch::looks(table, keys.iter().map(Vec::as_slice));
        let found = self.read(|session| session.apply(&looks))?;
        let mut found: HashMap<_, _> = found.into_iter().map(|(_, row)| row).collect();
        Ok(keys.iter().map(|key| found.remove(key)).collect())
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

    fn snapshot(&self) -> Result<Option<Box<dyn Snapshot + Send>>, StoreError> {
        let frozen = Frozen::<S>::begin(&self.database)?;
        Ok(frozen.map(|frozen| Box::new(frozen) as Box<dyn Snapshot + Send>))
    }

    fn size_bytes(&self) -> Option<u64> {
        Some(self.size.bytes.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
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
    fn look_whether_landed(&mut self, store: Holder, failure: Failure) -> Result<(), StoreError> {
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
    fn settle(&mut self, store: Holder) -> Result<(), StoreError> {
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
