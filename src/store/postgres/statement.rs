//! Statements in PostgreSQL's dialect. Rows go in as two arrays, so that a statement has two parameters however many.

use tokio_postgres::types::{ToSql, Type};

use crate::settings::database::Database;
use crate::store::Table;
use crate::store::shared::session::{LEASE, Page, Step};

type Param<'a> = (Box<dyn ToSql + Sync + Send + 'a>, Type);

/// A statement and its parameters.
pub(super) struct Statement<'a> {
    pub(super) sql: String,
    pub(super) params: Vec<Param<'a>>,
}

impl<'a> Statement<'a> {
    /// One without parameters.
    pub(super) fn plain(sql: impl Into<String>) -> Statement<'a> {
        Statement {
            sql: sql.into(),
            params: Vec::new(),
        }
    }

    /// Whether there is a table of that name, quoted as it is.
    pub(super) fn exists(table: &'a str) -> Statement<'a> {
        Statement {
            sql: "select to_regclass($1) is not null".to_owned(),
            params: vec![(Box::new(table), Type::TEXT)],
        }
    }

    /// Reads a page.
    pub(super) fn page(database: &Database, page: &Page<'a>) -> Statement<'a> {
        let table = table_name(database, page.table.name());
        let order = if page.reverse { "desc" } else { "asc" };
        let (within, params) = range(page.from, page.to);
        let sql = format!(
            "select k, v from {table} where {within} order by k {order} limit {}",
            page.rows_max
        );
        Statement { sql, params }
    }

    /// The statement of a step.
    pub(super) fn of(database: &Database, step: &'a Step<'a>) -> Statement<'a> {
        let name = |table: &Table| table_name(database, table.name());
        let (sql, params): (_, Vec<Param<'a>>) = match step {
            Step::Look(table, keys) => (
                format!("select k, v from {} where k = any($1)", name(table)),
                vec![list(keys.clone())],
            ),
            Step::LookRange(table, from, to) => {
                let (within, params) = range(from, to);
                (
                    format!("select k, v from {} where {within}", name(table)),
                    params,
                )
            }
            Step::Insert(table, rows) => (
                format!(
                    "insert into {} (k, v) select * from unnest($1, $2)",
                    name(table)
                ),
                columns(rows),
            ),
            Step::DeleteRange(table, from, to) => {
                let (within, params) = range(from, to);
                (
                    format!("delete from {} where {within}", name(table)),
                    params,
                )
            }
            Step::Delete(table, keys) => (
                format!("delete from {} where k = any($1)", name(table)),
                vec![list(keys.clone())],
            ),
            Step::Put(table, rows) => (
                format!(
                    "insert into {} (k, v) select * from unnest($1, $2) \
                     on conflict (k) do update set v = excluded.v",
                    name(table)
                ),
                columns(rows),
            ),
            Step::Hold(row) => (
                format!(
                    "update {} set term = $1, holder = $2, owner = $3, ends_us = $4",
                    table_name(database, LEASE)
                ),
                vec![
                    (Box::new(row.term as i64), Type::INT8),
                    bytes(&row.holder),
                    (Box::new(row.owner.as_str()), Type::TEXT),
                    (Box::new(row.ends_us), Type::INT8),
                ],
            ),
            Step::Mark(batch) => (
                format!("update {} set batch = $1", table_name(database, LEASE)),
                vec![bytes(batch)],
            ),
        };
        Statement { sql, params }
    }
}

/// The name of a table, quoted.
pub(super) fn table_name(database: &Database, name: &str) -> String {
    format!("\"{}_{name}\"", database.prefix)
}

fn list<'a>(values: Vec<&'a [u8]>) -> Param<'a> {
    (Box::new(values), Type::BYTEA_ARRAY)
}

fn bytes(value: &[u8]) -> Param<'_> {
    (Box::new(value), Type::BYTEA)
}

fn columns<'a>(rows: &[(&'a [u8], &'a [u8])]) -> Vec<Param<'a>> {
    let (keys, values) = rows.iter().copied().unzip();
    vec![list(keys), list(values)]
}

fn range<'a>(from: &'a [u8], to: &'a [u8]) -> (&'static str, Vec<Param<'a>>) {
    match to.is_empty() {
        true => ("k >= $1", vec![bytes(from)]),
        false => ("k >= $1 and k < $2", vec![bytes(from), bytes(to)]),
    }
}
