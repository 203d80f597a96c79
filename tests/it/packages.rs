//! What is around the program: the service manager is told, the image makes a token, the examples work.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Client, Server, TempDir, wait_for};

/// A file of the repository beside the sources.
fn contrib(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("contrib")
        .join(path)
}

/// The PATH with the program in front.
fn path() -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_nimesha"));
    let directory = binary.parent().expect("a directory").display();
    format!("{directory}:{}", std::env::var("PATH").unwrap_or_default())
}

#[test]
fn the_service_manager_is_told_when_it_answers_and_when_it_stops() {
    let dir = TempDir::new();
    let socket = dir.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let hear = || {
        let mut words = [0; 64];
        let length = manager.recv(&mut words).expect("the server tells");
        String::from_utf8_lossy(&words[..length]).into_owned()
    };
    let name = socket.display().to_string();
    let mut server = Server::in_dir(dir, &[], &[("NOTIFY_SOCKET", &name)]);
    assert_eq!(hear(), "READY=1");
    server.signal(Signal::TERM);
    assert_eq!(hear(), "STOPPING=1");
    assert!(server.exit().success());
}

#[test]
fn the_image_makes_a_token_at_its_first_start_and_keeps_it() {
    let dir = TempDir::new();
    let tokens = dir.path().join("tokens");
    let entry = |port: &str| {
        let mut command = Command::new("sh");
        command
            .arg(contrib("docker/entrypoint.sh"))
            .args(["serve", "--port", port, "--listen-unix", "socket"])
            .env("PATH", path())
            .env("NIMESHA_TOKEN_FILE", &tokens)
            .env("NIMESHA_BOLTPATH", dir.path())
            .current_dir(dir.path())
            .stderr(Stdio::null());
        command
    };
    // A port that is no port: the token is made, and the server says what is wrong.
    let said = entry("none-such").output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    let secret = said.trim().rsplit(' ').next().unwrap();
    assert_eq!(secret.len(), 48, "{said}");
    let kept = fs::read_to_string(&tokens).unwrap();
    assert_eq!(kept, format!("admin admin {secret}\n"));
    let mode = fs::metadata(&tokens).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let log = fs::File::create(dir.path().join("log")).unwrap();
    let mut server = entry("0")
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let port = wait_for("it starts", || {
        let log = fs::read_to_string(dir.path().join("log")).unwrap();
        let at = log.split_once("Starting server on port :")?.1;
        at.split_once('\n')?.0.parse::<u16>().ok()
    });
    let mut client = Client::connect(port).unwrap();
    let mut ask = |headers: &str| {
        let request = format!("GET /api/v1/stats/ HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        client.send(request.as_bytes()).unwrap();
        client.read("GET").unwrap()
    };
    ask("").expect(401);
    ask(&format!("Authorization: Bearer {secret}\r\n")).expect(200);
    server.kill().unwrap();
    let said = server.wait_with_output().unwrap().stdout;
    assert!(said.is_empty(), "the token is shown once");
}

#[test]
fn the_examples_work() {
    let server = Server::start();
    let url = format!("http://127.0.0.1:{}", server.port());
    for (language, words, file) in [
        ("bash", &[][..], "sh"),
        ("python3", &[], "py"),
        ("ruby", &[], "rb"),
        ("node", &[], "mjs"),
        ("go", &["run"], "go"),
    ] {
        let mut command = Command::new(language);
        command
            .args(words)
            .arg(contrib(&format!("examples/dependent_jobs.{file}")))
            .arg(&url);
        let Ok(output) = command.output() else {
            println!("skipped: there is no {language} here");
            continue;
        };
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said, "the child wrote: loaded\n", "{language}: {complaint}");
    }
    let left = server.get("/api/v1/job/").expect(200).json();
    assert_eq!(left["jobs"], serde_json::json!({}));
}
