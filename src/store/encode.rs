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
            surplus: Vec::new(),
            gone: HashSet::new(),
        };
        for change in units.iter().flat_map(|unit| &unit.changes) {
            draft.add(change)?;
        }
        let surplus = std::mem::take(&mut draft.surplus);
        draft.forget(&surplus)?;
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
    /// Entries beyond the limit of their jobs, by job and number.
    surplus: Vec<(JobId, u64)>,
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
            self.surplus.push((job, oldest));
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
                old.push((job, number));
            }
            looked_at += 1;
            Ok(!stays && looked_at < config::SWEEP_ENTRIES)
        })?;
        self.surplus.extend(old);
        Ok(())
    }

    /// Removes history entries and their outputs, with two looks at the store however many they are.
    fn forget(&mut self, entries: &[(JobId, u64)]) -> Result<(), StoreError> {
        let mut stored = Vec::new();
        for (job, number) in entries {
            let key = record::entry_key(*job, *number);
            self.delete(Table::History, key.clone());
            match self.fresh.remove(&(*job, *number)) {
                Some((run, size)) => self.drop_output(run, *job, size),
                None => stored.push((*job, key)),
            }
        }
        let (jobs, keys): (Vec<_>, Vec<_>) = stored.into_iter().unzip();
        let mut old = Vec::new();
        for ((job, key), value) in jobs
            .into_iter()
            .zip(&keys)
            .zip(self.store.get_many(Table::History, &keys)?)
        {
            if let Some(value) = value {
                old.push((job, record::decode_entry(key, &value)?));
            }
        }
        self.drop_outputs_of(&old)
    }

    /// Removes the outputs of entries that the store shows.
    fn drop_outputs_of(&mut self, entries: &[(JobId, HistoryEntry)]) -> Result<(), StoreError> {
        let runs = entries.iter().filter_map(|(job, entry)| match entry {
            HistoryEntry::Run(run) if run.output_total > 0 => Some((run.id, *job)),
            _ => None,
        });
        let runs: Vec<_> = runs.collect();
        let keys: Vec<_> = runs
            .iter()
            .map(|(run, job)| record::size_key(*run, *job))
            .collect();
        let sizes = self.store.get_many(Table::OutputSizes, &keys)?;
        for ((run, job), size) in runs.into_iter().zip(sizes) {
            if let Some(size) = size {
                self.drop_output(run, job, decode_size(&size)?);
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
        // What comes for a job of that id later in the batch is not meant by it.
        self.surplus.retain(|(of, _)| *of != job);
        let fresh = self.fresh.keys().filter(|(of, _)| *of == job);
        let fresh: Vec<_> = fresh.copied().collect();
        self.forget(&fresh)?;
        let mut entries = Vec::new();
        let range = (&key[..], &prefix_end(&key)[..]);
        try_scan(self.store, Table::History, range, false, |key, value| {
            entries.push((job, record::decode_entry(key, value)?));
            Ok(true)
        })?;
        self.drop_outputs_of(&entries)?;
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
