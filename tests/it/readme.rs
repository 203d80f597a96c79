//! The README holds: its commands work when pasted, what it shows is what comes, and it tells of every flag.
//!
//! Blocks marked `sh test` are pasted into one shell, one after the other, as a reader would. Each other block has a line in
//! [`OTHERS`]: the test that tells its story, or the reason why nothing runs it.

mod shown;
mod told;

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Server, TempDir, nimesha};

const README: &str = include_str!("../../README.md");

/// What becomes of a block that is not pasted with the others.
enum Fate {
    /// This runs it.
    Told(fn(&str)),
    /// Nothing does, for this reason.
    Left(&'static str),
}

use Fate::{Left, Told};

/// All blocks that the script does not paste, by how they begin.
const OTHERS: [(&str, Fate); 17] = [
    ("cargo run", Left("it builds what is tested here")),
    ("cargo test", Left("it is this test")),
    ("$ nimesha serve\n", Told(shown::start)),
    ("$ nimesha job list", Told(shown::tables)),
    ("nimesha top", Told(shown::top)),
    ("[[job]]", Told(shown::files)),
    ("$ nimesha apply", Told(shown::difference)),
    (
        "$ curl -N",
        Left("it goes on for ever; the script listens for a second"),
    ),
    ("$ nimesha forecast", Told(shown::forecast)),
    (
        "$ nimesha serve --on-event",
        Left("nobody here has that address; tests of alerts have one of their own"),
    ),
    ("$ NIMESHA_GRACE=20", Told(shown::settings)),
    ("$ nimesha check", Told(shown::check)),
    ("nimesha serve --jobdb", Told(told::job_databases)),
    ("umask", Told(told::tokens_made)),
    ("curl http://10.0.0.5", Told(told::tokens_used)),
    ("nimesha serve --interface", Told(told::tls)),
    ("openssl", Told(told::certificate)),
];

struct Block {
    /// What stands behind the three signs: its language, and a mark.
    kind: &'static str,
    text: &'static str,
}

fn blocks() -> impl Iterator<Item = Block> {
    let fenced = README.split("\n```").skip(1).step_by(2);
    fenced.map(|block| {
        let (kind, text) = block.split_once('\n').expect("its first line");
        Block { kind, text }
    })
}

/// The block that begins so.
fn block(start: &str) -> &'static str {
    let mut found = blocks().filter(|block| block.text.starts_with(start));
    found.next().expect("it is there").text
}

/// The blocks that are marked for this test, as one script.
fn script() -> String {
    let marked = blocks().filter(|block| block.kind == "sh test");
    marked.map(|block| format!("{}\n", block.text)).collect()
}

/// Runs a script in a directory, with the program in the path.
fn bash(script: &str, dir: &Path, variables: &[(&str, &str)]) -> Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_nimesha"));
    let beside = binary.parent().expect("a directory").display();
    let path = format!("{beside}:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", script])
        .env("PATH", path)
        .envs(variables.iter().copied())
        .current_dir(dir);
    command.output().expect("bash starts")
}

/// What a script prints that works.
#[track_caller]
fn printed(script: &str, dir: &Path, variables: &[(&str, &str)]) -> String {
    let output = bash(script, dir, variables);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout
}

#[test]
fn its_commands_work_when_pasted() {
    let (server, kala) = (Server::start(), Server::start());
    kala.create(&serde_json::json!({"name": "old", "command": "true", "schedule": "@daily"}));
    let dir = TempDir::new();
    let here = dir.path().display();
    for (name, text) in [
        ("crontab", "30 2 * * * true\n"),
        ("system", "30 2 * * * root true # again\n"),
        (
            "chronos.json",
            r#"[{"name": "chronos", "schedule": "R/2030-01-01T00:00:00Z/P1D", "command": "true"}]"#,
        ),
        (
            "dkron.json",
            r#"[{"name": "dkron", "schedule": "@daily", "executor": "shell", "executor_config": {"command": "date"}}]"#,
        ),
    ] {
        std::fs::write(dir.path().join(name), text).expect("it can be written");
    }
    for database in ["restored", "migrated"] {
        std::fs::create_dir(dir.path().join(database)).expect("it can be made");
    }
    // What the README names stands elsewhere here.
    let places = [
        ("127.0.0.1:8000", format!("127.0.0.1:{}", server.port())),
        ("127.0.0.1:8001", format!("127.0.0.1:{}", kala.port())),
        ("/var/lib/nimesha", format!("{here}/restored")),
        (
            "postgres://db.example.com/jobs",
            format!("redb:{here}/migrated"),
        ),
        ("crontab -l", "cat crontab".to_owned()),
        ("/etc/crontab ", format!("{here}/system --system ")),
        (
            "http://chronos:4400/v1/scheduler/jobs",
            format!("file://{here}/chronos.json"),
        ),
        (
            "http://dkron:8080/v1/jobs",
            format!("file://{here}/dkron.json"),
        ),
    ];
    let commands = places.iter().fold(script(), |script, (there, here)| {
        script.replace(there, here)
    });
    let script = format!(
        "curl() {{ command curl --silent --show-error --fail-with-body \"$@\"; }}\n{commands}"
    );
    let url = format!("http://127.0.0.1:{}", server.port());
    let stdout = printed(&script, dir.path(), &[("NIMESHA_URL", &url)]);
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
fn every_other_block_is_told_or_left_for_a_reason() {
    let mut told: Vec<&str> = Vec::new();
    for block in blocks().filter(|block| block.kind != "sh test") {
        let fate = OTHERS
            .iter()
            .find(|(start, _)| block.text.starts_with(start));
        let (start, fate) = fate.unwrap_or_else(|| {
            panic!(
                "nothing runs this block, and nobody says why:\n{}",
                block.text
            )
        });
        told.push(start);
        match fate {
            Told(story) => story(block.text),
            Left(reason) => println!("left: {start} ({reason})"),
        }
    }
    for (start, _) in &OTHERS {
        assert!(told.contains(start), "there is no such block: {start}");
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

#[test]
fn its_links_lead_somewhere() {
    let headings = README.lines().filter_map(|line| line.strip_prefix("## "));
    let headings: Vec<String> = headings
        .map(|heading| heading.to_lowercase().replace(' ', "-").replace(',', ""))
        .collect();
    let links = README.split("](").skip(1);
    for link in links.filter_map(|rest| rest.split(')').next()) {
        let leads = match link.strip_prefix('#') {
            Some(heading) => headings.iter().any(|known| known == heading),
            None if link.starts_with("https://") => true,
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join(link).exists(),
        };
        assert!(leads, "{link} leads nowhere");
    }
}

#[test]
fn it_tells_of_every_key_of_a_job() {
    let document = Server::start().get("/api/v1/openapi.json").json();
    let keys = &document["components"]["schemas"]["JobKeys"]["properties"];
    for key in keys.as_object().expect("keys").keys() {
        let told = README.contains(&format!("`{key}`"));
        assert!(told, "{key} is not in the README");
    }
}
