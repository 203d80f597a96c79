//! A store as text: a line for each row, between a first one that says what it is and a last one that says that it is
//! whole.
//!
//! Rows are kept as they are in the store, so that nothing has to be understood to be saved, and what is restored is the
//! same in every driver. A backup that was cut off or changed is refused before any of it is taken.
//!
//! ```text
//! {"nimesha":"backup","version":1}
//! ["jobs","93b65499b21149ce57e019e735cc5abd","\u0001{\"seq\":1,...}"]
//! ["outputs","93b65499b21149ce57e019e735cc5abd0000000000000001",null,"01ff00"]
//! {"rows":2,"crc32":3735928559}
//! ```

use std::fmt::Write as _;
use std::io::{self, BufRead, Read};

use flate2::Crc;
use serde_json::{Value, json};

use super::snapshot::Snapshot;
use super::{StoreError, Table};
use crate::config;

/// Version of this form.
const VERSION: u64 = 1;

/// A backup in the making, read as a file would be.
pub struct Backup<S> {
    snapshot: S,
    /// Tables that are written.
    tables: usize,
    /// The next row of the table after them.
    from: Vec<u8>,
    rows: u64,
    crc: Crc,
    /// What is made and not yet taken begins at `taken`.
    page: Vec<u8>,
    taken: usize,
    is_over: bool,
}

impl<S: Snapshot> Backup<S> {
    /// A backup of these rows.
    #[must_use]
    pub fn of(snapshot: S) -> Backup<S> {
        let mut backup = Backup {
            snapshot,
            tables: 0,
            from: Vec::new(),
            rows: 0,
            crc: Crc::new(),
            page: Vec::with_capacity(config::BACKUP_PAGE_BYTES),
            taken: 0,
            is_over: false,
        };
        let head = json!({"nimesha": "backup", "version": VERSION});
        backup.page.extend(format!("{head}\n").bytes());
        backup.crc.update(&backup.page);
        backup
    }

    /// Makes the next page, of whole lines.
    fn fill(&mut self) -> Result<(), StoreError> {
        self.page.clear();
        self.taken = 0;
        while let Some(table) = Table::ALL.get(self.tables) {
            let (page, rows) = (&mut self.page, &mut self.rows);
            let mut next = None;
            self.snapshot.scan(*table, &self.from, &mut |key, value| {
                if page.len() >= config::BACKUP_PAGE_BYTES {
                    next = Some(key.to_vec());
                    return false;
                }
                write_row(page, *table, key, value);
                *rows += 1;
                true
            })?;
            if let Some(next) = next {
                self.from = next;
                break;
            }
            self.tables += 1;
            self.from.clear();
        }
        self.crc.update(&self.page);
        if self.tables == Table::ALL.len() {
            let tail = json!({"rows": self.rows, "crc32": self.crc.sum()});
            self.page.extend(format!("{tail}\n").bytes());
            self.is_over = true;
        }
        Ok(())
    }
}

impl<S: Snapshot> Read for Backup<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.page.len() && !self.is_over {
            self.fill()
                .map_err(|error| io::Error::other(error.to_string()))?;
        }
        let waiting = &self.page[self.taken..];
        let taken = waiting.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&waiting[..taken]);
        self.taken += taken;
        Ok(taken)
    }
}

fn write_row(page: &mut Vec<u8>, table: Table, key: &[u8], value: &[u8]) {
    let (table, key) = (table.name(), hex(key));
    let row = match std::str::from_utf8(value) {
        Ok(text) => json!([table, key, text]),
        Err(_) => json!([table, key, null, hex(value)]),
    };
    page.extend(row.to_string().bytes());
    page.push(b'\n');
}

/// Reads a backup to its end and hands each row to `take`. Gives the number of rows.
///
/// # Errors
/// [`StoreError::Corrupt`] when it is no backup, not whole, or not as it was made: that shows at its very end, so it is
/// to be read once before anything is done with it. Or what `take` says.
pub fn read(
    mut file: impl BufRead,
    mut take: impl FnMut(Table, Vec<u8>, Vec<u8>) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut line = Vec::new();
    let mut crc = Crc::new();
    read_line(&mut file, &mut line)?;
    check_head(&line)?;
    crc.update(&line);
    let mut rows = 0;
    while read_line(&mut file, &mut line)? {
        let damaged = |why| corrupt(&format!("line {} is damaged: {why}", rows + 2));
        if line.first() == Some(&b'{') {
            let tail: Value = serde_json::from_slice(&line).map_err(|_| damaged("no JSON"))?;
            let whole = tail["rows"] == rows && tail["crc32"] == crc.sum();
            return match whole {
                true => Ok(rows),
                false => Err(corrupt(
                    "its sum is wrong: it was changed since it was made",
                )),
            };
        }
        crc.update(&line);
        let (table, key, value) = parse_row(&line).ok_or_else(|| damaged("no row"))?;
        take(table, key, value)?;
        rows += 1;
    }
    Err(corrupt("it is cut off: its last line is missing"))
}

/// Reads a line with its end; false at the end of the file.
fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, StoreError> {
    line.clear();
    let mut limited = file.take(config::BACKUP_LINE_BYTES_MAX);
    match limited.read_until(b'\n', line) {
        Ok(0) => Ok(false),
        Ok(_) if line.ends_with(b"\n") => Ok(true),
        Ok(_) => Err(corrupt("it is cut off in the middle of a line")),
        Err(error) => Err(StoreError::Away(format!(
            "the backup cannot be read: {error}"
        ))),
    }
}

fn check_head(line: &[u8]) -> Result<(), StoreError> {
    let head: Value = serde_json::from_slice(line).unwrap_or_default();
    match (head["nimesha"].as_str(), head["version"].as_u64()) {
        (Some("backup"), Some(VERSION)) => Ok(()),
        (Some("backup"), Some(version)) => Err(StoreError::Corrupt(format!(
            "the backup has version {version}, made by a newer Nimesha; this one knows version {VERSION}"
        ))),
        _ => Err(corrupt("it does not begin as one")),
    }
}

fn parse_row(line: &[u8]) -> Option<(Table, Vec<u8>, Vec<u8>)> {
    let row: Vec<Option<String>> = serde_json::from_slice(line).ok()?;
    let mut row = row.into_iter();
    let name = row.next()??;
    let table = Table::ALL.into_iter().find(|table| table.name() == name)?;
    let key = unhex(&row.next()??)?;
    let value = match (row.next()?, row.next()) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(Some(digits))) => unhex(&digits)?,
        _ => return None,
    };
    row.next().is_none().then_some((table, key, value))
}

fn corrupt(why: &str) -> StoreError {
    StoreError::Corrupt(format!("this is no whole backup of Nimesha: {why}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("to a string");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let pairs = text.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::{Op, Store};

    /// Rows enough for several pages, with every byte in keys and values.
    fn sample() -> MemoryStore {
        let store = MemoryStore::new();
        let ops = (0..=u8::MAX).flat_map(|byte| {
            let text = "ä\u{1}\"".repeat(usize::from(byte)).into_bytes();
            [
                Op::Put(Table::Jobs, vec![byte], text),
                Op::Put(Table::Outputs, vec![byte, 0], vec![byte; 300]),
                Op::Put(Table::Chains, vec![7, byte], Vec::new()),
            ]
        });
        store.commit(&ops.collect::<Vec<_>>()).unwrap();
        store
    }

    fn backup(store: &dyn Store) -> Vec<u8> {
        let mut bytes = Vec::new();
        let snapshot = store.snapshot().unwrap().unwrap();
        Backup::of(snapshot).read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let store = sample();
        let bytes = backup(&store);
        assert!(bytes.len() > 2 * config::BACKUP_PAGE_BYTES);
        let copy = MemoryStore::new();
        let rows = read(&*bytes, |table, key, value| {
            copy.commit(&[Op::Insert(table, key, value)])
        });
        assert_eq!(rows.unwrap(), 3 * 256);
        assert!(backup(&copy) == bytes);
        assert_eq!(
            read(&*backup(&MemoryStore::new()), |_, _, _| Ok(())).unwrap(),
            0
        );
    }

    #[test]
    fn err_what_is_not_whole_is_refused() {
        let bytes = backup(&sample());
        let lines = String::from_utf8(bytes.clone()).unwrap();
        let changed = lines.replacen("[\"jobs\",\"07\"", "[\"jobs\",\"08\"", 1);
        let less = lines.replacen("[\"chains\",\"0707\",\"\"]\n", "", 1);
        let newer = lines.replacen("\"version\":1", "\"version\":2", 1);
        for (text, why) in [
            (changed.as_str(), "its sum is wrong"),
            (&less, "its sum is wrong"),
            (&newer, "made by a newer Nimesha"),
            (&lines[..lines.len() - 3], "in the middle of a line"),
            (
                &lines[..lines.rfind("{\"").unwrap()],
                "its last line is missing",
            ),
            (
                &lines.replacen("[\"jobs\"", "[\"nobs\"", 1),
                "line 2 is damaged",
            ),
            ("", "does not begin as one"),
            ("{}\n", "does not begin as one"),
            ("SQLite\n", "does not begin as one"),
        ] {
            let error = read(text.as_bytes(), |_, _, _| Ok(())).unwrap_err();
            assert!(error.to_string().contains(why), "{why}: {error}");
        }
        // No bit of it may turn unseen.
        for at in (0..bytes.len()).step_by(19_997) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 2;
            assert!(read(&*bytes, |_, _, _| Ok(())).is_err(), "{at}");
        }
    }
}
