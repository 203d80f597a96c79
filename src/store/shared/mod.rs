//! Job databases that are servers of their own, and may have several of ours: one place knows which drivers there are.

mod late;
#[cfg(any(feature = "redis", feature = "postgres", feature = "mysql"))]
pub(super) mod session;

use super::{Store, StoreError};
use crate::settings::database::Database;
use crate::settings::values::JobDb;

pub use self::late::LateStore;

/// Connects to a shared database and makes sure that its tables are there. It connects anew by itself whenever it must.
///
/// # Errors
/// [`StoreError::Away`] where it may work later; anything else is for the user to put right.
pub fn open(database: &Database) -> Result<Box<dyn Store>, StoreError> {
    match database.kind {
        // Each driver is an arm here, under its feature.
        #[cfg(feature = "redis")]
        JobDb::Redis => super::redis::open(database),
        #[cfg(feature = "postgres")]
        JobDb::Postgres => super::postgres::open(database),
        #[cfg(feature = "mysql")]
        JobDb::Mysql => super::mysql::open(database),
        JobDb::Redb => Err(StoreError::Refused(
            "redb has no server of its own".to_owned(),
        )),
        kind => Err(StoreError::Refused(format!(
            "built without {kind}: use --features full"
        ))),
    }
}

#[cfg(all(test, any(feature = "redis", feature = "postgres", feature = "mysql")))]
pub(super) mod tests;
