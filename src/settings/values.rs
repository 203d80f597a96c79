//! What the values of settings look like, and what is said when one does not.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::config;
use crate::schedule::Zone;

/// Where to listen over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// Not at all.
    None,
    /// On that port of the host, or of `--interface`.
    At {
        /// Name or address, without the brackets of IPv6.
        host: Option<String>,
        /// 0 takes a free one.
        port: u16,
    },
}

impl Port {
    /// Port 8000 of the default address.
    pub const DEFAULT: Port = Port::At {
        host: None,
        port: config::LISTEN_PORT,
    };
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Port, String> {
        if text == "none" {
            return Ok(Port::None);
        }
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        match port.parse() {
            Ok(port) if bare.is_some() || !host.contains(':') => {
                let host = Some(bare.unwrap_or(host)).filter(|h| !h.is_empty());
                Ok(Port::At {
                    host: host.map(str::to_owned),
                    port,
                })
            }
            _ => {
                Err("expected a port such as 2222, :2222, host:2222 or [::1]:2222, or none".into())
            }
        }
    }
}

/// A kind of job database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobDb {
    /// The embedded one.
    Redb,
    /// Redis.
    Redis,
    /// Consul.
    Consul,
    /// MongoDB.
    Mongo,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
}

impl JobDb {
    /// Every name that `--jobdb` takes. Kala's names all mean something here, so that its command lines go on working.
    const NAMES: [(&'static str, JobDb); 8] = [
        ("redb", JobDb::Redb),
        ("boltdb", JobDb::Redb),
        ("redis", JobDb::Redis),
        ("consul", JobDb::Consul),
        ("mongo", JobDb::Mongo),
        ("postgres", JobDb::Postgres),
        ("mysql", JobDb::Mysql),
        ("mariadb", JobDb::Mysql),
    ];

    /// Whether this build can work with it.
    ///
    /// # Errors
    /// If not, in words for the user.
    pub fn check_built_in(self) -> Result<(), String> {
        let built_in = match self {
            JobDb::Redb => true,
            JobDb::Redis => cfg!(feature = "redis"),
            JobDb::Mysql => cfg!(feature = "mysql"),
            JobDb::Postgres => cfg!(feature = "postgres"),
            JobDb::Consul | JobDb::Mongo => {
                return Err(format!(
                    "there is no driver for {self} yet: use another --jobdb"
                ));
            }
        };
        match built_in {
            true => Ok(()),
            false => Err(format!(
                "this nimesha was built without {self}: use --features full to build it, or --jobdb redb"
            )),
        }
    }

    /// Where such a server listens by default; none for one that is no server.
    #[must_use]
    pub fn default_port(self) -> Option<u16> {
        match self {
            JobDb::Redb => None,
            JobDb::Redis => Some(6379),
            JobDb::Consul => Some(8500),
            JobDb::Mongo => Some(27017),
            JobDb::Postgres => Some(5432),
            JobDb::Mysql => Some(3306),
        }
    }

    /// The database on such a server where the address names none.
    pub(super) fn default_name(self) -> &'static str {
        match self {
            JobDb::Redis => "0",
            _ => "nimesha",
        }
    }

    /// Whether a URL of such a database may begin with this.
    pub(super) fn has_scheme(self, scheme: &str) -> bool {
        match self {
            JobDb::Redb => false,
            JobDb::Redis => matches!(scheme, "redis" | "rediss"),
            JobDb::Consul => matches!(scheme, "http" | "https"),
            JobDb::Mongo => scheme == "mongodb",
            JobDb::Postgres => matches!(scheme, "postgres" | "postgresql"),
            JobDb::Mysql => matches!(scheme, "mysql" | "mariadb"),
        }
    }
}

impl FromStr for JobDb {
    type Err = String;

    fn from_str(text: &str) -> Result<JobDb, String> {
        let known = JobDb::NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, db)| *db).ok_or_else(|| {
            let names: Vec<&str> = JobDb::NAMES.iter().map(|(name, _)| *name).collect();
            format!(
                "no job database has this name; expected one of {}",
                names.join(", ")
            )
        })
    }
}

impl fmt::Display for JobDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = JobDb::NAMES.iter().find(|(_, db)| db == self);
        f.write_str(named.map_or("?", |(name, _)| name))
    }
}

/// How long something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl(pub Option<Duration>);

impl Ttl {
    /// No limit.
    pub const FOREVER: Ttl = Ttl(None);
}

impl FromStr for Ttl {
    type Err = String;

    fn from_str(text: &str) -> Result<Ttl, String> {
        match text.parse::<i64>() {
            Ok(-1) => Ok(Ttl::FOREVER),
            Ok(minutes @ 0..) => Ok(Ttl(Some(Duration::from_secs(
                (minutes as u64).saturating_mul(60),
            )))),
            _ => Err("expected whole minutes such as 1440, or -1 for ever".into()),
        }
    }
}

/// Names of hosts, apart by commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(pub Vec<String>);

impl FromStr for Hosts {
    type Err = String;

    fn from_str(text: &str) -> Result<Hosts, String> {
        let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        let is_name = |name: &String| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !name.is_empty() && name.bytes().all(plain)
        };
        match names.iter().all(is_name) {
            true => Ok(Hosts(names)),
            false => {
                Err("expected names such as jobs.example.com, without http:// and port".into())
            }
        }
    }
}

/// Text that must not show in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Secret, Self::Err> {
        Ok(Secret(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// An address over HTTP that messages are posted to. It may hold a secret anywhere, so it does not show in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook(pub String);

impl FromStr for Webhook {
    type Err = String;

    fn from_str(text: &str) -> Result<Webhook, String> {
        let schemes = ["http://", "https://"];
        let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
        match rest.filter(|rest| !rest.is_empty()) {
            Some(_) => Ok(Webhook(text.to_owned())),
            None => Err("expected an address such as https://example.com/hook".into()),
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whole seconds.
///
/// # Errors
/// Anything else.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let whole = text.strip_suffix('s').unwrap_or(text).parse();
    whole
        .map(Duration::from_secs)
        .map_err(|_| "expected whole seconds such as 30".into())
}

/// A number of bytes, with or without a unit of 1024 or its powers.
///
/// # Errors
/// Anything else.
pub fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: Option<u64> = match &text[digits.len()..] {
        "" | "B" => Some(1),
        "K" | "KB" | "KiB" => Some(1 << 10),
        "M" | "MB" | "MiB" => Some(1 << 20),
        "G" | "GB" | "GiB" => Some(1 << 30),
        _ => None,
    };
    let number = digits.parse::<u64>().ok();
    let bytes = number.zip(unit).and_then(|(n, unit)| n.checked_mul(unit));
    bytes.ok_or_else(|| "expected bytes such as 65536, 64KiB or 1MiB".into())
}

/// A number of workers.
///
/// # Errors
/// None at all, or more than [`WORKERS_MAX`](config::WORKERS_MAX).
pub fn workers(text: &str) -> Result<usize, String> {
    let max = config::WORKERS_MAX;
    let number = text.parse().ok().filter(|n| (1..=max).contains(n));
    number.ok_or_else(|| format!("expected a number from 1 to {max}"))
}

/// What the names of tables or keys in a shared database begin with: it becomes part of SQL.
///
/// # Errors
/// Anything that is no plain name, or longer than [`JOBDB_PREFIX_BYTES_MAX`](config::JOBDB_PREFIX_BYTES_MAX).
pub fn prefix(text: &str) -> Result<String, String> {
    let max = config::JOBDB_PREFIX_BYTES_MAX;
    let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match begins && text.len() <= max && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "expected a letter, then letters, digits and _, all of them small, at most {max}"
        )),
    }
}

/// An IANA time zone.
///
/// # Errors
/// An unknown name.
pub fn zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: Option<&str>, port: u16) -> Port {
        Port::At {
            host: host.map(str::to_owned),
            port,
        }
    }

    #[test]
    fn ok_ports() {
        for (text, port) in [
            ("2222", at(None, 2222)),
            (":2222", at(None, 2222)),
            ("0", at(None, 0)),
            ("localhost:80", at(Some("localhost"), 80)),
            ("[::1]:80", at(Some("::1"), 80)),
            ("none", Port::None),
        ] {
            assert_eq!(text.parse(), Ok(port), "{text}");
        }
    }

    #[test]
    fn err_ports() {
        for text in ["", ":", "99999", "-1", "::1:80", "host", "http://host:80"] {
            assert!(text.parse::<Port>().is_err(), "{text}");
        }
    }

    #[test]
    fn ok_amounts() {
        assert_eq!("-1".parse(), Ok(Ttl::FOREVER));
        assert_eq!("2".parse(), Ok(Ttl(Some(Duration::from_secs(120)))));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("7"), Ok(7));
        assert_eq!(bytes("1G"), Ok(1 << 30));
        assert_eq!(seconds("8"), Ok(Duration::from_secs(8)));
        assert_eq!(seconds("8s"), Ok(Duration::from_secs(8)));
        assert_eq!(workers("1"), Ok(1));
    }

    #[test]
    fn err_amounts() {
        assert!("-2".parse::<Ttl>().is_err());
        assert!("1.5".parse::<Ttl>().is_err());
        assert!("host/hook".parse::<Webhook>().is_err());
        assert!("https://".parse::<Webhook>().is_err());
        assert!(bytes("64 bananas").is_err());
        assert!(bytes("99999999999G").is_err());
        assert!(bytes("").is_err());
        assert!(seconds("-1").is_err());
        assert!(workers("0").is_err());
        assert!(workers("100000").is_err());
    }

    #[test]
    fn prefixes_are_plain_names() {
        assert_eq!(prefix("nimesha_2"), Ok("nimesha_2".to_owned()));
        let long = "a".repeat(config::JOBDB_PREFIX_BYTES_MAX + 1);
        for text in ["", "2a", "_a", "A", "a-b", "a;b", "a b", "ä", &long] {
            assert!(prefix(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_database_has_its_name() {
        for (name, db) in JobDb::NAMES {
            assert_eq!(name.parse(), Ok(db));
        }
        assert_eq!("mariadb".parse::<JobDb>().unwrap().to_string(), "mysql");
        assert!(
            "nope"
                .parse::<JobDb>()
                .unwrap_err()
                .contains("redb, boltdb")
        );
    }
}
