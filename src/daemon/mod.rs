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

mod listen;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::alerts::{Alert, Alerts};
use crate::api::{self, Api};
use crate::guard::{self, Gate, Guard};
use crate::http::{Certificates, Handler, Limits, Request, Responder, Server};
use crate::metrics::{Metrics, method_label};
use crate::scheduler::dispatcher::Dispatcher;
use crate::scheduler::journal::Journal;
use crate::scheduler::{self, Forbidden, Handle};
use crate::settings::values::Webhook;
use crate::settings::{Settings, SettingsError};
use crate::store::redb::{self, RedbStore};
use crate::store::relaxed::Relaxed;
use crate::store::writer::{Keep, Writer, WriterConfig};
use crate::store::{Store, StoreError, load, memory::MemoryStore};
use crate::web::{self, Web};
use crate::worker::{Pool, PoolConfig, Trials, reaper};
use crate::{clock, config, process};

/// Why the server did not start, in words for whoever started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl From<SettingsError> for StartError {
    fn from(error: SettingsError) -> StartError {
        StartError(error.0)
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> StartError {
        StartError(error.to_string())
    }
}

/// For what the system refused.
fn cannot(what: impl fmt::Display) -> impl FnOnce(io::Error) -> StartError {
    move |error| StartError(format!("cannot {what}: {error}"))
}

/// What the server waits for while it runs.
enum Event {
    /// It is to stop; again, it is to stop sooner.
    Stop,
    /// The dispatcher has come to its end: nothing runs, and everything is stored.
    Ended,
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
    let (hung_up, shown) = (Arc::clone(&gate), certificates.clone());
    let reload = move || {
        hung_up.reload();
        if let Some(certificates) = &shown {
            certificates.reload();
        }
    };
    watch_signals(events.clone(), reload).map_err(cannot("watch for signals"))?;

    let sockets = listen::open(settings, certificates.as_ref())?;
    log::info!("Preparing cache");
    let store = open_store(settings)?;
    let metrics = Arc::new(Metrics::default());
    let alerts = start_alerts(settings, &metrics)?;
    let journal = Journal::new(Arc::clone(&metrics), alerts.as_ref().map(Alerts::sink));
    let (scheduler, dispatcher) = start_scheduler(settings, room.workers, &store, journal)?;
    process::give_back_memory();
    let trials = Arc::new(Trials::default());
    let site = Site {
        api: Api::new(
            scheduler.clone(),
            Arc::clone(&store),
            metrics.clone(),
            Arc::clone(&trials),
            api_settings(settings, room.workers),
        ),
        web: Web::new(scheduler.clone(), store, trials, web_settings(settings)),
    };
    let guard = Guard::new(gate, Arc::new(site));
    let handler = Arc::new(Counted { guard, metrics });
    let file = sockets.file;
    let limits = Limits {
        connections_max: room.connections,
        // The rest is for those who ask.
        streams_max: config::STREAMS_MAX.min(room.connections / 2),
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
    if let Some(file) = &file {
        log::info!("Starting server on {}", file.0.display());
    }
    process::manager::tell("READY=1");

    let joined = thread::Builder::new()
        .name("stop".to_owned())
        .spawn(move || {
            let _ = dispatcher.join();
            // Whoever waited for it has gone.
            let _ = events.send(Event::Ended);
        });
    joined.map_err(cannot("watch the dispatcher"))?;
    wait_for_the_end(&happened, &scheduler, settings.grace);
    if let Some(alerts) = alerts {
        alerts.shutdown();
    }
    server.shutdown();
    log::info!("Stopped");
    Ok(())
}

/// All that the server answers.
struct Site {
    api: Api,
    web: Web,
}

impl Handler for Site {
    fn handle(&self, request: Request, responder: Responder) {
        if Web::wants(&request.path) {
            self.web.handle(request, responder);
        } else {
            self.api.handle(request, responder);
        }
    }
}

/// Counts what is answered, to whom it may be and in whatever way.
struct Counted {
    guard: Guard,
    metrics: Arc<Metrics>,
}

impl Handler for Counted {
    fn handle(&self, request: Request, responder: Responder) {
        let route = match Web::wants(&request.path) {
            true => "/webui/",
            false => Api::route_of(&request.path).unwrap_or("other"),
        };
        let method = method_label(&request.method);
        let metrics = Arc::clone(&self.metrics);
        let responder = responder.finish_with(move |answer| {
            metrics.http.count(route, method, answer.status.0);
            answer
        });
        self.guard.handle(request, responder);
    }
}

/// Waits for a signal, then for the end of what runs: for the grace, then with SIGTERM, then with SIGKILL. A second
/// signal skips the grace.
fn wait_for_the_end(happened: &Receiver<Event>, scheduler: &Handle, grace: Duration) {
    let Ok(Event::Stop) = happened.recv() else {
        return;
    };
    log::info!(
        "Stopping: nothing starts any more, and runs have {} s to finish",
        grace.as_secs()
    );
    process::manager::tell("STOPPING=1");
    scheduler.stop();
    for patience in [grace, config::STOP_KILL_AFTER] {
        if let Ok(Event::Ended) = happened.recv_timeout(patience) {
            return;
        }
        scheduler.stop_runs();
    }
    while let Ok(Event::Stop) = happened.recv() {}
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
    Gate::open(&settings).map(Arc::new).map_err(StartError)
}

/// Reads what is shown to clients that come by TLS.
fn open_certificates(settings: &Settings) -> Result<Option<Arc<Certificates>>, StartError> {
    let (Some(certificate), Some(key)) = (&settings.tls_cert, &settings.tls_key) else {
        return Ok(None);
    };
    let certificates = Certificates::open(certificate, key).map_err(StartError)?;
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

fn open_store(settings: &Settings) -> Result<Arc<dyn Store>, StartError> {
    if settings.no_persist {
        log::warn!("--no-persist: all jobs are gone when this server stops");
        return Ok(Arc::new(MemoryStore::new()));
    }
    let directory = &settings.boltpath;
    let store = RedbStore::open(directory)?;
    match store.compact_if_worth_it() {
        Ok(None) => {}
        Ok(Some((before, after))) => {
            log::info!("made the job database smaller, from {before} to {after} bytes");
        }
        // It takes some space itself. A server that starts is worth more than a small file.
        Err(error) => log::warn!("the job database could not be made smaller: {error}"),
    }
    let is_new = load::prepare(&store)?;
    if is_new && let Some(path) = redb::kala_data_beside(directory) {
        log::warn!(
            "{} holds jobs of Kala, which this server does not read; it starts without jobs",
            path.display()
        );
    }
    match settings.no_tx_persist {
        true => Ok(Arc::new(Relaxed::new(Arc::new(store)))),
        false => Ok(Arc::new(store)),
    }
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

/// Starts what decides, what writes and what runs, going on from what the store remembers.
fn start_scheduler(
    settings: &Settings,
    workers: usize,
    store: &Arc<dyn Store>,
    journal: Journal,
) -> Result<(Handle, Dispatcher), StartError> {
    let loaded = load::load(&**store, settings.timezone)?;
    let (handle, inbox) = scheduler::channel();
    let keep = Keep {
        history_limit: settings.history_limit,
        history_ttl: settings.jobstat_ttl.0,
        output_total: settings.output_total,
    };
    let persist_every = settings.no_tx_persist.then_some(settings.persist_every);
    let committed = handle.clone();
    let writer = WriterConfig {
        keep,
        persist_every,
    };
    let writer = Writer::start(Arc::clone(store), writer, move |batch| {
        committed.committed(batch);
    })?;
    let completed = handle.clone();
    let pool = PoolConfig {
        workers,
        ..PoolConfig::default()
    };
    let pool = Pool::start(pool, move |completion| completed.completed(completion));
    let pool = pool.map_err(cannot("start the workers"))?;
    let core = scheduler::core::Settings {
        workers,
        output_limit: usize::try_from(settings.output_limit).unwrap_or(usize::MAX),
        lease: None,
        done_ttl: settings.done_ttl.0,
    };
    let dispatcher = Dispatcher::start(inbox, core, loaded, writer, pool, journal);
    let dispatcher = dispatcher.map_err(cannot("start the dispatcher"))?;
    let stepped = handle.clone();
    clock::watch_steps(move || stepped.clock_stepped()).map_err(cannot("watch the clock"))?;
    let forbidden = Forbidden {
        local_jobs: settings.deny_local_jobs,
        delete_all: settings.deny_delete_all,
    };
    Ok((handle.forbidding(forbidden), dispatcher))
}

fn api_settings(settings: &Settings, workers: usize) -> api::Settings {
    api::Settings {
        zone: settings.timezone,
        default_owner: settings.default_owner.as_str().into(),
        history_limit: settings.history_limit,
        history_ttl: settings.jobstat_ttl.0,
        workers,
    }
}

fn web_settings(settings: &Settings) -> web::Settings {
    web::Settings {
        zone: settings.timezone,
        default_owner: settings.default_owner.as_str().into(),
        history_ttl: settings.jobstat_ttl.0,
    }
}
