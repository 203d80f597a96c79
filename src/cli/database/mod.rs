//! `nimesha check`, `backup`, `restore` and `migrate`: the job database as a whole.
//!
//! A server has its database to itself. So these ask the server where one runs (`backup`), and open the database where
//! none does: each names it by its address.

mod backup;
mod check;
mod migrate;
mod place;

pub(super) use backup::{BackUp, Restore};
pub(super) use check::Check;
pub(super) use migrate::Migrate;

use super::CliError;
use crate::store::{StoreError, Table};

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> CliError {
        CliError::Failed(error.to_string())
    }
}

/// How many rows there were, for people.
fn counted(rows: &[u64; Table::ALL.len()]) -> String {
    let jobs = rows[Table::Jobs as usize];
    let runs = rows[Table::History as usize];
    let all: u64 = rows.iter().sum();
    format!("{jobs} jobs, {runs} entries of history, {all} rows in all")
}
