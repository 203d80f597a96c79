//! What the server shows to clients that come by TLS: a certificate and its key, from files that may change.
//!
//! Connections that there are go on with what they began with; new ones are shown what the files held when they were
//! read last. A renewal that went wrong changes nothing, so that no mistake in a nightly job closes the door.
//!
//! Left out: certificates of clients (tokens say who asks), and more than one name's certificate (a proxy has them).

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use rustix::io::Errno;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::tls::Session;
use crate::config;

/// What is spoken inside: without HTTP/2, which a client that offers it must not take for granted.
const PROTOCOLS: [&[u8]; 2] = [b"http/1.1", b"http/1.0"];

/// A certificate with its key, and the files that they come from.
pub struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

impl Certificates {
    /// Reads both files, in PEM: the certificate with those that lead to its authority after it, and the key.
    ///
    /// # Errors
    /// When one cannot be used, or they do not belong together, in words for whoever made them.
    pub fn open(certificate: &Path, key: &Path) -> Result<Certificates, String> {
        Ok(Certificates {
            current: RwLock::new(read(certificate, key)?),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        })
    }

    /// Reads the files anew. Ones that cannot be used change nothing.
    pub fn reload(&self) {
        match read(&self.certificate, &self.key) {
            Ok(config) => {
                *self.current.write() = config;
                log::info!("read the certificate {}", self.certificate.display());
            }
            Err(why) => log::error!("{why}; the certificate that was read before stays"),
        }
    }

    /// A session for a new connection.
    pub(super) fn session(&self) -> rustix::io::Result<Session> {
        let config = Arc::clone(&self.current.read());
        let tls = ServerConnection::new(config);
        // For want of entropy or of memory alone.
        tls.map(Session::new).map_err(|_| Errno::NOMEM)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.certificate.fmt(f)
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let shown = (certificate.display(), key.display());
    let (text, _) =
        read_file(certificate).map_err(|why| cannot("certificate", certificate, why))?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|why| cannot("certificate", certificate, why))?;
    if chain.is_empty() {
        return Err(format!(
            "{} holds no certificate: expected PEM, with a line BEGIN CERTIFICATE",
            shown.0
        ));
    }
    let (text, mode) = read_file(key).map_err(|why| cannot("key", key, why))?;
    let private = PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        format!(
            "{} holds no key that can be used: expected PEM, with a line BEGIN PRIVATE KEY, without a passphrase",
            shown.1
        )
    })?;
    if mode & 0o077 != 0 {
        log::warn!(
            "the key {} can be read by others (its mode is {mode:04o}): chmod 600 {0}",
            shown.1
        );
    }
    let made = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, private)
        });
    let mut config = made.map_err(|why| {
        format!(
            "the certificate {} and the key {} cannot be used: {why}",
            shown.0, shown.1
        )
    })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Arc::new(config))
}

fn cannot(what: &str, path: &Path, why: impl fmt::Display) -> String {
    format!("the {what} {} cannot be read: {why}", path.display())
}

/// The bytes of a file, and its mode.
fn read_file(path: &Path) -> io::Result<(Vec<u8>, u32)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    let mut bytes = Vec::new();
    let read = file
        .take(config::TLS_FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if read as u64 > config::TLS_FILE_BYTES_MAX {
        let kib = config::TLS_FILE_BYTES_MAX / 1024;
        return Err(io::Error::other(format!("it is longer than {kib} KiB")));
    }
    Ok((bytes, mode))
}
