//! The PostgreSQL driver.
//!
//! The library is made for async runtimes, so each session has a small one to itself, which only turns while somebody
//! waits for an answer. Its blocking front would be simpler, but has no limit to how long it waits: a server that stands
//! still would hold the writer for ever. What may be sent together goes out together, and is answered in order.

mod connect;
mod statement;
mod tls;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use futures_util::future::{MaybeDone, maybe_done};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row as SqlRow};

use super::shared::session::words::{broken, silent};
use super::shared::session::{Failure, LEASE, LeaseRow, Page, Row, Session, SharedStore, Step};
use super::{Store, StoreError, Table};
use crate::config;
use crate::settings::database::Database;
use connect::{connect, failure};
use statement::{Statement, table_name};

/// Begins a transaction that sees one instant.
const BEGIN_TO_READ: &str = "begin isolation level repeatable read read only";

type Answer = Result<Vec<SqlRow>, tokio_postgres::Error>;

/// Opens the database.
///
/// # Errors
/// In words for whoever started the server.
pub(super) fn open(database: &Database) -> Result<Box<dyn Store>, StoreError> {
    Ok(Box::new(SharedStore::<PostgresSession>::open(database)?))
}

struct PostgresSession {
    database: Database,
    client: Client,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        // A lookup of the host's name may still be under way, in a thread that nobody should wait for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl PostgresSession {
    /// Sends the statements together, and waits for the answers one by one: the database may take its time for each.
    fn ask(&mut self, statements: &[Statement<'_>]) -> Result<Vec<Vec<SqlRow>>, Failure> {
        let (client, database) = (&self.client, &self.database);
        let runtime = self.runtime.as_ref().expect("it is there until the drop");
        runtime.block_on(async {
            let mut flight: Vec<_> = statements
                .iter()
                .map(|statement| maybe_done(Box::pin(query(client, statement))))
                .collect();
            send_all(&mut flight).await;
            let mut answers = Vec::with_capacity(flight.len());
            for answer in &mut flight {
                let waited = timeout(config::JOBDB_ANSWER_TIMEOUT, &mut *answer).await;
                waited.map_err(|_| silent(database))?;
                let answer = Pin::new(answer)
                    .take_output()
                    .expect("it is done, and taken once");
                answers.push(answer.map_err(|error| failure(database, &error))?);
            }
            Ok(answers)
        })
    }

    fn lease(&self) -> String {
        table_name(&self.database, LEASE)
    }

    fn tell(&mut self, sql: &str) -> Result<(), Failure> {
        self.ask(&[Statement::plain(sql)]).map(drop)
    }
}

impl Session for PostgresSession {
    fn connect(database: &Database) -> Result<PostgresSession, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| broken(database, &error))?;
        let connected = runtime
            .block_on(async { timeout(config::JOBDB_CONNECT_TIMEOUT, connect(database)).await });
        let connected = connected.unwrap_or_else(|_| Err(silent(database)));
        match connected {
            Ok(client) => Ok(PostgresSession {
                database: database.clone(),
                client,
                runtime: Some(runtime),
            }),
            Err(failure) => {
                runtime.shutdown_background();
                Err(failure)
            }
        }
    }

    fn schema(&mut self) -> Result<Option<u32>, Failure> {
        let lease = self.lease();
        let answers = self.ask(&[Statement::exists(&lease)])?;
        if !read::<bool>(&answers[0][0], 0, &self.database)? {
            return Ok(None);
        }
        let answers = self.ask(&[Statement::plain(format!(
            "select schema_version from {lease}"
        ))])?;
        let row = answers[0].first();
        row.map(|row| read::<i32>(row, 0, &self.database).map(|schema| schema as u32))
            .transpose()
    }

    fn make_tables(&mut self, schema: u32) -> Result<(), Failure> {
        let lease = self.lease();
        let mut statements = vec![
            Statement::plain("begin"),
            // Two servers that make them at once would meet in the system's own tables.
            Statement::plain("select pg_advisory_xact_lock(hashtext('nimesha'))"),
        ];
        statements.extend(Table::ALL.map(|table| {
            let table = table_name(&self.database, table.name());
            Statement::plain(format!(
                "create table if not exists {table} (k bytea primary key, v bytea not null)"
            ))
        }));
        statements.extend([
            Statement::plain(format!(
                "create table if not exists {lease} (id integer primary key, schema_version integer not null, \
                 term bigint not null, holder bytea not null, owner text not null, ends_us bigint not null, \
                 batch bytea not null)"
            )),
            Statement::plain(format!(
                "insert into {lease} values (1, {schema}, 0, '', '', 0, '') on conflict do nothing"
            )),
            Statement::plain("commit"),
        ]);
        self.ask(&statements).map(drop)
    }

    fn doubts(&mut self) -> Result<Vec<String>, Failure> {
        let sql =
            "select current_setting('fsync') = 'off', current_setting('full_page_writes') = 'off'";
        let answers = self.ask(&[Statement::plain(sql)])?;
        let mut doubts = Vec::new();
        for (index, name) in ["fsync", "full_page_writes"].into_iter().enumerate() {
            if read::<bool>(&answers[0][0], index, &self.database)? {
                doubts.push(format!(
                    "{name} is off: a power cut may lose or damage what was acknowledged; set it on in postgresql.conf"
                ));
            }
        }
        Ok(doubts)
    }

    fn begin(&mut self) -> Result<LeaseRow, Failure> {
        let lock = format!(
            "select term, holder, owner, ends_us, batch, (extract(epoch from clock_timestamp()) * 1000000)::bigint \
             from {} for update",
            self.lease()
        );
        let answers = self.ask(&[Statement::plain("begin"), Statement::plain(lock)])?;
        let database = &self.database;
        let row = answers[1].first().ok_or_else(|| no_lease(database))?;
        Ok(LeaseRow {
            term: read::<i64>(row, 0, database)? as u64,
            holder: read(row, 1, database)?,
            owner: read(row, 2, database)?,
            ends_us: read(row, 3, database)?,
            batch: read(row, 4, database)?,
            now_us: read(row, 5, database)?,
        })
    }

    fn apply(&mut self, steps: &[Step<'_>]) -> Result<Vec<(Table, Row)>, Failure> {
        let statements: Vec<_> = steps
            .iter()
            .map(|step| Statement::of(&self.database, step))
            .collect();

        let answers = self.ask(&statements)?;
        let mut found = Vec::new();
        for (step, rows) in steps.iter().zip(answers) {
            if let Step::Look(table, _) | Step::LookRange(table, ..) = step {
                for row in &rows {
                    found.push((*table, key_value(row, &self.database)?));
                }
            }
        }
        Ok(found)
    }

    fn commit(&mut self) -> Result<(), Failure> {
        self.tell("commit")
    }

    fn rollback(&mut self) -> Result<(), Failure> {
        self.tell("rollback")
    }

    fn page(&mut self, page: Page<'_>) -> Result<Vec<Row>, Failure> {
        let mut statements = Vec::new();
        if page.is_first {
            statements.push(Statement::plain(BEGIN_TO_READ));
        }
        statements.push(Statement::page(&self.database, &page));
        let rows = self.ask(&statements)?.pop().unwrap_or_default();
        rows.iter()
            .map(|row| key_value(row, &self.database))
            .collect()
    }

    fn freeze(&mut self) -> Result<bool, Failure> {
        // Whoever takes the rows may be slow. This transaction locks nothing that others wait for.
        let patience = format!(
            "set idle_in_transaction_session_timeout = {}",
            config::BACKUP_TIME_MAX.as_millis()
        );
        // The instant is that of the first statement behind the beginning.
        let statements = [&patience, BEGIN_TO_READ, "select 1"];
        self.ask(&statements.map(Statement::plain))?;
        Ok(true)
    }

    fn size_bytes(&mut self) -> Result<u64, Failure> {
        let table = |table: Table| {
            format!(
                "pg_total_relation_size('{}')",
                table_name(&self.database, table.name())
            )
        };
        let sum = Table::ALL.map(table).join(" + ");
        let answers = self.ask(&[Statement::plain(format!("select {sum}"))])?;
        let bytes: i64 = read(&answers[0][0], 0, &self.database)?;
        Ok(bytes as u64)
    }
}

async fn query(client: &Client, statement: &Statement<'_>) -> Answer {
    let params: Vec<(&(dyn ToSql + Sync), Type)> = statement
        .params
        .iter()
        .map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone()))
        .collect();
    client.query_typed(&statement.sql, &params).await
}

/// Polls each once, in order: that is when a query is sent.
async fn send_all<F: Future + Unpin>(flight: &mut [MaybeDone<F>]) {
    poll_fn(|context| {
        for one in &mut *flight {
            let _ = Pin::new(one).poll(context);
        }
        Poll::Ready(())
    })
    .await;
}

fn key_value(row: &SqlRow, database: &Database) -> Result<Row, Failure> {
    Ok((read(row, 0, database)?, read(row, 1, database)?))
}

fn read<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a SqlRow,
    index: usize,
    database: &Database,
) -> Result<T, Failure> {
    row.try_get(index).map_err(|error| {
        Failure::Said(StoreError::Corrupt(format!(
            "{database}: a table is not as Nimesha made it: {error}; use other ones with --jobdb-prefix"
        )))
    })
}

fn no_lease(database: &Database) -> Failure {
    Failure::Said(StoreError::Corrupt(format!(
        "{database}: the row of the lease is gone; restore the tables from a backup"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::servers::{self, Kind};
    use crate::store::shared::tests::{settings_of, tables_of_a_newer_version_are_refused};

    #[test]
    fn err_tables_of_a_newer_version_are_refused() {
        if let Some(server) = servers::Database::shared(Kind::Postgres) {
            let database = settings_of(server);
            tables_of_a_newer_version_are_refused(
                &database,
                |session: &mut PostgresSession, sql| session.tell(sql),
            );
        }
    }

    #[test]
    fn doubts_are_told() {
        let Some(server) = servers::Database::shared(Kind::Postgres) else {
            return;
        };
        let mut session = PostgresSession::connect(&settings_of(server)).unwrap();
        assert!(session.doubts().unwrap().is_empty());
        let on = session
            .ask(&[Statement::plain("show synchronous_commit")])
            .unwrap();
        assert_eq!(on[0][0].get::<_, String>(0), "on");
    }
}
