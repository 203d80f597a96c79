//! The driver of MariaDB and MySQL.
//!
//! Statements that belong together go out as one text, in which keys and values are hexadecimal numbers: that is twice
//! the bytes and few waits, since each prepared statement would be a way there and back of its own.

mod connect;
mod text;

use mysql::Conn;
use mysql::prelude::{FromValue, Queryable};

use super::shared::session::{Failure, LEASE, LeaseRow, Page, Row, Session, SharedStore, Step};
use super::{Store, StoreError, Table};
use crate::config;
use crate::settings::database::Database;
use connect::{failure, options};
use text::{Script, table_name};

/// Longest key: the longest of ours has 33 bytes.
const KEY_BYTES_MAX: u32 = 255;

/// Opens the database.
///
/// # Errors
/// In words for whoever started the server.
pub(super) fn open(database: &Database) -> Result<Box<dyn Store>, StoreError> {
    Ok(Box::new(SharedStore::<MysqlSession>::open(database)?))
}

struct MysqlSession {
    database: Database,
    conn: Conn,
}

impl MysqlSession {
    /// Sends a text of statements of which one has rows; answers its last row.
    fn ask_row(&mut self, sql: &str) -> Result<Option<mysql::Row>, Failure> {
        let answers = self.ask(sql)?;
        Ok(answers.into_iter().flatten().last())
    }

    /// Sends a text of statements; answers the rows of each, in order.
    fn ask(&mut self, sql: &str) -> Result<Vec<Vec<mysql::Row>>, Failure> {
        let mut asked = || -> Result<_, mysql::Error> {
            let mut answers = Vec::new();
            let mut result = self.conn.query_iter(sql)?;
            while let Some(set) = result.iter() {
                answers.push(set.collect::<Result<Vec<_>, _>>()?);
            }
            Ok(answers)
        };
        asked().map_err(|error| failure(&self.database, error))
    }

    fn lease(&self) -> String {
        table_name(&self.database, LEASE)
    }
}

impl Session for MysqlSession {
    fn connect(database: &Database) -> Result<MysqlSession, Failure> {
        let options = options(database)?;
        let conn = Conn::new(options).map_err(|error| failure(database, error))?;
        Ok(MysqlSession {
            database: database.clone(),
            conn,
        })
    }

    fn schema(&mut self) -> Result<Option<u32>, Failure> {
        let sql = format!(
            "select 1 from information_schema.tables where table_schema = database() and table_name = '{}_{LEASE}'",
            self.database.prefix
        );
        if self.ask_row(&sql)?.is_none() {
            return Ok(None);
        }
        let row = self.ask_row(&format!("select schema_version from {}", self.lease()))?;
        row.map(|row| read(&row, 0, &self.database)).transpose()
    }

    fn make_tables(&mut self, schema: u32) -> Result<(), Failure> {
        let mut sql = String::new();
        for table in Table::ALL {
            let name = table_name(&self.database, table.name());
            sql += &format!(
                "create table if not exists {name} (k varbinary({KEY_BYTES_MAX}) primary key, v longblob not null) \
                 engine = innodb;"
            );
        }
        let lease = self.lease();
        sql += &format!(
            "create table if not exists {lease} (id integer primary key, schema_version integer unsigned not null, \
             term bigint unsigned not null, holder varbinary(16) not null, owner blob not null, \
             ends_us bigint not null, batch varbinary(16) not null) engine = innodb;\
             insert ignore into {lease} values (1, {schema}, 0, '', '', 0, '')"
        );
        self.ask(&sql).map(drop)
    }

    fn doubts(&mut self) -> Result<Vec<String>, Failure> {
        let row = self.ask_row("select @@innodb_flush_log_at_trx_commit")?;
        let flush: u32 = read(
            &row.ok_or_else(|| strange(&self.database))?,
            0,
            &self.database,
        )?;
        let mut doubts = Vec::new();
        if flush != 1 {
            doubts.push(format!(
                "innodb_flush_log_at_trx_commit is {flush}: a power cut may lose what was acknowledged; set it to 1"
            ));
        }
        Ok(doubts)
    }

    fn begin(&mut self) -> Result<LeaseRow, Failure> {
        // What a paused server of ours has begun must not hold the lease's row for long.
        let row = self.ask_row(&format!(
            "set session wait_timeout = {}; start transaction; \
             select term, holder, owner, ends_us, batch, cast(unix_timestamp(sysdate(6)) * 1000000 as signed) \
             from {} for update",
            config::JOBDB_ANSWER_TIMEOUT.as_secs(),
            self.lease()
        ))?;
        let database = &self.database;
        let row = row.ok_or_else(|| {
            Failure::Said(StoreError::Corrupt(format!(
                "{database}: the row of the lease is gone; restore the tables from a backup"
            )))
        })?;
        Ok(LeaseRow {
            term: read(&row, 0, database)?,
            holder: read(&row, 1, database)?,
            owner: String::from_utf8_lossy(&read::<Vec<u8>>(&row, 2, database)?).into_owned(),
            ends_us: read(&row, 3, database)?,
            batch: read(&row, 4, database)?,
            now_us: read(&row, 5, database)?,
        })
    }

    fn apply(&mut self, steps: &[Step<'_>]) -> Result<Vec<(Table, Row)>, Failure> {
        let mut found = Vec::new();
        for script in Script::of(&self.database, steps) {
            let answers = self.ask(&script.sql)?;
            for (table, rows) in script.looks.iter().zip(answers) {
                for row in rows {
                    found.push((*table, key_value(row, &self.database)?));
                }
            }
        }
        Ok(found)
    }

    fn commit(&mut self) -> Result<(), Failure> {
        self.ask("commit; set session wait_timeout = default")
            .map(drop)
    }

    fn rollback(&mut self) -> Result<(), Failure> {
        self.ask("rollback; set session wait_timeout = default")
            .map(drop)
    }

    fn page(&mut self, page: Page<'_>) -> Result<Vec<Row>, Failure> {
        let rows = self.ask(&text::page(&self.database, &page))?;
        let rows = rows.into_iter().flatten();
        rows.map(|row| key_value(row, &self.database)).collect()
    }

    fn freeze(&mut self) -> Result<bool, Failure> {
        self.ask(text::BEGIN_TO_READ)?;
        Ok(true)
    }

    fn size_bytes(&mut self) -> Result<u64, Failure> {
        let names = Table::ALL.map(|table| format!("'{}_{}'", self.database.prefix, table.name()));
        let sum = self.ask_row(&format!(
            "select cast(sum(data_length + index_length) as unsigned) from information_schema.tables \
             where table_schema = database() and table_name in ({})",
            names.join(",")
        ))?;
        read(
            &sum.ok_or_else(|| strange(&self.database))?,
            0,
            &self.database,
        )
    }
}

fn key_value(mut row: mysql::Row, database: &Database) -> Result<Row, Failure> {
    match (row.take_opt(0), row.take_opt(1)) {
        (Some(Ok(key)), Some(Ok(value))) => Ok((key, value)),
        _ => Err(strange(database)),
    }
}

fn read<T: FromValue>(row: &mysql::Row, index: usize, database: &Database) -> Result<T, Failure> {
    let value = row.get_opt(index).and_then(Result::ok);
    value.ok_or_else(|| strange(database))
}

fn strange(database: &Database) -> Failure {
    Failure::Said(StoreError::Corrupt(format!(
        "{database}: a table is not as Nimesha made it; use other ones with --jobdb-prefix"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::servers::{self, Kind};
    use crate::store::shared::tests::{settings_of, tables_of_a_newer_version_are_refused};

    #[test]
    fn err_tables_of_a_newer_version_are_refused() {
        if let Some(server) = servers::Database::shared(Kind::MariaDb) {
            let database = settings_of(server);
            tables_of_a_newer_version_are_refused(&database, |session: &mut MysqlSession, sql| {
                session.ask(sql).map(drop)
            });
        }
    }
}
