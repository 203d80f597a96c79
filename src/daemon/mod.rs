//! The server's life: its parts are started in order, each with what it needs of the ones before, and stopped in reverse.
//!
//! ```text
//! tokens, certificates > listeners > store > alerts > writer, pool > dispatcher > api, web > guard > http
//! then it waits for a signal
//! ```
//!
//! The addresses are taken before the store is opened, so that a second server on one port harms nothing, and they
//! answer last, when all jobs are there. Signals are read from a pipe by a thread of their own: blocking them would
//! pass the block on to every command.

mod keeper;
mod listen;
mod site;
mod standby;
mod turns;
mod works;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Sender, bounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::alerts::{Alert, Alerts};
use crate::api;
use crate::guard::{self, Gate};
use crate::http::Certificates;
use crate::metrics::Metrics;
use crate::scheduler::core::End;
use crate::scheduler::{Forbidden, Handle};
use crate::settings::database::Database;
use crate::settings::values::Webhook;
use crate::settings::{Settings, SettingsError};
use crate::store::shared::LateStore;
use crate::store::{Store, StoreError};
use crate::worker::reaper;
use crate::{clock, config, process};
use site::Site;
use turns::Turns;
use works::Works;

/// Why the server did not start, in words for whoever started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    words: String,
    /// It may work later: a shared database does not answer.
    may_pass: bool,
}

impl StartError {
    fn new(words: String) -> StartError {
        StartError {
            words,
            may_pass: false,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for StartError {}

impl From<SettingsError> for StartError {
    fn from(error: SettingsError) -> StartError {
        StartError::new(error.0)
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> StartError {
        StartError {
            words: error.to_string(),
            may_pass: matches!(error, StoreError::Away(_) | StoreError::Lost(_)),
        }
    }
}

/// For what the system refused.
fn cannot(what: impl fmt::Display) -> impl FnOnce(io::Error) -> StartError {
    move |error| StartError::new(format!("cannot {what}: {error}"))
}

/// What the server waits for while it runs.
enum Event {
    /// It is to stop; again, it is to stop sooner.
    Stop,
    /// The dispatcher has come to its end: nothing runs, and everything is stored that may be.
    Ended(End),
    /// The lease of a shared database is ours.
    Leads,
    /// A shared database cannot be worked on, whenever that is tried.
    Failed(StartError),
}

/// Runs the server until a signal ends it.
///
/// # Errors
/// When it cannot start; nothing is left behind then.
pub fn run(settings: &Settings) -> Result<(), StartError> {
    process::limit_heaps();
    let room = process::make_room(settings.workers);
    reaper::start_if_init().map_err(cannot("take in orphans"))?;
    let (events, happened) = bounded(config::DAEMON_EVENTS_MAX);
    let gate = open_gate(settings)?;
    let certificates = open_certificates(settings)?;
    let reload = reload(Arc::clone(&gate), certificates.clone());
    watch_signals(events.clone(), reload).map_err(cannot("watch for signals"))?;

    let sockets = listen::open(settings, certificates.as_ref())?;
    log::info!("Preparing cache");
    let shared = open_shared_store(settings)?;
    let store = match &shared {
        Some(store) => Arc::clone(store) as Arc<dyn Store>,
        None => works::open_own_store(settings)?,
    };
    let metrics = Arc::new(Metrics::default());
    let alerts = start_alerts(settings, &metrics)?;
    let handle = Handle::standing_by("it is starting").forbidding(forbidden(settings));
    let stepped = handle.clone();
    clock::watch_steps(move || stepped.clock_stepped()).map_err(cannot("watch the clock"))?;
    let works = Works {
        settings,
        workers: room.workers,
        store,
        handle,
        metrics,
        alerts: alerts.as_ref().map(Alerts::sink),
    };
    let turns = Turns {
        works,
        events,
        happened,
    };
    let sharing = turns.take(shared)?;
    let site = Site::new(&turns.works, sharing.as_ref());
    let answering = listen::answer(sockets, settings, room.connections, site.behind(gate))?;
    process::manager::tell("READY=1");

    let ended = turns.go_on(sharing.as_ref());
    if let Some(sharing) = &sharing {
        sharing.keeper.give_back();
    }
    if let Some(alerts) = alerts {
        alerts.shutdown();
    }
    answering.shutdown();
    log::info!("Stopped");
    ended
}

/// What a hangup does.
fn reload(gate: Arc<Gate>, certificates: Option<Arc<Certificates>>) -> impl Fn() {
    move || {
        gate.reload();
        if let Some(certificates) = &certificates {
            certificates.reload();
        }
    }
}

/// Reads who may come in, and says so if everybody may.
fn open_gate(settings: &Settings) -> Result<Arc<Gate>, StartError> {
    let reachable = settings.is_reachable();
    if reachable && settings.token_file.is_none() {
        log::warn!(
            "--insecure: everybody who can reach this server can run commands here, and no token is asked for"
        );
    } else if reachable && settings.tls_cert.is_none() {
        log::info!(
            "tokens come in unencrypted, and who listens on the way can use them: give --tls-cert and --tls-key, or have a proxy with TLS in front"
        );
    }
    let hosts = settings.allow_host.iter();
    let settings = guard::Settings {
        token_file: settings.token_file.clone(),
        allow_hosts: hosts.flat_map(|hosts| hosts.0.clone()).collect(),
    };
    Gate::open(&settings).map(Arc::new).map_err(StartError::new)
}

/// Reads what is shown to clients that come by TLS.
fn open_certificates(settings: &Settings) -> Result<Option<Arc<Certificates>>, StartError> {
    let (Some(certificate), Some(key)) = (&settings.tls_cert, &settings.tls_key) else {
        return Ok(None);
    };
    let certificates = Certificates::open(certificate, key).map_err(StartError::new)?;
    Ok(Some(Arc::new(certificates)))
}

fn watch_signals(events: Sender<Event>, hung_up: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let watch = move || {
        for signal in signals.forever() {
            if signal == SIGHUP {
                log::info!("SIGHUP: reading tokens and certificates anew, if there are any");
                hung_up();
            } else {
                // More signals than fit say nothing new.
                let _ = events.try_send(Event::Stop);
            }
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(watch)?;
    Ok(())
}

/// The store that this server shares with others; opened later, since that may take as long as its database is away.
fn open_shared_store(settings: &Settings) -> Result<Option<Arc<LateStore>>, StartError> {
    let Some(database) = Database::of(settings)? else {
        return Ok(None);
    };
    log::info!("the job database is {database}");
    if settings.no_tx_persist {
        log::warn!(
            "--no-tx-persist is not for a shared job database: each change is durable before it is answered"
        );
    }
    Ok(Some(Arc::new(LateStore::new(database))))
}

/// Starts to post alerts, if somebody wants them.
fn start_alerts(settings: &Settings, metrics: &Arc<Metrics>) -> Result<Option<Alerts>, StartError> {
    let Some(Webhook(url)) = &settings.on_event else {
        return Ok(None);
    };
    let (server, zone) = (process::host_name(), settings.timezone);
    let write = move |alert: &Alert| api::wire::write_alert(alert, &server, zone);
    let alerts = Alerts::start(url, Arc::clone(metrics), write);
    alerts.map(Some).map_err(cannot("post to --on-event"))
}

fn forbidden(settings: &Settings) -> Forbidden {
    Forbidden {
        local_jobs: settings.deny_local_jobs,
        delete_all: settings.deny_delete_all,
    }
}
