//! A shared database that may not have been reached yet: a server that cannot wait for it already has it as its store.

use std::sync::OnceLock;

use parking_lot::Mutex;

use super::open;
use crate::settings::database::Database;
use crate::store::lease::Lease;
use crate::store::snapshot::Snapshot;
use crate::store::{Op, Store, StoreError, Table};

/// A database that is opened when it can be; until then it is away.
pub struct LateStore {
    database: Database,
    store: OnceLock<Box<dyn Store>>,
    /// Why it could not be opened, as it was said last.
    why: Mutex<String>,
}

impl LateStore {
    /// The database of these settings, not opened.
    #[must_use]
    pub fn new(database: Database) -> LateStore {
        LateStore {
            database,
            store: OnceLock::new(),
            why: Mutex::new("it has not been reached yet".to_owned()),
        }
    }

    /// Opens it, unless that is done. One thread at a time.
    ///
    /// # Errors
    /// As [`open`] has them.
    pub fn reach(&self) -> Result<&dyn Store, StoreError> {
        if let Some(store) = self.store.get() {
            return Ok(&**store);
        }
        let opened =
            open(&self.database).inspect_err(|error| *self.why.lock() = error.to_string())?;
        Ok(&**self.store.get_or_init(|| opened))
    }

    /// Whether it has been opened.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.store.get().is_some()
    }

    fn reached(&self) -> Result<&dyn Store, StoreError> {
        let store = self.store.get().map(|store| &**store);
        store.ok_or_else(|| StoreError::Away(self.why.lock().clone()))
    }
}

impl Store for LateStore {
    fn commit(&self, ops: &[Op]) -> Result<(), StoreError> {
        self.reached()?.commit(ops)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.reached()?.get(table, key)
    }

    fn get_many(&self, table: Table, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.reached()?.get_many(table, keys)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        self.reached()?.scan(table, from, to, reverse, visit)
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.reached()?.flush()
    }

    fn lease(&self) -> Option<&dyn Lease> {
        self.reached().ok()?.lease()
    }

    fn snapshot(&self) -> Result<Option<Box<dyn Snapshot + Send>>, StoreError> {
        self.reached()?.snapshot()
    }

    fn size_bytes(&self) -> Option<u64> {
        self.reached().ok()?.size_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::values::JobDb;

    #[test]
    fn what_is_not_reached_is_away_and_says_why() {
        let store = LateStore::new(Database {
            kind: JobDb::Redb,
            host: String::new(),
            port: 0,
            name: String::new(),
            user: None,
            password: None,
            tls: None,
            prefix: String::new(),
        });
        let why = |store: &LateStore| store.get(Table::Jobs, b"a").unwrap_err().to_string();
        assert_eq!(why(&store), "it has not been reached yet");
        assert!(store.reach().is_err() && !store.is_reached() && store.lease().is_none());
        assert_eq!(why(&store), "redb has no server of its own");
        assert!(matches!(store.commit(&[]), Err(StoreError::Away(_))));
    }
}
