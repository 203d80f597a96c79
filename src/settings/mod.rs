//! All that the server can be told: each flag of `serve` with its default and its help, in one place.
//!
//! The struct is the table: argh makes the parser and the help from it, and the command line's front makes the
//! environment variable (`--jobdb-address` is `NIMESHA_JOBDB_ADDRESS`) and the line of the settings file from the same
//! names. So a flag cannot exist in one of these places alone. What the values look like is in [`values`], and what those
//! for a shared job database mean together in [`database`].

pub mod database;
pub mod values;

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use crate::config;
use crate::logging::LogFormat;
use crate::schedule::Zone;
use database::Database;
use values::{Hosts, JobDb, Port, Secret, Ttl, Webhook};

/// Start the server: it stores jobs, runs them when they are due and answers the JSON API.
#[derive(Clone, Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "serve",
    help_triggers("--help", "-h", "help"),
    usage = "[-p <port>] [--boltpath <dir>] [options]",
    example = "Keep jobs in ./nimesha.redb, answer on http://127.0.0.1:8000:\n  {command_name}",
    example = "Another port and another directory:\n  {command_name} -p 2222 --boltpath /var/lib/nimesha",
    example = "Just try it, store nothing:\n  {command_name} --no-persist",
    note = "A value may follow its flag after a space or a =. Each flag has an environment\n  \
            variable: --jobdb-address is NIMESHA_JOBDB_ADDRESS, --no-persist is\n  \
            NIMESHA_NO_PERSIST=true. The command line wins over the environment, the\n  \
            environment over the file of --config. nimesha config shows what is in force."
)]
pub struct Settings {
    /// port to listen on: 2222, :2222, host:2222, or none for a Unix socket alone; 0 takes a free one (default 8000)
    #[argh(option, short = 'p', default = "Port::DEFAULT", arg_name = "port")]
    pub port: Port,

    /// address to listen on (default 127.0.0.1)
    #[argh(option, short = 'i', arg_name = "address")]
    pub interface: Option<String>,

    /// listen on a Unix socket too; whoever may open the file may do everything
    #[argh(option, arg_name = "path")]
    pub listen_unix: Option<PathBuf>,

    /// file of those who may come in, a line each: name role secret, the role being read, operate or admin
    #[argh(option, arg_name = "file")]
    pub token_file: Option<PathBuf>,

    /// name under which the server is reached, beside its addresses and localhost; may be given again
    #[argh(option, arg_name = "name")]
    pub allow_host: Vec<Hosts>,

    /// file of the certificate to show, in PEM; TLS alone is spoken at the port then
    #[argh(option, arg_name = "file")]
    pub tls_cert: Option<PathBuf>,

    /// file of that certificate's key
    #[argh(option, arg_name = "file")]
    pub tls_key: Option<PathBuf>,

    /// let everybody who can reach the address run commands here, without a token
    #[argh(switch)]
    pub insecure: bool,

    /// refuse jobs that run commands here; HTTP requests are still taken
    #[argh(switch)]
    pub deny_local_jobs: bool,

    /// refuse to delete all jobs at once
    #[argh(switch)]
    pub deny_delete_all: bool,

    /// job database: redb (or its other name boltdb), redis, postgres, mysql, mariadb (default redb)
    #[argh(option, default = "JobDb::Redb", arg_name = "name")]
    pub jobdb: JobDb,

    /// directory of the redb database, also --bolt-path (default .)
    #[argh(option, default = "PathBuf::from(\".\")", arg_name = "dir")]
    pub boltpath: PathBuf,

    /// where another job database is: host:port, host:port/database, or a URL such as redis://host:port/0
    #[argh(option, arg_name = "address")]
    pub jobdb_address: Option<String>,

    /// user name for the job database
    #[argh(option, arg_name = "name")]
    pub jobdb_username: Option<String>,

    /// password for the job database; better given as NIMESHA_JOBDB_PASSWORD, which other users cannot see
    #[argh(option, arg_name = "password")]
    pub jobdb_password: Option<Secret>,

    /// file of the authority that signed the job database's certificate
    #[argh(option, arg_name = "file")]
    pub jobdb_tls_capath: Option<PathBuf>,

    /// file of the certificate to show to the job database
    #[argh(option, arg_name = "file")]
    pub jobdb_tls_certpath: Option<PathBuf>,

    /// file of that certificate's key
    #[argh(option, arg_name = "file")]
    pub jobdb_tls_keypath: Option<PathBuf>,

    /// name that the job database's certificate must have
    #[argh(option, arg_name = "name")]
    pub jobdb_tls_servername: Option<String>,

    /// what the names of all tables or keys in a shared job database begin with (default nimesha)
    #[argh(
        option,
        default = "config::JOBDB_PREFIX.to_owned()",
        from_str_fn(values::prefix),
        arg_name = "prefix"
    )]
    pub jobdb_prefix: String,

    /// store nothing: all jobs are gone when the server stops
    #[argh(switch, short = 'n')]
    pub no_persist: bool,

    /// answer before a change is on the disk, and write every --persist-every seconds: quicker, and loses jobs in a crash
    #[argh(switch)]
    pub no_tx_persist: bool,

    /// seconds between writes with --no-tx-persist (default 3600)
    #[argh(
        option,
        short = 'e',
        default = "config::PERSIST_EVERY",
        from_str_fn(values::seconds),
        arg_name = "seconds"
    )]
    pub persist_every: Duration,

    /// minutes that the history of a run is kept, -1 for ever (default -1)
    #[argh(option, default = "Ttl::FOREVER", arg_name = "minutes")]
    pub jobstat_ttl: Ttl,

    /// runs that are kept in the history of each job (default 1000)
    #[argh(option, default = "config::HISTORY_LIMIT_RUNS", arg_name = "runs")]
    pub history_limit: u64,

    /// bytes of output kept of a run, its last part: 65536, 64KiB, 1MiB (default 64KiB)
    #[argh(
        option,
        default = "config::OUTPUT_LIMIT_BYTES as u64",
        from_str_fn(values::bytes),
        arg_name = "bytes"
    )]
    pub output_limit: u64,

    /// bytes of output kept of all runs together, the oldest go first (default 256MiB)
    #[argh(
        option,
        default = "config::OUTPUT_TOTAL_BYTES",
        from_str_fn(values::bytes),
        arg_name = "bytes"
    )]
    pub output_total: u64,

    /// minutes after which a job that has run its only time is deleted, -1 for never (default -1)
    #[argh(option, default = "Ttl::FOREVER", arg_name = "minutes")]
    pub done_ttl: Ttl,

    /// address to post alerts to: of jobs that fail, recover or are missed, and of the job database
    #[argh(option, arg_name = "url")]
    pub on_event: Option<Webhook>,

    /// runs that may be executed at one moment (default 64)
    #[argh(
        option,
        default = "config::WORKERS",
        from_str_fn(values::workers),
        arg_name = "number"
    )]
    pub workers: usize,

    /// seconds that runs may take to finish when the server stops (default 8)
    #[argh(
        option,
        default = "config::GRACE",
        from_str_fn(values::seconds),
        arg_name = "seconds"
    )]
    pub grace: Duration,

    /// time zone of schedules that name none, such as Europe/Berlin (default UTC)
    #[argh(
        option,
        default = "Zone::UTC",
        from_str_fn(values::zone),
        arg_name = "name"
    )]
    pub timezone: Zone,

    /// owner of jobs that name none
    #[argh(option, short = 'o', default = "String::new()", arg_name = "owner")]
    pub default_owner: String,

    /// log more
    #[argh(switch, short = 'v')]
    pub verbose: bool,

    /// text or json, a line each on standard error (default text)
    #[argh(option, default = "LogFormat::Text", arg_name = "format")]
    pub log_format: LogFormat,

    /// file of further settings in TOML, such as: port = 2222
    #[argh(option, arg_name = "file")]
    pub config: Option<PathBuf>,
}

/// Why the server does not start with these settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(pub String);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// Checks what the settings say together.
    ///
    /// # Errors
    /// Where they contradict each other, or would hand the machine to whoever can reach it.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.no_tx_persist && self.persist_every.is_zero() {
            return refuse(
                "with --no-tx-persist, --persist-every must be at least 1 second".into(),
            );
        }
        Database::of(self)?;
        if self.history_limit == 0 {
            return refuse("--history-limit must be at least 1 run".into());
        }
        let addresses = self.listen_addresses()?;
        if addresses.is_empty() && self.listen_unix.is_none() {
            return refuse(
                "--port none leaves nothing to listen on: give --listen-unix too".into(),
            );
        }
        self.check_tls(addresses.is_empty())?;
        match addresses.iter().find(|a| !a.ip().is_loopback()) {
            Some(open) if self.token_file.is_none() && !self.insecure => refuse(format!(
                "{open} can be reached from other machines, and whoever reaches the API can run commands here: name those \
                 who may with --token-file, listen on 127.0.0.1, or give --insecure if a firewall or a proxy keeps others out"
            )),
            _ => Ok(()),
        }
    }

    fn check_tls(&self, no_port: bool) -> Result<(), SettingsError> {
        match (&self.tls_cert, &self.tls_key) {
            (None, None) => Ok(()),
            (Some(_), Some(_)) if no_port => {
                refuse("--tls-cert is for a port, and --port none leaves it without one".into())
            }
            (Some(_), Some(_)) => Ok(()),
            (Some(_), None) => refuse("--tls-cert needs its key: give --tls-key too".into()),
            (None, Some(_)) => refuse("--tls-key needs a certificate: give --tls-cert too".into()),
        }
    }

    /// Whether other machines can reach it.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        let addresses = self.listen_addresses().unwrap_or_default();
        addresses.iter().any(|address| !address.ip().is_loopback())
    }

    /// The addresses to listen on over TCP; none with `--port none`.
    ///
    /// # Errors
    /// When the name has no address, or `--port` and `--interface` name different ones.
    pub fn listen_addresses(&self) -> Result<Vec<SocketAddr>, SettingsError> {
        let Port::At { host, port } = &self.port else {
            return Ok(Vec::new());
        };
        let host = match (host, &self.interface) {
            (Some(a), Some(b)) if a != b => {
                return refuse(format!(
                    "--port names the address {a} and --interface {b}: leave one of them out"
                ));
            }
            (Some(host), _) | (None, Some(host)) => host,
            (None, None) => config::LISTEN_HOST,
        };
        match (host, *port).to_socket_addrs() {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => refuse(format!("cannot listen on {host}: {error}")),
        }
    }
}

fn refuse<T>(why: String) -> Result<T, SettingsError> {
    Err(SettingsError(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(words: &[&str]) -> Settings {
        Settings::from_args(&["nimesha", "serve"], words).expect("words that parse")
    }

    #[test]
    fn the_default_is_open_to_this_machine_alone() {
        let settings = settings(&[]);
        assert_eq!(settings.check(), Ok(()));
        let addresses = settings.listen_addresses().unwrap();
        assert_eq!(addresses, ["127.0.0.1:8000".parse().unwrap()]);
    }

    #[test]
    fn ok_what_goes_together() {
        for words in [
            &["--port", "0.0.0.0:80", "--insecure"][..],
            &["--port", "0.0.0.0:80", "--token-file", "/etc/tokens"],
            &["--allow-host", "a.example", "--allow-host", "b.example,c"],
            &["--port", "[::1]:8000"],
            &["--tls-cert", "c.pem", "--tls-key", "k.pem"],
            &["--port", "127.0.0.1:1", "--interface", "127.0.0.1"],
            &["--port", "none", "--listen-unix", "/run/n.sock"],
            &["--jobdb", "boltdb", "--jobstat-ttl", "-1"],
            &["--no-persist", "--jobdb", "postgres"],
        ] {
            assert_eq!(settings(words).check(), Ok(()), "{words:?}");
        }
    }

    #[test]
    fn err_what_contradicts_itself() {
        for (words, why) in [
            (&["--interface", "0.0.0.0"][..], "--insecure"),
            (&["--interface", "0.0.0.0"], "--token-file"),
            (&["--port", "[::]:80"], "other machines"),
            (
                &["--port", "10.0.0.1:1", "--interface", "127.0.0.1"],
                "leave one",
            ),
            (&["--port", "none"], "--listen-unix"),
            (&["--history-limit", "0"], "at least 1 run"),
            #[cfg(not(feature = "postgres"))]
            (
                &["--jobdb", "postgres"],
                "built without postgres: use --features full",
            ),
            (&["--jobdb-address", "db"], "say which with --jobdb"),
            (
                &["--no-tx-persist", "--persist-every", "0"],
                "at least 1 second",
            ),
        ] {
            let error = settings(words).check().expect_err("a refusal");
            assert!(error.0.contains(why), "{words:?}: {error}");
        }
    }

    #[test]
    fn a_certificate_goes_with_its_key_and_a_port() {
        for (words, why) in [
            ("--tls-cert c", "give --tls-key too"),
            ("--tls-key k", "give --tls-cert too"),
            (
                "--tls-cert c --tls-key k --port none --listen-unix s",
                "without one",
            ),
            (
                "--tls-cert c --tls-key k --interface 0.0.0.0",
                "--token-file",
            ),
        ] {
            let words: Vec<&str> = words.split(' ').collect();
            let error = settings(&words).check().expect_err("a refusal");
            assert!(error.0.contains(why), "{words:?}: {error}");
        }
    }

    #[test]
    fn a_secret_does_not_show() {
        for words in [
            ["--jobdb-password", "tell-nobody"],
            ["--on-event", "https://me:tell-nobody@host/tell-nobody"],
        ] {
            let shown = format!("{:?}", settings(&words));
            assert!(!shown.contains("tell-nobody"), "{shown}");
        }
    }
}
