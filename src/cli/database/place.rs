//! Where a job database is, in one word: `redb:DIRECTORY`, or the address of a shared one such as
//! `postgres://db.example.com/jobs`.

use std::fmt;
use std::path::PathBuf;

use argh::FromArgs;

use crate::cli::CliError;
use crate::cli::sources::environment;
use crate::settings::Settings;
use crate::settings::database::Database;
use crate::store::redb::RedbStore;
use crate::store::{Store, StoreError, load, shared};

/// What begins the address of a database of our own.
const REDB: &str = "redb:";
/// What else has to be said of a shared database, and which variable says it.
const FURTHER: [(&str, &str); 7] = [
    ("--jobdb-username", "NIMESHA_JOBDB_USERNAME"),
    ("--jobdb-password", "NIMESHA_JOBDB_PASSWORD"),
    ("--jobdb-prefix", "NIMESHA_JOBDB_PREFIX"),
    ("--jobdb-tls-capath", "NIMESHA_JOBDB_TLS_CAPATH"),
    ("--jobdb-tls-certpath", "NIMESHA_JOBDB_TLS_CERTPATH"),
    ("--jobdb-tls-keypath", "NIMESHA_JOBDB_TLS_KEYPATH"),
    ("--jobdb-tls-servername", "NIMESHA_JOBDB_TLS_SERVERNAME"),
];

/// A job database, not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A directory with our file.
    Redb(PathBuf),
    /// A server of databases.
    Shared(Box<Database>),
}

impl Place {
    /// Reads an address. A shared database may need variables beside it, as `serve` takes them.
    pub(super) fn parse(text: &str) -> Result<Place, CliError> {
        let directory = text.strip_prefix(REDB);
        if let Some(directory) = directory.filter(|rest| !rest.starts_with("//")) {
            return Ok(Place::Redb(directory.into()));
        }
        let Some((scheme, _)) = text.split_once("://") else {
            return Err(CliError::Usage(
                "expected the address of a job database, such as redb:/var/lib/nimesha or postgres://db.example.com/jobs"
                    .into(),
            ));
        };
        let kind = match scheme {
            "postgresql" => "postgres",
            "rediss" => "redis",
            other => other,
        };
        let further = FURTHER
            .map(|(flag, variable)| environment(variable).map(|value| [flag.to_owned(), value]));
        let further: Vec<String> = further.into_iter().flatten().flatten().collect();
        let mut words = vec!["--jobdb", kind, "--jobdb-address", text];
        words.extend(further.iter().map(String::as_str));
        let settings = Settings::from_args(&["nimesha", "serve"], &words)
            .map_err(|early| CliError::Usage(early.output.trim_end().to_owned()))?;
        match Database::of(&settings) {
            Ok(Some(database)) => Ok(Place::Shared(Box::new(database))),
            Ok(None) => Err(CliError::Usage(format!(
                "{scheme}:// is no job database; expected {REDB}DIRECTORY"
            ))),
            Err(error) => Err(CliError::Usage(error.to_string())),
        }
    }

    /// Opens a database that is there, and that this version understands.
    pub(super) fn open(&self) -> Result<Box<dyn Store>, CliError> {
        let store = self.open_as_it_is()?;
        load::prepare(&*store)?;
        Ok(store)
    }

    /// Opens a database that is there, whatever it holds.
    pub(super) fn open_as_it_is(&self) -> Result<Box<dyn Store>, CliError> {
        Ok(match self {
            Place::Redb(directory) => {
                Box::new(RedbStore::open_existing(directory).map_err(|why| {
                    self.held(
                        why,
                        "\"nimesha backup FILE\" saves what a running server has",
                    )
                })?)
            }
            Place::Shared(database) => shared::open(database)?,
        })
    }

    /// Opens a database to be filled, and makes it where it is not there.
    pub(super) fn open_or_make(&self) -> Result<Box<dyn Store>, CliError> {
        Ok(match self {
            Place::Redb(directory) => Box::new(RedbStore::open(directory).map_err(|why| {
                self.held(
                    why,
                    "or name another directory, and start a server on that one",
                )
            })?),
            Place::Shared(database) => shared::open(database)?,
        })
    }

    /// A store's words for a database that is in use are for whoever starts a server; these are for a tool.
    fn held(&self, why: StoreError, instead: &str) -> CliError {
        match why {
            StoreError::Locked(_) => CliError::Failed(format!(
                "a server works on {self}: stop it first; {instead}"
            )),
            other => other.into(),
        }
    }
}

/// For people: without user and password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Redb(directory) => write!(f, "{REDB}{}", directory.display()),
            Place::Shared(database) => database.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let place = Place::parse("redb:/var/lib/nimesha").unwrap();
        assert_eq!(place, Place::Redb("/var/lib/nimesha".into()));
        assert_eq!(place.to_string(), "redb:/var/lib/nimesha");
        for (text, why) in [
            ("", "expected the address of a job database"),
            ("/var/lib/nimesha", "expected the address of a job database"),
            ("sqlite://x", "no job database has this name"),
            (
                "redb://x",
                "--jobdb-address is where another job database is",
            ),
            ("consul://x", "there is no driver for consul yet"),
        ] {
            let error = Place::parse(text).unwrap_err();
            assert_eq!(error.exit_code(), crate::cli::ExitCode::Usage);
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
    }
}
