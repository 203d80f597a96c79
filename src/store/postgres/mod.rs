//! The PostgreSQL driver.
//!
//! The library is made for async runtimes, so each session has a small one to itself, which only turns while somebody
//! waits for an answer. Its blocking front would be simpler, but has no limit to how long it waits: a server that stands
//! still would hold the writer for ever. What may be sent together goes out together, and is answered in order.

mod tls;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{MaybeDone, maybe_done};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_postgres::config::{Config, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls, Row as SqlRow};

use super::sql::words::{self, Trouble, broken, silent};
use super::sql::{Failure, LEASE, LeaseRow, Page, Row, Session, SqlStore, Step};
use super::{Store, StoreError, Table};
use crate::config;
use crate::settings::database::Database;
use tls::Tls;

/// Another transaction is given up before the wait for it looks like silence, and a statement with it.
const LOCK_WAIT: Duration = config::JOBDB_ANSWER_TIMEOUT.saturating_sub(Duration::from_secs(1));

type Param<'a> = (Box<dyn ToSql + Sync + Send + 'a>, Type);
type Answer = Result<Vec<SqlRow>, tokio_postgres::Error>;

/// A statement and its parameters.
type Statement<'a> = (String, Vec<Param<'a>>);

/// Opens the database.
///
/// # Errors
/// In words for whoever started the server.
pub(super) fn open(database: &Database) -> Result<Box<dyn Store>, StoreError> {
    Ok(Box::new(SqlStore::<PostgresSession>::open(database)?))
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

    fn tell(&mut self, sql: &str) -> Result<(), Failure> {
        self.ask(&[(sql.to_owned(), Vec::new())]).map(drop)
    }

    fn table(&self, name: &str) -> String {
        format!("\"{}_{name}\"", self.database.prefix)
    }

    fn statement<'a>(&self, step: &'a Step<'a>) -> Statement<'a> {
        let name = |table: &Table| self.table(table.name());
        match step {
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
                    self.table(LEASE)
                ),
                vec![
                    (Box::new(row.term as i64), Type::INT8),
                    bytes(&row.holder),
                    (Box::new(row.owner.as_str()), Type::TEXT),
                    (Box::new(row.ends_us), Type::INT8),
                ],
            ),
            Step::Mark(batch) => (
                format!("update {} set batch = $1", self.table(LEASE)),
                vec![bytes(batch)],
            ),
        }
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
        let lease = self.table(LEASE);
        let exists = (
            "select to_regclass($1) is not null".to_owned(),
            vec![(Box::new(lease.clone()) as Box<_>, Type::TEXT)],
        );
        let answers = self.ask(&[exists])?;
        if !read::<bool>(&answers[0][0], 0, &self.database)? {
            return Ok(None);
        }
        let answers = self.ask(&[(format!("select schema_version from {lease}"), Vec::new())])?;
        let row = answers[0].first();
        row.map(|row| read::<i32>(row, 0, &self.database).map(|schema| schema as u32))
            .transpose()
    }

    fn make_tables(&mut self, schema: u32) -> Result<(), Failure> {
        let lease = self.table(LEASE);
        let plain = |sql: String| (sql, Vec::new());
        let mut statements = vec![
            plain("begin".to_owned()),
            // Two servers that make them at once would meet in the system's own tables.
            plain("select pg_advisory_xact_lock(hashtext('nimesha'))".to_owned()),
        ];
        statements.extend(Table::ALL.map(|table| {
            let name = self.table(table.name());
            plain(format!(
                "create table if not exists {name} (k bytea primary key, v bytea not null)"
            ))
        }));
        statements.extend([
            plain(format!(
                "create table if not exists {lease} (id integer primary key, schema_version integer not null, \
                 term bigint not null, holder bytea not null, owner text not null, ends_us bigint not null, \
                 batch bytea not null)"
            )),
            plain(format!(
                "insert into {lease} values (1, {schema}, 0, '', '', 0, '') on conflict do nothing"
            )),
            plain("commit".to_owned()),
        ]);
        self.ask(&statements).map(drop)
    }

    fn doubts(&mut self) -> Result<Vec<String>, Failure> {
        let sql =
            "select current_setting('fsync') = 'off', current_setting('full_page_writes') = 'off'";
        let answers = self.ask(&[(sql.to_owned(), Vec::new())])?;
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
            self.table(LEASE)
        );
        let answers = self.ask(&[("begin".to_owned(), Vec::new()), (lock, Vec::new())])?;
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
        let statements: Vec<_> = steps.iter().map(|step| self.statement(step)).collect();
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

    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let sql = format!("select v from {} where k = $1", self.table(table.name()));
        let answers = self.ask(&[(sql, vec![bytes(key)])])?;
        let row = answers[0].first();
        row.map(|row| read(row, 0, &self.database)).transpose()
    }

    fn page(&mut self, page: Page<'_>) -> Result<Vec<Row>, Failure> {
        let (within, params) = range(page.from, page.to);
        let sql = format!(
            "select k, v from {} where {within} order by k {} limit {}",
            self.table(page.table.name()),
            if page.reverse { "desc" } else { "asc" },
            page.rows_max
        );
        let begin = "begin isolation level repeatable read read only";
        let mut statements: Vec<Statement<'_>> = Vec::new();
        if page.is_first {
            statements.push((begin.to_owned(), Vec::new()));
        }
        statements.push((sql, params));
        let rows = self.ask(&statements)?.pop().unwrap_or_default();
        rows.iter()
            .map(|row| key_value(row, &self.database))
            .collect()
    }
}

async fn connect(database: &Database) -> Result<Client, Failure> {
    let mut config = Config::new();
    config
        .host(&database.host)
        .port(database.port)
        .dbname(&database.name)
        .user(database.user.as_deref().unwrap_or("postgres"))
        .application_name("nimesha")
        .keepalives_idle(config::JOBDB_KEEPALIVE)
        .tcp_user_timeout(config::JOBDB_ANSWER_TIMEOUT);
    if let Some(password) = &database.password {
        config.password(&password.0);
    }
    let client = match &database.tls {
        Some(tls) => {
            config.ssl_mode(SslMode::Require);
            sign_in(&config, Tls::new(database, tls)?, database).await?
        }
        None => {
            config.ssl_mode(SslMode::Disable);
            sign_in(&config, NoTls, database).await?
        }
    };
    // What a paused server of ours has begun must not hold the lease's row for long.
    let session = format!(
        "set client_min_messages = warning; set lock_timeout = {}; set statement_timeout = {answer}; \
         set idle_in_transaction_session_timeout = {answer}; \
         select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'",
        LOCK_WAIT.as_millis(),
        answer = config::JOBDB_ANSWER_TIMEOUT.as_millis(),
    );
    let prepared = client.batch_execute(&session).await;
    prepared.map_err(|error| failure(database, &error))?;
    Ok(client)
}

async fn sign_in<T>(config: &Config, tls: T, database: &Database) -> Result<Client, Failure>
where
    T: tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket>,
    T::Stream: Send + 'static,
{
    let connected = config.connect(tls).await;
    let (client, connection) = connected.map_err(|error| match config.get_password() {
        // The library has no kind for it, and says so before the server can.
        None if words::innermost(&error).to_string() == "password missing" => {
            Trouble::SignIn.failure(database, &"a password is asked for")
        }
        _ => failure(database, &error),
    })?;
    tokio::spawn(async move {
        // Whoever waits for an answer is told of the error as well.
        let _ = connection.await;
    });
    Ok(client)
}

async fn query(client: &Client, (sql, params): &Statement<'_>) -> Answer {
    let params: Vec<(&(dyn ToSql + Sync), Type)> = params
        .iter()
        .map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone()))
        .collect();
    client.query_typed(sql, &params).await
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

fn failure(database: &Database, error: &tokio_postgres::Error) -> Failure {
    match error.as_db_error() {
        Some(said) => trouble(said.code()).failure(database, &said.message()),
        None => broken(database, error),
    }
}

fn trouble(code: &SqlState) -> Trouble {
    match code.code() {
        "23505" => Trouble::Conflict,
        "28000" | "28P01" => Trouble::SignIn,
        "3D000" => Trouble::NoDatabase,
        "42501" | "3F000" => Trouble::NotAllowed,
        "53100" => Trouble::Full,
        "25006" => Trouble::ReadOnly,
        "53300" => Trouble::TooMany,
        "55P03" | "57014" => Trouble::Waited,
        "54000" => Trouble::TooLong,
        // Shutdown, crash, still starting, and idle for too long in the middle of a transaction.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Trouble::Closing,
        _ => Trouble::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::servers::{self, Kind};
    use crate::store::sql::tests::{settings_of, tables_of_a_newer_version_are_refused};

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
            .ask(&[("show synchronous_commit".to_owned(), Vec::new())])
            .unwrap();
        assert_eq!(on[0][0].get::<_, String>(0), "on");
    }

    #[test]
    fn codes_are_told_apart() {
        for (code, expected) in [
            ("23505", Trouble::Conflict),
            ("28P01", Trouble::SignIn),
            ("53100", Trouble::Full),
            ("57P01", Trouble::Closing),
            ("42601", Trouble::Other),
        ] {
            assert_eq!(trouble(&SqlState::from_code(code)), expected, "{code}");
        }
    }
}
