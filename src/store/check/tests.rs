//! A store that is right, and each way in which one may be wrong.

use super::*;
use crate::store::Op;
use crate::store::memory::MemoryStore;
use crate::store::samples;

fn put(table: Table, key: Vec<u8>, value: Vec<u8>) -> Op {
    Op::Put(table, key, value)
}

/// A job with all that may belong to one.
fn sound(job: &Job) -> MemoryStore {
    let run = samples::ended_run(job.id, 1);
    let key = record::job_key(job.id);
    let entry_key = record::entry_key(job.id, 1);
    let claim = samples::claim(job.id, 2, samples::NOON);
    let store = MemoryStore::new();
    let rows = [
        put(
            Table::Meta,
            record::FORMAT_KEY.to_vec(),
            record::encode_number(1),
        ),
        put(Table::Jobs, key.clone(), record::encode_job(job)),
        put(
            Table::States,
            key,
            record::encode_state(&samples::busy_state()),
        ),
        put(
            Table::Claims,
            record::run_key(&claim),
            record::encode_run(&claim),
        ),
        put(
            Table::History,
            entry_key.clone(),
            record::encode_entry(&run),
        ),
        put(Table::Outputs, entry_key, record::encode_output(b"hello")),
        put(
            Table::OutputSizes,
            record::size_key(run.id(), job.id),
            record::encode_number(5),
        ),
    ];
    store.commit(&rows).unwrap();
    store
}

#[test]
fn ok_a_sound_store_is_summed_up() {
    let store = sound(&samples::plain_job(1));
    let report = check(&store).unwrap();
    assert_eq!(report.problems, [""; 0]);
    assert_eq!((report.jobs(), report.scheduled), (1, 1));
    assert_eq!(
        (report.runs, report.open_runs, report.outputs),
        (1, 1, (1, 5))
    );
    assert_eq!(report.format, Some(1));
    assert!(report.last_end.is_some());
    assert_eq!(check(&MemoryStore::new()).unwrap(), Report::default());
}

#[test]
fn err_what_is_wrong_is_named() {
    let job = samples::plain_job(1);
    let (id, key) = (job.id, record::job_key(job.id));
    let run = samples::ended_run(id, 1).id();
    let mut child = samples::plain_job(2);
    child.spec.parents = vec![JobId::random()];
    child.linked = [1].into();
    let mut circle = job.clone();
    circle.spec.on_failure_job = Some(id);
    let stranger = record::job_key(JobId::random());
    let claim = samples::claim(id, 2, samples::NOON);
    let state = || record::encode_state(&samples::busy_state());
    let rows = [
        (
            put(Table::Jobs, key.clone(), vec![1, b'{']),
            "cannot be read",
        ),
        (
            Op::Delete(Table::Jobs, key.clone()),
            "has a state and no definition",
        ),
        (
            put(Table::States, stranger, state()),
            "has a state and no definition",
        ),
        (
            put(Table::Jobs, key.clone(), record::encode_job(&circle)),
            "for ever",
        ),
        (
            put(
                Table::Jobs,
                record::job_key(child.id),
                record::encode_job(&child),
            ),
            "which is not there",
        ),
        (
            put(
                Table::Claims,
                [&key[..], &[1; 17]].concat(),
                record::encode_run(&claim),
            ),
            "under the key of another",
        ),
        (
            put(
                Table::History,
                record::entry_key(id, 7),
                record::encode_entry(&samples::ended_run(id, 1)),
            ),
            "under the key of another",
        ),
        (
            Op::Delete(Table::Outputs, record::entry_key(id, 1)),
            "is not there",
        ),
        (
            Op::Delete(Table::OutputSizes, record::size_key(run, id)),
            "has no size",
        ),
        (
            put(
                Table::Outputs,
                record::entry_key(id, 1),
                record::encode_output(b"hell"),
            ),
            "has 4 bytes instead of 5",
        ),
        (
            put(Table::Chains, vec![7; 16], vec![1, b'x']),
            "cannot be read",
        ),
        (
            put(
                Table::Meta,
                record::FORMAT_KEY.to_vec(),
                record::encode_number(9),
            ),
            "format 9 is a newer Nimesha's",
        ),
        (
            put(Table::Meta, b"more".to_vec(), vec![]),
            "unknown row \"more\"",
        ),
        (
            Op::Delete(Table::Meta, record::FORMAT_KEY.to_vec()),
            "does not say its format",
        ),
    ];
    for (op, why) in rows {
        let store = sound(&job);
        store.commit(&[op]).unwrap();
        let report = check(&store).unwrap();
        assert!(
            report.problems.iter().any(|problem| problem.contains(why)),
            "{why}: {:?}",
            report.problems
        );
    }
}
