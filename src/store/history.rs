//! Reading a job's history and output, beside the writer. Entries whose time is up are not shown, whether or not they
//! are gone already.

use std::time::Duration;

use super::record;
use super::{Store, StoreError, Table, prefix_end, try_scan};
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::job::run::HistoryEntry;

/// The instant before which nothing is shown, with history kept for `ttl`.
#[must_use]
pub fn shown_from(ttl: Option<Duration>, now: Timestamp) -> Timestamp {
    ttl.map_or(Timestamp::MIN, |ttl| now.minus(ttl))
}

/// The instant by which an entry's age is told.
#[must_use]
pub fn ended_at(entry: &HistoryEntry) -> Timestamp {
    match entry {
        HistoryEntry::Run(run) => run.finished_at,
        HistoryEntry::Gap(gap) => gap.last,
    }
}

/// Up to `limit` entries of a job, newest first: those with numbers below `before`, where it is given, that ended at
/// `from` or later.
///
/// # Errors
/// When the database is away or damaged.
pub fn page(
    store: &dyn Store,
    job: JobId,
    before: Option<u64>,
    limit: usize,
    from: Timestamp,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let begin = record::job_key(job);
    let end = match before {
        Some(number) => record::entry_key(job, number),
        None => prefix_end(&begin),
    };
    let mut entries = Vec::new();
    if limit == 0 {
        return Ok(entries);
    }
    try_scan(store, Table::History, (&begin, &end), true, |key, value| {
        let entry = record::decode_entry(key, value)?;
        if ended_at(&entry) >= from {
            entries.push(entry);
        }
        Ok(entries.len() < limit)
    })?;
    Ok(entries)
}

/// The entry of that number.
///
/// # Errors
/// When the database is away or damaged.
pub fn entry(
    store: &dyn Store,
    job: JobId,
    number: u64,
    from: Timestamp,
) -> Result<Option<HistoryEntry>, StoreError> {
    let key = record::entry_key(job, number);
    let Some(value) = store.get(Table::History, &key)? else {
        return Ok(None);
    };
    let entry = record::decode_entry(&key, &value)?;
    Ok((ended_at(&entry) >= from).then_some(entry))
}

/// What is kept of the output of the run of that number; none when it wrote nothing, or its output had to go.
///
/// # Errors
/// When the database is away or damaged.
pub fn output(store: &dyn Store, job: JobId, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
    store
        .get(Table::Outputs, &record::entry_key(job, number))?
        .map(|value| record::decode_output(value, &format_args!("an output of job {job}")))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::{Op, samples};

    fn numbers(entries: &[HistoryEntry]) -> Vec<u64> {
        entries.iter().map(|entry| entry.id().number()).collect()
    }

    #[test]
    fn pages_go_from_the_newest_to_the_oldest_of_one_job() {
        let store = MemoryStore::new();
        let (job, other) = (JobId::random(), JobId::random());
        for number in 1..=300 {
            for job in [job, other] {
                let entry = samples::ended_run(job, number);
                let (key, value) = (record::entry_key(job, number), record::encode_entry(&entry));
                store
                    .commit(&[Op::Put(Table::History, key, value)])
                    .unwrap();
            }
        }
        let page = |before, limit, from| page(&store, job, before, limit, from).unwrap();
        let all = Timestamp::MIN;
        assert_eq!(numbers(&page(None, 3, all)), [300, 299, 298]);
        assert_eq!(numbers(&page(Some(298), 2, all)), [297, 296]);
        assert_eq!(numbers(&page(Some(2), 9, all)), [1]);
        assert_eq!(numbers(&page(Some(0), 9, all)), [0; 0]);
        assert_eq!(numbers(&page(None, 0, all)), [0; 0]);
        assert_eq!(page(None, 1_000, all).len(), 300);

        let from = ended_at(&samples::ended_run(job, 299));
        assert_eq!(numbers(&page(None, 9, from)), [300, 299]);
        assert!(entry(&store, job, 299, from).unwrap().is_some());
        assert!(entry(&store, job, 298, from).unwrap().is_none());
        assert!(entry(&store, job, 301, all).unwrap().is_none());
    }

    #[test]
    fn time_is_up_after_the_ttl() {
        let now = Timestamp::from_unix(1_000, 0);
        assert_eq!(shown_from(None, now), Timestamp::MIN);
        assert_eq!(
            shown_from(Some(Duration::from_secs(60)), now),
            Timestamp::from_unix(940, 0)
        );
    }
}
