//! What a batch comes to: of the operations on a key only the last one counts, and whether the key had to be new.
//!
//! So ten thousand operations in any order become at most four statements a table, or a few more where they would be long.

use std::collections::BTreeMap;

use super::{Row, Step};
use crate::config;
use crate::store::{Op, StoreError, Table, prefix_end};

/// The operations of a batch, by table and key.
pub(super) struct Batch<'a> {
    tables: [Changes<'a>; Table::ALL.len()],
}

#[derive(Default)]
struct Changes<'a> {
    keys: BTreeMap<&'a [u8], Fate<'a>>,
    /// Prefixes whose rows are removed.
    swept: Vec<&'a [u8]>,
}

/// What becomes of a key.
#[derive(Clone, Copy, Default)]
struct Fate<'a> {
    /// It must not exist before the batch.
    is_new: bool,
    /// It is removed with a prefix after that.
    is_swept: bool,
    /// Its value in the end.
    value: Option<&'a [u8]>,
}

impl<'a> Batch<'a> {
    /// Adds up the operations, or finds that two of them are in conflict.
    pub(super) fn of(ops: &'a [Op]) -> Result<Batch<'a>, StoreError> {
        let mut tables: [Changes<'a>; Table::ALL.len()] = Default::default();
        for op in ops {
            match op {
                Op::Put(table, key, value) => {
                    tables[*table as usize].set(key, Some(value));
                }
                Op::Insert(table, key, value) => tables[*table as usize].insert(key, value)?,
                Op::Delete(table, key) => tables[*table as usize].set(key, None),
                Op::DeletePrefix(table, prefix) => tables[*table as usize].sweep(prefix),
            }
        }
        Ok(Batch { tables })
    }

    /// Looks at all rows that will be written over or removed, and then [`writes`](Self::writes).
    pub(super) fn steps(&self) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        for (table, changes) in self.changed() {
            let old = changes.keys.iter().filter(|(_, fate)| !fate.is_new);
            push_keys(&mut steps, old.map(|(key, _)| *key), |keys| {
                Step::Look(table, keys)
            });
            let swept = changes.swept.iter();
            steps.extend(swept.map(|prefix| Step::LookRange(table, prefix, prefix_end(prefix))));
        }
        steps.extend(self.writes());
        steps
    }

    /// The changes themselves.
    pub(super) fn writes(&self) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        for (table, changes) in self.changed() {
            let fates = || changes.keys.iter().map(|(key, fate)| (*key, *fate));
            let new = fates().filter(|(_, fate)| fate.is_new);
            let new = new.map(|(key, fate)| (key, fate.value.unwrap_or_default()));
            push_rows(&mut steps, new, |rows| Step::Insert(table, rows));
            let swept = changes.swept.iter();
            steps.extend(swept.map(|prefix| Step::DeleteRange(table, prefix, prefix_end(prefix))));
            let gone = fates().filter(|(_, fate)| fate.value.is_none());
            push_keys(&mut steps, gone.map(|(key, _)| key), |keys| {
                Step::Delete(table, keys)
            });
            let put = fates().filter(|(_, fate)| !fate.is_new || fate.is_swept);
            let put = put.filter_map(|(key, fate)| Some((key, fate.value?)));
            push_rows(&mut steps, put, |rows| Step::Put(table, rows));
        }
        steps
    }

    /// The operations that undo it, by what stood there before.
    pub(super) fn put_back(&self, before: Vec<(Table, Row)>) -> Vec<Op> {
        let keys = |(table, changes): (Table, &Changes<'a>)| {
            let keys: Vec<_> = changes.keys.keys().map(|key| key.to_vec()).collect();
            keys.into_iter().map(move |key| Op::Delete(table, key))
        };
        let mut ops: Vec<Op> = self.changed().flat_map(keys).collect();
        ops.extend(
            before
                .into_iter()
                .map(|(table, (key, value))| Op::Put(table, key, value)),
        );
        ops
    }

    fn changed(&self) -> impl Iterator<Item = (Table, &Changes<'a>)> {
        Table::ALL.into_iter().zip(&self.tables)
    }
}

impl<'a> Changes<'a> {
    fn set(&mut self, key: &'a [u8], value: Option<&'a [u8]>) {
        self.keys.entry(key).or_default().value = value;
    }

    fn insert(&mut self, key: &'a [u8], value: &'a [u8]) -> Result<(), StoreError> {
        let is_absent = self.swept.iter().any(|prefix| key.starts_with(prefix));
        let fate = self.keys.entry(key).or_insert(Fate {
            is_new: !is_absent,
            ..Fate::default()
        });
        if fate.value.is_some() {
            return Err(StoreError::Conflict);
        }
        fate.value = Some(value);
        Ok(())
    }

    fn sweep(&mut self, prefix: &'a [u8]) {
        let behind = self.keys.range_mut(prefix..);
        for (_, fate) in behind.take_while(|(key, _)| key.starts_with(prefix)) {
            fate.value = None;
            fate.is_swept = true;
        }
        self.swept.push(prefix);
    }
}

/// Looks at the rows of these keys.
pub(super) fn looks<'a>(table: Table, keys: impl Iterator<Item = &'a [u8]>) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    push_keys(&mut steps, keys, |keys| Step::Look(table, keys));
    steps
}

fn push_keys<'a>(
    steps: &mut Vec<Step<'a>>,
    keys: impl Iterator<Item = &'a [u8]>,
    step: impl Fn(Vec<&'a [u8]>) -> Step<'a>,
) {
    push_pieces(steps, keys, |key| key.len(), step);
}

fn push_rows<'a>(
    steps: &mut Vec<Step<'a>>,
    rows: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    step: impl Fn(Vec<(&'a [u8], &'a [u8])>) -> Step<'a>,
) {
    push_pieces(steps, rows, |(key, value)| key.len() + value.len(), step);
}

/// In pieces of which none is long for the database, unless it is a single row.
fn push_pieces<'a, T>(
    steps: &mut Vec<Step<'a>>,
    items: impl Iterator<Item = T>,
    bytes_of: impl Fn(&T) -> usize,
    step: impl Fn(Vec<T>) -> Step<'a>,
) {
    let (mut piece, mut bytes) = (Vec::new(), 0);
    for item in items {
        let more = bytes_of(&item);
        let is_full = piece.len() == config::JOBDB_STATEMENT_ROWS_MAX
            || bytes + more > config::JOBDB_STATEMENT_BYTES_MAX;
        if is_full && !piece.is_empty() {
            steps.push(step(std::mem::take(&mut piece)));
            bytes = 0;
        }
        bytes += more;
        piece.push(item);
    }
    if !piece.is_empty() {
        steps.push(step(piece));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOBS: Table = Table::Jobs;

    fn put(key: &str) -> Op {
        Op::Put(JOBS, key.into(), b"p".to_vec())
    }

    fn insert(key: &str) -> Op {
        Op::Insert(JOBS, key.into(), b"i".to_vec())
    }

    fn delete(key: &str) -> Op {
        Op::Delete(JOBS, key.into())
    }

    fn sweep(prefix: &str) -> Op {
        Op::DeletePrefix(JOBS, prefix.into())
    }

    /// The writes in short: each kind's first letter, and its keys.
    fn told(ops: &[Op]) -> String {
        let batch = match Batch::of(ops) {
            Ok(batch) => batch,
            Err(error) => return error.to_string(),
        };
        let text = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
        let rows = |rows: Vec<(&[u8], &[u8])>| -> String {
            let rows = rows.into_iter();
            rows.map(|(key, value)| format!(" {}={}", text(key), text(value)))
                .collect()
        };
        let steps = batch.writes().into_iter().map(|step| match step {
            Step::Insert(_, new) => format!("insert{}", rows(new)),
            Step::Put(_, put) => format!("put{}", rows(put)),
            Step::Delete(_, keys) => {
                let keys: String = keys
                    .into_iter()
                    .map(|key| format!(" {}", text(key)))
                    .collect();
                format!("delete{keys}")
            }
            Step::DeleteRange(_, from, to) => format!("sweep {}..{}", text(from), text(&to)),
            step => panic!("no write: {step:?}"),
        });
        steps.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn ok_the_last_operation_on_a_key_counts() {
        for (ops, expected) in [
            (&[][..], ""),
            (&[put("a"), put("b"), put("a")], "put a=p b=p"),
            (&[put("a"), delete("a")], "delete a"),
            (&[delete("a"), insert("a")], "put a=i"),
            (&[insert("a"), put("a")], "insert a=p"),
            (&[insert("a"), delete("a")], "insert a=, delete a"),
            (
                &[insert("b"), delete("a"), put("c")],
                "insert b=i, delete a, put c=p",
            ),
            (
                &[put("pa"), sweep("p"), put("q")],
                "sweep p..q, delete pa, put q=p",
            ),
            (&[sweep("p"), insert("pa")], "sweep p..q, put pa=i"),
            (
                &[insert("pa"), sweep("p"), insert("pa")],
                "insert pa=i, sweep p..q, put pa=i",
            ),
            (
                &[insert("pa"), sweep("p")],
                "insert pa=, sweep p..q, delete pa",
            ),
        ] {
            assert_eq!(told(ops), expected, "{ops:?}");
        }
    }

    #[test]
    fn err_a_key_is_not_new_twice() {
        let conflict = StoreError::Conflict.to_string();
        for ops in [[insert("a"), insert("a")], [put("a"), insert("a")]] {
            assert_eq!(told(&ops), conflict, "{ops:?}");
        }
        assert_eq!(told(&[sweep(""), insert("a"), insert("a")]), conflict);
    }

    #[test]
    fn what_is_written_over_is_looked_at_and_can_be_put_back() {
        let ops = [insert("new"), put("old"), delete("gone"), sweep("p")];
        let batch = Batch::of(&ops).unwrap();
        let steps = batch.steps();
        assert_eq!(steps[0], Step::Look(JOBS, vec![b"gone", b"old"]));
        assert_eq!(steps[1], Step::LookRange(JOBS, b"p", b"q".to_vec()));
        let found = |key: &str| (JOBS, (key.as_bytes().to_vec(), b"before".to_vec()));
        let back = batch.put_back(vec![found("old"), found("gone"), found("pa")]);
        let back = told(&back);
        assert_eq!(back, "delete new, put gone=before old=before pa=before");
    }

    #[test]
    fn long_writes_go_in_pieces() {
        let big = vec![0; config::JOBDB_STATEMENT_BYTES_MAX / 2];
        let ops: Vec<_> = (0..3_u8)
            .map(|key| Op::Put(JOBS, vec![key], big.clone()))
            .collect();
        assert_eq!(Batch::of(&ops).unwrap().writes().len(), 3);
        let many = 2 * config::JOBDB_STATEMENT_ROWS_MAX as u32 + 1;
        let ops: Vec<_> = (0..many)
            .map(|key| Op::Delete(JOBS, key.to_be_bytes().to_vec()))
            .collect();
        assert_eq!(Batch::of(&ops).unwrap().writes().len(), 3);
    }
}
