//! How a session with PostgreSQL comes about, and what its errors mean.

use tokio_postgres::config::{Config, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

use super::tls::Tls;
use crate::config;
use crate::settings::database::Database;
use crate::store::shared::session::Failure;
use crate::store::shared::session::words::{self, Trouble, broken};

/// Connects and signs in.
pub(super) async fn connect(database: &Database) -> Result<Client, Failure> {
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
        config::JOBDB_LOCK_WAIT.as_millis(),
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

/// What an error of the library means.
pub(super) fn failure(database: &Database, error: &tokio_postgres::Error) -> Failure {
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
