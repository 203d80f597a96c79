//! The shared job database that the settings name: one struct that every driver opens.
//!
//! The flags win over what the address says, so that a password can be kept out of it. No driver looks at the settings
//! themselves, and none has defaults of its own.

mod address;

use std::fmt;
use std::path::PathBuf;

use super::values::{JobDb, Secret};
use super::{Settings, SettingsError, refuse};
use address::Address;

/// Where a shared job database is, and how it lets the server in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Which driver it takes.
    pub kind: JobDb,
    /// Name or address, without the brackets of IPv6.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Database on that server; of Redis its number.
    pub name: String,
    /// User name; none for what the driver's protocol has as default.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// How the connection is made safe; none for one that is open to whoever listens on the way.
    pub tls: Option<Tls>,
    /// What the names of all tables or keys begin with: letters, digits and `_`.
    pub prefix: String,
}

/// Whom to trust, and what to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the authorities that may have signed the server's certificate; none for those of the system.
    pub authorities: Option<PathBuf>,
    /// PEM files of the certificate to show, and of its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Name that the server's certificate must have; none for the host.
    pub server_name: Option<String>,
}

impl Database {
    /// What the settings say; none where the database is embedded, or there is none.
    ///
    /// # Errors
    /// When they do not fit together, or name a driver that this build does not have.
    pub fn of(settings: &Settings) -> Result<Option<Database>, SettingsError> {
        let kind = settings.jobdb;
        if settings.no_persist || (kind == JobDb::Redb && settings.jobdb_address.is_none()) {
            return Ok(None);
        }
        if kind == JobDb::Redb {
            return refuse(
                "--jobdb-address is where another job database is: say which with --jobdb redis, postgres, mysql or mariadb"
                    .into(),
            );
        }
        kind.check_built_in().map_err(SettingsError)?;
        let (Some(text), Some(port)) = (&settings.jobdb_address, kind.default_port()) else {
            return refuse(format!(
                "--jobdb {kind} needs --jobdb-address, such as 127.0.0.1{}",
                kind.default_port()
                    .map_or(String::new(), |p| format!(":{p}"))
            ));
        };
        let address =
            Address::parse(text).map_err(|why| SettingsError(format!("--jobdb-address: {why}")))?;
        if let Some(scheme) = &address.scheme
            && !kind.has_scheme(scheme)
        {
            return refuse(format!(
                "--jobdb is {kind}, and --jobdb-address begins with {scheme}://"
            ));
        }
        let tls = tls(settings, address.tls)?;
        let name = address
            .name
            .unwrap_or_else(|| kind.default_name().to_owned());
        if kind == JobDb::Redis && name.parse::<u16>().is_err() {
            return refuse(format!(
                "a database of redis has a number such as 0, found {name:?}"
            ));
        }
        Ok(Some(Database {
            kind,
            host: address.host,
            port: address.port.unwrap_or(port),
            name,
            user: settings.jobdb_username.clone().or(address.user),
            password: settings.jobdb_password.clone().or(address.password),
            tls,
            prefix: settings.jobdb_prefix.clone(),
        }))
    }
}

/// For people: without user and password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Database {
            kind,
            host,
            port,
            name,
            ..
        } = self;
        match host.contains(':') {
            true => write!(f, "{kind} at [{host}]:{port}/{name}"),
            false => write!(f, "{kind} at {host}:{port}/{name}"),
        }
    }
}

/// Any of the flags asks for TLS.
fn tls(settings: &Settings, asked: Option<bool>) -> Result<Option<Tls>, SettingsError> {
    let certificate = match (&settings.jobdb_tls_certpath, &settings.jobdb_tls_keypath) {
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        (None, None) => None,
        _ => {
            return refuse(
                "--jobdb-tls-certpath and --jobdb-tls-keypath go together: give both".into(),
            );
        }
    };
    let tls = Tls {
        authorities: settings.jobdb_tls_capath.clone(),
        certificate,
        server_name: settings.jobdb_tls_servername.clone(),
    };
    match asked {
        Some(false) if tls != Tls::default() => refuse(
            "--jobdb-address says that there is no TLS, and a --jobdb-tls flag that there is: leave one of them out".into(),
        ),
        Some(true) => Ok(Some(tls)),
        _ => Ok(Some(tls).filter(|tls| *tls != Tls::default())),
    }
}

#[cfg(all(test, feature = "full"))]
mod tests {
    use argh::FromArgs;

    use super::*;

    fn database(words: &[&str]) -> Result<Option<Database>, SettingsError> {
        Database::of(&Settings::from_args(&["nimesha", "serve"], words).expect("words that parse"))
    }

    #[test]
    fn ok_databases() {
        for (words, shown, prefix, tls) in [
            (
                &["--jobdb", "redis", "--jobdb-address", "db"][..],
                "redis at db:6379/0",
                "nimesha",
                false,
            ),
            (
                &[
                    "--jobdb",
                    "redis",
                    "--jobdb-address",
                    "rediss://[::1]/3",
                    "--jobdb-prefix",
                    "b_2",
                ],
                "redis at [::1]:6379/3",
                "b_2",
                true,
            ),
            (
                &[
                    "--jobdb",
                    "postgres",
                    "--jobdb-address",
                    "server1.example.com/kala",
                ],
                "postgres at server1.example.com:5432/kala",
                "nimesha",
                false,
            ),
            (
                &[
                    "--jobdb",
                    "mariadb",
                    "--jobdb-address",
                    "(db)/kala",
                    "--jobdb-tls-servername",
                    "db",
                ],
                "mysql at db:3306/kala",
                "nimesha",
                true,
            ),
            (
                &["--jobdb", "mysql", "--jobdb-address", "mariadb://db"],
                "mysql at db:3306/nimesha",
                "nimesha",
                false,
            ),
        ] {
            let database = database(words).expect("a database").expect("a shared one");
            assert_eq!(database.to_string(), shown);
            assert_eq!(
                (database.prefix.as_str(), database.tls.is_some()),
                (prefix, tls),
                "{words:?}"
            );
        }
    }

    #[test]
    fn flags_win_over_the_address() {
        let words = [
            "--jobdb=redis",
            "--jobdb-address=redis://a:tell-nobody@db",
            "--jobdb-username=b",
            "--jobdb-password=two",
        ];
        let words: Vec<&str> = words.iter().flat_map(|word| word.split('=')).collect();
        let both = database(&words).unwrap().unwrap();
        assert_eq!(
            (both.user.as_deref(), both.password),
            (Some("b"), Some(Secret("two".into())))
        );
        let address = database(&words[..4]).unwrap().unwrap();
        assert_eq!(address.user.as_deref(), Some("a"));
        assert!(!format!("{address:?} {address}").contains("tell-nobody"));
    }

    #[test]
    fn err_databases() {
        for (words, why) in [
            (&["--jobdb-address", "db"][..], "say which with --jobdb"),
            (&["--jobdb", "redis"], "such as 127.0.0.1:6379"),
            (
                &["--jobdb", "redis", "--jobdb-address", "postgres://db"],
                "begins with postgres://",
            ),
            (
                &["--jobdb", "redis", "--jobdb-address", "db/jobs"],
                "a number such as 0",
            ),
            (
                &["--jobdb", "redis", "--jobdb-address", "a,b"],
                "--jobdb-address: expected",
            ),
            (
                &[
                    "--jobdb",
                    "redis",
                    "--jobdb-address",
                    "db",
                    "--jobdb-tls-keypath",
                    "k",
                ],
                "give both",
            ),
            (
                &[
                    "--jobdb",
                    "mysql",
                    "--jobdb-address",
                    "db/x?tls=false",
                    "--jobdb-tls-capath",
                    "ca",
                ],
                "leave one of them out",
            ),
            (
                &["--jobdb", "mongo", "--jobdb-address", "db"],
                "no driver for mongo",
            ),
        ] {
            let error = database(words).expect_err("a refusal");
            assert!(error.0.contains(why), "{words:?}: {error}");
        }
    }
}
