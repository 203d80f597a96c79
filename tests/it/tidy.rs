//! What the sources keep to. Each rule is one that a reader relies on, and that a compiler does not check.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Longer files do more than one thing.
const LINES_MAX: usize = 500;

/// Longer functions do more than one thing; in tests, a table may be as long as what it tells of.
const FUNCTION_LINES_MAX: usize = 70;

/// Words that only [`clock`](nimesha::clock) may use.
const CLOCKS: [&str; 5] = [
    "SystemTime::now",
    "Instant::now",
    "clock_gettime",
    "Utc::now",
    "Local::now",
];

/// Where types are serde's: what users send and see, and what the disk holds.
const SERDE_ROOMS: [&str; 2] = ["src/api/", "src/store/record"];

struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The first word of the path below `src/`.
    fn room(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        below.split(['/', '.']).next().unwrap_or(below)
    }

    /// Its lines with their numbers, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self
            .text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim()));
        lines.filter(|(_, line)| !line.starts_with("//"))
    }

    /// Whether tests alone use it.
    fn is_of_tests(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// Its functions outside of tests: where each begins, its first line, and how many lines it takes.
    fn functions(&self) -> Vec<(usize, &str, usize)> {
        let tests = self.text.find("#[cfg(test)]\nmod tests {");
        let code = &self.text[..tests.unwrap_or(self.text.len())];
        let lines: Vec<&str> = code.lines().collect();
        let begins = |line: &str| line.starts_with("fn ") || line.contains(" fn ");
        let is_code = |line: &str| !line.starts_with("//");
        let mut functions = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let first = line.trim_start();
            if !begins(first) || !is_code(first) || first.ends_with(['}', ';']) {
                continue;
            }
            // The form of the sources is rustfmt's: what begins here ends at the same indentation.
            let indentation = &line[..line.len() - first.len()];
            let end = format!("{indentation}}}");
            let length = lines[at..].iter().position(|line| *line == end);
            functions.extend(length.map(|length| (at + 1, first, length + 1)));
        }
        functions
    }

    /// The rooms that its code names: what follows each `crate::`, a list in braces included.
    fn rooms_used(&self) -> Vec<String> {
        let code: String = self.code().map(|(_, line)| line).collect();
        let mut used = Vec::new();
        for path in code.split("crate::").skip(1) {
            let Some(list) = path.strip_prefix('{') else {
                used.extend(path.split(|c| !is_name(c)).next().map(str::to_owned));
                continue;
            };
            let mut depth = 1;
            let mut name = String::new();
            for c in list.chars() {
                depth += i32::from(c == '{') - i32::from(c == '}');
                if depth == 1 && (is_name(c) || c == ':') {
                    name.push(c);
                } else if depth == 0 || (depth == 1 && c == ',') {
                    used.push(name.split(':').next().unwrap_or_default().to_owned());
                    name.clear();
                }
                if depth == 0 {
                    break;
                }
            }
        }
        used.retain(|name| !name.is_empty());
        used
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// All Rust files below these directories of the project.
fn sources(dirs: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting: Vec<PathBuf> = dirs
        .iter()
        .map(|dir| root.join(dir))
        .filter(|dir| dir.exists())
        .collect();
    let mut sources = Vec::new();
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let text = fs::read_to_string(&path).expect("a source");
                let path = path
                    .strip_prefix(root)
                    .expect("below the root")
                    .display()
                    .to_string();
                sources.push(Source { path, text });
            }
        }
    }
    assert!(!sources.is_empty());
    sources
}

/// Fails with all the faults together, so that one run of the test shows them all.
#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The floor of each room, from the table in the documentation of the crate.
fn floors() -> BTreeMap<String, u32> {
    let mut floors = BTreeMap::new();
    for line in include_str!("../../src/lib.rs").lines() {
        let mut cells = line
            .trim_start_matches("//!")
            .split('|')
            .map(str::trim)
            .skip(1);
        if let Some(floor) = cells.next().and_then(|cell| cell.parse().ok()) {
            let rooms = cells.next().unwrap_or_default().split(", ");
            floors.extend(rooms.map(|room| (room.trim_matches('`').to_owned(), floor)));
        }
    }
    floors
}

#[test]
fn a_room_uses_only_lower_floors() {
    let floors = floors();
    let mut faults = Vec::new();
    for source in sources(&["src"]) {
        let room = source.room();
        if room == "lib" {
            continue;
        }
        let Some(floor) = floors.get(room) else {
            faults.push(format!(
                "{}: {room} stands on no floor of src/lib.rs",
                source.path
            ));
            continue;
        };
        for used in source.rooms_used() {
            let lower = used == room || floors.get(&used).is_some_and(|below| below < floor);
            if !lower {
                faults.push(format!("{}: {room} must not use {used}", source.path));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn only_the_clock_reads_clocks() {
    let mut faults = Vec::new();
    for source in sources(&["src"])
        .iter()
        .filter(|source| source.room() != "clock")
    {
        for (number, line) in source.code() {
            if CLOCKS.iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{number}: {line}", source.path));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn domain_types_know_no_serde() {
    let mut faults = Vec::new();
    for source in sources(&["src"]) {
        if SERDE_ROOMS.iter().any(|room| source.path.starts_with(room)) {
            continue;
        }
        for (number, line) in source.code() {
            if line.contains("serde::") || line.contains("Serialize") {
                faults.push(format!("{}:{number}: {line}", source.path));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_file_says_what_it_is_and_is_short() {
    let unfinished = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ];
    let mut faults = Vec::new();
    for source in sources(&["src", "tests", "benches"]) {
        if !source.text.starts_with("//!") {
            faults.push(format!(
                "{}: begins with no //! that says what it is",
                source.path
            ));
        }
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!(
                "{}: {lines} lines, at most {LINES_MAX}",
                source.path
            ));
        }
        for (index, line) in source.text.lines().enumerate() {
            if unfinished.iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{}: {line}", source.path, index + 1));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn functions_are_short() {
    let mut faults = Vec::new();
    for source in sources(&["src"]) {
        if source.is_of_tests() {
            continue;
        }
        for (number, function, lines) in source.functions() {
            if lines > FUNCTION_LINES_MAX {
                faults.push(format!(
                    "{}:{number}: {lines} lines, at most {FUNCTION_LINES_MAX}: {function}",
                    source.path
                ));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn a_release_runs_every_check() {
    let steps = include_str!("../../contrib/RELEASING.md");
    let checks = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/checks");
    for check in fs::read_dir(checks).expect("a directory") {
        let name = check.expect("an entry").file_name();
        let path = format!("contrib/checks/{}", name.display());
        assert!(steps.contains(&path), "RELEASING.md has no step for {path}");
    }
}
