//! A real server in a directory of its own, on a free port.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::databases::{Database, Kind, fresh_prefix};
use super::program::{Ended, bare_command, bare_command_after, nimesha_with};
use super::{Client, Response, TempDir, wait_for};

/// Names of settings that say where jobs are kept.
const JOB_DATABASES: [&str; 4] = ["--jobdb", "NIMESHA_JOBDB", "--boltpath", "--no-persist"];

/// A server that ends with the test. Its words and its directory stay the same when it is started again.
pub(crate) struct Server {
    words: Vec<String>,
    variables: Vec<(String, String)>,
    /// What a shell does before it becomes the server, where that is anything.
    before: Option<String>,
    dir: TempDir,
    child: Child,
    log: Log,
    port: u16,
    /// It shares its database with nobody, though it could: what it has begun with is there as soon as it answers.
    is_at_work: bool,
}

/// What the server has logged so far.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Server {
    /// Starts a server that stores its jobs in its directory.
    pub(crate) fn start() -> Server {
        Server::with(&[])
    }

    /// Starts a server with further flags.
    pub(crate) fn with(flags: &[&str]) -> Server {
        Server::in_dir(TempDir::new(), flags, &[])
    }

    /// Starts a server with variables in its environment.
    pub(crate) fn with_env(variables: &[(&str, &str)]) -> Server {
        Server::in_dir(TempDir::new(), &[], variables)
    }

    /// Starts a server that may have few files open.
    pub(crate) fn with_files(files: u32) -> Server {
        Server::after(&format!("ulimit -n {files}"), &[])
    }

    /// Starts a server by way of a shell that does something before, such as `ulimit -n 256`.
    pub(crate) fn after(before: &str, flags: &[&str]) -> Server {
        Server::in_dir_after(TempDir::new(), before, flags)
    }

    /// The same on what a directory holds.
    pub(crate) fn in_dir_after(dir: TempDir, before: &str, flags: &[&str]) -> Server {
        Server::launch(dir, flags, &[], Some(before.to_owned()))
    }

    /// Starts a server on what a directory holds.
    pub(crate) fn in_dir(dir: TempDir, flags: &[&str], variables: &[(&str, &str)]) -> Server {
        Server::launch(dir, flags, variables, None)
    }

    fn launch(
        dir: TempDir,
        flags: &[&str],
        variables: &[(&str, &str)],
        before: Option<String>,
    ) -> Server {
        let says_where = variables.iter().map(|(name, _)| name).chain(flags);
        let says_where = says_where
            .into_iter()
            .any(|word| JOB_DATABASES.contains(word));
        let shared = of_all_tests().filter(|_| !says_where);
        let words = ["serve", "--port", "0"].iter().chain(flags);
        let words: Vec<String> = words.map(|word| (*word).to_owned()).collect();
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut variables: Vec<_> = variables.collect();
        if let Some(database) = shared {
            let more = database
                .variables(database.port(), &fresh_prefix())
                .into_iter();
            variables.extend(more.map(|(name, value)| (name.to_owned(), value)));
        }
        let (child, log) = spawn(&words, &variables, before.as_deref(), dir.path());
        let mut server = Server {
            words,
            variables,
            before,
            dir,
            child,
            log,
            port: 0,
            is_at_work: shared.is_some(),
        };
        server.await_start();
        server
    }

    /// Starts it again on the same directory, after it has ended.
    pub(crate) fn start_again(&mut self) {
        let before = self.before.as_deref();
        (self.child, self.log) = spawn(&self.words, &self.variables, before, self.dir.path());
        self.await_start();
    }

    fn await_start(&mut self) {
        self.port = self.await_port();
        if self.is_at_work {
            self.await_ready();
        }
    }

    /// Gives it further flags, from its next start on.
    pub(crate) fn give(&mut self, flags: &[&str]) {
        self.words
            .extend(flags.iter().map(|flag| (*flag).to_owned()));
    }

    /// Stops it as a service manager does, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.signal(Signal::TERM);
        assert!(self.exit().success(), "{}", self.log());
        self.start_again();
    }

    /// Ends it without a chance to do anything more, as a power cut would.
    pub(crate) fn kill9(&mut self) {
        self.signal(Signal::KILL);
        self.exit();
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it is there, or not yet awaited");
    }

    /// Waits for its end.
    pub(crate) fn exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        wait_for("the server ends", || {
            child.try_wait().expect("a child of ours")
        })
    }

    /// What `nimesha check` says of the database that it has left.
    pub(crate) fn check_database(&self) -> Ended {
        let own = format!("redb:{}", self.dir().display());
        let mut variables = self.variables.iter();
        let shared = variables.find(|(name, _)| name == "NIMESHA_JOBDB_ADDRESS");
        let address = shared.map_or(&own, |(_, address)| address);
        nimesha_with(&["check", address], &self.variables)
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it has logged since its last start.
    pub(crate) fn log(&self) -> String {
        self.log.0.lock().clone()
    }

    /// A connection to it.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.port).expect("the server listens")
    }

    /// Sends one request over a connection of its own.
    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&str>) -> Response {
        let answer = self.client().request(method, path, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log()))
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.request("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        self.request("POST", path, Some(&body.to_string()))
    }

    pub(crate) fn delete(&self, path: &str) -> Response {
        self.request("DELETE", path, None)
    }

    /// Creates a job and gives its id.
    #[track_caller]
    pub(crate) fn create(&self, job: &Value) -> String {
        let created = self.post("/api/v1/job/", job).expect(201).json();
        created["id"].as_str().expect("an id").to_owned()
    }

    /// The job of that id.
    #[track_caller]
    pub(crate) fn job(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/job/{id}/")).expect(200).json()["job"].take()
    }

    /// Starts a job and waits for its end.
    #[track_caller]
    pub(crate) fn run(&self, id: &str) {
        self.post(&format!("/api/v1/job/start/{id}/"), &json!({}))
            .expect(204);
    }

    /// The port that the log names: with port 0 only the server knows it.
    fn await_port(&mut self) -> u16 {
        let log = self.log.clone();
        let child = &mut self.child;
        wait_for("the log names the port", || {
            let log = log.0.lock();
            let ended = child.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "the server ended ({ended:?}):\n{log}");
            let (_, rest) = log.split_once("Starting server on port :")?;
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            rest[..end].parse().ok()
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, and a failing test has its own words.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

/// The database that `NIMESHA_TEST_JOBDB` names, `redis`, `postgres` or `mariadb`: what the tests tell of servers with a
/// file of their own holds of others as well.
fn of_all_tests() -> Option<&'static Database> {
    let name = std::env::var("NIMESHA_TEST_JOBDB").ok()?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    let kind =
        kind.unwrap_or_else(|| panic!("NIMESHA_TEST_JOBDB={name}: no job database has this name"));
    Some(Database::shared(kind).expect("NIMESHA_TEST_JOBDB names one that is installed"))
}

fn spawn(
    words: &[String],
    variables: &[(String, String)],
    before: Option<&str>,
    dir: &Path,
) -> (Child, Log) {
    let mut command = before.map_or_else(bare_command, bare_command_after);
    command
        .args(words)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stderr.take().expect("it is piped"));
    let log = Log::default();
    let written = log.clone();
    thread::spawn(move || {
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
            written.0.lock().push_str(&line);
            line.clear();
        }
    });
    (child, log)
}
