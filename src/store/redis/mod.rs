//! The Redis driver: a sorted set of keys and a hash of values for each table, a hash for the lease.
//!
//! Redis has no transactions that look before they write, so a batch is gathered here and goes out as one script, which
//! does nothing unless the lease is as it was read, and looks for conflicts before it writes. Nor has it snapshots: a
//! scan is one script too, and all rows of its range come in one answer, which holds Redis for some tens of milliseconds
//! where a server with many jobs starts.

mod wire;

use std::collections::VecDeque;

use redis::{Cmd, Value};

use super::shared::session::{Failure, LEASE, LeaseRow, Page, Row, Session, SharedStore, Step};
use super::{Store, StoreError, Table};
use crate::settings::database::Database;
use wire::Wire;

/// The scripts, by the places of their hashes in a session.
const SCRIPTS: [&str; 3] = [
    include_str!("begin.lua"),
    include_str!("scan.lua"),
    include_str!("commit.lua"),
];
const BEGIN: usize = 0;
const SCAN: usize = 1;
const COMMIT: usize = 2;
/// The first argument of a commit, by which it is known among what goes over the wire.
const COMMIT_MARK: &str = "commit";

/// Opens the database.
///
/// # Errors
/// In words for whoever started the server.
pub(super) fn open(database: &Database) -> Result<Box<dyn Store>, StoreError> {
    Ok(Box::new(SharedStore::<RedisSession>::open(database)?))
}

struct RedisSession {
    database: Database,
    wire: Wire,
    hashes: Vec<Vec<u8>>,
    /// Term, holder and end of the lease as they were read at the beginning.
    lease: [Vec<u8>; 3],
    /// Operations for the commit.
    writes: Vec<Vec<u8>>,
    /// Rows of a range that were read, and not yet asked for.
    scanned: VecDeque<Row>,
}

impl RedisSession {
    fn key(&self, name: &str, kind: &str) -> String {
        format!("{}:{name}:{kind}", self.database.prefix)
    }

    fn lease_key(&self) -> String {
        format!("{}:{LEASE}", self.database.prefix)
    }

    /// A call of a script, up to its arguments.
    fn call(&self, script: usize, keys: &[String]) -> Cmd {
        let mut cmd = redis::cmd("EVALSHA");
        cmd.arg(&self.hashes[script]).arg(keys.len()).arg(keys);
        cmd
    }

    fn ask_one(&mut self, cmd: Cmd) -> Result<Value, Failure> {
        Ok(self.wire.ask(&[cmd])?.pop().unwrap_or_default())
    }

    fn scan(&self, table: Table, from: &[u8], to: &[u8], reverse: bool) -> Cmd {
        let name = table.name();
        let [first, last] = bounds(from, to);
        let mut cmd = self.call(SCAN, &[self.key(name, "keys"), self.key(name, "values")]);
        cmd.arg(first).arg(last).arg(u8::from(reverse));
        cmd
    }

    fn write(&mut self, name: &str, table: usize, arguments: &[&[u8]]) {
        let head = [
            name.to_owned(),
            table.to_string(),
            arguments.len().to_string(),
        ];
        self.writes.extend(head.map(String::into_bytes));
        self.writes
            .extend(arguments.iter().map(|argument| argument.to_vec()));
    }

    /// Takes in a step that writes.
    fn gather(&mut self, step: &Step<'_>) {
        match step {
            Step::Look(..) | Step::LookRange(..) => {}
            Step::Insert(table, rows) => self.write("insert", *table as usize, &flat(rows)),
            Step::Put(table, rows) => self.write("put", *table as usize, &flat(rows)),
            Step::Delete(table, keys) => self.write("delete", *table as usize, keys),
            Step::DeleteRange(table, from, to) => {
                let [first, last] = bounds(from, to);
                self.write("delete_range", *table as usize, &[&first, &last]);
            }
            Step::Hold(row) => {
                let (term, ends) = (row.term.to_string(), row.ends_us.to_string());
                let row = [
                    term.as_bytes(),
                    &row.holder,
                    row.owner.as_bytes(),
                    ends.as_bytes(),
                ];
                self.write("hold", 0, &row);
            }
            Step::Mark(batch) => self.write("mark", 0, &[batch]),
        }
    }

    fn damaged(&self, what: &str) -> Failure {
        Failure::Said(StoreError::Corrupt(format!(
            "{}: {what}; restore its keys from a backup, or begin with others by --jobdb-prefix",
            self.database
        )))
    }

    fn rows(&self, answer: Value) -> Result<Vec<Row>, Failure> {
        let Value::Array(fields) = answer else {
            return Err(self.damaged("an answer is not as Nimesha's scripts give it"));
        };
        let mut fields = fields.into_iter().map(bytes);
        let mut rows = Vec::with_capacity(fields.len() / 2);
        while let Some(key) = fields.next() {
            let value = fields.next().flatten();
            rows.push(
                key.zip(value)
                    .ok_or_else(|| self.damaged("a key has no value"))?,
            );
        }
        Ok(rows)
    }

    /// The figures of a section of what Redis says of itself.
    fn info(&mut self, section: &str) -> Result<String, Failure> {
        let mut info = redis::cmd("INFO");
        info.arg(section);
        let text = bytes(self.ask_one(info)?).unwrap_or_default();
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

impl Session for RedisSession {
    fn connect(database: &Database) -> Result<RedisSession, Failure> {
        let mut wire = Wire::connect(database)?;
        let load = |script: &&str| {
            let mut load = redis::cmd("SCRIPT");
            load.arg("LOAD").arg(*script);
            load
        };
        let hashes = wire.ask(&SCRIPTS.iter().map(load).collect::<Vec<_>>())?;
        Ok(RedisSession {
            database: database.clone(),
            wire,
            hashes: hashes.into_iter().filter_map(bytes).collect(),
            lease: Default::default(),
            writes: Vec::new(),
            scanned: VecDeque::new(),
        })
    }

    fn schema(&mut self) -> Result<Option<u32>, Failure> {
        let mut get = redis::cmd("HGET");
        get.arg(self.lease_key()).arg("schema");
        let found = bytes(self.ask_one(get)?);
        found
            .map(|found| {
                number(&found).ok_or_else(|| self.damaged("the version of its keys cannot be read"))
            })
            .transpose()
    }

    fn make_tables(&mut self, schema: u32) -> Result<(), Failure> {
        let schema = schema.to_string();
        let fields = [
            ("term", "0"),
            ("holder", ""),
            ("owner", ""),
            ("ends_us", "0"),
            ("batch", ""),
            ("schema", &schema),
        ];
        let set = |(field, value): (&str, &str)| {
            let mut set = redis::cmd("HSETNX");
            set.arg(self.lease_key()).arg(field).arg(value);
            set
        };
        let commands = fields.map(set);
        self.wire.ask(&commands).map(drop)
    }

    fn doubts(&mut self) -> Result<Vec<String>, Failure> {
        let mut doubts = Vec::new();
        if self.info("persistence")?.contains("aof_enabled:0") {
            doubts.push(
                "it writes no append-only file: when it ends, what was acknowledged since its last snapshot is lost; \
                 set appendonly to yes in redis.conf"
                    .to_owned(),
            );
        }
        let memory = self.info("memory")?;
        if !memory.contains("maxmemory:0\r") && !memory.contains("maxmemory_policy:noeviction") {
            doubts.push(
                "it drops keys when its memory is full, and jobs with them; set maxmemory-policy to noeviction"
                    .to_owned(),
            );
        }
        Ok(doubts)
    }

    fn begin(&mut self) -> Result<LeaseRow, Failure> {
        self.rollback()?;
        let lease = self.call(BEGIN, &[self.lease_key()]);
        let fields = match self.ask_one(lease)? {
            Value::Array(fields) => fields.into_iter().filter_map(bytes).collect(),
            _ => Vec::new(),
        };
        let gone = || self.damaged("its keys are gone, or were lost as it ended");
        let [term, holder, owner, ends, batch, seconds, micros] =
            <[Vec<u8>; 7]>::try_from(fields).map_err(|_| gone())?;
        let now_us = number::<i64>(&seconds).zip(number::<i64>(&micros));
        let row = LeaseRow {
            term: number(&term).ok_or_else(gone)?,
            holder: holder.clone(),
            owner: String::from_utf8_lossy(&owner).into_owned(),
            ends_us: number(&ends).ok_or_else(gone)?,
            batch,
            now_us: now_us.map(|(s, us)| s * 1_000_000 + us).ok_or_else(gone)?,
        };
        self.lease = [term, holder, ends];
        Ok(row)
    }

    fn apply(&mut self, steps: &[Step<'_>]) -> Result<Vec<(Table, Row)>, Failure> {
        steps.iter().for_each(|step| self.gather(step));
        let mut looks = Vec::new();
        for step in steps {
            match step {
                Step::Look(table, keys) => {
                    let mut get = redis::cmd("HMGET");
                    get.arg(self.key(table.name(), "values")).arg(keys);
                    looks.push((*table, Some(keys), get));
                }
                Step::LookRange(table, from, to) => {
                    looks.push((*table, None, self.scan(*table, from, to, false)));
                }
                _ => {}
            }
        }
        let commands: Vec<Cmd> = looks.iter().map(|(.., cmd)| cmd.clone()).collect();
        let mut found = Vec::new();
        for ((table, keys, _), answer) in looks.into_iter().zip(self.wire.ask(&commands)?) {
            match (keys, answer) {
                (Some(keys), Value::Array(values)) => {
                    let rows = keys.iter().zip(values.into_iter().map(bytes));
                    found.extend(
                        rows.filter_map(|(key, value)| Some((table, (key.to_vec(), value?)))),
                    );
                }
                (_, answer) => found.extend(self.rows(answer)?.into_iter().map(|row| (table, row))),
            }
        }
        Ok(found)
    }

    fn commit(&mut self) -> Result<(), Failure> {
        let mut keys = vec![self.lease_key()];
        for table in Table::ALL {
            keys.extend(["keys", "values"].map(|kind| self.key(table.name(), kind)));
        }
        let mut commit = self.call(COMMIT, &keys);
        commit.arg(COMMIT_MARK).arg(&self.lease[..]);
        for argument in std::mem::take(&mut self.writes) {
            commit.arg(argument);
        }
        match bytes(self.ask_one(commit)?).as_deref() {
            Some(b"done") => Ok(()),
            Some(b"conflict") => Err(Failure::Conflict),
            // Whoever asks again learns by whom.
            _ => Err(Failure::Gone(format!(
                "{}: another server has taken the lease",
                self.database
            ))),
        }
    }

    fn rollback(&mut self) -> Result<(), Failure> {
        self.writes.clear();
        self.scanned.clear();
        Ok(())
    }

    fn page(&mut self, page: Page<'_>) -> Result<Vec<Row>, Failure> {
        if page.is_first {
            let scan = self.scan(page.table, page.from, page.to, page.reverse);
            let answer = self.ask_one(scan)?;
            self.scanned = self.rows(answer)?.into();
        }
        let count = page.rows_max.min(self.scanned.len());
        Ok(self.scanned.drain(..count).collect())
    }

    fn freeze(&mut self) -> Result<bool, Failure> {
        Ok(false)
    }

    fn size_bytes(&mut self) -> Result<u64, Failure> {
        let keys = Table::ALL
            .into_iter()
            .flat_map(|table| ["keys", "values"].map(|kind| self.key(table.name(), kind)));
        let usage = |key| {
            let mut usage = redis::cmd("MEMORY");
            usage.arg("USAGE").arg(key);
            usage
        };
        let commands: Vec<Cmd> = keys.map(usage).collect();
        let sizes = self.wire.ask(&commands)?.into_iter();
        // Of a key that is not there it says nothing.
        Ok(sizes.filter_map(|size| number::<u64>(&bytes(size)?)).sum())
    }
}

/// The ends of a range as Redis has them; an empty `to` is the end of the table.
fn bounds(from: &[u8], to: &[u8]) -> [Vec<u8>; 2] {
    let last = match to {
        [] => b"+".to_vec(),
        to => [b"(", to].concat(),
    };
    [[b"[", from].concat(), last]
}

fn flat<'a>(rows: &[(&'a [u8], &'a [u8])]) -> Vec<&'a [u8]> {
    rows.iter()
        .flat_map(|(key, value)| [*key, *value])
        .collect()
}

/// The bytes of an answer that is a string.
fn bytes(answer: Value) -> Option<Vec<u8>> {
    match answer {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        Value::Int(number) => Some(number.to_string().into_bytes()),
        _ => None,
    }
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
