//! The program, started with some words and awaited.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::DEADLINE;

const PROGRAM: &str = env!("CARGO_BIN_EXE_nimesha");

/// What the program said and ended with.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program to its end.
pub(crate) fn nimesha(words: &[&str]) -> Ended {
    nimesha_with(words, &[])
}

/// The same with variables in its environment.
pub(crate) fn nimesha_with(words: &[&str], variables: &[(String, String)]) -> Ended {
    let mut command = bare_command();
    command
        .args(words)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    let pid = Pid::from_child(&child);
    let (done, ended) = mpsc::channel();
    thread::spawn(move || done.send(child.wait_with_output()));
    let output = ended.recv_timeout(DEADLINE).unwrap_or_else(|_| {
        // Not awaited yet, so the number is still its own.
        let _ = kill_process(pid, Signal::KILL);
        panic!("nimesha {words:?} does not come to an end");
    });
    let output = output.expect("its output can be read");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The program, without whatever settings the environment of the tests has.
pub(crate) fn bare_command() -> Command {
    bare(Command::new(PROGRAM))
}

/// The same as a shell starts it after some words of its own, such as `ulimit -n 256`.
pub(crate) fn bare_command_after(words: &str) -> Command {
    let mut command = bare(Command::new("sh"));
    let script = format!("{words} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, PROGRAM]);
    command
}

fn bare(mut command: Command) -> Command {
    command.env_remove("JOURNAL_STREAM");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NIMESHA_") {
            command.env_remove(name);
        }
    }
    command
}
