//! What concerns a whole process is tried in one of its own: this test program, told to run one ignored test.

use std::process::Command;

use super::*;
use crate::worker::reaper;

/// Runs the ignored test `name` alone, behind the shell's `prefix`.
fn alone(prefix: &str, name: &str) {
    let path = format!("worker::tests::process_wide::{name}");
    let line = format!("{prefix} exec \"$0\" --ignored --exact {path} --nocapture");
    let test = std::env::current_exe().unwrap();
    let ran = Command::new("/bin/sh")
        .args(["-c", &line])
        .arg(test)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[test]
fn a_want_of_descriptors_fails_no_command() {
    alone("ulimit -n 48;", "few_descriptors");
}

#[test]
#[ignore = "needs a process of its own, with few descriptors"]
fn few_descriptors() {
    let rig = Rig::new(24);
    for _ in 0..24 {
        rig.pool.submit(order("echo x;", |_| {}));
    }
    for started in 24..200 {
        assert_eq!(rig.next_end().end, AttemptEnd::Exited(0));
        if started < 176 {
            rig.pool.submit(order("echo x;", |_| {}));
        }
    }
    rig.pool.shutdown();
}

#[test]
fn a_want_of_descriptors_ends_with_the_window_or_a_stop() {
    alone("ulimit -n 32;", "no_descriptors");
}

#[test]
#[ignore = "needs a process of its own, with few descriptors"]
fn no_descriptors() {
    let rig = Rig::new(1);
    assert_eq!(rig.run(order("true", |_| {})).0, AttemptEnd::Exited(0));
    let mut held = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        held.push(file);
    }
    let mut late = order("true", |_| {});
    late.not_after = Some(clock::now().plus(Duration::from_millis(50)));
    assert_eq!(rig.run(late).0, AttemptEnd::TooLate);
    let stopped = order("true", |_| {});
    let run = stopped.run;
    rig.pool.submit(stopped);
    rig.pool.stop(run, super::super::Stop::Terminate);
    assert_eq!(rig.next_end().end, AttemptEnd::Stopped);
    let patient = order("true", |_| {});
    rig.pool.submit(patient);
    drop(held);
    assert_eq!(rig.next_end().end, AttemptEnd::Exited(0));
}

#[test]
fn orphans_are_reaped_and_exit_codes_are_not_stolen() {
    alone("", "reaping");
}

#[test]
#[ignore = "needs a process of its own, which inherits orphans"]
fn reaping() {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    reaper::start().unwrap();
    let rig = Rig::new(4);
    for code in 0..100 {
        // The shell leaves a child behind that ends when it pleases.
        let command = format!("sleep 0.01 >/dev/null & echo $!; exit {code}");
        let (end, orphan) = rig.run(order(&command, |_| {}));
        assert_eq!(end, AttemptEnd::Exited(code));
        let proc = format!("/proc/{}", orphan.trim());
        while std::path::Path::new(&proc).exists() {
            std::thread::yield_now();
        }
    }
}
