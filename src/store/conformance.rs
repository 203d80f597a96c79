//! What each driver must do, as one suite that all of them pass.

#[cfg(any(feature = "redis", feature = "postgres", feature = "mysql"))]
mod lease;

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Op, Store, StoreError, Table};
#[cfg(any(feature = "redis", feature = "postgres", feature = "mysql"))]
pub(crate) use lease::check_lease;

/// Makes an empty store.
pub(crate) type Fresh<'a> = &'a mut dyn FnMut() -> Box<dyn Store>;
/// Closes a store and opens it again, where the driver is durable.
pub(crate) type Reopen<'a> = &'a dyn Fn(Box<dyn Store>) -> Box<dyn Store>;

/// Runs the suite.
pub(crate) fn check(fresh: Fresh<'_>, reopen: Option<Reopen<'_>>) {
    let checks: [fn(&dyn Store); 11] = [
        rows_are_put_replaced_and_deleted,
        tables_do_not_touch_each_other,
        a_conflict_leaves_nothing,
        operations_apply_in_order,
        ranges_have_their_begin_and_not_their_end,
        a_scan_ends_when_told,
        prefixes_are_deleted_whole_and_nothing_beside,
        empty_and_big_values_come_back,
        ten_thousand_operations_are_one_batch,
        readers_see_one_instant,
        a_snapshot_stays_as_it_is,
    ];
    for check in checks {
        check(&*fresh());
    }
    if let Some(reopen) = reopen {
        acknowledged_batches_outlive_the_store(fresh(), reopen);
    }
}

/// All rows of a table.
pub(crate) fn rows(store: &dyn Store, table: Table) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    store
        .scan(table, b"", b"", false, &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            true
        })
        .unwrap();
    rows
}

fn keys(store: &dyn Store, from: &[u8], to: &[u8], reverse: bool) -> Vec<String> {
    let mut keys = Vec::new();
    store
        .scan(Table::Jobs, from, to, reverse, &mut |key, _| {
            keys.push(String::from_utf8_lossy(key).into_owned());
            true
        })
        .unwrap();
    keys
}

fn put(key: &str, value: &str) -> Op {
    Op::Put(Table::Jobs, key.into(), value.into())
}

fn insert(key: &str, value: &str) -> Op {
    Op::Insert(Table::Jobs, key.into(), value.into())
}

fn delete(key: &str) -> Op {
    Op::Delete(Table::Jobs, key.into())
}

fn get(store: &dyn Store, key: &str) -> Option<String> {
    let value = store.get(Table::Jobs, key.as_bytes()).unwrap();
    value.map(|value| String::from_utf8(value).unwrap())
}

fn rows_are_put_replaced_and_deleted(store: &dyn Store) {
    assert_eq!(get(store, "a"), None);
    store.commit(&[]).unwrap();
    store.commit(&[put("a", "1")]).unwrap();
    assert_eq!(get(store, "a").as_deref(), Some("1"));
    store.commit(&[put("a", "2")]).unwrap();
    assert_eq!(get(store, "a").as_deref(), Some("2"));
    store.commit(&[delete("a"), delete("never there")]).unwrap();
    assert_eq!(get(store, "a"), None);
}

fn tables_do_not_touch_each_other(store: &dyn Store) {
    for table in Table::ALL {
        let op = Op::Insert(table, b"same".to_vec(), table.name().into());
        store.commit(&[op]).unwrap();
    }
    store
        .commit(&[Op::DeletePrefix(Table::History, Vec::new())])
        .unwrap();
    for table in Table::ALL {
        let expected = (table != Table::History).then(|| table.name().into());
        assert_eq!(store.get(table, b"same").unwrap(), expected);
    }
}

fn a_conflict_leaves_nothing(store: &dyn Store) {
    store
        .commit(&[put("a", "old"), put("p1", "old"), put("b", "old")])
        .unwrap();
    let batch = [
        put("a", "new"),
        delete("b"),
        put("c", "new"),
        Op::DeletePrefix(Table::Jobs, b"p".to_vec()),
        Op::Put(Table::States, b"s".to_vec(), b"new".to_vec()),
        insert("a", "conflict"),
        put("d", "new"),
    ];
    assert!(matches!(store.commit(&batch), Err(StoreError::Conflict)));
    assert_eq!(keys(store, b"", b"", false), ["a", "b", "p1"]);
    assert_eq!(get(store, "a").as_deref(), Some("old"));
    assert_eq!(store.get(Table::States, b"s").unwrap(), None);
    store.commit(&[put("d", "after")]).unwrap();
    assert_eq!(get(store, "d").as_deref(), Some("after"));
}

fn operations_apply_in_order(store: &dyn Store) {
    store.commit(&[put("a", "1"), put("pa", "1")]).unwrap();
    let batch = [
        delete("a"),
        insert("a", "2"),
        put("pb", "2"),
        Op::DeletePrefix(Table::Jobs, b"p".to_vec()),
        insert("pa", "3"),
    ];
    store.commit(&batch).unwrap();
    assert_eq!(get(store, "a").as_deref(), Some("2"));
    assert_eq!(keys(store, b"p", b"", false), ["pa"]);
    let twice = [insert("x", "1"), insert("x", "2")];
    assert!(matches!(store.commit(&twice), Err(StoreError::Conflict)));
    assert_eq!(get(store, "x"), None);
}

fn ranges_have_their_begin_and_not_their_end(store: &dyn Store) {
    let batch: Vec<_> = ["b", "a", "ab", "c", "", "aa"]
        .iter()
        .map(|key| put(key, ""))
        .collect();
    store.commit(&batch).unwrap();
    for (from, to, expected) in [
        ("", "", &["", "a", "aa", "ab", "b", "c"][..]),
        ("a", "b", &["a", "aa", "ab"]),
        ("aa", "", &["aa", "ab", "b", "c"]),
        ("a\u{1}", "ab", &["aa"]),
        ("b", "b", &[]),
        ("c", "a", &[]),
        ("x", "", &[]),
    ] {
        let forward = keys(store, from.as_bytes(), to.as_bytes(), false);
        assert_eq!(forward, expected, "{from}..{to}");
        let mut backward = keys(store, from.as_bytes(), to.as_bytes(), true);
        backward.reverse();
        assert_eq!(backward, expected, "{from}..{to}, backwards");
    }
}

fn a_scan_ends_when_told(store: &dyn Store) {
    let batch: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .map(|key| put(key, ""))
        .collect();
    store.commit(&batch).unwrap();
    for (reverse, expected) in [(false, ["a", "b"]), (true, ["d", "c"])] {
        let mut seen = Vec::new();
        store
            .scan(Table::Jobs, b"", b"", reverse, &mut |key, _| {
                seen.push(key.to_vec());
                seen.len() < 2
            })
            .unwrap();
        assert_eq!(seen, expected.map(|key| key.as_bytes().to_vec()));
    }
}

fn prefixes_are_deleted_whole_and_nothing_beside(store: &dyn Store) {
    let all: [&[u8]; 6] = [
        b"\x01",
        b"\x01\xff",
        b"\x01\xff\x00",
        b"\x01\xff\xff",
        b"\x02",
        b"\xff\xff\x07",
    ];
    let batch: Vec<_> = all
        .iter()
        .map(|key| Op::Put(Table::Claims, key.to_vec(), vec![1]))
        .collect();
    store.commit(&batch).unwrap();
    let delete = |prefix: &[u8]| store.commit(&[Op::DeletePrefix(Table::Claims, prefix.to_vec())]);
    let left = || -> Vec<_> {
        rows(store, Table::Claims)
            .into_iter()
            .map(|row| row.0)
            .collect()
    };
    delete(b"\x01\xff").unwrap();
    assert_eq!(left(), [&b"\x01"[..], b"\x02", b"\xff\xff\x07"]);
    delete(b"\xff\xff").unwrap();
    delete(b"nothing").unwrap();
    assert_eq!(left(), [&b"\x01"[..], b"\x02"]);
    delete(b"").unwrap();
    assert!(left().is_empty());
}

fn empty_and_big_values_come_back(store: &dyn Store) {
    let big: Vec<u8> = (0..1024 * 1024_u32).map(|i| (i % 251) as u8).collect();
    let batch = [
        Op::Put(Table::Outputs, b"empty".to_vec(), Vec::new()),
        Op::Put(Table::Outputs, b"big".to_vec(), big.clone()),
        Op::Put(Table::Outputs, Vec::new(), b"empty key".to_vec()),
    ];
    store.commit(&batch).unwrap();
    assert_eq!(
        store.get(Table::Outputs, b"empty").unwrap(),
        Some(Vec::new())
    );
    assert_eq!(
        store.get(Table::Outputs, b"").unwrap(),
        Some(b"empty key".to_vec())
    );
    assert!(store.get(Table::Outputs, b"big").unwrap() == Some(big));
}

fn ten_thousand_operations_are_one_batch(store: &dyn Store) {
    let key = |i: u32| i.to_be_bytes().to_vec();
    let mut batch: Vec<_> = (0..10_000)
        .map(|i| Op::Insert(Table::History, key(i), vec![0; 20]))
        .collect();
    store.commit(&batch).unwrap();
    assert_eq!(rows(store, Table::History).len(), 10_000);
    batch.push(Op::Insert(Table::History, key(0), Vec::new()));
    batch.rotate_right(1);
    store
        .commit(&[Op::DeletePrefix(Table::History, Vec::new())])
        .unwrap();
    assert!(matches!(store.commit(&batch), Err(StoreError::Conflict)));
    assert!(rows(store, Table::History).is_empty());
}

/// Each commit gives all rows of two tables the same number: whoever sees two numbers saw half a commit.
fn readers_see_one_instant(store: &dyn Store) {
    const ROWS: u8 = 50;
    let commit = |number: u8| {
        let batch: Vec<_> = (0..ROWS)
            .map(|row| Op::Put(Table::States, vec![row], vec![number]))
            .collect();
        store.commit(&batch).unwrap();
    };
    commit(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                let mut newest = 0;
                while !done.load(Ordering::Relaxed) {
                    let seen = rows(store, Table::States);
                    let number = seen[0].1[0];
                    assert!(seen.iter().all(|(_, value)| *value == [number]), "{seen:?}");
                    assert!(number >= newest, "{number} came after {newest}");
                    newest = number;
                }
            });
        }
        for number in 1..=100 {
            commit(number);
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn a_snapshot_stays_as_it_is(store: &dyn Store) {
    store.commit(&[put("a", "1"), put("b", "1")]).unwrap();
    let Some(mut snapshot) = store.snapshot().unwrap() else {
        return;
    };
    let before = rows(store, Table::Jobs);
    let batch = [put("a", "2"), delete("b"), put("c", "2")];
    store.commit(&batch).unwrap();
    for (from, expected) in [(&b""[..], &before[..]), (b"b", &before[1..]), (b"c", &[])] {
        let mut seen = Vec::new();
        snapshot
            .scan(Table::Jobs, from, &mut |key, value| {
                seen.push((key.to_vec(), value.to_vec()));
                true
            })
            .unwrap();
        assert_eq!(seen, expected);
    }
}

fn acknowledged_batches_outlive_the_store(store: Box<dyn Store>, reopen: Reopen<'_>) {
    store
        .commit(&[put("a", "1"), put("b", "1"), put("c", "1")])
        .unwrap();
    store.commit(&[put("b", "2"), delete("c")]).unwrap();
    let store = reopen(store);
    assert_eq!(keys(&*store, b"", b"", false), ["a", "b"]);
    assert_eq!(get(&*store, "b").as_deref(), Some("2"));
    assert!(matches!(
        store.commit(&[insert("a", "2")]),
        Err(StoreError::Conflict)
    ));
    store.commit(&[insert("c", "3")]).unwrap();
    let store = reopen(store);
    assert_eq!(get(&*store, "c").as_deref(), Some("3"));
}
