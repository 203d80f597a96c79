//! TLS to PostgreSQL: whom to trust, what to show, and under which name.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::settings::database::{Database, Tls as Settings};
use crate::store::StoreError;
use crate::store::sql::{Failure, pem, words};

/// Makes a connection safe, under the server's name where that is not the host.
pub(super) struct Tls {
    inner: MakeRustlsConnect,
    server_name: Option<String>,
}

impl Tls {
    /// Reads the files anew for each connection: certificates are replaced while servers run.
    pub(super) fn new(database: &Database, settings: &Settings) -> Result<Tls, Failure> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| words::broken(database, &error))?
            .with_root_certificates(roots(database, settings.authorities.as_deref())?);
        let config = match &settings.certificate {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => config
                .with_client_auth_cert(
                    pem::certificates(database, certificate)?,
                    pem::key(database, key)?,
                )
                .map_err(|error| pem::unreadable(database, key, &error))?,
        };
        Ok(Tls {
            inner: MakeRustlsConnect::new(config),
            server_name: settings.server_name.clone(),
        })
    }
}

impl<S> MakeTlsConnect<S> for Tls
where
    MakeRustlsConnect: MakeTlsConnect<S>,
{
    type Stream = <MakeRustlsConnect as MakeTlsConnect<S>>::Stream;
    type TlsConnect = <MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect;
    type Error = <MakeRustlsConnect as MakeTlsConnect<S>>::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Self::TlsConnect, Self::Error> {
        let name = self.server_name.as_deref().unwrap_or(host);
        MakeTlsConnect::<S>::make_tls_connect(&mut self.inner, name)
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
