//! The memory driver, for `--no-persist` and for tests: nothing outlives the process.

use std::collections::BTreeMap;
use std::ops::Bound;

use parking_lot::RwLock;

use super::snapshot::Snapshot;
use super::{Op, Store, StoreError, Table, is_empty_range, prefix_end};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;
/// A key, and what stood there before an operation.
type Before = (Table, Vec<u8>, Option<Vec<u8>>);

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: RwLock<[Rows; Table::ALL.len()]>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }
}

impl Store for MemoryStore {
    fn commit(&self, ops: &[Op]) -> Result<(), StoreError> {
        let mut tables = self.tables.write();
        let mut before = Vec::with_capacity(ops.len());
        for op in ops {
            if let Err(error) = apply(&mut *tables, op, &mut before) {
                for (table, key, value) in before.into_iter().rev() {
                    set(&mut tables[table as usize], key, value);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables.read()[table as usize].get(key).cloned())
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
        let tables = self.tables.read();
        let range = tables[table as usize].range::<[u8], _>(bounds(from, to));
        if reverse {
            range.rev().all(|(key, value)| visit(key, value));
        } else {
            range.into_iter().all(|(key, value)| visit(key, value));
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Option<Box<dyn Snapshot + Send>>, StoreError> {
        let copy = MemoryStore {
            tables: RwLock::new(self.tables.read().clone()),
        };
        Ok(Some(Box::new(copy)))
    }
}

/// A copy is a snapshot of what it was copied from.
impl Snapshot for MemoryStore {
    fn scan(
        &mut self,
        table: Table,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        Store::scan(self, table, from, b"", false, visit)
    }
}

/// `from..to` for an ordered map, `to` empty for the end of the table.
pub(super) fn bounds<'a>(from: &'a [u8], to: &'a [u8]) -> (Bound<&'a [u8]>, Bound<&'a [u8]>) {
    let end = if to.is_empty() {
        Bound::Unbounded
    } else {
        Bound::Excluded(to)
    };
    (Bound::Included(from), end)
}

fn apply(tables: &mut [Rows], op: &Op, before: &mut Vec<Before>) -> Result<(), StoreError> {
    match op {
        Op::Put(table, key, value) => {
            let old = tables[*table as usize].insert(key.clone(), value.clone());
            before.push((*table, key.clone(), old));
        }
        Op::Insert(table, key, value) => {
            let rows = &mut tables[*table as usize];
            if rows.contains_key(key) {
                return Err(StoreError::Conflict);
            }
            rows.insert(key.clone(), value.clone());
            before.push((*table, key.clone(), None));
        }
        Op::Delete(table, key) => {
            let old = tables[*table as usize].remove(key);
            before.push((*table, key.clone(), old));
        }
        Op::DeletePrefix(table, prefix) => {
            let rows = &mut tables[*table as usize];
            let end = prefix_end(prefix);
            let keys: Vec<_> = rows
                .range::<[u8], _>(bounds(prefix, &end))
                .map(|(key, _)| key.clone())
                .collect();
            for key in keys {
                let old = rows.remove(&key);
                before.push((*table, key, old));
            }
        }
    }
    Ok(())
}

fn set(rows: &mut Rows, key: Vec<u8>, value: Option<Vec<u8>>) {
    match value {
        Some(value) => rows.insert(key, value),
        None => rows.remove(&key),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    #[test]
    fn conforms() {
        conformance::check(&mut || Box::new(MemoryStore::new()), None);
    }
}
