//! The remote job: an HTTP or HTTPS request.
//!
//! ureq speaks HTTP, rustls TLS; sockets, name lookups and redirects are our own, because a request must end at its
//! deadline or when its run is stopped, wherever it stands, and must not carry a job's secrets to another host. Each
//! attempt has its own connection: jobs are rare enough, and a kept one may have died unseen.

mod guard;
mod lookup;
mod post;
mod redirect;
mod request;
mod transport;

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ureq::config::{Config, ConfigBuilder};
use ureq::http::header::LOCATION;
use ureq::http::{Response, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::typestate::AgentScope;
use ureq::unversioned::transport::{Connector, RustlsConnector};
use ureq::{Agent, Body, Error};

use self::guard::Guard;
use self::lookup::Lookup;
pub(crate) use self::post::Post;
use self::request::Request;
use self::transport::{SharedTls, Tcp};
use super::executor::{Attempt, Executor, Start};
use super::poll::passed;
use super::shortage::{Shortage, is_shortage};
use crate::config;
use crate::job::output::OutputBuffer;
use crate::job::run::AttemptEnd;
use crate::job::template::Subject;
use crate::job::{Action, RemoteRequest};

/// Where the certificates of the system's authorities lie, on one system or another. An authority of one's own network
/// is put there, so these files come before the list that is built in.
const SYSTEM_ROOTS: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What the workers of a pool share for their requests.
#[derive(Debug)]
pub(super) struct Client {
    /// The settings with the authorities that are trusted: read at the first request over TLS.
    tls_settings: Mutex<Option<Config>>,
    tls: Arc<RustlsConnector>,
    lookups: Arc<lookup::Count>,
    shortage: Arc<Shortage>,
}

/// Makes the requests of remote jobs.
pub(super) struct RemoteExecutor {
    client: Arc<Client>,
}

/// When a request ends, and what that means then.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Option<Instant>,
    /// The request's own timeout, where that comes before the job's.
    own: Option<Duration>,
}

impl Executor for RemoteExecutor {
    fn execute(&mut self, attempt: &mut Attempt<'_>) -> AttemptEnd {
        let Action::Remote(remote) = &attempt.order.job.spec.action else {
            return AttemptEnd::Error("the job has no request".to_owned());
        };
        let subject = Subject {
            job: &attempt.order.job,
            figures: &attempt.order.figures,
        };
        let request = match Request::of(remote, &subject) {
            Ok(request) => request,
            Err(why) => return AttemptEnd::Error(why),
        };
        attempt.start = Start::now();
        let deadline = Deadline::of(attempt, remote);
        let guard = Arc::new(Guard::new(Arc::clone(attempt.stop), deadline.at));
        match self.fetch(request, remote, &guard, &attempt.order.output) {
            Ok(status) => AttemptEnd::Answered(status, is_expected(remote, status)),
            Err(_) if attempt.stop.wanted().is_some() => AttemptEnd::Stopped,
            Err(_) if passed(deadline.at) => deadline.end(),
            Err(why) => AttemptEnd::Error(why),
        }
    }
}

impl RemoteExecutor {
    pub(super) fn new(client: Arc<Client>) -> RemoteExecutor {
        RemoteExecutor { client }
    }

    /// The status of the answer, after redirects; its body goes to `output`.
    fn fetch(
        &self,
        mut request: Request,
        remote: &RemoteRequest,
        guard: &Arc<Guard>,
        output: &OutputBuffer,
    ) -> Result<u16, String> {
        for _ in 0..=config::REMOTE_REDIRECTS_MAX {
            let uri = request.uri.clone();
            let mut response = self.client.send(&request, guard)?;
            let status = response.status().as_u16();
            let location = response.headers().get(LOCATION);
            // A redirect that the job expects is the answer it waits for.
            match location.filter(|_| !is_expected(remote, status)) {
                Some(location) if request.follow(status, location)? => {}
                _ => {
                    keep_body(&mut response, output).map_err(|e| explain(&uri, &e))?;
                    return Ok(status);
                }
            }
        }
        Err(format!(
            "more than {} redirects",
            config::REMOTE_REDIRECTS_MAX
        ))
    }
}

fn is_expected(remote: &RemoteRequest, status: u16) -> bool {
    match remote.expected_response_codes[..] {
        [] => status == 200,
        ref codes => codes.contains(&status),
    }
}

/// Reads the body, as far as it is worth it.
fn keep_body(response: &mut Response<Body>, output: &OutputBuffer) -> Result<(), Error> {
    let mut buffer = vec![0; config::READ_BYTES];
    let mut body = response.body_mut().as_reader();
    let mut total = 0;
    while total < config::REMOTE_BODY_BYTES_MAX {
        let room = buffer.len().min(config::REMOTE_BODY_BYTES_MAX - total);
        match body.read(&mut buffer[..room]).map_err(Error::from)? {
            0 => return Ok(()),
            n => {
                output.append(&buffer[..n]);
                total += n;
            }
        }
    }
    output.append(format!("\n[not read further than {total} bytes]\n").as_bytes());
    Ok(())
}

impl Deadline {
    fn of(attempt: &Attempt<'_>, remote: &RemoteRequest) -> Deadline {
        let own = match remote.timeout_secs {
            0 => config::REMOTE_TIMEOUT,
            secs => Duration::from_secs(secs.into()),
        };
        let own_at = attempt.start.instant.checked_add(own);
        match (attempt.start.deadline(attempt.limit()), own_at) {
            (Some(job), Some(own)) if job <= own => Deadline {
                at: Some(job),
                own: None,
            },
            (job, None) => Deadline { at: job, own: None },
            (_, at) => Deadline { at, own: Some(own) },
        }
    }

    /// How an attempt ends that has come to it.
    fn end(self) -> AttemptEnd {
        match self.own {
            Some(own) => AttemptEnd::Error(format!("timed out after {} s", own.as_secs())),
            None => AttemptEnd::TimedOut,
        }
    }
}

/// The host and port of an address, without the user before them.
fn host(uri: &Uri) -> &str {
    uri.authority().map_or("", |authority| {
        let text = authority.as_str();
        text.rsplit_once('@').map_or(text, |(_, host)| host)
    })
}

/// Why a request failed, in words for its user. They hold no header and no path: either may be a secret.
fn explain(uri: &Uri, error: &Error) -> String {
    use std::io::ErrorKind;
    let host = host(uri);
    match error {
        Error::HostNotFound => format!("no address was found for {host}"),
        Error::Io(e) => match e.kind() {
            ErrorKind::ConnectionRefused => format!("{host} refused the connection"),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                format!("{host} closed the connection before its answer was complete")
            }
            ErrorKind::InvalidData if uri.scheme_str() == Some("https") => {
                format!("TLS with {host} failed: {e}")
            }
            _ => format!("{host}: {e}"),
        },
        Error::Rustls(e) => format!("TLS with {host} failed: {e}"),
        Error::Protocol(e) => format!("{host} did not answer in HTTP/1.1: {e}"),
        e => format!("{host}: {e}"),
    }
}

impl Client {
    pub(super) fn new(shortage: Arc<Shortage>) -> Client {
        Client {
            tls_settings: Mutex::default(),
            tls: Arc::default(),
            lookups: Arc::default(),
            shortage,
        }
    }

    /// Sends one request, however long there is no room for its socket.
    fn send(&self, request: &Request, guard: &Arc<Guard>) -> Result<Response<Body>, String> {
        let mut wait = config::SHORTAGE_WAIT_MIN;
        guard.begin();
        loop {
            let agent = self.agent(&request.uri, guard)?;
            match request.send(&agent) {
                Err(Error::Io(e)) if is_shortage(&e) && guard.may_try_again() => {
                    let stop = Some(guard.stop());
                    self.shortage.wait(&e, stop, &mut wait);
                }
                result => return result.map_err(|e| explain(&request.uri, &e)),
            }
        }
    }

    /// An agent for one request. It keeps nothing, so making one is cheap; TLS's tables are shared.
    fn agent(&self, uri: &Uri, guard: &Arc<Guard>) -> Result<Agent, String> {
        let settings = match uri.scheme_str() {
            Some("https") => self.tls_settings()?,
            _ => settings().build(),
        };
        let connector = Tcp::new(Arc::clone(guard)).chain(SharedTls(Arc::clone(&self.tls)));
        let lookup = Lookup::new(Arc::clone(guard), Arc::clone(&self.lookups));
        Ok(Agent::with_parts(settings, connector, lookup))
    }

    fn tls_settings(&self) -> Result<Config, String> {
        let mut kept = self.tls_settings.lock();
        if let Some(settings) = &*kept {
            return Ok(settings.clone());
        }
        let tls = TlsConfig::builder().root_certs(roots()?).build();
        Ok(kept.insert(settings().tls_config(tls).build()).clone())
    }
}

fn settings() -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(0)
        .max_response_header_size(config::REMOTE_BUFFER_BYTES)
        .input_buffer_size(config::REMOTE_BUFFER_BYTES)
        .output_buffer_size(config::REMOTE_BUFFER_BYTES)
        .user_agent(concat!("nimesha/", env!("CARGO_PKG_VERSION")))
}

/// The authorities to trust: of the file in SSL_CERT_FILE, else of the system, else those of Mozilla's list.
fn roots() -> Result<RootCerts, String> {
    if let Some(file) = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty()) {
        let shown = file.display();
        let pem = std::fs::read(&file).map_err(|e| format!("SSL_CERT_FILE {shown}: {e}"))?;
        return certificates(&pem)
            .ok_or_else(|| format!("SSL_CERT_FILE {shown} holds no certificate"));
    }
    let system = SYSTEM_ROOTS
        .iter()
        .find_map(|file| certificates(&std::fs::read(file).ok()?));
    Ok(system.unwrap_or(RootCerts::WebPki))
}

fn certificates(pem: &[u8]) -> Option<RootCerts> {
    let found: Vec<_> = parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    (!found.is_empty()).then(|| RootCerts::new_with_certs(&found))
}
