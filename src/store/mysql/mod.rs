//! The driver of MariaDB and MySQL.
//!
//! Statements that belong together go out as one text, in which keys and values are hexadecimal numbers: that is twice
//! the bytes and a tenth of the waiting, since a prepared statement would be its own way there and back for each table.

mod text;

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::time::Duration;

use mysql::prelude::{FromValue, Queryable};
use mysql::{ClientIdentity, Conn, DriverError, OptsBuilder, SslOpts};

use super::sql::words::{Trouble, broken, silent};
use super::sql::{Failure, LEASE, LeaseRow, Page, Row, Session, SqlStore, Step, pem};
use super::{Store, StoreError, Table};
use crate::config;
use crate::settings::database::{Database, Tls};
use text::{Script, table_name};

/// Another transaction is given up before the wait for it looks like silence.
const LOCK_WAIT: Duration = config::JOBDB_ANSWER_TIMEOUT.saturating_sub(Duration::from_secs(1));
/// Longest key: the longest of ours has 33 bytes.
const KEY_BYTES_MAX: u32 = 255;

/// Opens the database.
///
/// # Errors
/// In words for whoever started the server.
pub(super) fn open(database: &Database) -> Result<Box<dyn Store>, StoreError> {
    Ok(Box::new(SqlStore::<MysqlSession>::open(database)?))
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
        let ssl = database
            .tls
            .as_ref()
            .map(|tls| ssl(database, tls))
            .transpose()?;
        let millis = |duration: Duration| duration.as_millis() as u32;
        let options = OptsBuilder::new()
            .ip_or_hostname(Some(&database.host))
            .tcp_port(database.port)
            .prefer_socket(false)
            .user(database.user.clone())
            .pass(database.password.as_ref().map(|password| &password.0))
            .db_name(Some(&database.name))
            .ssl_opts(ssl)
            .tcp_connect_timeout(Some(config::JOBDB_CONNECT_TIMEOUT))
            .read_timeout(Some(config::JOBDB_ANSWER_TIMEOUT))
            .write_timeout(Some(config::JOBDB_ANSWER_TIMEOUT))
            .tcp_keepalive_time_ms(Some(millis(config::JOBDB_KEEPALIVE)))
            .tcp_user_timeout_ms(Some(millis(config::JOBDB_ANSWER_TIMEOUT)))
            .init(vec![format!(
                "set session time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES', autocommit = 1, \
                 innodb_lock_wait_timeout = {}",
                LOCK_WAIT.as_secs()
            )]);
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

    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let row = self.ask_row(&text::get(&self.database, table, key))?;
        row.map(|row| read(&row, 0, &self.database)).transpose()
    }

    fn page(&mut self, page: Page<'_>) -> Result<Vec<Row>, Failure> {
        let rows = self.ask(&text::page(&self.database, &page))?;
        let rows = rows.into_iter().flatten();
        rows.map(|row| key_value(row, &self.database)).collect()
    }
}

/// The library looks for the host's name in the server's certificate, and cannot be told another one.
fn ssl(database: &Database, tls: &Tls) -> Result<SslOpts, Failure> {
    if let Some(name) = &tls.server_name
        && *name != database.host
    {
        return Err(Failure::Said(StoreError::Refused(format!(
            "{database}: with mysql and mariadb the server's certificate must be for the host that --jobdb-address names: \
             write {name} there (and its address into /etc/hosts, if it has none), without --jobdb-tls-servername"
        ))));
    }
    // The library does not say which file it could not read.
    if let Some(authorities) = &tls.authorities {
        pem::certificates(database, authorities)?;
    }
    if let Some((certificate, key)) = &tls.certificate {
        pem::certificates(database, certificate)?;
        pem::key(database, key)?;
    }
    let identity = tls
        .certificate
        .as_ref()
        .map(|(certificate, key)| ClientIdentity::new(certificate.clone(), key.clone()));
    Ok(SslOpts::default()
        .with_root_cert_path(tls.authorities.clone())
        .with_client_identity(identity))
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

fn failure(database: &Database, error: mysql::Error) -> Failure {
    match error {
        mysql::Error::MySqlError(said) => trouble(said.code).failure(database, &said.message),
        mysql::Error::IoError(error) => io_failure(database, &error),
        mysql::Error::CodecError(error) => match error.source().and_then(|e| e.downcast_ref()) {
            Some(error) => io_failure(database, error),
            None => broken(database, &error),
        },
        mysql::Error::TlsError(error) => Trouble::Tls.failure(database, &error),
        mysql::Error::DriverError(DriverError::ConnectTimeout | DriverError::Timeout) => {
            silent(database)
        }
        mysql::Error::DriverError(DriverError::CouldNotConnect(Some((_, why, _)))) => {
            Failure::Gone(format!("{database}: {why}"))
        }
        mysql::Error::DriverError(
            error @ (DriverError::TlsNotSupported
            | DriverError::UnknownAuthPlugin(_)
            | DriverError::OldMysqlPasswordDisabled
            | DriverError::CleartextPluginDisabled),
        ) => Failure::Said(StoreError::Refused(format!("{database}: {error}"))),
        error => broken(database, &error),
    }
}

fn io_failure(database: &Database, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => silent(database),
        _ => broken(database, error),
    }
}

/// By the numbers of both servers.
fn trouble(code: u16) -> Trouble {
    match code {
        1062 => Trouble::Conflict,
        1045 | 1130 | 1251 | 1698 | 1820 | 1862 | 3118 | 4151 => Trouble::SignIn,
        1049 => Trouble::NoDatabase,
        1044 | 1142 | 1227 => Trouble::NotAllowed,
        1021 | 1114 => Trouble::Full,
        1290 | 1792 | 1836 => Trouble::ReadOnly,
        1040 | 1203 | 1226 => Trouble::TooMany,
        // Shutdown, killed, idle for too long in the middle of a transaction.
        1053 | 1077 | 1927 | 4031 => Trouble::Closing,
        1205 | 1213 | 1317 | 1969 | 3024 => Trouble::Waited,
        1153 | 1301 => Trouble::TooLong,
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
        if let Some(server) = servers::Database::shared(Kind::MariaDb) {
            let database = settings_of(server);
            tables_of_a_newer_version_are_refused(&database, |session: &mut MysqlSession, sql| {
                session.ask(sql).map(drop)
            });
        }
    }

    #[test]
    fn codes_are_told_apart() {
        for (code, expected) in [
            (1062, Trouble::Conflict),
            (1045, Trouble::SignIn),
            (1114, Trouble::Full),
            (1053, Trouble::Closing),
            (1064, Trouble::Other),
        ] {
            assert_eq!(trouble(code), expected, "{code}");
        }
    }

    #[test]
    fn err_another_name_than_the_host_is_refused() {
        let Some(server) = servers::Database::shared(Kind::MariaDb) else {
            return;
        };
        let tls = Tls {
            authorities: Some(server.authority()),
            server_name: Some("db.test".to_owned()),
            ..Tls::default()
        };
        let why = ssl(&settings_of(server), &tls).unwrap_err();
        let why = StoreError::from(why).to_string();
        assert!(why.contains("write db.test there"), "{why}");
    }
}
