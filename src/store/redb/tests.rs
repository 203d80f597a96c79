//! The redb driver: conformance, words for errors, and disks that fail.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;

use super::*;
use crate::store::conformance;
use crate::store::temp::TempDir;

fn put(key: &str, value: &[u8]) -> Op {
    Op::Put(Table::Jobs, key.into(), value.to_vec())
}

fn get(store: &dyn Store, key: &str) -> Option<Vec<u8>> {
    store.get(Table::Jobs, key.as_bytes()).unwrap()
}

#[test]
fn conforms() {
    let directory = TempDir::new();
    let mut number = 0;
    conformance::check(
        &mut || {
            number += 1;
            let path = directory.path().join(number.to_string());
            std::fs::create_dir(&path).unwrap();
            Box::new(RedbStore::open(&path).unwrap())
        },
        Some(&|store| {
            drop(store);
            let newest = std::fs::read_dir(directory.path()).unwrap().count();
            Box::new(RedbStore::open(&directory.path().join(newest.to_string())).unwrap())
        }),
    );
}

#[test]
fn the_file_is_for_its_owner_alone_and_for_one_server() {
    let directory = TempDir::new();
    let store = RedbStore::open(directory.path()).unwrap();
    let file = std::fs::metadata(directory.path().join(FILE_NAME)).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    assert_eq!(store.size_bytes(), Some(file.len()));
    let Err(StoreError::Locked(words)) = RedbStore::open(directory.path()) else {
        panic!("opened twice");
    };
    assert!(
        words.contains("is in use: another Nimesha works on it"),
        "{words}"
    );
    drop(store);
    RedbStore::open(directory.path()).unwrap();
}

#[test]
fn err_words_say_what_is_wrong_and_the_way_out() {
    let root = TempDir::new();
    let path = |name: &str| root.path().join(name);
    std::fs::create_dir(path("foreign")).unwrap();
    std::fs::write(
        path("foreign").join(FILE_NAME),
        b"this is no database\n".repeat(500),
    )
    .unwrap();
    std::fs::create_dir_all(path("folder").join(FILE_NAME)).unwrap();
    std::fs::write(path("file"), b"").unwrap();
    for (name, expected) in [
        (
            "missing",
            "does not exist; make it, or name another one with --boltpath",
        ),
        ("foreign", "is no database of Nimesha"),
        ("folder", "this is a directory"),
        ("file", "--boltpath names a file"),
    ] {
        let error = RedbStore::open(&path(name))
            .err()
            .map(|error| error.to_string());
        let words = error.unwrap_or_default();
        assert!(words.contains(expected), "{name}: {words}");
        assert!(words.contains(FILE_NAME), "{name}: {words}");
    }
    for (kind, expected) in [
        (
            std::io::ErrorKind::PermissionDenied,
            "no permission to read and write it",
        ),
        (
            std::io::ErrorKind::ReadOnlyFilesystem,
            "the file system is read-only",
        ),
    ] {
        let words = words::open_failed(Path::new("/data/nimesha.redb"), &kind.into()).to_string();
        assert!(words.contains(expected), "{words}");
    }
}

#[test]
fn a_database_that_was_not_finished_is_made_anew() {
    let directory = TempDir::new();
    let unfinished = directory.path().join("nimesha.new");
    std::fs::write(&unfinished, vec![0; 10_000]).unwrap();
    let file = File::open(&unfinished).unwrap();
    file.lock().unwrap();
    assert!(matches!(
        RedbStore::open(directory.path()),
        Err(StoreError::Locked(_))
    ));
    drop(file);
    let store = RedbStore::open(directory.path()).unwrap();
    assert!(conformance::rows(&store, Table::Jobs).is_empty());
    assert!(!unfinished.exists());
}

#[test]
fn a_file_that_goes_away_is_not_replaced_by_an_empty_one() {
    let directory = TempDir::new();
    let path = directory.path().join(FILE_NAME);
    let store = RedbStore::open(directory.path()).unwrap();
    store.commit(&[put("a", b"1")]).unwrap();
    *store.unsettled.lock() = Some(Vec::new());
    let aside = directory.path().join("aside");
    std::fs::rename(&path, &aside).unwrap();
    let words = store.commit(&[put("b", b"1")]).unwrap_err().to_string();
    assert!(words.contains("is gone"), "{words}");
    let words = store.get(Table::Jobs, b"a").unwrap_err().to_string();
    assert!(words.contains("could not be opened again yet"), "{words}");
    assert!(!path.exists());
    std::fs::rename(&aside, &path).unwrap();
    store.commit(&[put("b", b"1")]).unwrap();
    assert_eq!(get(&store, "a"), Some(b"1".to_vec()));
}

#[test]
fn kalas_database_is_noticed_and_left_alone() {
    let directory = TempDir::new();
    assert_eq!(kala_data_beside(directory.path()), None);
    let path = directory.path().join("jobdb.db");
    std::fs::write(&path, b"bolt").unwrap();
    assert_eq!(kala_data_beside(directory.path()), Some(path));
}

#[test]
fn a_file_that_is_mostly_empty_is_compacted() {
    let directory = TempDir::new();
    let store = RedbStore::open(directory.path()).unwrap();
    assert_eq!(store.compact_if_worth_it().unwrap(), None);
    let value = vec![7; 64 * 1024];
    let size = config::COMPACT_FILE_BYTES_MIN as usize / value.len();
    let keys: Vec<_> = (0..=size).map(|i| format!("{i:06}")).collect();
    for some in keys.chunks(100) {
        store
            .commit(&some.iter().map(|key| put(key, &value)).collect::<Vec<_>>())
            .unwrap();
    }
    assert_eq!(store.compact_if_worth_it().unwrap(), None, "it is full");
    store
        .commit(&[
            Op::DeletePrefix(Table::Jobs, b"0".to_vec()),
            put("kept", &value),
        ])
        .unwrap();
    let (before, after) = store.compact_if_worth_it().unwrap().expect("it is empty");
    assert!(
        before >= config::COMPACT_FILE_BYTES_MIN && after < before / 8,
        "{before} {after}"
    );
    assert_eq!(get(&store, "kept"), Some(value));
}

/// A disk that fails when it is told to: at writing, or only when it is to be certain of what was written.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    fault: Arc<Fault>,
}

#[derive(Debug, Default)]
struct Fault {
    writes: AtomicBool,
    syncs: AtomicBool,
}

impl Fault {
    fn check(fault: &AtomicBool) -> std::io::Result<()> {
        if fault.load(Ordering::Relaxed) {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> std::io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        Fault::check(&self.fault.writes)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        Fault::check(&self.fault.syncs)?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        Fault::check(&self.fault.writes)?;
        self.file.write(offset, data)
    }
}

fn open_on(directory: &Path, fault: &Arc<Fault>) -> RedbStore {
    let path = directory.join(FILE_NAME);
    let (file, fault) = (path.clone(), fault.clone());
    let opener = move || {
        let disk = Disk {
            file: FileBackend::new(
                File::options()
                    .create(true)
                    .truncate(false)
                    .read(true)
                    .write(true)
                    .open(&file)
                    .unwrap(),
            )
            .unwrap(),
            fault: fault.clone(),
        };
        Database::builder()
            .create_with_backend(disk)
            .map_err(|error| words::database_failed(&file, error))
    };
    RedbStore::with_opener(path, Box::new(opener)).unwrap()
}

#[test]
fn a_disk_that_heals_needs_no_restart() {
    let directory = TempDir::new();
    let fault = Arc::new(Fault::default());
    let store = open_on(directory.path(), &fault);
    store.commit(&[put("a", b"1"), put("gone", b"1")]).unwrap();

    fault.writes.store(true, Ordering::Relaxed);
    let words = store.commit(&[put("a", b"2")]).unwrap_err().to_string();
    assert!(words.contains("cannot be written: "), "{words}");
    assert!(
        words.ends_with("it goes on by itself when there is space"),
        "{words}"
    );
    assert_eq!(get(&store, "a"), Some(b"1".to_vec()), "reads go on");

    fault.writes.store(false, Ordering::Relaxed);
    store
        .commit(&[put("b", b"3"), Op::Delete(Table::Jobs, b"gone".to_vec())])
        .unwrap();
    assert_eq!(get(&store, "a"), Some(b"1".to_vec()));
    assert_eq!(get(&store, "b"), Some(b"3".to_vec()));
    assert_eq!(get(&store, "gone"), None);
}

#[test]
fn a_full_disk_keeps_a_file_from_being_compacted_and_from_nothing_else() {
    let directory = TempDir::new();
    let fault = Arc::new(Fault::default());
    let store = open_on(directory.path(), &fault);
    let value = vec![7; 1024 * 1024];
    let pages = config::COMPACT_FILE_BYTES_MIN / value.len() as u64 + 1;
    for page in 0..pages {
        store.commit(&[put(&format!("{page:03}"), &value)]).unwrap();
    }
    let all = Op::DeletePrefix(Table::Jobs, Vec::new());
    store.commit(&[all, put("kept", b"1")]).unwrap();
    fault.writes.store(true, Ordering::Relaxed);
    assert!(store.compact_if_worth_it().is_err());
    assert_eq!(get(&store, "kept"), Some(b"1".to_vec()));
    fault.writes.store(false, Ordering::Relaxed);
    store.commit(&[put("after", b"2")]).unwrap();
    assert_eq!(get(&store, "kept"), Some(b"1".to_vec()));
    assert_eq!(get(&store, "after"), Some(b"2".to_vec()));
}

#[test]
fn a_snapshot_does_not_keep_the_file_from_being_opened_anew() {
    let directory = TempDir::new();
    let store = RedbStore::open(directory.path()).unwrap();
    store.commit(&[put("a", b"1")]).unwrap();
    let mut snapshot = store.snapshot().unwrap().unwrap();
    *store.unsettled.lock() = Some(Vec::new());
    store.commit(&[put("b", b"2")]).unwrap();
    let read = snapshot.scan(Table::Jobs, b"", &mut |_, _| true);
    assert!(matches!(read, Err(StoreError::Away(_))), "{read:?}");
    assert_eq!(get(&store, "b"), Some(b"2".to_vec()));
}

#[test]
fn a_commit_that_failed_at_its_last_step_leaves_no_trace() {
    let directory = TempDir::new();
    let fault = Arc::new(Fault::default());
    let store = open_on(directory.path(), &fault);
    store
        .commit(&[
            put("a", b"1"),
            put("gone", b"1"),
            put("p1", b"1"),
            put("p2", b"1"),
        ])
        .unwrap();
    let before = conformance::rows(&store, Table::Jobs);

    // Written, but the disk would not say that it is certain: the file has the new rows.
    fault.syncs.store(true, Ordering::Relaxed);
    let failed = [
        put("a", b"2"),
        Op::Insert(Table::Jobs, b"new".to_vec(), b"2".to_vec()),
        put("p3", b"2"),
        Op::DeletePrefix(Table::Jobs, b"p".to_vec()),
        Op::Delete(Table::Jobs, b"gone".to_vec()),
        put("gone", b"2"),
    ];
    assert!(matches!(store.commit(&failed), Err(StoreError::Away(_))));
    assert_eq!(get(&store, "a"), Some(b"1".to_vec()));

    fault.syncs.store(false, Ordering::Relaxed);
    store.commit(&[]).unwrap();
    assert_eq!(conformance::rows(&store, Table::Jobs), before);
    drop(store);
    let store = open_on(directory.path(), &fault);
    assert_eq!(conformance::rows(&store, Table::Jobs), before);
}
