//! What a server reads when it starts: everything but history and output.

use super::change::Loaded;
use super::record;
use super::{Op, Store, StoreError, Table, try_scan};
use crate::job::state::JobState;
use crate::schedule::Zone;

/// Makes sure that this program understands the database, and marks an empty one as its own. Says whether it was empty.
///
/// # Errors
/// When a newer version arranged it, or it is not Nimesha's.
pub fn prepare(store: &dyn Store) -> Result<bool, StoreError> {
    if let Some(value) = store.get(Table::Meta, record::FORMAT_KEY)? {
        let format = record::decode_number(&value, &"the format of the database")?;
        return if format <= u64::from(record::FORMAT) {
            Ok(false)
        } else {
            Err(StoreError::Corrupt(format!(
                "the database has format {format}, made by a newer Nimesha; this one knows up to {}: start that newer \
                 version again, or restore a backup from before the upgrade",
                record::FORMAT
            )))
        };
    }
    for table in Table::ALL {
        let mut rows = 0;
        store.scan(table, b"", b"", false, &mut |_, _| {
            rows += 1;
            false
        })?;
        if rows > 0 {
            return Err(StoreError::Corrupt(format!(
                "the database has rows in {} but does not say its format: it is damaged or not Nimesha's, or was filled by \
                 half; empty it, and restore a backup into it",
                table.name()
            )));
        }
    }
    let format = record::encode_number(u64::from(record::FORMAT));
    store.commit(&[Op::Put(Table::Meta, record::FORMAT_KEY.to_vec(), format)])?;
    Ok(true)
}

/// Reads all that the scheduler starts from. Schedules without a zone of their own are meant in `server_zone`.
///
/// # Errors
/// When the database is away, or something in it cannot be read: a job that cannot be read is named, and never left out.
pub fn load(store: &dyn Store, server_zone: Zone) -> Result<Loaded, StoreError> {
    let mut loaded = Loaded {
        paused: store.get(Table::Meta, record::PAUSED_KEY)?.is_some(),
        ..Loaded::default()
    };
    each_row(store, Table::Jobs, |key, value| {
        let job = record::decode_job(key, value, server_zone)?;
        let state = JobState::of_new(&job);
        loaded.jobs.push((job, state));
        Ok(())
    })?;
    load_states(store, &mut loaded)?;
    each_row(store, Table::Claims, |key, value| {
        loaded.open_runs.push(record::decode_run(key, value)?);
        Ok(())
    })?;
    each_row(store, Table::Chains, |key, value| {
        loaded.chains.push(record::decode_chain(key, value)?);
        Ok(())
    })?;
    // Sorts the places and then moves each job once: they are big.
    loaded.jobs.sort_by_cached_key(|(job, _)| job.seq);
    Ok(loaded)
}

/// Definitions and states stand in the same order: they are walked side by side. A job to which nothing has happened yet
/// has no state.
fn load_states(store: &dyn Store, loaded: &mut Loaded) -> Result<(), StoreError> {
    let mut jobs = loaded.jobs.iter_mut();
    each_row(store, Table::States, |key, value| {
        let id = record::job_of_key(key)?;
        let state = record::decode_state(id, value)?;
        match jobs.find(|(job, _)| job.id >= id) {
            Some((job, slot)) if job.id == id => *slot = state,
            _ => {
                return Err(StoreError::Corrupt(format!(
                    "job {id} has no definition: the database is damaged, restore it from a backup"
                )));
            }
        }
        Ok(())
    })
}

fn each_row(
    store: &dyn Store,
    table: Table,
    mut take: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    try_scan(store, table, (b"", b""), false, |key, value| {
        take(key, value).map(|()| true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Job;
    use crate::store::memory::MemoryStore;
    use crate::store::samples;

    fn put(store: &dyn Store, table: Table, key: Vec<u8>, value: Vec<u8>) {
        store.commit(&[Op::Put(table, key, value)]).unwrap();
    }

    fn message(store: &dyn Store) -> String {
        load(store, Zone::UTC).unwrap_err().to_string()
    }

    #[test]
    fn ok_an_empty_database_is_made_ours_once() {
        let store = MemoryStore::new();
        assert!(prepare(&store).unwrap());
        assert!(!prepare(&store).unwrap());
        let loaded = load(&store, Zone::UTC).unwrap();
        assert!(loaded.jobs.is_empty() && !loaded.paused);
    }

    #[test]
    fn err_a_newer_format_and_a_foreign_database_are_refused() {
        let store = MemoryStore::new();
        put(
            &store,
            Table::Meta,
            b"format".to_vec(),
            record::encode_number(2),
        );
        let error = prepare(&store).unwrap_err().to_string();
        assert!(
            error.starts_with("the database has format 2, made by a newer Nimesha"),
            "{error}"
        );

        let store = MemoryStore::new();
        put(&store, Table::Claims, b"x".to_vec(), vec![]);
        let error = prepare(&store).unwrap_err().to_string();
        assert!(
            error.starts_with("the database has rows in claims but"),
            "{error}"
        );
    }

    #[test]
    fn ok_jobs_come_back_in_order_of_creation_with_their_states() {
        let store = MemoryStore::new();
        let jobs: Vec<_> = (0..50).map(samples::plain_job).collect();
        let has_run = |job: &Job| !job.seq.is_multiple_of(3);
        for job in &jobs {
            let (key, row) = (record::job_key(job.id), record::encode_job(job));
            put(&store, Table::Jobs, key.clone(), row);
            let mut state = samples::busy_state();
            state.next_number = job.seq + 1;
            if has_run(job) {
                put(&store, Table::States, key, record::encode_state(&state));
            }
        }
        put(
            &store,
            Table::Meta,
            record::PAUSED_KEY.to_vec(),
            record::encode_number(1),
        );
        let loaded = load(&store, Zone::UTC).unwrap();
        assert!(loaded.paused);
        assert_eq!(loaded.jobs.len(), jobs.len());
        for ((job, state), expected) in loaded.jobs.iter().zip(&jobs) {
            let next_number = if has_run(job) { job.seq + 1 } else { 1 };
            assert_eq!((job, state.next_number), (expected, next_number));
        }
    }

    #[test]
    fn err_what_cannot_be_read_is_named() {
        let job = samples::plain_job(1);
        let key = record::job_key(job.id);
        let state = record::encode_state(&samples::busy_state());

        let store = MemoryStore::new();
        put(&store, Table::Jobs, key.clone(), record::encode_job(&job));
        put(&store, Table::States, key.clone(), vec![9, b'{', b'}']);
        let error = message(&store);
        assert!(
            error.starts_with(&format!(
                "the state of job {} was written by a newer Nimesha",
                job.id
            )),
            "{error}"
        );

        put(&store, Table::States, key.clone(), state);
        put(&store, Table::Jobs, key.clone(), b"\x01{\"seq\":1".to_vec());
        let error = message(&store);
        assert!(
            error.starts_with(&format!(
                "the definition of job {} cannot be read: ",
                job.id
            )),
            "{error}"
        );

        store.commit(&[Op::Delete(Table::Jobs, key)]).unwrap();
        assert!(message(&store).starts_with(&format!("job {} has no definition", job.id)));
    }
}
