//! Too few descriptors and too few processes: runs wait for one another, none fails for it, and the API answers.

use std::os::unix::fs::chown;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::json;

use crate::support::{Server, TempDir, wait_until};

/// Many enough that no limit lets them all run side by side.
const CROWD: usize = 10_000;
/// Processes and threads that the user of the second story may have.
const TASKS_MAX: usize = 80;

/// Creates jobs that are all due when the server is resumed.
fn create_due_at_once(server: &Server, count: usize, command: &str) {
    server.pause();
    let job = json!({"name": "due", "command": command}).to_string();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = server.client();
                for _ in 0..count / 8 {
                    let created = client.request("POST", "/api/v1/job/", Some(&job));
                    created.expect("an answer").expect(201);
                }
            });
        }
    });
}

/// Waits until so many runs have succeeded and none has failed, asking over a new connection each time.
fn await_successes(server: &Server, count: usize) {
    // In parts, so that a slow machine has its time for each.
    for part in (0..=count).step_by(500) {
        wait_until(&format!("{part} have succeeded"), || {
            let stats = server.get("/api/v1/stats/").expect(200).json();
            assert_eq!(stats["Stats"]["error_count"], 0);
            stats["Stats"]["success_count"].as_u64() >= Some(part as u64)
        });
    }
}

#[test]
fn ten_thousand_jobs_of_one_instant_share_few_descriptors_with_the_api() {
    let server = Server::with_files(256);
    assert!(
        server
            .log()
            .contains("there is room for 16 workers instead of 64")
    );
    create_due_at_once(&server, CROWD, "true");
    server.resume();
    await_successes(&server, CROWD);
    let list = server.get("/api/v1/job/").expect(200).json();
    let jobs = list["jobs"].as_object().unwrap();
    assert_eq!(jobs.len(), CROWD);
    assert!(jobs.values().all(|job| job["success_count"] == 1));
    assert!(!server.log().contains("gives no more connections"));
}

/// A user whom nobody else is, where the test may become one.
struct Stranger {
    id: u32,
}

impl Stranger {
    fn new() -> Option<Stranger> {
        let stranger = Stranger {
            id: 700_000 + std::process::id() % 100_000,
        };
        let version = [env!("CARGO_BIN_EXE_nimesha"), "--version"];
        let ran = stranger.command(&version).output();
        let may = ran.is_ok_and(|output| output.status.success());
        if !may {
            println!(
                "skipped: takes root, setpriv, prlimit, and a directory that others may look into"
            );
        }
        may.then_some(stranger)
    }

    /// The words that let a shell become this user, with few processes.
    fn words(&self) -> String {
        let id = self.id;
        format!(
            "prlimit --nproc={TASKS_MAX}:{TASKS_MAX} setpriv --reuid={id} --regid={id} --clear-groups"
        )
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec {} \"$0\" \"$@\"", self.words())]);
        command
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn server(&self) -> Server {
        let dir = TempDir::new();
        chown(dir.path(), Some(self.id), Some(self.id)).expect("a directory of ours");
        Server::in_dir_after(
            dir,
            &format!("exec {} \"$0\" \"$@\"; false", self.words()),
            &[],
        )
    }
}

/// Processes of the stranger that do nothing, as many as it may have.
struct Idlers(Vec<Child>);

impl Idlers {
    fn crowd(stranger: &Stranger) -> Idlers {
        let idle = || stranger.command(&["sleep", "600"]).spawn();
        Idlers((0..TASKS_MAX).map(|_| idle().expect("a shell")).collect())
    }
}

impl Drop for Idlers {
    fn drop(&mut self) {
        for idler in &mut self.0 {
            // It may not have come to be.
            let _ = idler.kill();
            let _ = idler.wait();
        }
    }
}

#[test]
fn jobs_of_one_instant_share_few_processes() {
    let Some(stranger) = Stranger::new() else {
        return;
    };
    let server = stranger.server();
    assert!(
        server.log().contains("further processes (ulimit"),
        "{}",
        server.log()
    );
    create_due_at_once(&server, 400, "sleep 0.02");
    server.resume();
    await_successes(&server, 400);
}

#[test]
fn a_run_waits_for_a_process_that_others_have() {
    let Some(stranger) = Stranger::new() else {
        return;
    };
    let server = stranger.server();
    let idlers = Idlers::crowd(&stranger);
    create_due_at_once(&server, 80, "true");
    server.resume();
    wait_until("commands wait", || {
        server.log().contains("commands wait to be started")
    });
    let stats = server.get("/api/v1/stats/").expect(200).json();
    assert_eq!(stats["Stats"]["error_count"], 0);
    drop(idlers);
    await_successes(&server, 80);
}
