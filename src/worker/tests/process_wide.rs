//! What concerns a whole process is tried in one of its own: this test program, told to run one ignored test.

use std::fs::File;
use std::process::Command;

use super::remote::{Server, remote};
use super::*;
use crate::worker::{Stop, reaper};

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
    let (server, rig) = (Server::start(), Rig::new(1));
    assert_eq!(rig.run(order("true", |_| {})).0, AttemptEnd::Exited(0));
    let held = take_all_descriptors();
    let mut late = order("true", |_| {});
    late.not_after = Some(clock::now().plus(Duration::from_millis(50)));
    assert_eq!(rig.run(late).0, AttemptEnd::TooLate);
    let stopped = order("true", |_| {});
    let run = stopped.run;
    rig.pool.submit(stopped);
    rig.pool.stop(run, Stop::Terminate);
    assert_eq!(rig.next_end().end, AttemptEnd::Stopped);
    drop(held);
    for (patient, end) in [
        (order("true", |_| {}), AttemptEnd::Exited(0)),
        (
            server.order("/200", |_| {}),
            AttemptEnd::Answered(200, true),
        ),
    ] {
        let held = take_all_descriptors();
        rig.pool.submit(patient);
        drop(held);
        assert_eq!(rig.next_end().end, end);
    }
}

#[test]
fn authorities_of_ones_own_are_trusted() {
    let pem = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/worker/tests/localhost.pem"
    );
    alone(&format!("SSL_CERT_FILE='{pem}'"), "tls");
    alone("SSL_CERT_FILE=/no/such", "no_authorities");
}

#[test]
#[ignore = "needs a process of its own, with SSL_CERT_FILE"]
fn tls() {
    let server = Server::start_tls();
    let rig = Rig::new(2);
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{}/x", server.port());
        let (end, output) = rig.run(remote(&url, |_| {}));
        assert_eq!((end, &*output), (AttemptEnd::Answered(200, true), "safely"));
    }
}

#[test]
#[ignore = "needs a process of its own, with SSL_CERT_FILE"]
fn no_authorities() {
    let (end, _) = Rig::new(1).run(remote("https://127.0.0.1:1/", |_| {}));
    let text = "SSL_CERT_FILE /no/such: No such file or directory (os error 2)";
    assert_eq!(end, AttemptEnd::Error(text.to_owned()));
}

fn take_all_descriptors() -> Vec<File> {
    let mut held = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        held.push(file);
    }
    held
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
