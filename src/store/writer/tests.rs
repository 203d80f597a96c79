//! The writer: batches, faults, and what goes when more comes.

use std::process::Command;

use crossbeam_channel::unbounded;

use super::*;
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::job::run::{HistoryEntry, RunId};
use crate::job::state::Chain;
use crate::store::change::Change;
use crate::store::conformance::rows;
use crate::store::faulty::{Faulty, away_at};
use crate::store::memory::MemoryStore;
use crate::store::relaxed::Relaxed;
use crate::store::samples::{claim, ended_run, output, unit};
use crate::store::{Op, Table, history};

const KEEP: Keep = Keep {
    history_limit: 1_000,
    history_ttl: None,
    output_total: 1_000_000,
};

/// Longer than anything here takes, so that a writer that hangs fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A writer and what it reports.
struct Desk {
    writer: Writer,
    committed: Receiver<Committed>,
}

impl Desk {
    fn new(store: Arc<dyn Store>, keep: Keep) -> Desk {
        Desk::with(
            store,
            WriterConfig {
                keep,
                persist_every: None,
            },
        )
    }

    fn with(store: Arc<dyn Store>, config: WriterConfig) -> Desk {
        let (report, committed) = unbounded();
        let writer = Writer::start(store, config, move |done| report.send(done).unwrap()).unwrap();
        Desk { writer, committed }
    }

    /// Submits a batch of units with tickets 0, 1, 2, ... and waits: a letter for each, `.` stored, `c` conflict,
    /// `a` away, `x` corrupt.
    fn store(&self, units: impl IntoIterator<Item = Vec<Change>>) -> String {
        let units: Vec<_> = units
            .into_iter()
            .enumerate()
            .map(|(i, changes)| unit(i as u64, changes))
            .collect();
        let tickets = 0..units.len() as u64;
        self.writer.submit(units);
        let done = self.committed.recv_timeout(PATIENCE).unwrap();
        assert!(
            done.outcomes
                .iter()
                .map(|(unit, _)| unit.ticket)
                .eq(tickets)
        );
        done.outcomes
            .iter()
            .map(
                |(_, outcome)| match outcome.as_ref().map_err(|error| &**error) {
                    Ok(()) => '.',
                    Err(StoreError::Conflict) => 'c',
                    Err(StoreError::Away(_)) => 'a',
                    Err(_) => 'x',
                },
            )
            .collect()
    }
}

fn job(number: u128) -> JobId {
    JobId(uuid::Uuid::from_u128(number << 64))
}

fn chain(number: u64) -> Change {
    let id = RunId::new(job(1), number, Timestamp::EPOCH);
    Change::PutChain(Chain {
        id,
        parent: None,
        rest: Vec::new(),
        together: false,
    })
}

fn insert(job: JobId, second: i64) -> Change {
    Change::InsertRun(claim(job, 1, Timestamp::from_unix(second, 0)))
}

fn ended(job: JobId, number: u64, bytes: usize) -> Change {
    let output = (bytes > 0).then(|| output(bytes));
    Change::PutHistory(job, Arc::new(ended_run(job, number)), output)
}

fn numbers(store: &dyn Store, table: Table, of: JobId) -> Vec<u64> {
    let of_job = |key: &[u8]| key.starts_with(of.0.as_bytes());
    rows(store, table)
        .into_iter()
        .filter(|(key, _)| of_job(key))
        .map(|(key, _)| u64::from_be_bytes(key[16..].try_into().unwrap()))
        .collect()
}

#[test]
fn a_batch_is_one_transaction() {
    let commits = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let counted = commits.clone();
    let store = Faulty::new(Arc::new(MemoryStore::new()), move |ops: &[Op]| {
        counted.lock().push(ops.len());
        Ok(())
    });
    let desk = Desk::new(Arc::new(store), KEEP);
    assert_eq!(
        desk.store((0..64).map(|number| vec![chain(number)])),
        ".".repeat(64)
    );
    assert_eq!(desk.store([]), "");
    assert_eq!(*commits.lock(), [64, 0]);
}

#[test]
fn a_conflict_fails_its_unit_alone_and_whole() {
    let store = Arc::new(MemoryStore::new());
    let desk = Desk::new(store.clone(), KEEP);
    assert_eq!(desk.store([vec![insert(job(1), 10)]]), ".");
    let batch = [
        vec![chain(1)],
        vec![chain(2), insert(job(1), 10), chain(3)],
        vec![insert(job(1), 11)],
        vec![insert(job(1), 11)],
        vec![chain(4)],
    ];
    assert_eq!(desk.store(batch), ".c.c.");
    assert_eq!(rows(&*store, Table::Chains).len(), 2);
    assert_eq!(rows(&*store, Table::Claims).len(), 2);
    let gone = Change::RemoveRun(claim(job(1), 9, Timestamp::from_unix(10, 0)));
    assert_eq!(desk.store([vec![gone, insert(job(1), 10)]]), ".");
}

#[test]
fn a_database_that_is_away_is_not_asked_for_each_unit() {
    for (away, outcomes, commits) in [
        (&[0][..], ".....", 6),
        (&[0, 1], "a....", 6),
        (&[0, 1, 2], "aaaaa", 3),
        (&[0, 2], ".a...", 6),
        (&[0, 3, 4], "..aaa", 5),
    ] {
        let asked = Arc::new(parking_lot::Mutex::new(0));
        let (counted, mut hook) = (asked.clone(), away_at(away));
        let inner = Arc::new(MemoryStore::new());
        let store = Faulty::new(inner.clone(), move |ops: &[Op]| {
            *counted.lock() += 1;
            hook(ops)
        });
        let desk = Desk::new(Arc::new(store), KEEP);
        assert_eq!(
            desk.store((0..5).map(|number| vec![chain(number)])),
            outcomes,
            "{away:?}"
        );
        assert_eq!(*asked.lock(), commits, "{away:?}");
        let stored = outcomes.matches('.').count();
        assert_eq!(rows(&*inner, Table::Chains).len(), stored, "{away:?}");
    }
}

#[test]
fn what_was_submitted_is_stored_before_the_writer_is_gone() {
    let store = Arc::new(MemoryStore::new());
    let desk = Desk::new(store.clone(), KEEP);
    desk.writer.submit(vec![unit(7, vec![chain(1)])]);
    drop(desk.writer);
    assert_eq!(rows(&*store, Table::Chains).len(), 1);
    assert_eq!(desk.committed.recv().unwrap().outcomes[0].0.ticket, 7);
    assert!(desk.committed.recv().is_err());
}

#[test]
fn submitting_does_not_wait_for_a_held_commit() {
    let (release, held) = unbounded::<()>();
    let store = Faulty::new(Arc::new(MemoryStore::new()), move |_: &[Op]| {
        held.recv_timeout(PATIENCE).unwrap();
        Ok(())
    });
    let desk = Desk::new(Arc::new(store), KEEP);
    desk.writer.submit(vec![unit(1, vec![chain(1)])]);
    assert!(desk.committed.is_empty());
    release.send(()).unwrap();
    assert!(
        desk.committed.recv_timeout(PATIENCE).unwrap().outcomes[0]
            .1
            .is_ok()
    );
}

#[test]
fn history_keeps_its_limit_and_the_outputs_with_it() {
    let store = Arc::new(MemoryStore::new());
    let keep = Keep {
        history_limit: 3,
        ..KEEP
    };
    let desk = Desk::new(store.clone(), keep);
    for number in 1..=5 {
        desk.store([vec![ended(job(1), number, 10)]]);
    }
    // Within one batch, too, where the store does not show the oldest yet; and a run that ends late.
    desk.store(
        [6, 7, 8, 9, 2].map(|number| vec![ended(job(1), number, 10), ended(job(2), number, 0)]),
    );
    assert_eq!(numbers(&*store, Table::History, job(1)), [2, 7, 8, 9]);
    assert_eq!(numbers(&*store, Table::Outputs, job(1)), [2, 7, 8, 9]);
    assert_eq!(rows(&*store, Table::OutputSizes).len(), 4);
    for number in 10..=16 {
        desk.store([vec![ended(job(1), number, 0)]]);
    }
    assert_eq!(
        numbers(&*store, Table::History, job(1)),
        [14, 15, 16],
        "the sweep took the late one"
    );
    assert!(rows(&*store, Table::Outputs).is_empty());
    assert!(rows(&*store, Table::OutputSizes).is_empty());
}

#[test]
fn a_lower_limit_is_reached_by_and_by() {
    let store = Arc::new(MemoryStore::new());
    let desk = Desk::new(store.clone(), KEEP);
    desk.store((1..=300).map(|number| vec![ended(job(1), number, 1)]));
    drop(desk);

    let desk = Desk::new(
        store.clone(),
        Keep {
            history_limit: 10,
            ..KEEP
        },
    );
    desk.store((301..=420).map(|number| vec![ended(job(1), number, 1)]));
    for number in 421..=500 {
        desk.store([vec![ended(job(1), number, 1)]]);
    }
    let left: Vec<_> = (491..=500).collect();
    assert_eq!(numbers(&*store, Table::History, job(1)), left);
    assert_eq!(numbers(&*store, Table::Outputs, job(1)), left);
}

#[test]
fn the_oldest_outputs_go_when_all_are_too_big_together() {
    let store = Arc::new(MemoryStore::new());
    let keep = Keep {
        output_total: 100,
        ..KEEP
    };
    let desk = Desk::new(store.clone(), keep);
    for number in 1..=4 {
        desk.store([
            vec![ended(job(1), number, 20)],
            vec![ended(job(2), number, 10)],
        ]);
    }
    // 120 bytes: the oldest 20 go.
    assert_eq!(numbers(&*store, Table::Outputs, job(1)), [2, 3, 4]);
    assert_eq!(numbers(&*store, Table::Outputs, job(2)), [1, 2, 3, 4]);
    assert_eq!(
        numbers(&*store, Table::History, job(1)).len(),
        4,
        "history stays"
    );
    desk.store([vec![ended(job(1), 5, 101)]]);
    assert_eq!(
        history::output(&*store, job(1), 5).unwrap(),
        None,
        "bigger than all may be"
    );

    // Another writer finds the same sum, and a deleted job's outputs are no longer in it.
    drop(desk);
    let desk = Desk::new(store.clone(), keep);
    desk.store([vec![Change::DeleteJob(job(1))]]);
    desk.store([vec![ended(job(2), 5, 60)]]);
    assert_eq!(numbers(&*store, Table::Outputs, job(2)), [1, 2, 3, 4, 5]);
    desk.store([vec![ended(job(2), 6, 1)]]);
    assert_eq!(numbers(&*store, Table::Outputs, job(2)), [2, 3, 4, 5, 6]);
    assert_eq!(
        history::output(&*store, job(2), 5).unwrap().unwrap(),
        vec![b'x'; 60]
    );
}

#[test]
fn a_failed_batch_does_not_count_its_outputs() {
    let store = Arc::new(MemoryStore::new());
    let faulty = Faulty::new(store.clone(), away_at(&[0, 1]));
    let desk = Desk::new(
        Arc::new(faulty),
        Keep {
            output_total: 100,
            ..KEEP
        },
    );
    assert_eq!(desk.store([vec![ended(job(1), 1, 60)]]), "a");
    assert_eq!(
        desk.store([vec![ended(job(1), 1, 60)], vec![ended(job(1), 2, 40)]]),
        ".."
    );
    assert_eq!(numbers(&*store, Table::Outputs, job(1)), [1, 2]);
}

#[test]
fn a_deleted_job_leaves_nothing_and_others_all() {
    let store = Arc::new(MemoryStore::new());
    let desk = Desk::new(store.clone(), KEEP);
    let all_of = |job: JobId| {
        let state = Box::new(crate::store::samples::busy_state());
        vec![
            Change::PutState(job, state),
            insert(job, 1),
            insert(job, 2),
            ended(job, 1, 5),
            ended(job, 2, 0),
        ]
    };
    desk.store([all_of(job(1)), all_of(job(2)), all_of(job(3))]);
    let tables = [
        Table::States,
        Table::Claims,
        Table::History,
        Table::Outputs,
        Table::OutputSizes,
    ];
    let before = tables.map(|table| rows(&*store, table).len());
    assert_eq!(before, [3, 6, 6, 3, 3]);
    // One that was there, and one whose last output comes in the same batch.
    desk.store([vec![
        Change::DeleteJob(job(1)),
        ended(job(2), 3, 5),
        Change::DeleteJob(job(2)),
    ]]);
    assert_eq!(
        tables.map(|table| rows(&*store, table).len()),
        [1, 2, 2, 1, 1]
    );
    assert_eq!(numbers(&*store, Table::History, job(3)), [1, 2]);
}

#[test]
fn pause_is_remembered() {
    let store = Arc::new(MemoryStore::new());
    let desk = Desk::new(store.clone(), KEEP);
    for (paused, rows_left) in [(true, 1), (true, 1), (false, 0), (false, 0)] {
        desk.store([vec![Change::PutPaused(paused)]]);
        assert_eq!(rows(&*store, Table::Meta).len(), rows_left);
    }
}

#[test]
fn relaxed_changes_are_acknowledged_at_once_and_written_down_later() {
    let base = Arc::new(MemoryStore::new());
    let config = |every| WriterConfig {
        keep: KEEP,
        persist_every: Some(every),
    };
    let relaxed = || Arc::new(Relaxed::new(base.clone()));

    let desk = Desk::with(relaxed(), config(Duration::from_secs(3_600)));
    assert_eq!(desk.store([vec![chain(1)]]), ".");
    assert!(rows(&*base, Table::Chains).is_empty());
    drop(desk);
    assert_eq!(
        rows(&*base, Table::Chains).len(),
        1,
        "the end writes it down"
    );

    let desk = Desk::with(relaxed(), config(Duration::from_millis(1)));
    assert_eq!(desk.store([vec![chain(2)]]), ".");
    let began = clock::monotonic();
    while rows(&*base, Table::Chains).len() < 2 {
        assert!(clock::monotonic() - began < PATIENCE);
        std::thread::yield_now();
    }
}

#[test]
fn a_panic_in_the_writer_ends_the_process() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "store::writer::tests::panics",
        ])
        .output()
        .unwrap();
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(output.status.signal(), Some(6), "{output:?}");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("the store's writer panicked"), "{words}");
}

#[test]
#[ignore = "takes its process down, and is run in one of its own"]
fn panics() {
    let config = WriterConfig {
        keep: KEEP,
        persist_every: None,
    };
    let store = Arc::new(MemoryStore::new());
    let writer = Writer::start(store, config, |_| panic!("as the test wants")).unwrap();
    writer.submit(Vec::new());
    drop(writer);
    unreachable!("the process has ended");
}

#[test]
fn gaps_are_extended_in_place() {
    let store = Arc::new(MemoryStore::new());
    let desk = Desk::new(store.clone(), KEEP);
    for count in [6, 7] {
        let mut gap = crate::store::samples::gap(job(1), 3);
        gap.count = count;
        let entry = Arc::new(HistoryEntry::Gap(gap));
        assert_eq!(
            desk.store([vec![Change::PutHistory(job(1), entry, None)]]),
            "."
        );
    }
    let entries = history::page(&*store, job(1), None, 9, Timestamp::MIN).unwrap();
    assert!(matches!(entries[..], [HistoryEntry::Gap(gap)] if gap.count == 7));
}
