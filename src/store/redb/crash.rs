//! Power cuts: at each step that the disk takes, with what was not synced kept, lost or torn, the file must open again
//! and hold the acknowledged commits, and the one under way either whole or not at all.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use redb::{Database, StorageBackend};

use super::{RedbStore, words};
use crate::store::conformance::rows;
use crate::store::memory::MemoryStore;
use crate::store::{Op, Store, Table};

/// Bytes that a disk writes whole or not at all.
const SECTOR: usize = 512;
/// Commits of the workload.
const COMMITS: u64 = 12;
/// Fates of the unsynced writes tried for each step.
const SEEDS: u64 = 6;

/// A disk whose power goes after so many steps.
#[derive(Debug, Default)]
struct Disk {
    /// What reads see while the power is on.
    seen: Vec<u8>,
    /// What was there at the last sync.
    synced: Vec<u8>,
    /// What came since, in order.
    unsynced: Vec<Step>,
    steps: u64,
    steps_max: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl Step {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Step::Write(at, data) => {
                let end = at + data.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                image[*at..end].copy_from_slice(data);
            }
            Step::SetLen(len) => image.resize(*len, 0),
        }
    }
}

impl Disk {
    fn new(image: Vec<u8>, steps_max: u64) -> Disk {
        Disk {
            seen: image.clone(),
            synced: image,
            steps_max,
            ..Disk::default()
        }
    }

    fn step(&mut self, step: Option<Step>) -> io::Result<()> {
        self.steps += 1;
        self.check_power()?;
        match step {
            Some(step) => {
                step.apply(&mut self.seen);
                self.unsynced.push(step);
            }
            None => {
                self.synced.clone_from(&self.seen);
                self.unsynced.clear();
            }
        }
        Ok(())
    }

    fn check_power(&self) -> io::Result<()> {
        if self.steps > self.steps_max {
            return Err(io::Error::other("the power is off"));
        }
        Ok(())
    }

    /// What is found when the power is back: of each unsynced write all, nothing, or some sectors.
    fn after_the_cut(&self, seed: u64) -> Vec<u8> {
        let mut random = Random(seed);
        let mut image = self.synced.clone();
        for step in &self.unsynced {
            match (random.next() % 3, step) {
                (0, _) => {}
                (1, Step::Write(at, data)) => {
                    for (i, sector) in data.chunks(SECTOR).enumerate() {
                        if random.next().is_multiple_of(2) {
                            Step::Write(at + i * SECTOR, sector.to_vec()).apply(&mut image);
                        }
                    }
                }
                _ => step.apply(&mut image),
            }
        }
        image
    }
}

/// Sebastiano Vigna's SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Disk>>);

impl StorageBackend for Shared {
    fn len(&self) -> io::Result<u64> {
        let disk = self.0.lock();
        disk.check_power()?;
        Ok(disk.seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let disk = self.0.lock();
        disk.check_power()?;
        let from = offset as usize;
        let bytes = disk.seen.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().step(Some(Step::SetLen(len as usize)))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.lock().step(None)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let step = Step::Write(offset as usize, data.to_vec());
        self.0.lock().step(Some(step))
    }
}

fn open(disk: Disk) -> (Shared, Result<RedbStore, crate::store::StoreError>) {
    let disk = Shared(Arc::new(Mutex::new(disk)));
    let (path, backend) = (PathBuf::from("nimesha.redb"), disk.clone());
    let opener = move || {
        Database::builder()
            .create_with_backend(backend.clone())
            .map_err(|error| words::database_failed(&PathBuf::from("nimesha.redb"), error))
    };
    (disk, RedbStore::with_opener(path, Box::new(opener)))
}

/// A commit as the writer makes them: rows new, changed and gone in several tables, small and big.
fn batch(number: u64) -> Vec<Op> {
    let key = |number: u64| number.to_be_bytes().to_vec();
    let mut ops = vec![
        Op::Put(Table::States, b"counter".to_vec(), key(number)),
        Op::Insert(Table::Claims, key(number), vec![number as u8; 100]),
        Op::Delete(Table::Claims, key(number.wrapping_sub(1))),
        Op::Put(
            Table::Outputs,
            key(number),
            vec![number as u8; 3_000 * number as usize],
        ),
    ];
    ops.extend((0..20).map(|i| {
        Op::Put(
            Table::History,
            [key(number % 4), key(i)].concat(),
            key(number),
        )
    }));
    if number % 4 == 3 {
        ops.push(Op::DeletePrefix(Table::History, key(number % 3)));
        ops.push(Op::DeletePrefix(Table::Outputs, Vec::new()));
    }
    ops
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn all_rows(store: &dyn Store) -> Vec<Rows> {
    Table::ALL
        .into_iter()
        .map(|table| rows(store, table))
        .collect()
}

/// The commits that were acknowledged before the power went.
fn commit_until_the_cut(store: &RedbStore) -> u64 {
    (0..COMMITS)
        .take_while(|number| store.commit(&batch(*number)).is_ok())
        .count() as u64
}

#[test]
fn a_power_cut_at_any_step_loses_no_acknowledged_commit_and_halves_none() {
    let model = MemoryStore::new();
    let mut expected = vec![all_rows(&model)];
    for number in 0..COMMITS {
        model.commit(&batch(number)).unwrap();
        expected.push(all_rows(&model));
    }

    let (disk, store) = open(Disk::new(Vec::new(), u64::MAX));
    let store = store.unwrap();
    let steps_of_making = disk.0.lock().steps;
    assert_eq!(commit_until_the_cut(&store), COMMITS);
    let steps = disk.0.lock().steps;
    drop(store);
    assert!(steps > steps_of_making + 3 * COMMITS, "{steps}");

    // An empty database has its name only when it is whole, so the cuts begin after it.
    for cut in steps_of_making..=steps {
        let (disk, store) = open(Disk::new(Vec::new(), cut));
        let acknowledged = store.as_ref().map_or(0, commit_until_the_cut);
        drop(store);
        for seed in 0..SEEDS {
            let image = disk.0.lock().after_the_cut(cut * SEEDS + seed);
            check(
                image,
                acknowledged,
                &expected,
                &format!("cut at step {cut} of {steps}, seed {seed}"),
            );
        }
    }
}

fn check(image: Vec<u8>, acknowledged: u64, expected: &[Vec<Rows>], when: &str) {
    let (_, store) = open(Disk::new(image, u64::MAX));
    let store = store.unwrap_or_else(|error| panic!("{when}: {error}"));
    let found = all_rows(&store);
    let under_way = expected.get(acknowledged as usize + 1);
    let whole = found == expected[acknowledged as usize] || Some(&found) == under_way;
    assert!(whole, "{when}: not what {acknowledged} commits leave");
    let next = Op::Put(Table::Meta, b"next".to_vec(), Vec::new());
    store
        .commit(&[next])
        .unwrap_or_else(|error| panic!("{when}: {error}"));
}
