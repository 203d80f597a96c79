//! The redb driver: one file, and nothing to set up beside it.
//!
//! redb writes no more after an error of the disk until the file is opened anew, so that is done here, before the next
//! commit, and a disk that healed needs no restart. Reads go on meanwhile. A commit that failed at its very last step
//! may yet be found in the file then; what it changed is put back first, since the caller was told that it failed.
//!
//! Each page has a checksum, and all of them are looked at when the file is opened. That reads it once, and is worth it:
//! redb trusts a file that was closed well, so a page which the disk has lost since would end the process by a panic,
//! or be taken for jobs.

#[cfg(test)]
mod crash;
mod words;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::ops::Bound;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use parking_lot::{Mutex, RwLock};
use redb::backends::FileBackend;
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition,
};

use super::memory::bounds;
use super::snapshot::Snapshot;
use super::{Op, Store, StoreError, Table, is_empty_range, prefix_end};
use crate::clock;
use crate::config;

/// Name of the database's file.
pub const FILE_NAME: &str = "nimesha.redb";
/// Name of Kala's.
const KALA_FILE_NAME: &str = "jobdb.db";
/// Rows of a table that its size is estimated from.
const SAMPLE_ROWS: u64 = 256;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
type OpenTable<'txn> = redb::Table<'txn, &'static [u8], &'static [u8]>;
type Opener = Box<dyn Fn() -> Result<Database, StoreError> + Send + Sync>;

/// A store in a file.
pub struct RedbStore {
    path: PathBuf,
    opener: Opener,
    /// None only while the file could not be opened again.
    database: RwLock<Option<Database>>,
    /// After a commit that the disk failed: what puts back the rows that it may have changed. Held by whoever commits.
    unsettled: Mutex<Option<Vec<Op>>>,
}

/// Why a transaction came to nothing.
enum Failure {
    Conflict,
    Redb(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Redb(error.into())
    }
}

impl RedbStore {
    /// Opens the database in `directory`, or makes it there, readable by its owner alone.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another server has it open; else in words for whoever started the server.
    pub fn open(directory: &Path) -> Result<RedbStore, StoreError> {
        let path = directory.join(FILE_NAME);
        if !path.exists() {
            make_file(&path)?;
        }
        let file = path.clone();
        Self::with_opener(path, Box::new(move || open_file(&file)))
    }

    /// Opens the database in `directory`, which must be there.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_existing(directory: &Path) -> Result<RedbStore, StoreError> {
        let path = directory.join(FILE_NAME);
        if !path.exists() {
            return Err(words::missing(&path));
        }
        Self::open(directory)
    }

    fn with_opener(path: PathBuf, opener: Opener) -> Result<RedbStore, StoreError> {
        let database = opener()?;
        make_tables(&database).map_err(|failure| words::failed(&path, failure))?;
        Ok(RedbStore {
            path,
            opener,
            database: RwLock::new(Some(database)),
            unsettled: Mutex::new(None),
        })
    }

    /// Makes the file smaller when most of it is empty, which takes about as long as copying what it holds; for the
    /// start, when nobody waits. Says its size before and after where it did.
    ///
    /// # Errors
    /// When the disk fails. The data is unharmed.
    pub fn compact_if_worth_it(&self) -> Result<Option<(u64, u64)>, StoreError> {
        let failed = |failure| words::failed(&self.path, failure);
        let before = self.size_bytes().unwrap_or(0);
        let mut unsettled = self.unsettled.lock();
        let mut database = self.database.write();
        let Some(database) = database.as_mut() else {
            return Ok(None);
        };
        if before < config::COMPACT_FILE_BYTES_MIN
            || held_bytes(database).map_err(failed)? > before / config::COMPACT_RATIO
        {
            return Ok(None);
        }
        if let Err(error) = database.compact() {
            // The next commit opens the file anew, as after any error of the disk.
            *unsettled = Some(Vec::new());
            return Err(failed(error.into()));
        }
        Ok(Some((before, self.size_bytes().unwrap_or(0))))
    }

    /// Opens the file anew, and puts back what the failed commit may have changed. Readers wait meanwhile.
    fn reopen(&self, put_back: &[Op]) -> Result<(), StoreError> {
        probe(&self.path).map_err(|error| words::probe_failed(&self.path, &error))?;
        let mut database = self.database.write();
        // The file is locked until it is closed: it cannot be opened before.
        *database = None;
        let fresh = database.insert((self.opener)()?);
        write(fresh, put_back, &mut Vec::new())
            .map_err(|failure| words::failed(&self.path, failure))
    }

    fn read<T>(&self, work: impl FnOnce(&Database) -> Result<T, Failure>) -> Result<T, StoreError> {
        match &*self.database.read() {
            Some(database) => work(database).map_err(|failure| words::failed(&self.path, failure)),
            None => Err(words::closed(&self.path)),
        }
    }
}

/// Kala's database in that directory, if there is one: whoever starts with an empty store may have expected its jobs.
#[must_use]
pub fn kala_data_beside(directory: &Path) -> Option<PathBuf> {
    let path = directory.join(KALA_FILE_NAME);
    path.is_file().then_some(path)
}

impl Store for RedbStore {
    fn commit(&self, ops: &[Op]) -> Result<(), StoreError> {
        let mut unsettled = self.unsettled.lock();
        if let Some(put_back) = &*unsettled {
            self.reopen(put_back)?;
            *unsettled = None;
        }
        let mut put_back = Vec::with_capacity(ops.len());
        let result = match &*self.database.read() {
            Some(database) => write(database, ops, &mut put_back),
            None => return Err(words::closed(&self.path)),
        };
        result.map_err(|failure| {
            if matches!(failure, Failure::Redb(_)) {
                put_back.reverse();
                *unsettled = Some(put_back);
            }
            words::failed(&self.path, failure)
        })
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|database| {
            let rows = database.begin_read()?.open_table(definition(table))?;
            Ok(rows.get(key)?.map(|value| value.value().to_vec()))
        })
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
        self.read(|database| {
            let transaction = database.begin_read()?;
            scan(&transaction, table, bounds(from, to), reverse, visit)
        })
    }

    fn snapshot(&self) -> Result<Option<Box<dyn Snapshot + Send>>, StoreError> {
        let transaction = self.read(|database| Ok(database.begin_read()?))?;
        Ok(Some(Box::new(Frozen {
            transaction,
            path: self.path.clone(),
        })))
    }

    fn size_bytes(&self) -> Option<u64> {
        std::fs::metadata(&self.path).ok().map(|file| file.len())
    }
}

/// The rows of one instant. When the file is opened anew they cannot be read any more.
struct Frozen {
    transaction: ReadTransaction,
    path: PathBuf,
}

impl Snapshot for Frozen {
    fn scan(
        &mut self,
        table: Table,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        scan(&self.transaction, table, bounds(from, b""), false, visit)
            .map_err(|failure| words::failed(&self.path, failure))
    }
}

/// Visits rows of a transaction, in order or against it, until `visit` answers false.
fn scan(
    transaction: &ReadTransaction,
    table: Table,
    bounds: (Bound<&[u8]>, Bound<&[u8]>),
    reverse: bool,
    visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
) -> Result<(), Failure> {
    let rows = transaction.open_table(definition(table))?;
    let mut range = rows.range::<&[u8]>(bounds)?;
    while let Some(row) = if reverse {
        range.next_back()
    } else {
        range.next()
    } {
        let (key, value) = row?;
        if !visit(key.value(), value.value()) {
            break;
        }
    }
    Ok(())
}

const fn definition(table: Table) -> Definition {
    TableDefinition::new(table.name())
}

/// Opens a file that exists. If somebody has it open, that is waited for a little: a command that a killed server was
/// about to start holds the file's lock until its own program runs.
fn open_file(path: &Path) -> Result<Database, StoreError> {
    let until = clock::monotonic() + config::LOCK_WAIT;
    loop {
        match try_open_file(path) {
            Err(StoreError::Locked(_)) if clock::monotonic() < until => {
                std::thread::sleep(config::LOCK_POLL);
            }
            opened => return opened,
        }
    }
}

/// One that went away under a running server is not made anew: it would be empty.
fn try_open_file(path: &Path) -> Result<Database, StoreError> {
    let file = File::options().read(true).write(true).open(path);
    let file = file.map_err(|error| words::open_failed(path, &error))?;
    // redb would make a new database of it, as if there had never been a job.
    if file.metadata().is_ok_and(|file| file.len() == 0) {
        return Err(words::empty(path));
    }
    database_in(file, path)
}

fn database_in(file: File, path: &Path) -> Result<Database, StoreError> {
    let backend = FileBackend::new(file).map_err(|error| words::database_failed(path, error))?;
    Database::builder()
        .set_cache_size(config::REDB_CACHE_BYTES)
        .set_check_integrity_on_open(true)
        .create_with_backend(backend)
        .map_err(|error| words::database_failed(path, error))
}

/// Makes an empty database under another name and gives it its own when it is whole: a power cut at the wrong moment
/// would leave a file that no later start could open.
fn make_file(path: &Path) -> Result<(), StoreError> {
    let unfinished = path.with_extension("new");
    let failed = |error| words::open_failed(path, &error);
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let file = options.open(&unfinished).map_err(failed)?;
    // Of two servers that start at once, one makes the file. The other finds it locked, or under its name already.
    if file.try_lock().is_err() {
        return Err(words::in_use(path));
    }
    if path.exists() {
        let _ = std::fs::remove_file(&unfinished); // the other one's is no longer under this name
        return Ok(());
    }
    file.set_len(0).map_err(failed)?;
    let database = database_in(file, &unfinished)?;
    std::fs::rename(&unfinished, path)
        .and_then(|()| sync_directory(path))
        .map_err(failed)?;
    drop(database);
    Ok(())
}

/// A new name is safe only when its directory is on the disk as well.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    match path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

fn make_tables(database: &Database) -> Result<(), Failure> {
    let existing = database.begin_read()?.list_tables()?.count();
    if existing < Table::ALL.len() {
        let transaction = database.begin_write()?;
        for table in Table::ALL {
            transaction.open_table(definition(table))?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// Tries out beside the database whether the disk takes data again. To open the database for that could take seconds,
/// and leave it closed.
fn probe(path: &Path) -> std::io::Result<()> {
    let path = path.with_extension("probe");
    let result = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| {
            file.write_all(&vec![0; config::DISK_PROBE_BYTES])?;
            file.sync_all()
        });
    let _ = std::fs::remove_file(&path); // it may never have been made
    result
}

/// Applies the operations in one transaction. `put_back` gets those that undo them, last one first.
fn write(database: &Database, ops: &[Op], put_back: &mut Vec<Op>) -> Result<(), Failure> {
    let transaction = database.begin_write()?;
    {
        let mut tables: [Option<OpenTable<'_>>; Table::ALL.len()] = Default::default();
        for op in ops {
            let (Op::Put(table, ..)
            | Op::Insert(table, ..)
            | Op::Delete(table, ..)
            | Op::DeletePrefix(table, ..)) = op;
            let rows = match &mut tables[*table as usize] {
                Some(rows) => rows,
                none => none.insert(transaction.open_table(definition(*table))?),
            };
            apply(rows, op, put_back)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn apply(rows: &mut OpenTable<'_>, op: &Op, put_back: &mut Vec<Op>) -> Result<(), Failure> {
    match op {
        Op::Put(table, key, value) => {
            let old = rows.insert(&**key, &**value)?;
            put_back.push(match old {
                Some(old) => Op::Put(*table, key.clone(), old.value().to_vec()),
                None => Op::Delete(*table, key.clone()),
            });
        }
        Op::Insert(table, key, value) => {
            if rows.insert(&**key, &**value)?.is_some() {
                return Err(Failure::Conflict);
            }
            put_back.push(Op::Delete(*table, key.clone()));
        }
        Op::Delete(table, key) => {
            if let Some(old) = rows.remove(&**key)? {
                put_back.push(Op::Put(*table, key.clone(), old.value().to_vec()));
            }
        }
        Op::DeletePrefix(table, prefix) => {
            let end = prefix_end(prefix);
            rows.retain_in::<&[u8], _>(bounds(prefix, &end), |key, value| {
                put_back.push(Op::Put(*table, key.to_vec(), value.to_vec()));
                false
            })?;
        }
    }
    Ok(())
}

/// About how many bytes the rows take, from the first ones of each table: redb's own figures read the whole file.
fn held_bytes(database: &Database) -> Result<u64, Failure> {
    let transaction = database.begin_read()?;
    let mut bytes = 0;
    for table in Table::ALL {
        let rows = transaction.open_table(definition(table))?;
        let (mut sampled, mut sample) = (0, 0);
        for row in rows.iter()?.take(SAMPLE_ROWS as usize) {
            let (key, value) = row?;
            sampled += 1;
            sample += (key.value().len() + value.value().len()) as u64;
        }
        bytes += sample * rows.len()? / u64::max(sampled, 1);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
