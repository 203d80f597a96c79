//! How a session with MariaDB or MySQL comes about, and what its errors mean.

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::time::Duration;

use mysql::{ClientIdentity, DriverError, OptsBuilder, SslOpts};

use crate::config;
use crate::settings::database::{Database, Tls};
use crate::store::StoreError;
use crate::store::shared::session::words::{Trouble, broken, silent};
use crate::store::shared::session::{Failure, pem};

/// What the library is to be told.
pub(super) fn options(database: &Database) -> Result<OptsBuilder, Failure> {
    let ssl = database
        .tls
        .as_ref()
        .map(|tls| ssl(database, tls))
        .transpose()?;
    let millis = |duration: Duration| duration.as_millis() as u32;
    Ok(OptsBuilder::new()
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
            config::JOBDB_LOCK_WAIT.as_secs()
        )]))
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

/// What an error of the library means.
pub(super) fn failure(database: &Database, error: mysql::Error) -> Failure {
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
    use crate::store::shared::tests::settings_of;

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
