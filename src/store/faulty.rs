//! A store that fails when a test wants it to: the fault comes in where a real one would, below the writer.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Op, Store, StoreError, Table};

/// Decides over a commit before the store below sees it: an error is answered as it is. It may also wait, which holds
/// the commit, and the writer with it.
pub(crate) type Hook = Box<dyn FnMut(&[Op]) -> Result<(), StoreError> + Send>;

/// A store whose commits pass through a hook first.
pub(crate) struct Faulty {
    inner: Arc<dyn Store>,
    hook: Mutex<Hook>,
}

impl Faulty {
    /// `inner`, with `hook` before each commit.
    pub(crate) fn new(
        inner: Arc<dyn Store>,
        hook: impl FnMut(&[Op]) -> Result<(), StoreError> + Send + 'static,
    ) -> Faulty {
        Faulty {
            inner,
            hook: Mutex::new(Box::new(hook)),
        }
    }
}

/// The hook that fails the commits of these numbers, counted from 0, as a database does that is away.
pub(crate) fn away_at(numbers: &'static [u64]) -> impl FnMut(&[Op]) -> Result<(), StoreError> {
    let mut number = 0;
    move |_| {
        number += 1;
        if numbers.contains(&(number - 1)) {
            return Err(StoreError::Away("unplugged by the test".to_owned()));
        }
        Ok(())
    }
}

impl Store for Faulty {
    fn commit(&self, ops: &[Op]) -> Result<(), StoreError> {
        (self.hook.lock())(ops)?;
        self.inner.commit(ops)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        self.inner.scan(table, from, to, reverse, visit)
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.inner.flush()
    }
}
