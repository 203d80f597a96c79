//! From the scheduler's changes to operations on rows, and what goes when more comes: history beyond its limit or age,
//! and the oldest outputs when all of them together are too big.
//!
//! No list of outputs is held in memory, only their sum: which is the oldest is read from a table that is kept for it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::change::{Change, Unit};
use super::history::{ended_at, shown_from};
use super::record;
use super::{Op, Store, StoreError, Table, prefix_end, try_scan};
use crate::clock::Timestamp;
use crate::config;
use crate::job::JobId;
use crate::job::output::OutputBuffer;
use crate::job::run::{HistoryEntry, RunId};

/// How much history and output is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Entries a job, at least 1.
    pub history_limit: u64,
    /// How long after its end an entry is shown; none is for ever.
    pub history_ttl: Option<Duration>,
    /// Bytes of all outputs together; what one transaction brings may come on top until the next.
    pub output_total: u64,
}

/// Encodes batches, and knows how many bytes of output the store holds.
#[derive(Debug)]
pub(super) struct Encoder {
    keep: Keep,
    output_bytes: u64,
}

/// A batch ready to be committed.
#[derive(Debug)]
pub(super) struct Batch {
    /// Its operations.
    pub(super) ops: Vec<Op>,
    /// What the store holds of output once it is committed.
    output_bytes: u64,
}

impl Encoder {
    /// An encoder for this store, whose outputs it adds up.
    pub(super) fn new(store: &dyn Store, keep: Keep) -> Result<Encoder, StoreError> {
        let mut output_bytes = 0;
        try_scan(store, Table::OutputSizes, (b"", b""), false, |_, value| {
            output_bytes += decode_size(value)?;
            Ok(true)
        })?;
        Ok(Encoder { keep, output_bytes })
    }

    /// The operations for `units`. Fails when the store cannot be read, which trimming needs.
    pub(super) fn encode(
        &self,
        store: &dyn Store,
        units: &[Unit],
        now: Timestamp,
    ) -> Result<Batch, StoreError> {
        let mut draft = Draft {
            store,
            keep: self.keep,
            now,
            ops: Vec::with_capacity(units.len() * 4),
            output_bytes: self.output_bytes,
            fresh: HashMap::new(),
            gone: HashSet::new(),
        };
        for change in units.iter().flat_map(|unit| &unit.changes) {
            draft.add(change)?;
        }
        draft.evict()?;
        Ok(Batch {
            ops: draft.ops,
            output_bytes: draft.output_bytes,
        })
    }

    /// The batch is stored.
    pub(super) fn stored(&mut self, batch: &Batch) {
        self.output_bytes = batch.output_bytes;
    }
}

struct Draft<'a> {
    store: &'a dyn Store,
    keep: Keep,
    now: Timestamp,
    ops: Vec<Op>,
    output_bytes: u64,
    /// Outputs that this batch brings, by job and number: the store does not show them yet.
    fresh: HashMap<(JobId, u64), (RunId, u64)>,
    /// Keys of the sizes of outputs that this batch removes: the store still shows them.
    gone: HashSet<Vec<u8>>,
}

impl Draft<'_> {
    fn add(&mut self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::PutJob(job) => {
                self.put(
                    Table::Jobs,
                    record::job_key(job.id),
                    record::encode_job(job),
                );
            }
            Change::DeleteJob(job) => self.delete_job(*job)?,
            Change::PutState(job, state) => {
                self.put(
                    Table::States,
                    record::job_key(*job),
                    record::encode_state(state),
                );
            }
            Change::InsertRun(run) => {
                let op = Op::Insert(Table::Claims, record::run_key(run), record::encode_run(run));
                self.ops.push(op);
            }
            Change::PutRun(run) => {
                self.put(Table::Claims, record::run_key(run), record::encode_run(run));
            }
            Change::RemoveRun(run) => self.delete(Table::Claims, record::run_key(run)),
            Change::PutHistory(job, entry, output) => {
                self.put_history(*job, entry, output.as_deref())?;
            }
            Change::PutChain(chain) => {
                self.put(
                    Table::Chains,
                    record::chain_key(chain.id),
                    record::encode_chain(chain),
                );
            }
            Change::RemoveChain(id) => self.delete(Table::Chains, record::chain_key(*id)),
            Change::PutPaused(true) => {
                self.put(
                    Table::Meta,
                    record::PAUSED_KEY.to_vec(),
                    record::encode_number(1),
                );
            }
            Change::PutPaused(false) => self.delete(Table::Meta, record::PAUSED_KEY.to_vec()),
        }
        Ok(())
    }

    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.ops.push(Op::Put(table, key, value));
    }

    fn delete(&mut self, table: Table, key: Vec<u8>) {
        self.ops.push(Op::Delete(table, key));
    }

    fn put_history(
        &mut self,
        job: JobId,
        entry: &HistoryEntry,
        output: Option<&OutputBuffer>,
    ) -> Result<(), StoreError> {
        let number = entry.id().number();
        let key = record::entry_key(job, number);
        self.put(Table::History, key.clone(), record::encode_entry(entry));
        let text = output.map(OutputBuffer::text).unwrap_or_default();
        let size = text.len() as u64;
        if size > 0 && size <= self.keep.output_total {
            self.put(Table::Outputs, key, record::encode_output(&text));
            let size_key = record::size_key(entry.id(), job);
            self.put(Table::OutputSizes, size_key, record::encode_number(size));
            self.fresh.insert((job, number), (entry.id(), size));
            self.output_bytes += size;
        }
        if let Some(oldest) = number.checked_sub(self.keep.history_limit) {
            self.forget(job, oldest)?;
        }
        // Jobs that run in step have their sweeps at different runs.
        if (number + u64::from(job.0.as_bytes()[0])).is_multiple_of(config::SWEEP_EVERY_RUNS) {
            self.sweep(job, number)?;
        }
        Ok(())
    }

    /// Removes the oldest entries of a job as far as their time is up, or a limit was set lower meanwhile.
    fn sweep(&mut self, job: JobId, newest: u64) -> Result<(), StoreError> {
        let shown_from = shown_from(self.keep.history_ttl, self.now);
        let begin = record::job_key(job);
        let (mut looked_at, mut old) = (0, Vec::new());
        let range = (&begin[..], &prefix_end(&begin)[..]);
        try_scan(self.store, Table::History, range, false, |key, value| {
            let entry = record::decode_entry(key, value)?;
            let number = entry.id().number();
            let too_many = number + self.keep.history_limit <= newest;
            let stays = !too_many && ended_at(&entry) >= shown_from;
            if !stays {
                old.push(number);
            }
            looked_at += 1;
            Ok(!stays && looked_at < config::SWEEP_ENTRIES)
        })?;
        old.into_iter()
            .try_for_each(|number| self.forget(job, number))
    }

    /// Removes a history entry and its output.
    fn forget(&mut self, job: JobId, number: u64) -> Result<(), StoreError> {
        let key = record::entry_key(job, number);
        if let Some((run, size)) = self.fresh.remove(&(job, number)) {
            self.drop_output(run, job, size);
        } else if let Some(value) = self.store.get(Table::History, &key)? {
            self.drop_output_of(job, &record::decode_entry(&key, &value)?)?;
        }
        self.delete(Table::History, key);
        Ok(())
    }

    fn drop_output_of(&mut self, job: JobId, entry: &HistoryEntry) -> Result<(), StoreError> {
        let HistoryEntry::Run(run) = entry else {
            return Ok(());
        };
        if run.output_total > 0 {
            let key = record::size_key(run.id, job);
            if let Some(value) = self.store.get(Table::OutputSizes, &key)? {
                self.drop_output(run.id, job, decode_size(&value)?);
            }
        }
        Ok(())
    }

    fn drop_output(&mut self, run: RunId, job: JobId, size: u64) {
        let size_key = record::size_key(run, job);
        if self.gone.insert(size_key.clone()) {
            self.delete(Table::Outputs, record::entry_key(job, run.number()));
            self.delete(Table::OutputSizes, size_key);
            self.output_bytes = self.output_bytes.saturating_sub(size);
        }
    }

    /// Removes the oldest outputs until the others fit.
    fn evict(&mut self) -> Result<(), StoreError> {
        let mut excess = self.output_bytes.saturating_sub(self.keep.output_total);
        if excess == 0 {
            return Ok(());
        }
        let mut oldest = Vec::new();
        try_scan(
            self.store,
            Table::OutputSizes,
            (b"", b""),
            false,
            |key, value| {
                if !self.gone.contains(key) {
                    let size = decode_size(value)?;
                    oldest.push((record::split_size_key(key)?, size));
                    excess = excess.saturating_sub(size);
                }
                Ok(excess > 0 && oldest.len() < config::EVICTED_OUTPUTS_MAX)
            },
        )?;
        for ((run, job), size) in oldest {
            self.drop_output(run, job, size);
        }
        Ok(())
    }

    fn delete_job(&mut self, job: JobId) -> Result<(), StoreError> {
        let key = record::job_key(job);
        let fresh: Vec<_> = self
            .fresh
            .keys()
            .filter(|(of, _)| *of == job)
            .copied()
            .collect();
        for (_, number) in fresh {
            self.forget(job, number)?;
        }
        let mut entries = Vec::new();
        let range = (&key[..], &prefix_end(&key)[..]);
        try_scan(self.store, Table::History, range, false, |key, value| {
            entries.push(record::decode_entry(key, value)?);
            Ok(true)
        })?;
        for entry in entries {
            self.drop_output_of(job, &entry)?;
        }
        for table in [Table::Claims, Table::History, Table::Outputs] {
            self.ops.push(Op::DeletePrefix(table, key.clone()));
        }
        self.delete(Table::States, key.clone());
        self.delete(Table::Jobs, key);
        Ok(())
    }
}

fn decode_size(value: &[u8]) -> Result<u64, StoreError> {
    record::decode_number(value, &"the size of an output")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::samples::{ended_run, output, unit};

    #[test]
    fn entries_whose_time_is_up_go_with_later_ones() {
        let store = MemoryStore::new();
        let keep = Keep {
            history_limit: 1_000,
            history_ttl: Some(Duration::from_secs(10)),
            output_total: 1_000,
        };
        let job = JobId(uuid::Uuid::nil());
        let mut encoder = Encoder::new(&store, keep).unwrap();
        let mut end = |number| {
            let entry = Arc::new(ended_run(job, number));
            let now = ended_at(&entry);
            let changes = vec![Change::PutHistory(job, entry, Some(output(1)))];
            let batch = encoder.encode(&store, &[unit(1, changes)], now).unwrap();
            store.commit(&batch.ops).unwrap();
            encoder.stored(&batch);
            encoder.output_bytes
        };
        // A run a second: of sixteen, those of the last ten seconds stay, and the one that ended just then.
        assert_eq!((1..16).map(&mut end).last(), Some(15));
        assert_eq!(end(16), 11);
        assert_eq!((17..32).map(&mut end).last(), Some(26));
        assert_eq!(end(32), 11);
    }
}
