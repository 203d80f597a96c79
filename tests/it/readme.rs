//! The README holds: its commands work when pasted, and it tells of every flag.

use std::path::Path;
use std::process::Command;

use crate::support::{Server, nimesha};

const README: &str = include_str!("../../README.md");

/// The blocks that are marked for this test, as one script.
fn script() -> String {
    let blocks = README.split("```sh test\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.collect()
}

#[test]
fn its_commands_work_when_pasted() {
    let server = Server::start();
    let commands = script().replace("127.0.0.1:8000", &format!("127.0.0.1:{}", server.port()));
    let script = format!(
        "curl() {{ command curl --silent --show-error --fail-with-body \"$@\"; }}\n{commands}"
    );
    let binary = Path::new(env!("CARGO_BIN_EXE_nimesha"))
        .parent()
        .expect("a directory");
    let path = format!(
        "{}:{}",
        binary.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .env("PATH", path)
        .output()
        .expect("bash starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{stdout}\n{stderr}\n{}",
        server.log()
    );
    for shown in [
        "\"name\":\"hello\"",
        "\"outcome\":\"succeeded\"",
        "Command Succeeded!",
        "2030-03-31T09:00:00Z",
    ] {
        assert!(stdout.contains(shown), "{shown} in {stdout}");
    }
}

#[test]
fn it_has_a_curl_line_for_every_route() {
    let server = Server::start();
    let script = script()
        .replace("$api", "http://127.0.0.1:8000/api/v1")
        .replace("$slow", "$id")
        .replace("$id", "{id}")
        .replace("$run", "{run}");
    let lines = script.lines().filter(|line| line.contains("curl "));
    let asked = |line: &str, method: &str, path: &str| {
        let mut words = line.split([' ', '"', '\'', '?']);
        let body = line.contains(" -d ") || line.contains(" --data");
        let told = line
            .split(" -X ")
            .nth(1)
            .map(|rest| rest.split([' ', ')']).next());
        let usual = if body { "POST" } else { "GET" };
        words.any(|word| word.strip_prefix("http://127.0.0.1:8000") == Some(path))
            && told.flatten().unwrap_or(usual) == method
    };
    let document = server.get("/api/v1/openapi.json").json();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            let method = method.to_uppercase();
            let mut lines = lines.clone();
            assert!(
                lines.any(|line| asked(line, &method, path)),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn it_tells_of_every_flag() {
    let help = nimesha(&["serve", "--help"]).stdout;
    let flags = help.lines().filter(|line| line.starts_with("  -"));
    let words = flags
        .flat_map(str::split_whitespace)
        .map(|word| word.trim_end_matches(','));
    for flag in words.filter(|word| word.starts_with("--") && *word != "--help") {
        assert!(
            README.contains(&format!("`{flag}`")),
            "{flag} is not in the README"
        );
    }
}
