//! The live screen of the command line: in a real terminal, where tmux can be one, and once as text.

use std::process::{Command, Output};

use serde_json::json;

use crate::support::{HOLD, Server, TempDir, bare_command, nimesha, wait_for, wait_until};

/// A terminal of 80 columns and 24 rows, with a server of tmux for itself.
struct Tmux {
    dir: TempDir,
}

impl Tmux {
    /// A terminal in which `command` runs in a shell; none where there is no tmux.
    fn start(command: &str) -> Option<Tmux> {
        let there = Command::new("tmux").arg("-V").output();
        if !there.is_ok_and(|version| version.status.success()) {
            eprintln!("tmux is not installed: the live screen is not tested in a terminal");
            return None;
        }
        let tmux = Tmux {
            dir: TempDir::new(),
        };
        let words = ["new-session", "-d", "-x", "80", "-y", "24", "sh"];
        let started = tmux.run(&[&["-f", "/dev/null"], &words[..]].concat());
        assert!(started.status.success(), "{started:?}");
        tmux.run(&["send-keys", "-l", command]);
        tmux.keys(&["Enter"]);
        Some(tmux)
    }

    fn run(&self, words: &[&str]) -> Output {
        let socket = self.dir.path().join("tmux");
        let mut command = Command::new("tmux");
        command
            .arg("-S")
            .arg(socket)
            .args(words)
            .env("LANG", "C.UTF-8");
        command.env("PS1", "$ ").output().expect("tmux starts")
    }

    fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys"], keys].concat());
    }

    fn screen(&self) -> String {
        let output = self.run(&["capture-pane", "-p"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until the screen shows something, and gives all of it.
    #[track_caller]
    fn shows(&self, what: &str) -> String {
        wait_for(&format!("the screen shows {what:?}"), || {
            let screen = self.screen();
            screen.contains(what).then_some(screen)
        })
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the screen:\n{}", self.screen());
        }
        self.run(&["kill-server"]);
    }
}

fn url(server: &Server) -> String {
    format!("http://127.0.0.1:{}", server.port())
}

fn program() -> String {
    bare_command().get_program().to_string_lossy().into_owned()
}

/// Jobs of every kind: one that runs, one that will, one that failed.
fn populate(server: &Server) {
    for (name, command, schedule) in [
        ("backup", HOLD, "@manual"),
        ("report", "exit 3", "@manual"),
        ("mail", "true", "0 0 1 1 *"),
    ] {
        server.create(&json!({"name": name, "command": command, "schedule": schedule}));
    }
    for name in ["report", "backup"] {
        let started = nimesha(&["job", "start", name, "--no-wait", "--url", &url(server)]);
        assert_eq!(started.code, Some(0), "{started:?}");
    }
    wait_until("one has failed and one runs", || {
        let stats = server.get("/api/v1/stats/").json();
        stats["Stats"]["error_count"] == 1 && stats["Stats"]["running"] == 1
    });
}

#[test]
fn once_prints_a_frame_as_text() {
    let server = Server::start();
    let empty = nimesha(&["top", "--once", "--url", &url(&server)]);
    assert_eq!(empty.code, Some(0), "{empty:?}");
    populate(&server);
    let once = nimesha(&["top", "--once", "--url", &url(&server)]);
    assert_eq!((once.code, once.stderr.as_str()), (Some(0), ""));
    let rows: Vec<Vec<&str>> = once
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let has = |words: &[&str]| {
        rows.iter()
            .any(|row| words.iter().all(|word| row.contains(word)))
    };
    assert!(has(&["backup", "manual", "1"]), "{}", once.stdout);
    assert!(has(&["mail", "0", "*"]), "{}", once.stdout);
    assert!(
        has(&["report", "failed", "exit", "status", "3"]),
        "{}",
        once.stdout
    );
    assert!(!once.stdout.contains('\x1b'));
    server.go();
}

#[test]
fn without_a_terminal_or_a_server_it_says_so() {
    let server = Server::start();
    let ended = nimesha(&["top", "--url", &url(&server)]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("--once"), "{ended:?}");
    let away = nimesha(&["top", "--once", "--url", "http://127.0.0.1:9"]);
    assert_eq!(away.code, Some(4), "{away:?}");
}

#[test]
fn it_lives_in_a_terminal_and_gives_it_back() {
    let server = Server::start();
    populate(&server);
    let command = format!(
        "{} top --url {}; echo ended with $?",
        program(),
        url(&server)
    );
    let Some(tmux) = Tmux::start(&command) else {
        return;
    };
    tmux.shows("RUNNING");
    let screen = tmux.shows("exit status 3");
    assert!(
        screen.contains("backup") && screen.contains("q quit"),
        "{screen}"
    );

    // What happens shows without a key.
    server.create(&json!({"name": "newcomer", "command": "true", "schedule": "@manual"}));
    tmux.shows("newcomer");

    tmux.keys(&["/"]);
    tmux.run(&["send-keys", "-l", "newc"]);
    tmux.keys(&["Enter"]);
    wait_until("the others are filtered away", || {
        !tmux.screen().contains("backup")
    });
    tmux.keys(&["d"]);
    tmux.shows("newcomer  disabled");
    tmux.keys(&["d"]);
    tmux.shows("done: enable newcomer");
    tmux.keys(&["s"]);
    tmux.shows("start newcomer? y/n");
    tmux.keys(&["y"]);
    tmux.shows("done: start newcomer");

    // The first row is the run.
    tmux.keys(&["Escape"]);
    tmux.shows("backup");
    tmux.keys(&["g", "c"]);
    tmux.shows("cancel the run of backup? y/n");
    tmux.keys(&["y"]);
    tmux.shows("cancelled");

    for (columns, rows) in [("40", "10"), ("12", "4"), ("100", "30")] {
        tmux.run(&["resize-window", "-x", columns, "-y", rows]);
        tmux.shows("nimesha top");
    }
    tmux.keys(&["q"]);
    let screen = tmux.shows("ended with 0");
    assert!(!screen.contains("RUNNING"), "{screen}");
}

#[test]
fn it_goes_on_with_a_server_that_comes_back_and_ends_with_a_signal() {
    let dir = TempDir::new();
    let socket = dir.path().join("n.sock");
    let path = socket.to_str().expect("UTF-8").to_owned();
    let mut server = Server::with(&["--listen-unix", &path]);
    let job = json!({"name": "first", "command": "true", "schedule": "@manual"});
    server.create(&job);
    let command = format!("{} top --url unix:{path}; echo ended with $?", program());
    let Some(tmux) = Tmux::start(&command) else {
        return;
    };
    tmux.shows("first");
    server.kill9();
    tmux.shows("AWAY");
    server.start_again();
    let job = json!({"name": "second", "command": "true", "schedule": "@manual"});
    server.create(&job);
    tmux.shows("second");
    let panes = tmux.run(&["list-panes", "-F", "#{pane_pid}"]);
    let shell = String::from_utf8_lossy(&panes.stdout).trim().to_owned();
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
    let top = children.expect("the shell's children").trim().to_owned();
    Command::new("kill")
        .arg(&top)
        .status()
        .expect("it is there");
    tmux.shows("ended with 0");
}
