//! Statements as text. Keys and values are hexadecimal literals, which have no quotes to escape and no character set.

use crate::config;
use crate::settings::database::Database;
use crate::store::Table;
use crate::store::shared::session::{LEASE, Page, Step};

/// Statements that go out together.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) sql: String,
    /// The tables of those that look, which come first.
    pub(super) looks: Vec<Table>,
}

impl Script {
    /// The steps in order, in scripts of which none is long for the database, unless a single row is.
    pub(super) fn of(database: &Database, steps: &[Step<'_>]) -> Vec<Script> {
        let mut scripts: Vec<Script> = Vec::new();
        for step in steps {
            let sql = statement(database, step);
            let is_full = scripts.last().is_none_or(|last| {
                last.sql.len() + sql.len() > 2 * config::JOBDB_STATEMENT_BYTES_MAX
            });
            if is_full {
                scripts.push(Script::default());
            }
            let last = scripts.last_mut().expect("one was just added");
            last.sql += &sql;
            last.sql.push(';');
            if let Step::Look(table, _) | Step::LookRange(table, ..) = step {
                last.looks.push(*table);
            }
        }
        scripts
    }
}

/// Begins a transaction that sees this instant.
pub(super) const BEGIN_TO_READ: &str = "start transaction with consistent snapshot, read only";

/// The statement that reads a page.
pub(super) fn page(database: &Database, page: &Page<'_>) -> String {
    let mut sql = String::new();
    if page.is_first {
        sql += BEGIN_TO_READ;
        sql.push(';');
    }
    sql += &format!(
        "select k, v from {} where ",
        table_name(database, page.table.name())
    );
    push_range(&mut sql, page.from, page.to);
    let order = if page.reverse { "desc" } else { "asc" };
    sql += &format!(" order by k {order} limit {}", page.rows_max);
    sql
}

/// The name of a table, quoted.
pub(super) fn table_name(database: &Database, name: &str) -> String {
    format!("`{}_{name}`", database.prefix)
}

fn statement(database: &Database, step: &Step<'_>) -> String {
    let name = |table: &Table| table_name(database, table.name());
    let lease = || table_name(database, LEASE);
    let mut sql;
    match step {
        Step::Look(table, keys) => {
            sql = format!("select k, v from {} where k in ", name(table));
            push_keys(&mut sql, keys);
        }
        Step::LookRange(table, from, to) => {
            sql = format!("select k, v from {} where ", name(table));
            push_range(&mut sql, from, to);
        }
        Step::Insert(table, rows) => {
            sql = format!("insert into {} (k, v) values ", name(table));
            push_rows(&mut sql, rows);
        }
        Step::DeleteRange(table, from, to) => {
            sql = format!("delete from {} where ", name(table));
            push_range(&mut sql, from, to);
        }
        Step::Delete(table, keys) => {
            sql = format!("delete from {} where k in ", name(table));
            push_keys(&mut sql, keys);
        }
        Step::Put(table, rows) => {
            sql = format!("insert into {} (k, v) values ", name(table));
            push_rows(&mut sql, rows);
            sql += " on duplicate key update v = values(v)";
        }
        Step::Hold(row) => {
            sql = format!(
                "update {} set term = {}, ends_us = {}, holder = ",
                lease(),
                row.term,
                row.ends_us
            );
            push_hex(&mut sql, &row.holder);
            sql += ", owner = ";
            push_hex(&mut sql, row.owner.as_bytes());
        }
        Step::Mark(batch) => {
            sql = format!("update {} set batch = ", lease());
            push_hex(&mut sql, batch);
        }
    }
    sql
}

fn push_keys(sql: &mut String, keys: &[&[u8]]) {
    for (index, key) in keys.iter().enumerate() {
        sql.push(if index == 0 { '(' } else { ',' });
        push_hex(sql, key);
    }
    sql.push(')');
}

fn push_rows(sql: &mut String, rows: &[(&[u8], &[u8])]) {
    for (index, (key, value)) in rows.iter().enumerate() {
        sql.push_str(if index == 0 { "(" } else { ",(" });
        push_hex(sql, key);
        sql.push(',');
        push_hex(sql, value);
        sql.push(')');
    }
}

fn push_range(sql: &mut String, from: &[u8], to: &[u8]) {
    sql.push_str("k >= ");
    push_hex(sql, from);
    if !to.is_empty() {
        sql.push_str(" and k < ");
        push_hex(sql, to);
    }
}

fn push_hex(sql: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    sql.reserve(3 + 2 * bytes.len());
    sql.push_str("x'");
    for byte in bytes {
        sql.push(char::from(DIGITS[usize::from(byte >> 4)]));
        sql.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    sql.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_hexadecimal() {
        for (bytes, expected) in [
            (&b""[..], "x''"),
            (b"'", "x'27'"),
            (b"\x00\xff\\", "x'00ff5c'"),
        ] {
            let mut sql = String::new();
            push_hex(&mut sql, bytes);
            assert_eq!(sql, expected);
        }
    }
}
