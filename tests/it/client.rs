//! The client commands, as a person types them, against a real server.

use serde_json::{Value, json};

use crate::support::{Server, TempDir, bare_command, nimesha, wait_until};

/// A server and the words that name it.
pub(crate) struct Story {
    pub(crate) server: Server,
    pub(crate) url: String,
}

impl Story {
    pub(crate) fn begin() -> Story {
        let server = Server::start();
        let url = format!("--url=http://127.0.0.1:{}", server.port());
        Story { server, url }
    }

    /// Runs a command, which must end with `code`, and gives what it wrote to both streams.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32, words: &[&str]) -> (String, String) {
        let words: Vec<&str> = words.iter().copied().chain([self.url.as_str()]).collect();
        let ended = nimesha(&words);
        assert_eq!(ended.code, Some(code), "{words:?}: {ended:?}");
        (ended.stdout, ended.stderr)
    }

    /// Runs a command that succeeds, and gives its output.
    #[track_caller]
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let (stdout, stderr) = self.ends(0, words);
        assert_eq!(stderr, "", "{words:?}");
        stdout
    }

    /// Runs a command that fails, and gives its words.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, words: &[&str]) -> String {
        let (stdout, stderr) = self.ends(code, words);
        assert_eq!(stdout, "", "{words:?}");
        stderr
    }

    #[track_caller]
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.ok(words)).expect("JSON")
    }
}

#[test]
fn a_job_from_its_creation_to_its_end() {
    let story = Story::begin();
    let id = story.ok(&[
        "job",
        "create",
        "backup",
        "command=echo saved",
        "schedule=@manual",
        "tags=night,home",
    ]);
    let id = id.trim();
    assert_eq!(
        story.json(&["job", "show", "backup", "--json"])["tags"],
        json!(["night", "home"])
    );
    assert!(
        story
            .ok(&["job", "show", &id[..8]])
            .starts_with("backup\nid")
    );
    assert_eq!(story.ok(&["job", "start", "backup"]), "saved\n");
    assert_eq!(story.ok(&["job", "output", "backup"]), "saved\n");
    assert_eq!(
        story.ok(&["job", "output", "backup", "--follow"]),
        "saved\n"
    );

    story.ok(&["job", "update", "backup", "command=exit 3", "retries=0"]);
    let why = story.fails(3, &["job", "start", id]);
    assert_eq!(why, "backup failed: exit status 3\n");
    let runs = story.json(&["job", "runs", "backup", "--json"]);
    let outcomes: Vec<&Value> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["outcome"])
        .collect();
    assert_eq!(outcomes, ["failed", "succeeded"]);
    let runs = story.ok(&["job", "runs", "backup", "--limit", "1"]);
    assert!(
        runs.contains("exit status 3") && runs.lines().count() == 2,
        "{runs}"
    );

    story.ok(&["job", "disable", "backup"]);
    assert!(
        story
            .ok(&["job", "list", "--status=disabled"])
            .contains("backup")
    );
    assert!(
        story
            .fails(1, &["job", "start", "backup"])
            .contains("disabled")
    );
    story.ok(&["job", "enable", "backup"]);
    story.ok(&["job", "delete", "backup"]);
    assert!(
        story
            .fails(3, &["job", "show", "backup"])
            .contains("no job with the name")
    );
    assert!(story.fails(3, &["job", "show", id]).contains(id));
}

#[test]
fn lists_are_filtered_and_sorted() {
    let story = Story::begin();
    for (name, tag) in [("b", "x"), ("c", "y"), ("a", "x")] {
        let job = json!({"name": name, "command": format!("true {name}1"), "schedule": "@manual", "tags": [tag],
                         "owner": format!("Team {tag}")});
        story.server.create(&job);
    }
    for (words, names) in [
        (&[][..], &["b", "c", "a"][..]),
        (&["--tag", "x"], &["b", "a"]),
        (&["--sort", "name"], &["a", "b", "c"]),
        (&["--sort", "name", "--limit", "2"], &["a", "b"]),
        (&["--limit", "2"], &["b", "c"]),
        (&["--name", "c"], &["c"]),
        (&["--owner", "Team x"], &["b", "a"]),
        (&["--owner", "team x"], &[]),
        (&["--search", "TEAM X", "--limit", "1"], &["b"]),
        (&["--search", "c1"], &["c"]),
        (&["--search", "true", "--tag", "y"], &["c"]),
        (&["--status", "done"], &[]),
    ] {
        let words: Vec<&str> = ["job", "list", "--json"]
            .iter()
            .chain(words)
            .copied()
            .collect();
        let listed = story.json(&words);
        let listed: Vec<&str> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|job| job["name"].as_str().unwrap())
            .collect();
        assert_eq!(listed, names, "{words:?}");
    }
    let table = story.ok(&["job", "list"]);
    assert!(table.starts_with("ID        NAME  STATUS"), "{table}");
    assert!(!table.contains('\x1b'), "{table}");
    assert!(
        story
            .fails(1, &["job", "list", "--status", "asleep"])
            .contains("one of disabled")
    );
    assert!(
        story
            .fails(2, &["job", "list", "--sort", "size"])
            .contains("expected name")
    );
}

#[test]
fn a_word_that_may_mean_several_jobs_is_refused_with_all_of_them() {
    let story = Story::begin();
    let job = json!({"name": "twin", "command": "true", "schedule": "@manual"});
    let ids = [story.server.create(&job), story.server.create(&job)];
    let why = story.fails(2, &["job", "delete", "twin"]);
    assert!(ids.iter().all(|id| why.contains(id)), "{why}");
    story.ok(&["job", "delete", &ids[0]]);
    story.ok(&["job", "show", "twin"]);
    assert!(
        story
            .fails(3, &["job", "show", "twim"])
            .contains("did you mean \"twin\"?")
    );
    // A typo in one of several names changes nothing.
    story.fails(3, &["job", "delete", "twin", "nobody"]);
    story.ok(&["job", "show", "twin"]);
    let why = story.fails(1, &["job", "create", "twin", "command=true"]);
    assert!(why.contains("has this name"), "{why}");
    let why = story.fails(1, &["job", "create", "other", "comand=true"]);
    assert!(why.contains("did you mean"), "{why}");
}

#[test]
fn jobs_name_each_other_by_name() {
    let story = Story::begin();
    story.ok(&["job", "create", "first", "command=true", "schedule=@manual"]);
    story.ok(&["job", "create", "alarm", "command=true", "schedule=@manual"]);
    story.ok(&[
        "job",
        "create",
        "then",
        "command=true",
        "parent_jobs=first",
        "on_failure_job=alarm",
    ]);
    story.ok(&["job", "start", "first"]);
    assert_eq!(
        story.json(&["job", "show", "then", "--json"])["success_count"],
        1
    );
}

#[test]
fn a_run_is_followed_and_cancelled() {
    let story = Story::begin();
    let job = json!({"name": "long", "command": "echo begun; sleep 600", "schedule": "@manual"});
    story.server.create(&job);
    let why = story.fails(3, &["job", "output", "long"]);
    assert!(why.contains("has not run yet"), "{why}");
    story.fails(2, &["job", "start", "long", "--no-wait", "--wait"]);
    let run = story.ok(&["job", "start", "long", "--no-wait"]);
    wait_until("it writes", || {
        story.ok(&["job", "output", "long"]) == "begun\n"
    });
    assert!(story.ok(&["job", "runs", "long"]).contains("in progress"));
    std::thread::scope(|scope| {
        let follower = scope.spawn(|| story.ok(&["job", "output", "long", run.trim(), "-f"]));
        story.ok(&["job", "cancel", "long"]);
        assert_eq!(follower.join().unwrap(), "begun\n");
    });
    assert!(story.ok(&["job", "runs", "long"]).contains("cancelled"));
    assert!(
        story
            .fails(3, &["job", "cancel", "long"])
            .contains("in progress")
    );
}

#[test]
fn the_server_is_paused_and_resumed() {
    let story = Story::begin();
    story.ok(&["pause"]);
    assert_eq!(story.json(&["stats", "--json"])["paused"], true);
    story.ok(&["resume"]);
    assert!(story.ok(&["stats"]).ends_with("paused     no\n"));
}

#[test]
fn a_server_that_is_away_ends_with_4_and_the_way_out() {
    let away = nimesha(&["job", "list", "--url", "http://127.0.0.1:9"]);
    assert_eq!(away.code, Some(4), "{away:?}");
    assert!(away.stderr.contains("nimesha serve"), "{}", away.stderr);
    let away = nimesha(&["stats", "--url", "unix:/nowhere.sock"]);
    assert_eq!(away.code, Some(4), "{away:?}");
    let wrong = nimesha(&["stats", "--url", "ftp://x"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}

#[test]
fn the_variable_names_the_server_and_a_unix_socket_will_do() {
    let dir = TempDir::new();
    let socket = dir.path().join("n.sock");
    let path = socket.to_str().unwrap().to_owned();
    let _server = Server::with(&["--listen-unix", &path]);
    let mut command = bare_command();
    command
        .args(["job", "list"])
        .env("NIMESHA_URL", format!("unix:{path}"));
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("ID"));
}

/// Writes a file into the server's directory and gives its path.
pub(crate) fn write(story: &Story, name: &str, text: &str) -> String {
    let path = story.server.dir().join(name);
    std::fs::write(&path, text).expect("it can be written");
    path.to_str().expect("UTF-8").to_owned()
}

pub(crate) const JOBS: &str = r#"[
    {"name": "child", "command": "true", "parent_jobs": ["parent"], "on_failure_job": "alarm"},
    {"name": "parent", "command": "true", "schedule": "R/2020-01-01T00:00:00Z/P1D"},
    {"name": "alarm", "command": "true", "schedule": "@manual", "env": {"TOKEN": "secret"}}
]"#;

#[test]
fn files_are_applied_by_name_and_once_only() {
    let story = Story::begin();
    let file = write(&story, "jobs.json", JOBS);
    let dry = story.ok(&["apply", &file, "--dry-run"]);
    assert!(
        dry.ends_with("3 new, 0 changed, 0 deleted, 0 as they are\n"),
        "{dry}"
    );
    assert_eq!(story.json(&["stats", "--json"])["jobs"], 0);
    story.ok(&["apply", &file]);
    let again = story.ok(&["apply", &file]);
    assert_eq!(again, "0 new, 0 changed, 0 deleted, 3 as they are\n");
    let child = story.json(&["job", "show", "child", "--json"]);
    let parent = story.json(&["job", "show", "parent", "--json"]);
    assert_eq!(child["parent_jobs"], json!([parent["id"]]));

    story.ok(&["job", "create", "stray", "command=true", "schedule=@manual"]);
    story.ok(&["job", "disable", "parent"]);
    let changed = write(
        &story,
        "changed.json",
        &JOBS
            .replace(
                "\"schedule\": \"R/2020",
                "\"retries\": 2, \"schedule\": \"R/2020",
            )
            .replace("secret", "other"),
    );
    let text = story.ok(&["apply", &changed, "--prune"]);
    for part in [
        "~ parent",
        "- stray",
        "env: changes",
        "0 new, 2 changed, 1 deleted, 1 as they are",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("other"), "{text}");
    let parent = story.json(&["job", "show", "parent", "--json"]);
    assert_eq!(
        (&parent["retries"], &parent["disabled"]),
        (&json!(2), &json!(true))
    );
    story.fails(3, &["job", "show", "stray"]);
}

#[test]
fn an_export_makes_the_same_jobs_elsewhere() {
    let (here, there) = (Story::begin(), Story::begin());
    let file = write(&here, "jobs.json", JOBS);
    here.ok(&["apply", &file]);
    here.ok(&["job", "create", "done", "command=true"]);
    wait_until("it is done", || {
        here.json(&["job", "show", "done", "--json"])["is_done"] == true
    });
    let lines = here.ok(&["export"]);
    assert_eq!(lines.lines().count(), 4);
    let export = write(&here, "export.jsonl", &lines);
    let text = there.ok(&["apply", &export]);
    assert!(text.contains("= done") && text.contains("3 new"), "{text}");
    assert_eq!(
        here.ok(&["apply", &file, "--dry-run"]),
        there.ok(&["apply", &file, "--dry-run"])
    );
    let right = nimesha(&["validate", &export]);
    assert_eq!(
        (right.code, right.stdout.as_str()),
        (Some(0), "4 jobs are right\n")
    );
}

#[test]
fn a_file_may_be_toml() {
    let story = Story::begin();
    let text = "[[job]]\nname = \"child\"\ncommand = \"true\"\nparent_jobs = [\"parent\"]\n\n\
                [[job]]\nname = \"parent\"\ncommand = 'echo \"x\"'\nschedule = \"@daily\"\n";
    let file = write(&story, "jobs.toml", text);
    assert!(story.ok(&["apply", &file]).contains("2 new"));
    let again = story.ok(&["apply", &file, "--prune"]);
    assert_eq!(again, "0 new, 0 changed, 0 deleted, 2 as they are\n");
    let right = nimesha(&["validate", &file]);
    assert_eq!(right.stdout, "2 jobs are right\n", "{right:?}");
}

#[test]
fn wrong_files_are_told_and_change_nothing() {
    let story = Story::begin();
    let two = r#"{"name":"a","command":"true","shedule":"@daily"} {"name":"b","command":"true","retries":-1}"#;
    let file = write(&story, "wrong.json", two);
    for words in [
        &["validate", file.as_str()][..],
        &["apply", &file, &story.url],
    ] {
        let ended = nimesha(words);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.contains("schedule\"?") && ended.stderr.contains("job \"b\""),
            "{ended:?}"
        );
    }
    let empty = write(&story, "empty.json", "");
    assert!(
        story
            .fails(1, &["apply", &empty, "--prune"])
            .contains("delete them all")
    );
    story.fails(2, &["apply"]);
    story.fails(1, &["apply", "/nowhere.json"]);
}
