//! What is made from the command line's own tables: completions and the manual page, current and sound.
//!
//! After a change of commands or flags: `REGENERATE=1 cargo test --test it contrib`

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::support::{Server, bare_command, nimesha};

const MADE: [(&str, &[&str]); 4] = [
    ("completions/nimesha.bash", &["completions", "bash"]),
    ("completions/_nimesha", &["completions", "zsh"]),
    ("completions/nimesha.fish", &["completions", "fish"]),
    ("man/nimesha.1", &["man"]),
];

fn path(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "contrib", file]
        .iter()
        .collect()
}

#[test]
fn completions_and_the_manual_are_current() {
    for (file, words) in MADE {
        let made = nimesha(words).stdout;
        if std::env::var_os("REGENERATE").is_some() {
            fs::create_dir_all(path(file).parent().expect("a directory")).expect("it is made");
            fs::write(path(file), &made).expect("it can be written");
        }
        let stored = fs::read_to_string(path(file)).unwrap_or_default();
        assert!(
            stored == made,
            "contrib/{file} is not current: REGENERATE=1 cargo test --test it contrib"
        );
    }
}

/// What bash offers for a line that ends where the cursor stands.
fn offered(words: &[&str], url: &str) -> Vec<String> {
    let program = PathBuf::from(bare_command().get_program());
    let script = format!(
        "source {}\nPATH={}:$PATH\nCOMP_WORDS=(\"$@\")\nCOMP_CWORD=$(($# - 1))\n_nimesha\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
        path("completions/nimesha.bash").display(),
        program.parent().expect("a directory").display()
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &script, "bash", "nimesha"])
        .args(words)
        .env("NIMESHA_URL", url)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("bash starts");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn bash_completes_commands_flags_values_and_jobs() {
    let server = Server::start();
    for name in ["backup", "back to work", "mail"] {
        server.create(&json!({"name": name, "command": "true", "schedule": "@manual"}));
    }
    let url = format!("http://127.0.0.1:{}", server.port());
    for (words, expected) in [
        (&["ser"][..], &["serve"][..]),
        (&["job", "sta"], &["start"]),
        (&["job", "list", "--so"], &["--sort"]),
        (&["job", "list", "--sort", "n"], &["name", "next"]),
        (&["job", "list", "--sort", "=", "n"], &["name", "next"]),
        (
            &["job", "list", "--sort", "="],
            &["created", "name", "next", "last", "errors"],
        ),
        (&["job", "list", "--sort", "name", "--ta"], &["--tag"]),
        (&["job", "start", "ba"], &["backup", "back\\ to\\ work"]),
        (&["job", "start", "--no"], &["--no-wait"]),
        (
            &["serve", "--boltpath", "contrib/com"],
            &["contrib/completions"],
        ),
        (&["serve", "-p", ""], &[]),
        (&["apply", "Cargo.t"], &["Cargo.toml"]),
        (&["completions", "z"], &["zsh"]),
    ] {
        assert_eq!(offered(words, &url), expected, "{words:?}");
    }
}

#[test]
fn the_other_shells_and_the_manual_reader_find_no_fault() {
    for (program, words, file) in [
        ("zsh", &["-n"][..], "completions/_nimesha"),
        ("fish", &["-n"], "completions/nimesha.fish"),
        ("mandoc", &["-T", "lint", "-W", "error"], "man/nimesha.1"),
    ] {
        let ended = Command::new(program).args(words).arg(path(file)).output();
        match ended {
            Ok(output) => assert!(output.status.success(), "{program}: {output:?}"),
            Err(_) => eprintln!("{program} is not installed: contrib/{file} is not checked by it"),
        }
    }
}
