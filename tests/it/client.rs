//! The client commands, as a person types them, against a real server.

use serde_json::{Value, json};

use crate::support::{Server, TempDir, bare_command, nimesha, wait_until};

/// A server and the words that name it.
struct Story {
    server: Server,
    url: String,
}

impl Story {
    fn begin() -> Story {
        let server = Server::start();
        let url = format!("--url=http://127.0.0.1:{}", server.port());
        Story { server, url }
    }

    /// Runs a command, which must end with `code`, and gives what it wrote to both streams.
    #[track_caller]
    fn ends(&self, code: i32, words: &[&str]) -> (String, String) {
        let words: Vec<&str> = words.iter().copied().chain([self.url.as_str()]).collect();
        let ended = nimesha(&words);
        assert_eq!(ended.code, Some(code), "{words:?}: {ended:?}");
        (ended.stdout, ended.stderr)
    }

    /// Runs a command that succeeds, and gives its output.
    #[track_caller]
    fn ok(&self, words: &[&str]) -> String {
        let (stdout, stderr) = self.ends(0, words);
        assert_eq!(stderr, "", "{words:?}");
        stdout
    }

    /// Runs a command that fails, and gives its words.
    #[track_caller]
    fn fails(&self, code: i32, words: &[&str]) -> String {
        let (stdout, stderr) = self.ends(code, words);
        assert_eq!(stdout, "", "{words:?}");
        stderr
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
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
        let job = json!({"name": name, "command": "true", "schedule": "@manual", "tags": [tag]});
        story.server.create(&job);
    }
    for (words, names) in [
        (&[][..], &["b", "c", "a"][..]),
        (&["--tag", "x"], &["b", "a"]),
        (&["--sort", "name"], &["a", "b", "c"]),
        (&["--sort", "name", "--limit", "2"], &["a", "b"]),
        (&["--limit", "2"], &["b", "c"]),
        (&["--name", "c"], &["c"]),
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
