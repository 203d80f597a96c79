//! The command line, as a person types it.

use crate::support::nimesha;

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
