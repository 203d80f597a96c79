//! The server's life: how it starts, what it says, and how it ends.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Client, Server, TempDir, bare_command, nimesha, wait_until};

#[test]
fn it_says_what_kala_says_and_answers() {
    let server = Server::start();
    let log = server.log();
    let cache = log
        .find("[INFO] Preparing cache\n")
        .expect("the first line");
    assert!(
        cache
            < log
                .find("[INFO] Starting server on port :")
                .expect("the second")
    );
    let stats = server.get("/api/v1/stats/").expect(200).json();
    assert_eq!(stats["Stats"]["Jobs"], 0);
}

#[test]
fn jobs_outlive_a_restart_and_a_crash() {
    let mut server = Server::start();
    let id = server.create(&json!({"name": "kept", "command": "true", "schedule": "@daily"}));
    server.restart();
    assert_eq!(server.job(&id)["name"], "kept");
    let second =
        server.create(&json!({"name": "kept too", "command": "true", "schedule": "@daily"}));
    let third = server.create(&json!({"name": "deleted", "command": "true", "schedule": "@daily"}));
    server.delete(&format!("/api/v1/job/{third}/")).expect(204);
    server.kill9();
    server.start_again();
    server.get(&format!("/api/v1/job/{third}/")).expect(404);
    assert_eq!(server.job(&id)["name"], "kept");
    assert_eq!(server.job(&second)["name"], "kept too");
}

#[test]
fn without_persistence_nothing_is_left() {
    let server = Server::with(&["--no-persist"]);
    server.create(&json!({"name": "gone", "command": "true", "schedule": "@daily"}));
    assert_eq!(fs::read_dir(server.dir()).unwrap().count(), 0);
    assert!(server.log().contains("--no-persist"));
}

#[test]
fn a_run_may_finish_when_the_server_stops() {
    let mut server = Server::start();
    let started = server.dir().join("started");
    let id = server.create(&json!({"name": "slow", "schedule": "@manual", "command": "touch started; sleep 0.5; touch done"}));
    server
        .post(&format!("/api/v1/job/start/{id}/?wait=false"), &json!({}))
        .expect(204);
    wait_until("the run has begun", || started.exists());
    server.signal(Signal::TERM);
    assert!(server.exit().success());
    assert!(server.dir().join("done").exists());
    server.start_again();
    assert_eq!(server.job(&id)["success_count"], 1);
}

#[test]
fn a_run_that_does_not_finish_in_time_is_ended_and_noted() {
    let mut server = Server::with(&["--grace", "0"]);
    let started = server.dir().join("started");
    let id = server.create(&json!({"name": "endless", "schedule": "@manual", "command": "touch started; exec sleep 600"}));
    server
        .post(&format!("/api/v1/job/start/{id}/?wait=false"), &json!({}))
        .expect(204);
    wait_until("the run has begun", || started.exists());
    server.restart();
    let runs = server
        .get(&format!("/api/v1/job/{id}/runs/"))
        .expect(200)
        .json();
    assert_eq!(runs["runs"][0]["outcome"], "interrupted", "{runs}");
}

#[test]
fn a_second_signal_skips_the_grace() {
    let mut server = Server::with(&["--grace", "3600"]);
    let started = server.dir().join("started");
    server.create(&json!({"name": "endless", "command": "touch started; exec sleep 600"}));
    wait_until("the run has begun", || started.exists());
    server.signal(Signal::INT);
    wait_until("the first signal is heard", || {
        server.log().contains("Stopping")
    });
    server.signal(Signal::INT);
    assert!(server.exit().success());
}

#[test]
fn while_it_stops_it_still_answers_reads_and_refuses_writes() {
    let mut server = Server::with(&["--grace", "3600"]);
    let started = server.dir().join("started");
    let id = server.create(&json!({"name": "endless", "command": "touch started; exec sleep 600"}));
    wait_until("the run has begun", || started.exists());
    server.signal(Signal::TERM);
    wait_until("the signal is heard", || server.log().contains("Stopping"));
    assert_eq!(server.job(&id)["running"], 1);
    let job = json!({"name": "late", "command": "true", "schedule": "@daily"});
    wait_until("writes are refused", || {
        server.post("/api/v1/job/", &job).status == 503
    });
    server.signal(Signal::TERM);
    assert!(server.exit().success());
}

#[test]
fn a_hangup_does_not_end_it() {
    let server = Server::start();
    server.signal(Signal::HUP);
    wait_until("the signal is heard", || server.log().contains("SIGHUP"));
    server.get("/api/v1/stats/").expect(200);
}

#[test]
fn a_port_in_use_is_said_before_anything_is_touched() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let dir = TempDir::new();
    let ended = nimesha(&[
        "serve",
        "--port",
        &port,
        "--boltpath",
        dir.path().to_str().unwrap(),
    ]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .stderr
            .contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_opened_is_named() {
    let ended = nimesha(&["serve", "--port", "0", "--boltpath", "/no/such/dir"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("/no/such/dir"), "{}", ended.stderr);
}

#[test]
fn two_servers_do_not_share_a_database() {
    let server = Server::start();
    let ended = nimesha(&[
        "serve",
        "--port",
        "0",
        "--boltpath",
        server.dir().to_str().unwrap(),
    ]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("nimesha.redb"), "{}", ended.stderr);
}

#[test]
fn a_unix_socket_is_for_its_owner_and_goes_with_the_server() {
    let dir = TempDir::new();
    let path = dir.path().join("nimesha.sock");
    // What a killed server leaves behind.
    drop(UnixListener::bind(&path).unwrap());
    let mut server = Server::with(&["--listen-unix", path.to_str().unwrap()]);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream
        .write_all(b"GET /api/v1/stats/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    server.signal(Signal::TERM);
    assert!(server.exit().success());
    assert!(!path.exists());
}

#[test]
fn a_file_that_is_no_left_over_socket_is_not_replaced() {
    let dir = TempDir::new();
    let file = dir.path().join("precious");
    fs::write(&file, "data").unwrap();
    let ended = nimesha(&[
        "serve",
        "-n",
        "--port",
        "none",
        "--listen-unix",
        file.to_str().unwrap(),
    ]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(fs::read_to_string(&file).unwrap(), "data");
}

#[test]
fn settings_come_from_the_environment_too() {
    let server = Server::with_env(&[
        ("NIMESHA_DEFAULT_OWNER", "ops"),
        ("NIMESHA_NO_PERSIST", "true"),
    ]);
    let id = server.create(&json!({"name": "owned", "command": "true", "schedule": "@daily"}));
    assert_eq!(server.job(&id)["owner"], "ops");
}

#[test]
fn commands_do_not_see_the_settings_of_the_server() {
    let server = Server::with_env(&[("NIMESHA_JOBDB_PASSWORD", "tell-nobody")]);
    let id =
        server.create(&json!({"name": "curious", "command": "env > seen", "schedule": "@manual"}));
    server.run(&id);
    let seen = fs::read_to_string(server.dir().join("seen")).unwrap();
    assert!(seen.contains(&format!("NIMESHA_JOB_ID={id}")), "{seen}");
    assert!(!seen.contains("tell-nobody"), "{seen}");
}

#[test]
fn the_log_can_be_json() {
    let server = Server::with(&["--log-format", "json"]);
    let log = server.log();
    let first: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(first["message"], "Preparing cache");
    assert_eq!(first["level"], "info");
}

#[test]
fn a_json_line_says_which_job_which_run_and_how_it_went() {
    let server = Server::with(&["--log-format", "json", "--verbose"]);
    let lines = |event: &str| -> Vec<serde_json::Value> {
        let log = server.log();
        let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &serde_json::Value| line["event"] == event)
            .collect()
    };
    let secret = "printed-by-the-command";
    for (command, outcome, level) in [
        (format!("echo {secret}"), "succeeded", "debug"),
        (format!("echo {secret}; exit 3"), "failed", "warn"),
    ] {
        let job = json!({"name": "x\n{\"level\":", "command": command, "schedule": "@manual"});
        let id = server.create(&job);
        server.run(&id);
        let runs = server.get(&format!("/api/v1/job/{id}/runs/")).json();
        wait_until("it is logged", || {
            lines("run_ended").iter().any(|line| {
                line["job"] == id
                    && line["run"] == runs["runs"][0]["id"]
                    && line["outcome"] == outcome
                    && line["level"] == level
            })
        });
    }
    assert_eq!(lines("run_started")[0]["trigger"], "manual");
    assert!(!server.log().contains(secret), "{}", server.log());
}

#[test]
fn under_systemd_lines_carry_their_priority() {
    let (reader, writer) = io::pipe().unwrap();
    let stream = rustix::fs::fstat(&writer).unwrap();
    let mut child = bare_command()
        .args(["serve", "--no-persist", "--port", "0"])
        .env(
            "JOURNAL_STREAM",
            format!("{}:{}", stream.st_dev, stream.st_ino),
        )
        .stderr(writer)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(line, "<6>Preparing cache\n");
    // Handed on by a shell that a service started: it is another stream.
    let server = Server::with_env(&[("JOURNAL_STREAM", "8:1")]);
    assert!(server.log().contains("[INFO] Preparing cache\n"));
}

#[test]
fn a_connection_serves_many_requests() {
    let server = Server::start();
    let mut client: Client = server.client();
    for _ in 0..3 {
        let answer = client
            .request("GET", "/api/v1/job/", None)
            .unwrap()
            .expect(200);
        assert_eq!(answer.json(), json!({"jobs": {}}));
    }
}

#[test]
fn a_watcher_sees_that_it_lives_is_ready_and_what_it_did() {
    let server = Server::start();
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/readyz").status, 200);
    server.create(&json!({"name": "a \"b\"", "command": "true"}));
    let count = |name: &str| {
        let text = server.get("/metrics").text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim);
        line.and_then(|value| value.parse::<f64>().ok())
            .unwrap_or_default()
    };
    wait_until("the run is counted", || {
        count("nimesha_runs_total{outcome=\"succeeded\"}") == 1.0
    });
    assert_eq!(count("nimesha_run_lateness_seconds_count"), 1.0);
    assert_eq!(count("nimesha_jobs{state=\"active\"}"), 1.0);
    assert_eq!(count("nimesha_store_up"), 1.0);
}
