//! Real database servers, each in a directory of its own, on free ports, gone with the process that started them.
//!
//! Shared by all that test drivers: the tests of the program, those in the library, and the bench. A server that the
//! tests of a process share is started once, since that takes seconds; a test that stops or pauses it starts its own.

#![allow(dead_code)] // each of those who include this uses a part of it

mod certificates;
mod keeper;
mod kind;
mod proxy;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};

use certificates::write_certificates;
use keeper::Keeper;
pub(crate) use kind::Kind;
#[allow(unused_imports)] // as above
pub(crate) use proxy::{Cut, Proxy};

/// The user that may sign in with [`PASSWORD`]; Redis, which knows no users here, is content with the password.
pub(crate) const USER: &str = "nimesha";
/// Its password.
pub(crate) const PASSWORD: &str = "tell-nobody";
/// The user that is let in by the client certificate.
pub(crate) const CERTIFIED_USER: &str = "certified";
/// The database that both may use.
pub(crate) const NAME: &str = "nimesha";
/// A name besides `localhost` and `127.0.0.1` that stands in the server's certificate.
pub(crate) const SERVER_NAME: &str = "database.test";
/// Far more than a start takes on a loaded machine.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// What is particular to one server.
#[derive(Default)]
pub(crate) struct Setup {
    /// A directory of the test's in which PostgreSQL is to keep the tables.
    pub(crate) tables: Option<PathBuf>,
    /// Further flags of the server.
    pub(crate) flags: Vec<String>,
}

/// A database server.
pub(crate) struct Database {
    kind: Kind,
    /// As it is started the next time.
    pub(crate) setup: Setup,
    dir: PathBuf,
    port: u16,
    tls_port: u16,
    process: Mutex<Child>,
    keeper: Keeper,
}

impl Database {
    /// The server that all tests of this process use. None where it is not installed, which skips the test, or fails it
    /// with `NIMESHA_REQUIRE_SERVERS=1`.
    pub(crate) fn shared(kind: Kind) -> Option<&'static Database> {
        static SHARED: [OnceLock<Option<Database>>; 3] = [const { OnceLock::new() }; 3];
        SHARED[kind as usize]
            .get_or_init(|| Database::start(kind))
            .as_ref()
    }

    /// A server of the test's own; none as for [`shared`](Self::shared).
    pub(crate) fn start(kind: Kind) -> Option<Database> {
        Database::start_as(kind, Setup::default())
    }

    /// The same, set up otherwise.
    pub(crate) fn start_as(kind: Kind, setup: Setup) -> Option<Database> {
        if !kind.is_installed() {
            let words = format!(
                "{kind:?} is not installed here (apt install {})",
                kind.package()
            );
            let required =
                std::env::var_os("NIMESHA_REQUIRE_SERVERS").is_some_and(|set| set == "1");
            assert!(!required, "{words}");
            eprintln!("skipped: {words}");
            return None;
        }
        let dir = std::env::temp_dir().join(format!("nimesha-db-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&dir).expect("a new directory");
        let keeper = Keeper::new(&dir, kind.signal_to_end());
        write_certificates(&dir);
        kind.prepare(&dir, &setup);
        let (port, tls_port) = (free_port(), free_port());
        let tls_port = if kind == Kind::Redis { tls_port } else { port };
        let process = kind.spawn(&dir, port, tls_port, &setup);
        let mut database = Database {
            kind,
            setup,
            dir,
            port,
            tls_port,
            process: Mutex::new(process),
            keeper,
        };
        database.await_start();
        Some(database)
    }

    /// Which it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The port of 127.0.0.1 that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The port for TLS; only Redis has one for that alone.
    pub(crate) fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Where a server of ours finds it by way of this port.
    pub(crate) fn address(&self, port: u16) -> String {
        let name = match self.kind {
            Kind::Redis => "0",
            Kind::Postgres | Kind::MariaDb => NAME,
        };
        format!("{}://127.0.0.1:{port}/{name}", self.kind.name())
    }

    /// The same with all that has to be said, as variables of its environment.
    pub(crate) fn variables(&self, port: u16, prefix: &str) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("NIMESHA_JOBDB", self.kind.name().to_owned()),
            ("NIMESHA_JOBDB_ADDRESS", self.address(port)),
            ("NIMESHA_JOBDB_PREFIX", prefix.to_owned()),
            ("NIMESHA_JOBDB_PASSWORD", PASSWORD.to_owned()),
        ];
        if self.kind != Kind::Redis {
            variables.push(("NIMESHA_JOBDB_USERNAME", USER.to_owned()));
        }
        variables
    }

    /// PEM file of the authority that signed the server's certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.dir.join("authority.pem")
    }

    /// PEM file of an authority that signed nothing.
    pub(crate) fn stranger(&self) -> PathBuf {
        self.dir.join("stranger.pem")
    }

    /// PEM files of the certificate of [`CERTIFIED_USER`] and its key.
    pub(crate) fn client_certificate(&self) -> (PathBuf, PathBuf) {
        (self.dir.join("client.pem"), self.dir.join("client.key"))
    }

    /// Stops it in order.
    pub(crate) fn stop(&self) {
        self.end_by(self.kind.signal_to_end());
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill9(&self) {
        self.signal_all(Signal::KILL);
        self.end_by(Signal::KILL);
    }

    /// Starts it again on the same data and the same ports.
    pub(crate) fn start_again(&mut self) {
        let process = self
            .kind
            .spawn(&self.dir, self.port, self.tls_port, &self.setup);
        *self.process.lock() = process;
        self.await_start();
    }

    /// Stops it and starts it again.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// Makes it stand still: connections stay open and nothing answers.
    pub(crate) fn pause(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal_all(Signal::CONT);
    }

    /// What it has written into its log.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.dir.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn end_by(&self, signal: Signal) {
        let mut process = self.process.lock();
        if process.try_wait().expect("a child of ours").is_none() {
            kill_process(Pid::from_child(&process), signal).expect("it is not yet awaited");
            process.wait().expect("a child of ours");
        }
        self.keeper.watch(None);
    }

    /// To the server and to its children, where a process serves each connection.
    fn signal_all(&self, signal: Signal) {
        let process = self.process.lock();
        let main = Pid::from_child(&process);
        for pid in children(main).into_iter().chain([main]) {
            let _ = kill_process(pid, signal); // a child may have ended meanwhile
        }
    }

    fn await_start(&mut self) {
        self.keeper.watch(Some(self.process.lock().id()));
        let begin = Instant::now();
        while !self.answers() {
            let ended = self.process.lock().try_wait().expect("a child of ours");
            assert!(
                ended.is_none() && begin.elapsed() < START_DEADLINE,
                "{:?} does not start ({ended:?}):\n{}",
                self.kind,
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it would serve a client now.
    fn answers(&self) -> bool {
        let (question, is_ready) = self.kind.question();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut answer = [0; 256];
        let mut ask = || -> std::io::Result<usize> {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(&question)?;
            stream.read(&mut answer)
        };
        ask().is_ok_and(|read| is_ready(&answer[..read]))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.resume();
        self.stop();
    }
}

/// The processes that this one has started.
fn children(parent: Pid) -> Vec<Pid> {
    let path = format!(
        "/proc/{pid}/task/{pid}/children",
        pid = parent.as_raw_nonzero()
    );
    let list = fs::read_to_string(path).unwrap_or_default();
    let pids = list.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.filter_map(Pid::from_raw).collect()
}

/// A port that nobody listens on. Another process may take it before the server does, which then says so and fails.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// A prefix for the tables or keys of one test, so that tests share a server and nothing in it.
pub(crate) fn fresh_prefix() -> String {
    format!("t{}", &uuid::Uuid::new_v4().simple().to_string()[..12])
}

/// The file in the directory, as the argument of a command.
fn arg(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}
