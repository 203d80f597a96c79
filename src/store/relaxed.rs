//! A store that takes in changes at once and writes them down later (`--no-tx-persist`): a crash loses what came since.
//!
//! What is not written yet lies over the store below like a sheet; reads see it, so nobody above knows the difference.
//! The sheet goes down in one transaction, so that a crash leaves the state of one instant.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::memory::bounds;
use super::snapshot::Snapshot;
use super::{Op, Store, StoreError, Table, is_empty_range, prefix_end};
use crate::config;

/// Rows that differ from the store below; none stands for a row that is gone.
type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;
type Row<'a> = (&'a Vec<u8>, &'a Option<Vec<u8>>);
/// A key, and what the sheet held there before an operation.
type Before = (Table, Vec<u8>, Option<Option<Vec<u8>>>);

/// Another store, with what it has not been told yet.
pub struct Relaxed {
    base: Arc<dyn Store>,
    sheet: RwLock<Sheet>,
    /// Held by whoever changes the sheet or writes it down: while it goes down readers still see it, so nobody else may
    /// change it.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Sheet {
    tables: [Rows; Table::ALL.len()],
    /// Bytes of keys and values taken in since it was last written down.
    bytes: usize,
}

impl Relaxed {
    /// `base`, written only by [`flush`](Store::flush), or when too much waits for it.
    #[must_use]
    pub fn new(base: Arc<dyn Store>) -> Relaxed {
        Relaxed {
            base,
            sheet: RwLock::default(),
            writing: Mutex::new(()),
        }
    }

    fn write_down(&self) -> Result<(), StoreError> {
        let ops = self.sheet.read().to_ops();
        if !ops.is_empty() {
            self.base.commit(&ops)?;
            *self.sheet.write() = Sheet::default();
        }
        Ok(())
    }
}

impl Store for Relaxed {
    fn commit(&self, ops: &[Op]) -> Result<(), StoreError> {
        let _writing = self.writing.lock();
        if self.sheet.read().bytes > config::RELAXED_BYTES_MAX {
            self.write_down()?;
        }
        let mut sheet = self.sheet.write();
        let mut before = Vec::with_capacity(ops.len());
        for op in ops {
            if let Err(error) = sheet.apply(&*self.base, op, &mut before) {
                sheet.restore(before);
                return Err(error);
            }
        }
        Ok(())
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let sheet = self.sheet.read();
        match sheet.tables[table as usize].get(key) {
            Some(value) => Ok(value.clone()),
            None => self.base.get(table, key),
        }
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
        let sheet = self.sheet.read();
        let range = sheet.tables[table as usize].range::<[u8], _>(bounds(from, to));
        let rows: Box<dyn Iterator<Item = Row<'_>>> = if reverse {
            Box::new(range.rev())
        } else {
            Box::new(range)
        };
        let mut rows = rows.peekable();
        let mut wanted = true;
        self.base
            .scan(table, from, to, reverse, &mut |key, value| {
                while let Some((ours, row)) =
                    rows.next_if(|(ours, _)| (ours.as_slice() < key) != reverse && *ours != key)
                {
                    wanted = wanted && row.as_ref().is_none_or(|row| visit(ours, row));
                }
                wanted = wanted
                    && match rows.next_if(|(ours, _)| *ours == key) {
                        Some((_, row)) => row.as_ref().is_none_or(|row| visit(key, row)),
                        None => visit(key, value),
                    };
                wanted
            })?;
        for (key, row) in rows {
            wanted = wanted && row.as_ref().is_none_or(|row| visit(key, row));
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        let _writing = self.writing.lock();
        self.write_down()?;
        self.base.flush()
    }

    fn snapshot(&self) -> Result<Option<Box<dyn Snapshot + Send>>, StoreError> {
        let _writing = self.writing.lock();
        self.write_down()?;
        self.base.snapshot()
    }

    fn size_bytes(&self) -> Option<u64> {
        self.base.size_bytes()
    }
}

impl Sheet {
    fn apply(
        &mut self,
        base: &dyn Store,
        op: &Op,
        before: &mut Vec<Before>,
    ) -> Result<(), StoreError> {
        match op {
            Op::Put(table, key, value) => self.set(*table, key, Some(value), before),
            Op::Insert(table, key, value) => {
                let exists = match self.tables[*table as usize].get(key) {
                    Some(row) => row.is_some(),
                    None => base.get(*table, key)?.is_some(),
                };
                if exists {
                    return Err(StoreError::Conflict);
                }
                self.set(*table, key, Some(value), before);
            }
            Op::Delete(table, key) => self.set(*table, key, None, before),
            Op::DeletePrefix(table, prefix) => {
                let end = prefix_end(prefix);
                let ours = self.tables[*table as usize].range::<[u8], _>(bounds(prefix, &end));
                let mut keys: Vec<_> = ours.map(|(key, _)| key.clone()).collect();
                base.scan(*table, prefix, &end, false, &mut |key, _| {
                    keys.push(key.to_vec());
                    true
                })?;
                for key in keys {
                    self.set(*table, &key, None, before);
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, table: Table, key: &[u8], value: Option<&Vec<u8>>, before: &mut Vec<Before>) {
        self.bytes += key.len() + value.map_or(0, Vec::len);
        let old = self.tables[table as usize].insert(key.to_vec(), value.cloned());
        before.push((table, key.to_vec(), old));
    }

    fn restore(&mut self, before: Vec<Before>) {
        for (table, key, old) in before.into_iter().rev() {
            let rows = &mut self.tables[table as usize];
            match old {
                Some(row) => rows.insert(key, row),
                None => rows.remove(&key),
            };
        }
    }

    fn to_ops(&self) -> Vec<Op> {
        let mut ops = Vec::new();
        for (table, rows) in Table::ALL.into_iter().zip(&self.tables) {
            ops.extend(rows.iter().map(|(key, row)| match row {
                Some(value) => Op::Put(table, key.clone(), value.clone()),
                None => Op::Delete(table, key.clone()),
            }));
        }
        ops
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;
    use crate::store::faulty::{Faulty, away_at};
    use crate::store::memory::MemoryStore;

    fn put(key: &[u8], value: &[u8]) -> Op {
        Op::Put(Table::Jobs, key.to_vec(), value.to_vec())
    }

    #[test]
    fn conforms_while_nothing_is_written_down() {
        conformance::check(
            &mut || Box::new(Relaxed::new(Arc::new(MemoryStore::new()))),
            None,
        );
    }

    #[test]
    fn conforms_where_half_is_written_down() {
        conformance::check(
            &mut || {
                Box::new(Alternating(
                    Relaxed::new(Arc::new(MemoryStore::new())),
                    Mutex::new(0),
                ))
            },
            None,
        );
    }

    /// Writes down after each second commit, so that rows lie on both sides.
    struct Alternating(Relaxed, Mutex<u32>);

    impl Store for Alternating {
        fn commit(&self, ops: &[Op]) -> Result<(), StoreError> {
            self.0.commit(ops)?;
            let mut commits = self.1.lock();
            *commits += 1;
            if commits.is_multiple_of(2) {
                self.0.flush()
            } else {
                Ok(())
            }
        }

        fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            self.0.get(table, key)
        }

        fn scan(
            &self,
            table: Table,
            from: &[u8],
            to: &[u8],
            reverse: bool,
            visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
        ) -> Result<(), StoreError> {
            self.0.scan(table, from, to, reverse, visit)
        }
    }

    #[test]
    fn what_is_taken_in_goes_down_with_a_flush_and_not_before() {
        let base = Arc::new(MemoryStore::new());
        let store = Relaxed::new(base.clone());
        store.commit(&[put(b"a", b"1"), put(b"b", b"2")]).unwrap();
        store
            .commit(&[Op::Delete(Table::Jobs, b"b".to_vec())])
            .unwrap();
        assert_eq!(base.get(Table::Jobs, b"a").unwrap(), None);
        assert_eq!(store.get(Table::Jobs, b"a").unwrap(), Some(b"1".to_vec()));
        store.flush().unwrap();
        assert_eq!(base.get(Table::Jobs, b"a").unwrap(), Some(b"1".to_vec()));
        assert_eq!(store.get(Table::Jobs, b"b").unwrap(), None);
    }

    #[test]
    fn a_flush_that_fails_keeps_all_for_the_next() {
        let base = Arc::new(MemoryStore::new());
        let store = Relaxed::new(Arc::new(Faulty::new(base.clone(), away_at(&[0]))));
        store.commit(&[put(b"a", b"1")]).unwrap();
        assert!(matches!(store.flush(), Err(StoreError::Away(_))));
        assert_eq!(store.get(Table::Jobs, b"a").unwrap(), Some(b"1".to_vec()));
        store.flush().unwrap();
        assert_eq!(base.get(Table::Jobs, b"a").unwrap(), Some(b"1".to_vec()));
    }

    #[test]
    fn a_full_sheet_is_written_down_or_refuses() {
        let base = Arc::new(MemoryStore::new());
        let store = Relaxed::new(Arc::new(Faulty::new(base.clone(), away_at(&[0]))));
        let big = vec![7; config::RELAXED_BYTES_MAX];
        store.commit(&[put(b"a", &big)]).unwrap();
        assert!(matches!(
            store.commit(&[put(b"b", b"")]),
            Err(StoreError::Away(_))
        ));
        assert_eq!(store.get(Table::Jobs, b"b").unwrap(), None);
        store.commit(&[put(b"b", b"")]).unwrap();
        assert_eq!(base.get(Table::Jobs, b"a").unwrap(), Some(big));
        assert_eq!(base.get(Table::Jobs, b"b").unwrap(), None);
    }
}
