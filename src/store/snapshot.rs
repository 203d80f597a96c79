//! The rows of one instant, to be read at leisure while others write: what a backup is made of.

use super::fill::Hold;
use super::{Store, StoreError, Table};

/// All rows of a store as they were when this was made. A database keeps for it what is deleted meanwhile, so it should
/// not be kept for long.
pub trait Snapshot {
    /// Visits the rows of a table whose keys are `from` or come after it, in order, until `visit` answers false.
    ///
    /// # Errors
    /// When the database is away or damaged, or had to be opened anew: then this snapshot is gone.
    fn scan(
        &mut self,
        table: Table,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError>;
}

impl<S: Snapshot + ?Sized> Snapshot for Box<S> {
    fn scan(
        &mut self,
        table: Table,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        (**self).scan(table, from, visit)
    }
}

/// A store that nobody writes to: it is its own snapshot.
pub struct Still<'a> {
    store: &'a dyn Store,
    hold: Hold<'a>,
}

impl<'a> Still<'a> {
    /// Holds a store, so that nobody writes to it.
    ///
    /// # Errors
    /// When a server works on it.
    pub fn new(store: &'a dyn Store) -> Result<Still<'a>, StoreError> {
        let hold = Hold::take(store)?;
        Ok(Still { store, hold })
    }
}

impl Snapshot for Still<'_> {
    fn scan(
        &mut self,
        table: Table,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        self.hold.prolong()?;
        self.store.scan(table, from, b"", false, visit)
    }
}
