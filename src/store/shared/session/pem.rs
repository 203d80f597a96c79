//! Certificates and keys as files, and what is said when one cannot be read.

use std::fmt;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Failure;
use crate::settings::database::Database;
use crate::store::StoreError;

/// The certificates in a file, of which there must be one at least.
pub(in crate::store) fn certificates(
    database: &Database,
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    match read {
        Ok(certificates) if Vec::is_empty(&certificates) => {
            Err(unreadable(database, file, &"no certificate is in it"))
        }
        read => read.map_err(|error| unreadable(database, file, &error)),
    }
}

/// The key in a file.
pub(in crate::store) fn key(
    database: &Database,
    file: &Path,
) -> Result<PrivateKeyDer<'static>, Failure> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| unreadable(database, file, &error))
}

/// The file does not do.
pub(in crate::store) fn unreadable(
    database: &Database,
    file: &Path,
    why: &dyn fmt::Display,
) -> Failure {
    Failure::Said(StoreError::Refused(format!(
        "{database}: {}: {why}; the --jobdb-tls flags name files in PEM form",
        file.display()
    )))
}
