//! The command line, as a person types it.

use crate::support::{TempDir, bare_command, nimesha};

#[test]
fn help_shows_the_commands_and_how_to_begin() {
    for words in [&[][..], &["--help"], &["-h"], &["help"]] {
        let help = nimesha(words);
        assert_eq!(help.code, Some(0), "{words:?}");
        for part in [
            "serve",
            "run",
            "next",
            "curl http://127.0.0.1:8000/api/v1/job/",
        ] {
            assert!(help.stdout.contains(part), "{part} in {}", help.stdout);
        }
    }
}

#[test]
fn the_help_of_serve_tells_every_flag_and_its_default() {
    let help = nimesha(&["serve", "--help"]).stdout;
    for part in [
        "--port",
        "(default 8000)",
        "127.0.0.1",
        "NIMESHA_JOBDB_ADDRESS",
        "--no-persist",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
}

#[test]
fn the_version_is_told() {
    let version = format!("nimesha {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(nimesha(&["--version"]).stdout, version);
    assert_eq!(nimesha(&["-V"]).stdout, version);
}

#[test]
fn a_wrong_word_ends_with_2_and_shows_the_way_out() {
    for (words, hint) in [
        (&["srve"][..], "did you mean serve?"),
        (&["serve", "--prot=1"], "did you mean --port?"),
        (&["serve", "--port", "99999"], "expected a port such as"),
        (&["serve", "--jobdb", "nope"], "redb, boltdb"),
        (&["serve", "--interface", "0.0.0.0"], "--insecure"),
        #[cfg(not(feature = "postgres"))]
        (
            &["serve", "--jobdb=postgres"],
            "built without postgres: use --features full",
        ),
    ] {
        let ended = nimesha(words);
        assert_eq!(ended.code, Some(2), "{words:?}");
        assert!(ended.stderr.contains(hint), "{words:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn next_tells_when_a_schedule_is_due() {
    for (words, occurrences) in [
        (
            &[
                "R/2030-01-31T09:00:00Z/P1M",
                "--count",
                "3",
                "--from",
                "2030-01-01T00:00:00Z",
            ][..],
            "2030-01-31T09:00:00Z\n2030-02-28T09:00:00Z\n2030-03-31T09:00:00Z\n",
        ),
        (
            &[
                "30 2 * * *",
                "--timezone=Europe/Berlin",
                "--count=2",
                "--from=2030-03-31T00:00:00+01:00",
            ],
            "2030-03-31T03:00:00+02:00\n2030-04-01T02:30:00+02:00\n",
        ),
        (
            &["R1//PT1H", "--from", "2030-01-01T00:00:00Z"],
            "2030-01-01T00:00:00Z\n2030-01-01T01:00:00Z\n",
        ),
    ] {
        let ended = nimesha(&[&["next"], words].concat());
        assert_eq!(ended.stdout, occurrences, "{words:?}: {}", ended.stderr);
        assert_eq!(ended.code, Some(0));
    }
}

#[test]
fn next_says_why_there_is_nothing_to_tell() {
    for (words, code, hint) in [
        (
            &["R2/2020-01-01T00:00:00Z/P1D"][..],
            1,
            "no occurrence at or after",
        ),
        (&["@manual"], 1, "never runs by itself"),
        (&["every day"], 1, "every day"),
        (
            &["@daily", "--timezone", "Europe/Berln"],
            2,
            "did you mean Europe/Berlin?",
        ),
        (&["@daily", "--count", "0"], 2, "from 1 to"),
        (&["@daily", "--from", "tomorrow"], 2, "2030-01-01T00:00:00Z"),
        (&[], 2, "schedule"),
    ] {
        let ended = nimesha(&[&["next"], words].concat());
        assert_eq!(ended.code, Some(code), "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(hint), "{words:?}: {}", ended.stderr);
    }
}

#[test]
fn run_tells_what_became_of_a_command() {
    for (command, code, stdout, stderr) in [
        ("echo hello", 0, "Command Succeeded!\nOutput:  hello\n", ""),
        ("true", 0, "Command Succeeded!\n", ""),
        (
            "echo a; echo b >&2",
            0,
            "Command Succeeded!\nOutput:  a\nb\n",
            "",
        ),
        ("false", 1, "", "Command Failed with err: exit status 1\n"),
        (
            "echo out; exit 3",
            1,
            "",
            "Command Failed with err: exit status 3\nout\n",
        ),
        ("kill -9 $$", 1, "", "Command Failed with err: signal 9\n"),
        (
            "",
            1,
            "",
            "Command Failed with err: Job Command is empty.\n",
        ),
    ] {
        let ended = nimesha(&["run", command]);
        assert_eq!(ended.code, Some(code), "{command}");
        assert_eq!(
            (ended.stdout.as_str(), ended.stderr.as_str()),
            (stdout, stderr),
            "{command}"
        );
    }
}

#[test]
fn run_heeds_what_a_job_can_say_of_its_command() {
    for (words, code, expected) in [
        (
            &[
                "echo $A $B; pwd",
                "--env=A=1",
                "--env",
                "B=x=y",
                "--cwd",
                "/",
            ][..],
            0,
            "Output:  1 x=y\n/\n",
        ),
        (
            &["sleep 600", "--timeout", "PT0.1S"],
            1,
            "Command Failed with err: it took longer than PT0.1S",
        ),
        (&["true", "--timeout=30"], 1, "timeout"),
        (&["true", "--cwd=/no/such"], 1, "/no/such"),
        (&["true", "--env=A"], 2, "expected NAME=value"),
    ] {
        let ended = nimesha(&[&["run"], words].concat());
        assert_eq!(ended.code, Some(code), "{words:?}: {ended:?}");
        let said = ended.stdout + &ended.stderr;
        assert!(said.contains(expected), "{words:?}: {said}");
    }
}

#[test]
fn config_tells_what_is_in_force_and_from_where() {
    let dir = TempDir::new();
    let file = dir.path().join("nimesha.toml");
    std::fs::write(
        &file,
        "workers = 3\ngrace = 2\ntimezone = \"Europe/Berlin\"\n",
    )
    .unwrap();
    let mut command = bare_command();
    command
        .args(["config", "-p", "2222", "--jobdb-password=tell-nobody"])
        .env("NIMESHA_CONFIG", &file)
        .env("NIMESHA_GRACE", "4");
    let output = command.output().expect("it starts");
    let printed = String::from_utf8(output.stdout).unwrap();
    for (setting, whence) in [
        ("port = 2222", "command line"),
        ("grace = 4", "NIMESHA_GRACE"),
        ("workers = 3", "nimesha.toml, line 1"),
        ("history-limit = 1000", "default"),
        ("# jobdb-password = ***", "command line"),
    ] {
        let line = printed.lines().find(|line| line.starts_with(setting));
        assert!(
            line.is_some_and(|l| l.ends_with(whence)),
            "{setting}: {printed}"
        );
    }
    assert!(!printed.contains("tell-nobody"));
    // What it prints says the same when it is read again.
    let again = dir.path().join("again.toml");
    std::fs::write(&again, &printed).unwrap();
    let again = nimesha(&["config", "--config", again.to_str().unwrap()]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.contains("timezone = \"Europe/Berlin\""));

    let refused = nimesha(&["config", "--interface=0.0.0.0"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--token-file"), "{refused:?}");
    assert!(
        nimesha(&["config", "--help"])
            .stdout
            .contains("flags of serve")
    );
}

#[test]
fn run_says_what_keeps_a_command_from_starting() {
    for (words, code, hint) in [
        (&["/no/such"][..], 1, "/no/such"),
        (&["echo \"x"], 1, "Command Failed with err: "),
        (&[], 2, "Must include a command"),
        (&["echo", "hello"], 2, "Must only include a command"),
        (&["ls", "-la"], 2, "nimesha run has no flag -la"),
    ] {
        let ended = nimesha(&[&["run"], words].concat());
        assert_eq!(ended.code, Some(code), "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(hint), "{words:?}: {}", ended.stderr);
    }
}
