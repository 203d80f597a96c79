//! TLS to a database by rustls: whom to trust, and what to show.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use super::{Failure, pem, words};
use crate::settings::database::{Database, Tls};
use crate::store::StoreError;

/// What a connection is made safe with. The files are read anew for each: certificates are replaced while servers run.
pub(in crate::store) fn client(
    database: &Database,
    settings: &Tls,
) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| words::broken(database, &error))?
        .with_root_certificates(roots(database, settings.authorities.as_deref())?);
    match &settings.certificate {
        None => Ok(config.with_no_client_auth()),
        Some((certificate, key)) => config
            .with_client_auth_cert(
                pem::certificates(database, certificate)?,
                pem::key(database, key)?,
            )
            .map_err(|error| pem::unreadable(database, key, &error)),
    }
}

/// The authorities of a file, or those of the system.
fn roots(database: &Database, file: Option<&Path>) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(match file {
        Some(file) => pem::certificates(database, file)?,
        None => rustls_native_certs::load_native_certs().certs,
    });
    if !roots.is_empty() {
        return Ok(roots);
    }
    Err(Failure::Said(StoreError::Refused(format!(
        "{database}: there is no authority to trust: name one with --jobdb-tls-capath"
    ))))
}
