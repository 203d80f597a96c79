//! What is particular to each database server: its programs, its first steps, its words at the start.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Signal, geteuid};

use super::{CERTIFIED_USER, NAME, PASSWORD, Setup, USER, arg};

/// Who may sign in to PostgreSQL from where, and by what.
const POSTGRES_HBA: &str = "\
hostssl all certified 127.0.0.1/32 cert
host    all all       127.0.0.1/32 scram-sha-256
";

/// Whether an answer is that of a server which serves clients.
type IsReady = fn(&[u8]) -> bool;

/// A database server that can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `redis-server`, with a file of all commands that is synced at each.
    Redis,
    /// `postgres`.
    Postgres,
    /// `mariadbd`.
    MariaDb,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Kind; 3] = [Kind::Redis, Kind::Postgres, Kind::MariaDb];

    /// Its name as `--jobdb` takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Redis => "redis",
            Kind::Postgres => "postgres",
            Kind::MariaDb => "mariadb",
        }
    }

    /// The Debian package that brings it.
    pub(super) fn package(self) -> &'static str {
        match self {
            Kind::Redis => "redis-server",
            Kind::Postgres => "postgresql",
            Kind::MariaDb => "mariadb-server",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Kind::Redis => "redis-server",
            Kind::Postgres => "postgres",
            Kind::MariaDb => "mariadbd",
        }
    }

    pub(super) fn is_installed(self) -> bool {
        find(self.program()).is_some()
    }

    /// What ends it in order, without waiting for its clients.
    pub(super) fn signal_to_end(self) -> Signal {
        match self {
            Kind::Postgres => Signal::INT,
            Kind::Redis | Kind::MariaDb => Signal::TERM,
        }
    }

    /// Makes its files.
    pub(super) fn prepare(self, dir: &Path, setup: &Setup) {
        let key = fs::Permissions::from_mode(0o600);
        fs::set_permissions(dir.join("server.key"), key).expect("the file is ours");
        match self {
            Kind::Redis => {}
            Kind::Postgres => prepare_postgres(dir, setup.tables.as_deref()),
            Kind::MariaDb => prepare_mariadb(dir, &setup.flags),
        }
    }

    /// Starts it.
    pub(super) fn spawn(self, dir: &Path, port: u16, tls_port: u16, setup: &Setup) -> Child {
        let (port, tls_port) = (port.to_string(), tls_port.to_string());
        let file = |name: &str| arg(dir, name);
        let mut command = self.command(self.program());
        match self {
            Kind::Redis => command
                .args([
                    "--bind",
                    "127.0.0.1",
                    "--port",
                    &port,
                    "--tls-port",
                    &tls_port,
                ])
                .args(["--tls-cert-file", &file("server.pem")])
                .args(["--tls-key-file", &file("server.key")])
                .args(["--tls-ca-cert-file", &file("authority.pem")])
                .args(["--tls-auth-clients", "optional", "--requirepass", PASSWORD])
                .args([
                    "--appendonly",
                    "yes",
                    "--appendfsync",
                    "always",
                    "--save",
                    "",
                ])
                .args(["--dir", &file("")]),
            Kind::Postgres => command
                .args(["-D", &file("data"), "-p", &port])
                .args([
                    "-c",
                    "listen_addresses=127.0.0.1",
                    "-c",
                    "unix_socket_directories=",
                ])
                .args(["-c", "ssl=on", "-c", "shared_buffers=16MB"])
                .args(["-c", &format!("ssl_cert_file={}", file("server.pem"))])
                .args(["-c", &format!("ssl_key_file={}", file("server.key"))])
                .args(["-c", &format!("ssl_ca_file={}", file("authority.pem"))]),
            Kind::MariaDb => command
                .args([
                    "--no-defaults",
                    "--bind-address=127.0.0.1",
                    "--skip-name-resolve",
                ])
                .arg(format!("--user={}", user_name()))
                .arg(format!("--port={port}"))
                .arg(format!("--datadir={}", file("data")))
                .arg(format!("--socket={}", file("socket")))
                .arg(format!("--pid-file={}", file("pid")))
                .arg(format!("--init-file={}", file("init.sql")))
                .arg(format!("--ssl-cert={}", file("server.pem")))
                .arg(format!("--ssl-key={}", file("server.key")))
                .arg(format!("--ssl-ca={}", file("authority.pem"))),
        };
        let log = File::options()
            .create(true)
            .append(true)
            .open(dir.join("log"));
        let log = log.expect("the directory is ours");
        let errors = log.try_clone().expect("a file can be had twice");
        command
            .args(&setup.flags)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0) // an interrupt in the terminal is for the tests, the keeper ends this
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.program()))
    }

    /// What to send to learn whether it serves clients, and how to tell by the answer.
    pub(super) fn question(self) -> (Vec<u8>, IsReady) {
        match self {
            Kind::Redis => (b"PING\r\n".to_vec(), |answer| {
                answer.starts_with(b"-NOAUTH")
            }),
            Kind::Postgres => {
                let words = format!("user\0{USER}\0database\0{NAME}\0\0");
                let length = u32::try_from(8 + words.len()).expect("it is short");
                let mut question = length.to_be_bytes().to_vec();
                question.extend([0, 3, 0, 0]); // version 3.0 of the protocol
                question.extend(words.into_bytes());
                (question, |answer| answer.starts_with(b"R"))
            }
            // It speaks first, with the version of its protocol behind the head of four bytes.
            Kind::MariaDb => (Vec::new(), |answer| answer.get(4) == Some(&10)),
        }
    }

    /// A program of this server, as a user that it agrees to run as: PostgreSQL refuses root.
    fn command(self, program: &str) -> Command {
        let path = find(program).unwrap_or_else(|| panic!("{program} is not where it should be"));
        if self == Kind::Postgres && geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
            command.arg(path).current_dir("/");
            return command;
        }
        Command::new(path)
    }
}

fn prepare_postgres(dir: &Path, tables: Option<&Path>) {
    if geteuid().is_root() {
        let id = |flag| output(Command::new("id").args([flag, "postgres"]));
        let number = |text: String| text.trim().parse().expect("a number");
        let (user, group) = (number(id("-u")), number(id("-g")));
        let files = [dir.to_owned(), dir.join("server.key")];
        for path in files.into_iter().chain(tables.map(Path::to_owned)) {
            chown(path, Some(user), Some(group)).expect("root may");
        }
    }
    let data = arg(dir, "data");
    let mut init = Kind::Postgres.command("initdb");
    init.args([
        "-D",
        &data,
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
        "-U",
        "root",
    ]);
    output(&mut init);
    fs::write(dir.join("data/pg_hba.conf"), POSTGRES_HBA).expect("the file is there");
    let (space, within) = match tables {
        Some(path) => (
            format!(
                "create tablespace elsewhere location '{}';\n",
                path.display()
            ),
            " tablespace elsewhere",
        ),
        None => (String::new(), ""),
    };
    let words = format!(
        "{space}create role {USER} login password '{PASSWORD}';\ncreate database {NAME} owner {USER}{within};\n\
         create role {CERTIFIED_USER} login in role {USER};\n"
    );
    fs::write(dir.join("init.sql"), words).expect("the directory is ours");
    let mut single = Kind::Postgres.command("postgres");
    single.args(["--single", "-D", &data, "postgres"]);
    single.stdin(File::open(dir.join("init.sql")).expect("it was just written"));
    output(&mut single);
}

fn prepare_mariadb(dir: &Path, flags: &[String]) {
    let mut install = Kind::MariaDb.command("mariadb-install-db");
    install
        .args([
            "--no-defaults",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ])
        .arg(format!("--datadir={}", arg(dir, "data")))
        .arg(format!("--user={}", user_name()))
        .args(flags);
    output(&mut install);
    // One statement a line, at each start.
    let words = format!(
        "create database if not exists {NAME};\n\
         create user if not exists {USER} identified by '{PASSWORD}';\n\
         create user if not exists {CERTIFIED_USER} require x509;\n\
         grant all on {NAME}.* to {USER};\n\
         grant all on {NAME}.* to {CERTIFIED_USER};\n"
    );
    fs::write(dir.join("init.sql"), words).expect("the directory is ours");
}

/// Runs a command to its end, which must be a good one.
fn output(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert!(
        status.success(),
        "{command:?}: {status}\n{stdout}\n{stderr}"
    );
    stdout.into_owned()
}

fn user_name() -> String {
    output(Command::new("id").arg("-un")).trim().to_owned()
}

/// Where a program is: in the path, or where Debian keeps what is not for everybody's.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    dirs.push("/usr/sbin".into());
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    dirs.extend(versions.map(|version| version.path().join("bin")));
    dirs.into_iter()
        .map(|dir| dir.join(program))
        .find(|path| path.is_file())
}
