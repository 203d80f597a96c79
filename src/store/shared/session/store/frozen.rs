//! The rows of one instant, read in a transaction that has a connection to itself and locks nothing.

use std::collections::VecDeque;

use crate::config;
use crate::settings::database::Database;
use crate::store::shared::session::{Page, Row, Session};
use crate::store::snapshot::Snapshot;
use crate::store::{StoreError, Table};

/// A connection to that instant.
pub(super) struct Frozen<S> {
    session: S,
    table: Table,
    /// Rows of the table that were read, and not yet taken.
    rows: VecDeque<Row>,
    /// Where the rows behind these begin; none at the end of the table.
    next: Option<Vec<u8>>,
}

impl<S: Session> Frozen<S> {
    /// This instant; none where the database cannot keep it.
    pub(super) fn begin(database: &Database) -> Result<Option<Frozen<S>>, StoreError> {
        let mut session = S::connect(database)?;
        Ok(session.freeze()?.then(|| Frozen {
            session,
            table: Table::Jobs,
            rows: VecDeque::new(),
            next: None,
        }))
    }

    /// Reads more rows; false at the end of the table.
    fn read(&mut self) -> Result<bool, StoreError> {
        let Some(from) = self.next.take() else {
            return Ok(false);
        };
        let rows = self.session.page(Page {
            table: self.table,
            from: &from,
            to: b"",
            reverse: false,
            rows_max: config::JOBDB_SNAPSHOT_ROWS,
            is_first: false,
        })?;
        if let Some((last, _)) = rows
            .last()
            .filter(|_| rows.len() == config::JOBDB_SNAPSHOT_ROWS)
        {
            self.next = Some([last, &[0][..]].concat());
        }
        self.rows = rows.into();
        Ok(true)
    }
}

impl<S: Session> Snapshot for Frozen<S> {
    fn scan(
        &mut self,
        table: Table,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let goes_on = self.rows.front().is_some_and(|(key, _)| key == from);
        if !goes_on || self.table != table {
            self.table = table;
            self.rows.clear();
            self.next = Some(from.to_vec());
        }
        loop {
            while let Some((key, value)) = self.rows.front() {
                if !visit(key, value) {
                    return Ok(());
                }
                self.rows.pop_front();
            }
            if !self.read()? {
                return Ok(());
            }
        }
    }
}
