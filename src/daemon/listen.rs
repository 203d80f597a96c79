//! The sockets of the server: taken before anything else, so that a port in use is said at once, and answered on last.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Mode;

use super::{StartError, cannot};
use crate::config;
use crate::http::{Certificates, Handler, Limits, Listener, Server};
use crate::settings::Settings;

/// Sockets that are bound, and the file to remove at the end.
pub(super) struct Sockets {
    /// Where connections come in.
    listeners: Vec<Listener>,
    /// Removed when the server stops.
    file: Option<SocketFile>,
}

/// A server that answers on them. The fields stand in the order in which they end.
pub(super) struct Answering {
    server: Server,
    _file: Option<SocketFile>,
}

impl Answering {
    /// Ends idle connections at once, and busy ones after their answer.
    pub(super) fn shutdown(self) {
        self.server.shutdown();
    }
}

/// The file of a Unix socket; removed on drop, so that nobody takes it for a server.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone, and the next start replaces it anyway.
        let _ = fs::remove_file(&self.0);
    }
}

/// Takes the addresses that the settings name. Those of ports speak TLS alone if there are certificates.
pub(super) fn open(
    settings: &Settings,
    certificates: Option<&Arc<Certificates>>,
) -> Result<Sockets, StartError> {
    let mut listeners = Vec::new();
    for address in settings.listen_addresses()? {
        let listener = TcpListener::bind(address);
        let listener = listener.map_err(cannot(format_args!("listen on {address}")))?;
        listeners.push(match certificates {
            None => Listener::Tcp(listener),
            Some(certificates) => Listener::Tls(listener, Arc::clone(certificates)),
        });
    }
    let Some(path) = &settings.listen_unix else {
        return Ok(Sockets {
            listeners,
            file: None,
        });
    };
    let listener = bind_unix(path);
    let listener = listener.map_err(cannot(format_args!("listen on {}", path.display())))?;
    listeners.push(Listener::Unix(listener));
    Ok(Sockets {
        listeners,
        file: Some(SocketFile(path.clone())),
    })
}

/// Answers on the sockets from now on, at most so many connections, and says where.
pub(super) fn answer(
    sockets: Sockets,
    settings: &Settings,
    connections_max: usize,
    handler: Arc<dyn Handler>,
) -> Result<Answering, StartError> {
    let limits = Limits {
        connections_max,
        // The rest is for those who ask.
        streams_max: config::STREAMS_MAX.min(connections_max / 2),
        ..Limits::default()
    };
    let server = Server::start(sockets.listeners, limits, handler);
    let server = server.map_err(cannot("start the HTTP server"))?;
    for address in server.local_addrs() {
        log::info!("Starting server on port :{}", address.port());
    }
    if let Some(certificate) = &settings.tls_cert {
        log::info!("TLS with the certificate {}", certificate.display());
    }
    if let Some(file) = &sockets.file {
        log::info!("Starting server on {}", file.0.display());
    }
    Ok(Answering {
        server,
        _file: sockets.file,
    })
}

/// Binds a socket that its owner alone may open. A file that a dead server left there is replaced; one behind which
/// somebody answers, or that is no socket, is not.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match bind_private(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_left_over(path) => {
            fs::remove_file(path)?;
            bind_private(path)
        }
        bound => bound,
    }
}

/// The mode has to be right from the first moment, so the mask is set around the call. No thread that makes files has
/// been started yet.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    bound
}

/// Connecting to any file that nobody listens on is refused, so that alone does not tell a socket.
fn is_left_over(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).is_err_and(refused)
}
