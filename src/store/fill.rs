//! Filling an empty store with the rows of another, or of a backup.
//!
//! What says that the store is Nimesha's is written last: one that was filled by half is refused by name at the next
//! start, and never taken for the whole.

use std::time::{Duration, Instant};

use super::lease::{Held, Lease};
use super::snapshot::Snapshot;
use super::{Op, Store, StoreError, Table, record};
use crate::{clock, config};

/// A shared store that nobody else writes to while this lives; one that is not shared has one user anyway.
pub struct Hold<'a> {
    lease: Option<&'a dyn Lease>,
    prolong_at: Instant,
}

impl<'a> Hold<'a> {
    /// Takes the store's lease, if it has one.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when a server works on it.
    pub fn take(store: &'a dyn Store) -> Result<Hold<'a>, StoreError> {
        let mut hold = Hold {
            lease: store.lease(),
            prolong_at: clock::monotonic(),
        };
        hold.prolong()?;
        Ok(hold)
    }

    /// Keeps it, now and then: to be called at least every few seconds.
    ///
    /// # Errors
    /// When it is lost, or the database is away.
    pub fn prolong(&mut self) -> Result<(), StoreError> {
        let now = clock::monotonic();
        let Some(lease) = self.lease.filter(|_| self.prolong_at <= now) else {
            return Ok(());
        };
        match lease.take("a tool of the command line", TTL)? {
            Held::Ours { .. } => {
                self.prolong_at = now + TTL / 4;
                Ok(())
            }
            Held::Theirs { owner, .. } => Err(StoreError::Locked(format!(
                "{owner} works on this database: stop that server first"
            ))),
        }
    }
}

/// For as long a database is held after a tool died.
const TTL: Duration = Duration::from_secs(60);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if let Some(lease) = self.lease {
            // It ends by itself.
            let _ = lease.give_back();
        }
    }
}

/// A store that is being filled.
pub struct Filler<'a> {
    store: &'a dyn Store,
    hold: Hold<'a>,
    ops: Vec<Op>,
    bytes: usize,
    /// Written at the end.
    format: Option<Op>,
    rows: [u64; Table::ALL.len()],
}

impl<'a> Filler<'a> {
    /// Begins with a store that must hold nothing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when it holds something; or when it is away, or a server works on it.
    pub fn new(store: &'a dyn Store) -> Result<Filler<'a>, StoreError> {
        let hold = Hold::take(store)?;
        for table in Table::ALL {
            let mut taken = false;
            store.scan(table, b"", b"", false, &mut |key, _| {
                taken = (table, key) != (Table::Meta, record::FORMAT_KEY);
                !taken
            })?;
            if taken {
                return Err(StoreError::Refused(format!(
                    "there are rows in {} already: only an empty job database is filled, so that nothing is mixed up",
                    table.name()
                )));
            }
        }
        store.commit(&[Op::Delete(Table::Meta, record::FORMAT_KEY.to_vec())])?;
        Ok(Filler {
            store,
            hold,
            ops: Vec::new(),
            bytes: 0,
            format: None,
            rows: [0; Table::ALL.len()],
        })
    }

    /// Takes a row.
    ///
    /// # Errors
    /// When the store is away.
    pub fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) -> Result<(), StoreError> {
        self.rows[table as usize] += 1;
        if (table, &*key) == (Table::Meta, record::FORMAT_KEY) {
            self.format = Some(Op::Put(table, key, value));
            return Ok(());
        }
        self.bytes += key.len() + value.len();
        self.ops.push(Op::Put(table, key, value));
        if self.bytes >= config::FILL_BATCH_BYTES || self.ops.len() >= config::BATCH_ENTRIES_MAX {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.hold.prolong()?;
        self.store.commit(&self.ops)?;
        self.ops.clear();
        self.bytes = 0;
        Ok(())
    }

    /// Writes the last of them, and counts what is there now. Gives the number of rows of each table.
    ///
    /// # Errors
    /// When the store is away, the rows do not say their format, or not all of them are there.
    pub fn finish(mut self) -> Result<[u64; Table::ALL.len()], StoreError> {
        self.commit()?;
        let Some(format) = self.format.take() else {
            return Err(StoreError::Corrupt(
                "what it was filled from does not say its format: it is not a job database of Nimesha".into(),
            ));
        };
        self.ops.push(format);
        self.commit()?;
        for table in Table::ALL {
            let mut rows = 0;
            self.store.scan(table, b"", b"", false, &mut |_, _| {
                rows += 1;
                true
            })?;
            let put = self.rows[table as usize];
            if rows != put {
                return Err(StoreError::Corrupt(format!(
                    "{put} rows were written to {}, and {rows} are there: do not use this copy",
                    table.name()
                )));
            }
        }
        Ok(self.rows)
    }
}

/// Fills a store with these rows, a page at a time.
///
/// # Errors
/// When either is away, or the store is not empty.
pub fn fill(
    from: &mut impl Snapshot,
    to: &dyn Store,
) -> Result<[u64; Table::ALL.len()], StoreError> {
    let mut filler = Filler::new(to)?;
    for table in Table::ALL {
        let mut next = Some(Vec::new());
        while let Some(begin) = next.take() {
            let (mut page, mut bytes) = (Vec::new(), 0);
            from.scan(table, &begin, &mut |key, value| {
                if bytes >= config::FILL_BATCH_BYTES || page.len() >= config::BATCH_ENTRIES_MAX {
                    next = Some(key.to_vec());
                    return false;
                }
                bytes += key.len() + value.len();
                page.push((key.to_vec(), value.to_vec()));
                true
            })?;
            for (key, value) in page {
                filler.put(table, key, value)?;
            }
        }
    }
    filler.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::rows;
    use crate::store::memory::MemoryStore;
    use crate::store::snapshot::Still;

    /// More rows than a page has.
    fn source() -> MemoryStore {
        let store = MemoryStore::new();
        let ops = (0..3_000_u32).map(|i| {
            let table = Table::ALL[i as usize % Table::ALL.len()];
            Op::Put(table, i.to_be_bytes().to_vec(), vec![1; 1_000])
        });
        store.commit(&ops.collect::<Vec<_>>()).unwrap();
        let format = record::encode_number(1);
        let format = Op::Put(Table::Meta, record::FORMAT_KEY.to_vec(), format);
        store.commit(&[format]).unwrap();
        store
    }

    #[test]
    fn ok_all_rows_arrive() {
        let (from, to) = (source(), MemoryStore::new());
        // As a server leaves it that was started once.
        crate::store::load::prepare(&to).unwrap();
        let counts = fill(&mut Still::new(&from).unwrap(), &to).unwrap();
        for table in Table::ALL {
            assert_eq!(rows(&from, table), rows(&to, table));
            assert_eq!(rows(&to, table).len() as u64, counts[table as usize]);
        }
    }

    #[test]
    fn err_what_holds_something_is_not_filled() {
        let (from, to) = (source(), MemoryStore::new());
        let paused = Op::Put(Table::Meta, record::PAUSED_KEY.to_vec(), vec![]);
        to.commit(&[paused]).unwrap();
        let error = fill(&mut Still::new(&from).unwrap(), &to).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("there are rows in meta already")
        );
        assert_eq!(rows(&to, Table::Meta).len(), 1);
    }

    #[test]
    fn err_half_a_copy_is_refused_at_the_start() {
        let to = MemoryStore::new();
        let mut filler = Filler::new(&to).unwrap();
        let format = record::encode_number(1);
        filler
            .put(Table::Meta, record::FORMAT_KEY.to_vec(), format)
            .unwrap();
        filler
            .put(Table::Jobs, vec![1], vec![0; config::FILL_BATCH_BYTES])
            .unwrap();
        drop(filler);
        let error = crate::store::load::prepare(&to).unwrap_err().to_string();
        assert!(error.contains("was filled by half"), "{error}");
    }
}
