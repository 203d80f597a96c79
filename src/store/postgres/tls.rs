//! TLS to PostgreSQL, under the server's name where that is not the host.

use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::settings::database::{Database, Tls as Settings};
use crate::store::shared::session::{Failure, tls};

/// Makes a connection safe.
pub(super) struct Tls {
    inner: MakeRustlsConnect,
    server_name: Option<String>,
}

impl Tls {
    /// For one connection.
    pub(super) fn new(database: &Database, settings: &Settings) -> Result<Tls, Failure> {
        Ok(Tls {
            inner: MakeRustlsConnect::new(tls::client(database, settings)?),
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
