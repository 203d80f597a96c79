//! What redb's errors mean to whoever runs the server, and what to do about them.

use std::io::{self, ErrorKind};
use std::path::Path;

use redb::{DatabaseError, StorageError};

use super::Failure;
use crate::store::StoreError;

/// The file could not be opened by the system.
pub(super) fn open_failed(path: &Path, error: &io::Error) -> StoreError {
    let shown = path.display();
    let directory = path.parent().unwrap_or(path);
    StoreError::Away(match error.kind() {
        ErrorKind::NotFound if directory.exists() => {
            format!("{shown} is gone: it was there when the server started; put it back")
        }
        ErrorKind::NotFound => format!(
            "{shown}: the directory {} does not exist; make it, or name another one with --boltpath",
            directory.display()
        ),
        ErrorKind::PermissionDenied => format!(
            "{shown}: no permission to read and write it; give it to the user that the server runs as, or name another \
             directory with --boltpath"
        ),
        ErrorKind::ReadOnlyFilesystem => {
            format!("{shown}: the file system is read-only; name another directory with --boltpath")
        }
        ErrorKind::IsADirectory => {
            format!("{shown}: this is a directory, and should be the database's file; move it away")
        }
        ErrorKind::NotADirectory => {
            format!(
                "{shown}: --boltpath names a file; name the directory that the database is to be in"
            )
        }
        _ => format!("{shown}: cannot be opened: {error}"),
    })
}

/// The file could be opened, and redb refused it.
pub(super) fn database_failed(path: &Path, error: DatabaseError) -> StoreError {
    let shown = path.display();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => in_use(path),
        DatabaseError::UpgradeRequired(version) => StoreError::Corrupt(format!(
            "{shown} has redb's file format {version}, which Nimesha never wrote; move it away"
        )),
        DatabaseError::Storage(StorageError::Io(error))
            if error.kind() == ErrorKind::InvalidData =>
        {
            StoreError::Corrupt(format!(
                "{shown} is no database of Nimesha ({error}); move it away, or name another directory with --boltpath"
            ))
        }
        DatabaseError::Storage(StorageError::Io(error)) => open_failed(path, &error),
        error => failed(path, Failure::Redb(error.into())),
    }
}

/// There is no database to be looked at.
pub(super) fn missing(path: &Path) -> StoreError {
    StoreError::Refused(format!(
        "{} does not exist: name the directory that the server was given with --boltpath",
        path.display()
    ))
}

/// The file has lost all that was in it: it gets its name only when it is whole.
pub(super) fn empty(path: &Path) -> StoreError {
    StoreError::Corrupt(format!(
        "{} is empty: it is no database, and if it was one its jobs are lost; restore it from a backup, or remove it to \
         begin anew",
        path.display()
    ))
}

/// Another process has the file.
pub(super) fn in_use(path: &Path) -> StoreError {
    StoreError::Locked(format!(
        "{} is in use: another Nimesha works on it; stop that one, or give this one a directory of its own with --boltpath",
        path.display()
    ))
}

/// A transaction came to nothing.
pub(super) fn failed(path: &Path, failure: Failure) -> StoreError {
    let shown = path.display();
    match failure {
        Failure::Conflict => StoreError::Conflict,
        Failure::Redb(redb::Error::Corrupted(what)) => StoreError::Corrupt(format!(
            "{shown} is damaged: it is not as it was written ({what}); restore it from a backup"
        )),
        Failure::Redb(redb::Error::Io(error)) => match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                StoreError::Away(format!(
                    "{shown} cannot be written: {error}; it goes on by itself when there is space"
                ))
            }
            ErrorKind::ReadOnlyFilesystem => StoreError::Away(format!(
                "{shown} cannot be written: {error}; it goes on by itself when the file system takes writes again"
            )),
            _ => StoreError::Away(format!("{shown}: the disk failed: {error}")),
        },
        Failure::Redb(error) => StoreError::Away(format!("{shown}: {error}")),
    }
}

/// The disk takes no data yet.
pub(super) fn probe_failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Away(format!(
        "{} cannot be written yet: {error}; it goes on by itself when the disk takes data again",
        path.display()
    ))
}

/// The file was closed after an error and could not be opened again.
pub(super) fn closed(path: &Path) -> StoreError {
    StoreError::Away(format!(
        "{} had to be closed after an error of the disk, and could not be opened again yet",
        path.display()
    ))
}
