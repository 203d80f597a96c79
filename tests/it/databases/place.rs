//! A database and the servers on it, and what their jobs leave behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::databases::{Database, Kind, fresh_prefix};
use crate::support::{Server, TempDir, wait_for, wait_until};

/// A database of the test's own, a prefix in it, and a directory in which all jobs write.
pub(super) struct Place {
    pub(super) database: Database,
    prefix: String,
    dir: TempDir,
}

impl Place {
    /// None where the database is not installed.
    pub(super) fn new(kind: Kind) -> Option<Place> {
        Database::start(kind).map(Place::on)
    }

    /// The same on a database that is there.
    pub(super) fn on(database: Database) -> Place {
        Place {
            database,
            prefix: fresh_prefix(),
            dir: TempDir::new(),
        }
    }

    /// One more server on the database.
    pub(super) fn server(&self) -> Server {
        self.server_by(self.database.port())
    }

    /// The same by way of another port.
    pub(super) fn server_by(&self, port: u16) -> Server {
        self.server_with(port, &[])
    }

    /// The same with further flags.
    pub(super) fn server_with(&self, port: u16, flags: &[&str]) -> Server {
        let variables = self.variables(port);
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        Server::in_dir(TempDir::new(), flags, &variables)
    }

    /// What says to a program of ours where the database is, by way of this port.
    pub(super) fn variables(&self, port: u16) -> Vec<(String, String)> {
        let variables = self.database.variables(port, &self.prefix).into_iter();
        variables
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// A file in which jobs of all servers write.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A job that writes its occurrence down each half second.
    pub(super) fn ticking(&self) -> Value {
        let file = self.file("ticks");
        json!({
            "name": "tick",
            "schedule": "R//PT0.5S",
            "command": format!("echo $NIMESHA_SCHEDULED_AT >> {}", file.display()),
            "overlap": "allow",
        })
    }

    /// What the ticking job has written so far.
    pub(super) fn ticks(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file("ticks")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until the ticking job has written so many lines more.
    pub(super) fn await_ticks(&self, more: usize) {
        let before = self.ticks().len();
        wait_until("the job ticks", || self.ticks().len() >= before + more);
    }

    /// No occurrence was run twice, by whomever.
    #[track_caller]
    pub(super) fn assert_nothing_ran_twice(&self) {
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        for tick in self.ticks() {
            *times.entry(tick).or_default() += 1;
        }
        times.retain(|_, n| *n > 1);
        assert!(times.is_empty(), "{times:?}");
    }
}

/// Waits until one of the servers works on the database, and says which.
pub(super) fn leader(servers: &[Server]) -> usize {
    wait_for("one of the servers is ready", || {
        servers.iter().position(Server::is_ready)
    })
}

/// Waits until the server says this of why it is not ready.
pub(super) fn await_stand_by(server: &Server, words: &str) {
    wait_until(&format!("it stands by: {words}"), || {
        let answer = server.get("/readyz");
        answer.status == 503 && answer.text().contains(words)
    });
}
