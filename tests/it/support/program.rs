//! The program, started with some words and awaited.

use std::process::Command;

/// What the program said and ended with.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program to its end.
pub(crate) fn nimesha(words: &[&str]) -> Ended {
    let output = bare_command()
        .args(words)
        .output()
        .expect("the program starts");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The program, without whatever settings the environment of the tests has.
pub(crate) fn bare_command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nimesha"));
    command.env_remove("JOURNAL_STREAM");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NIMESHA_") {
            command.env_remove(name);
        }
    }
    command
}
