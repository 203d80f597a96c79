//! What works on a job database: the writer, the pool and the dispatcher, started on what the store remembers.

use std::sync::Arc;

use super::{StartError, cannot};
use crate::alerts::Sink;
use crate::metrics::Metrics;
use crate::scheduler::dispatcher::Dispatcher;
use crate::scheduler::journal::Journal;
use crate::scheduler::{self, Handle};
use crate::settings::Settings;
use crate::store::redb::{self, RedbStore};
use crate::store::relaxed::Relaxed;
use crate::store::writer::{Keep, Writer, WriterConfig};
use crate::store::{Store, load, memory::MemoryStore};
use crate::worker::{Pool, PoolConfig};
use crate::{config, process};

/// All that is needed to start them, again and again where the database is shared.
pub(super) struct Works<'a> {
    pub(super) settings: &'a Settings,
    pub(super) workers: usize,
    pub(super) store: Arc<dyn Store>,
    pub(super) handle: Handle,
    pub(super) metrics: Arc<Metrics>,
    pub(super) alerts: Option<Sink>,
}

impl Works<'_> {
    /// Starts them, going on from what the store remembers.
    pub(super) fn start(&self) -> Result<Dispatcher, StartError> {
        let settings = self.settings;
        let loaded = load::load(&*self.store, settings.timezone)?;
        let inbox = self.handle.inbox();
        let keep = Keep {
            history_limit: settings.history_limit,
            history_ttl: settings.jobstat_ttl.0,
            output_total: settings.output_total,
        };
        let is_shared = self.store.lease().is_some();
        let is_relaxed = settings.no_tx_persist && !is_shared;
        let writer = WriterConfig {
            keep,
            persist_every: is_relaxed.then_some(settings.persist_every),
        };
        let committed = self.handle.clone();
        let writer = Writer::start(Arc::clone(&self.store), writer, move |batch| {
            committed.committed(batch);
        })?;
        let completed = self.handle.clone();
        let pool = PoolConfig {
            workers: self.workers,
            ..PoolConfig::default()
        };
        let pool = Pool::start(pool, move |completion| completed.completed(completion));
        let pool = pool.map_err(cannot("start the workers"))?;
        let core = scheduler::core::Settings {
            workers: self.workers,
            output_limit: usize::try_from(settings.output_limit).unwrap_or(usize::MAX),
            lease: is_shared.then_some(config::LEASE_TTL),
            done_ttl: settings.done_ttl.0,
        };
        let journal = Journal::new(Arc::clone(&self.metrics), self.alerts.clone());
        let dispatcher = Dispatcher::start(inbox, core, loaded, writer, pool, journal);
        process::give_back_memory();
        dispatcher.map_err(cannot("start the dispatcher"))
    }
}

/// Opens the store that this server has to itself.
pub(super) fn open_own_store(settings: &Settings) -> Result<Arc<dyn Store>, StartError> {
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
