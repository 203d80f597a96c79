//! What the errors of SQL databases mean to whoever runs the server, and what to do about them.
//!
//! Each driver tells by its own codes which of these it is. No password is ever in any of them.

use std::error::Error;
use std::fmt;
use std::io;

use super::Failure;
use crate::settings::database::Database;
use crate::store::StoreError;

/// What a database says no to, in words that are the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// Redis alone does not have all of them.
#[cfg_attr(not(any(feature = "postgres", feature = "mysql")), allow(dead_code))]
pub(in crate::store) enum Trouble {
    /// A key that had to be new exists.
    Conflict,
    /// Wrong user or password, or nobody may come in from here.
    SignIn,
    /// There is no database of that name.
    NoDatabase,
    /// The user may not do that.
    NotAllowed,
    /// It has no place left.
    Full,
    /// It takes no writes: a replica, or set so.
    ReadOnly,
    /// All its connections are taken.
    TooMany,
    /// It is starting, stopping or has ended this connection.
    Closing,
    /// Another transaction has the row for too long.
    Waited,
    /// The connection cannot be made safe.
    Tls,
    /// A row is longer than it takes.
    TooLong,
    /// Anything else.
    Other,
}

impl Trouble {
    /// The failure, with the way out; `said` are the database's own words.
    pub(in crate::store) fn failure(self, database: &Database, said: &dyn fmt::Display) -> Failure {
        let away = |way_out: &str| StoreError::Away(format!("{database}: {said}{way_out}"));
        let refused = |way_out: &str| StoreError::Refused(format!("{database}: {said}{way_out}"));
        let user = database.user.as_deref().unwrap_or_default();
        Failure::Said(match self {
            Trouble::Conflict => return Failure::Conflict,
            Trouble::Closing => return Failure::Gone(format!("{database}: {said}")),
            Trouble::SignIn => refused(
                "; look at --jobdb-username, --jobdb-password and who may come in from here",
            ),
            Trouble::NoDatabase => refused(&format!(
                "; make it with \"create database {}\", or name another one in --jobdb-address",
                database.name
            )),
            Trouble::NotAllowed => refused(&format!(
                "; the user {user:?} must be allowed to make, read and write tables there"
            )),
            Trouble::Full => away("; it goes on by itself when there is space"),
            Trouble::ReadOnly => away("; it goes on by itself when the database takes writes"),
            Trouble::TooMany => away("; it goes on by itself when there are fewer"),
            Trouble::Waited => away("; it is tried again"),
            Trouble::Tls => {
                refused("; look at the --jobdb-tls flags and at the server's certificate")
            }
            Trouble::TooLong => {
                away("; let the database take longer statements, or keep less with --output-limit")
            }
            Trouble::Other => away(""),
        })
    }
}

/// It did not answer in time.
pub(in crate::store) fn silent(database: &Database) -> Failure {
    Failure::Silent(format!("{database} does not answer"))
}

/// A connection did not come about, or has ended, for this reason.
pub(in crate::store) fn broken(database: &Database, error: &(dyn Error + 'static)) -> Failure {
    if let Some(why) = tls_error(error) {
        return Trouble::Tls.failure(database, why);
    }
    Failure::Gone(format!("{database}: {}", innermost(error)))
}

/// What TLS says about the other side, wherever it is wrapped up.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    let inner = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match inner {
        Some(inner) => tls_error(inner),
        None => tls_error(error.source()?),
    }
}

/// The words of libraries say "error communicating with the server" and keep the reason inside.
pub(in crate::store) fn innermost<'a>(
    mut error: &'a (dyn Error + 'static),
) -> &'a (dyn Error + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::values::{JobDb, Secret};

    #[test]
    fn troubles_say_the_way_out_and_no_secret() {
        let database = Database {
            kind: JobDb::Postgres,
            host: "db".to_owned(),
            port: 5432,
            name: "kala".to_owned(),
            user: Some("scheduler".to_owned()),
            password: Some(Secret("tell-nobody".to_owned())),
            tls: None,
            prefix: "nimesha".to_owned(),
        };
        let words = |trouble: Trouble| StoreError::from(trouble.failure(&database, &"it says no"));
        for (trouble, expected) in [
            (
                Trouble::NoDatabase,
                r#"; make it with "create database kala", or name another one in --jobdb-address"#,
            ),
            (
                Trouble::NotAllowed,
                r#"; the user "scheduler" must be allowed to make, read and write tables there"#,
            ),
            (Trouble::Full, "; it goes on by itself when there is space"),
            (
                Trouble::ReadOnly,
                "; it goes on by itself when the database takes writes",
            ),
            (
                Trouble::TooMany,
                "; it goes on by itself when there are fewer",
            ),
            (Trouble::Other, ""),
        ] {
            let expected = format!("postgres at db:5432/kala: it says no{expected}");
            assert_eq!(words(trouble).to_string(), expected);
        }
        let waits = |trouble| matches!(words(trouble), StoreError::Away(_));
        assert!(waits(Trouble::Full) && waits(Trouble::TooMany) && waits(Trouble::Closing));
        assert!(!waits(Trouble::SignIn) && !waits(Trouble::NoDatabase) && !waits(Trouble::Tls));
    }
}
