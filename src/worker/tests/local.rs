//! Local commands, one at a time.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use super::*;
use crate::worker::{Stop, Trial, run_trial};

fn error(text: &str) -> AttemptEnd {
    AttemptEnd::Error(text.to_owned())
}

#[test]
fn ok_ends_are_told_as_they_are() {
    for (command, end) in [
        ("true", AttemptEnd::Exited(0)),
        ("false", AttemptEnd::Exited(1)),
        ("exit 3", AttemptEnd::Exited(3)),
        ("kill -9 $$", AttemptEnd::Signalled(9)),
        ("nosuch;", AttemptEnd::Exited(127)),
    ] {
        assert_eq!(run(command, |_| {}).0, end, "{command}");
    }
}

#[test]
fn err_commands_that_do_not_start_say_why() {
    for (command, cwd, end) in [
        ("/no/such x", "", "exec /no/such: no such file or directory"),
        ("no-such x", "", "exec no-such: not found in PATH"),
        ("/tmp", "", "exec /tmp: permission denied"),
        ("/etc/passwd", "", "exec /etc/passwd: permission denied"),
        (
            "true",
            "/no/such",
            "cwd /no/such: no such file or directory",
        ),
        ("true", "/etc/passwd", "cwd /etc/passwd: not a directory"),
        ("echo 'a", "", "the command has a ' that is not closed"),
    ] {
        let (found, _) = run(command, |spec| extras(spec).cwd = cwd.to_owned());
        assert_eq!(found, error(end), "{command}");
    }
}

#[test]
fn err_scripts_say_what_they_lack() {
    let dir = tempdir("scripts");
    for (name, text, end) in [
        (
            "no-line",
            "exit 0\n",
            "exec format error (a script needs a first line such as #!/bin/sh)",
        ),
        (
            "no-interpreter",
            "#!/no/such\n",
            "no such file or directory (the interpreter that it names)",
        ),
    ] {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(run(path, |_| {}).0, error(&format!("exec {path}: {end}")));
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn both_streams_are_kept_in_order() {
    let (end, output) = run("echo a; echo b >&2; echo c", |_| {});
    assert_eq!((end, &*output), (AttemptEnd::Exited(0), "a\nb\nc\n"));
}

#[test]
fn much_output_takes_no_memory_and_loses_only_its_beginning() {
    let (end, output) = run("head -c 500000000 /dev/zero; echo end", |_| {});
    assert_eq!(end, AttemptEnd::Exited(0));
    let zeros = "\0".repeat(4092);
    assert_eq!(
        output,
        format!("[499995908 bytes dropped before this]\n{zeros}end\n")
    );
}

#[test]
fn a_command_has_no_input_and_its_own_group() {
    assert_eq!(run("cat", |_| {}), (AttemptEnd::Exited(0), String::new()));
    let (_, stat) = run("cut -d' ' -f1,5 /proc/self/stat", |_| {});
    let (pid, group) = stat.trim().split_once(' ').unwrap();
    assert_eq!(pid, group);
}

#[test]
fn the_environment_is_the_servers_the_jobs_and_the_runs() {
    let mut order = order("env", |spec| {
        let env = &mut extras(spec).env;
        env.insert("MINE".to_owned(), "a b".to_owned());
        env.insert("HOME".to_owned(), "/elsewhere".to_owned());
        env.insert("NIMESHA_ATTEMPT".to_owned(), "99".to_owned());
    });
    let at = clock::Timestamp::from_unix(1_800_000_000, 500_000_000);
    order.scheduled_at = Some(at);
    let (job, run) = (order.job.id, order.run);
    let (_, env) = Rig::new(1).run(order);
    for line in [
        "MINE=a b",
        "HOME=/elsewhere",
        "NIMESHA_JOB_NAME=a job",
        "NIMESHA_SCHEDULED_AT=2027-01-15T08:00:00.5Z",
        "NIMESHA_ATTEMPT=1",
        "NIMESHA_TRIGGER=manual",
        &format!("NIMESHA_JOB_ID={job}"),
        &format!("NIMESHA_RUN_ID={run}"),
        &format!("PATH={}", std::env::var("PATH").unwrap()),
    ] {
        assert!(env.lines().any(|found| found == line), "{line} in {env}");
    }
}

#[test]
fn programs_are_looked_for_in_the_jobs_path_and_started_in_its_directory() {
    let dir = tempdir("path");
    let program = dir.join("greet");
    std::fs::write(&program, "#!/bin/sh\necho \"$0 $1\"; pwd\n").unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
    let here = dir.canonicalize().unwrap();
    let (program, here) = (program.to_str().unwrap(), here.to_str().unwrap());
    for (command, path, cwd, output) in [
        ("greet you", here, "/", format!("{program} you\n/\n")),
        (
            "./greet you",
            "/bin",
            here,
            format!("./greet you\n{here}\n"),
        ),
    ] {
        let (end, found) = run(command, |spec| {
            let path = format!("{path}:/bin:/usr/bin");
            extras(spec).env.insert("PATH".to_owned(), path);
            extras(spec).cwd = cwd.to_owned();
        });
        assert_eq!((end, found), (AttemptEnd::Exited(0), output));
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn values_of_templates_are_one_word_whatever_they_hold() {
    let evil = "a  'b' \"c\" $(echo x) `echo y` ; echo z \\ *";
    for command in [
        "printf %s, <% .Name %> b",
        "printf %s, <% .Name %> b; exit 0",
        "printf %s, \"<% .Name %>\" b; exit 0",
        "printf %s, '<% .Name %>' b; exit 0",
        "true | printf %s, '''<% .Name %>' b",
    ] {
        let (end, output) = run(command, |spec| {
            spec.texts = TextsOf {
                name: evil,
                ..texts(command)
            }
            .into();
            extras(spec).template_delimiters = "<% %>".to_owned();
        });
        assert_eq!((end, output), (AttemptEnd::Exited(0), format!("{evil},b,")));
    }
}

#[test]
fn what_outlives_a_command_is_left_alone_and_not_waited_for() {
    let (end, pid) = run("sleep 1000 & echo $!", |_| {});
    assert_eq!(end, AttemptEnd::Exited(0));
    let pid = pid.trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_timeout_ends_the_whole_group() {
    for command in [
        "sleep 1000 & echo $!; wait",
        // What ignores SIGTERM gets SIGKILL.
        "trap '' TERM; sleep 1000 & echo $!; wait",
        // So does what its leader leaves behind.
        "sh -c 'trap \"\" TERM; sleep 1000 & echo $!; wait' & wait",
    ] {
        let (end, pid) = run(command, |spec| spec.timeout = span("PT0.2S"));
        assert_eq!(end, AttemptEnd::TimedOut, "{command}");
        await_gone(&pid);
    }
}

#[test]
fn a_group_may_tidy_up_after_sigterm() {
    let command = "trap 'echo tidy; exit 0' TERM; echo ready; while :; do sleep 0.01; done";
    let rig = Rig::new(1);
    let order = order(command, |_| {});
    let (run, output) = (order.run, Arc::clone(&order.output));
    rig.pool.submit(order);
    await_line(&output);
    rig.pool.stop(run, Stop::Terminate);
    assert_eq!(rig.next_end().end, AttemptEnd::Stopped);
    let text = String::from_utf8(output.text()).unwrap();
    assert!(text.ends_with("tidy\n"), "{text}");
}

#[test]
fn a_trial_runs_a_command_as_a_job_would() {
    let trial = |command: &str| Trial {
        command: command.to_owned(),
        env: [("A".to_owned(), "b".to_owned())].into(),
        cwd: "/".to_owned(),
        timeout: Some(Interval::parse("PT60S").unwrap()),
    };
    for (command, end, output) in [
        ("echo $A; pwd", AttemptEnd::Exited(0), "b\n/\n"),
        ("false", AttemptEnd::Exited(1), ""),
        ("'", error("the command has a ' that is not closed"), ""),
    ] {
        assert_eq!(run_trial(&trial(command)), (end, output.into()));
    }
    let mut endless = trial("sleep 1000");
    endless.timeout = Some(Interval::parse("PT0.05S").unwrap());
    assert_eq!(run_trial(&endless).0, AttemptEnd::TimedOut);
}

fn tempdir(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("nimesha-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}
