//! The server under TLS, asked by curl and by its own client.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedKey, IsCa, KeyPair, date_time_ymd,
    generate_simple_self_signed,
};
use rustix::process::Signal;

use crate::support::{Server, TempDir, nimesha, wait_until};

const JOB: &str = r#"{"name": "x", "command": "echo safely", "schedule": "@manual"}"#;

/// A server under TLS, and its certificate.
struct Safe {
    server: Server,
    certificate: PathBuf,
}

impl Safe {
    fn start(flags: &[&str]) -> Safe {
        let dir = TempDir::new();
        let (certificate, key) = paths(dir.path());
        renew(dir.path());
        let (shown, own) = (certificate.to_str().unwrap(), key.to_str().unwrap());
        let words = [&["--tls-cert", shown, "--tls-key", own], flags].concat();
        Safe {
            server: Server::in_dir(dir, &words, &[]),
            certificate,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.server.port())
    }

    /// curl, which trusts the certificate that the file holds now.
    fn curl(&self, words: &[&str], path: &str) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "60", "--cacert"])
            .arg(&self.certificate)
            .args(words)
            .arg(self.url(path));
        curl
    }

    #[track_caller]
    fn ask(&self, words: &[&str], path: &str) -> String {
        let output = self.curl(words, path).output().expect("curl starts");
        assert!(output.status.success(), "{output:?}\n{}", self.server.log());
        text(&output)
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn paths(dir: &Path) -> (PathBuf, PathBuf) {
    (dir.join("cert.pem"), dir.join("key.pem"))
}

/// Writes a certificate and a key.
fn renew(dir: &Path) {
    let (certificate, key) = paths(dir);
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(certificate, cert.pem()).unwrap();
    fs::write(&key, signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn curl_asks_by_tls() {
    let safe = Safe::start(&[]);
    let created = safe.ask(&["--data", JOB], "/api/v1/job/");
    assert!(created.contains("\"id\""), "{created}");
    for words in [
        &["--http1.1"][..],
        &["--http1.0"],
        &["--tls-max", "1.2"],
        &["--compressed"],
    ] {
        let listed = safe.ask(words, "/api/v1/job/");
        assert!(listed.contains("echo safely"), "{words:?}: {listed}");
    }
    // One connection serves them all, and a page of 100 KiB has more than a record.
    let twice = safe.url("/webui/");
    let pages = safe.ask(&["--verbose", &twice], "/webui/");
    assert!(pages.contains("Nimesha"), "{pages}");
    let log = safe.server.log();
    assert!(log.contains("TLS with the certificate "), "{log}");
}

#[test]
fn events_come_at_once() {
    let safe = Safe::start(&[]);
    let mut curl = safe.curl(&["--no-buffer"], "/api/v1/events/");
    let mut following = curl.stdout(Stdio::piped()).spawn().expect("curl starts");
    let mut events = following.stdout.take().unwrap();
    let mut seen = Vec::new();
    let mut bytes = [0; 4096];
    let mut created = false;
    while !String::from_utf8_lossy(&seen).contains("event: job_created") {
        let read = events.read(&mut bytes).unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&bytes[..read]);
        if !created {
            // The first sign of life shows that it listens.
            safe.ask(&["--data", JOB], "/api/v1/job/");
            created = true;
        }
    }
    following.kill().unwrap();
    following.wait().unwrap();
}

#[test]
fn its_own_client_reaches_it() {
    let safe = Safe::start(&[]);
    let certificate = safe.certificate.to_str().unwrap();
    let url = safe.url("");
    let words = |rest: &[&'static str]| {
        let ended = nimesha(&[rest, &["--url", &url, "--cacert", certificate]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    };
    words(&[
        "job",
        "create",
        "x",
        "command=echo safely",
        "schedule=@manual",
    ]);
    assert_eq!(words(&["job", "start", "x"]), "safely\n");
    let stranger = nimesha(&["stats", "--url", &url]);
    assert_eq!(stranger.code, Some(4));
    assert!(stranger.stderr.contains("--cacert"), "{}", stranger.stderr);
    let wrong = nimesha(&["stats", "--url", &url, "--cacert", "/dev/null"]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.stderr.contains("holds no certificate"),
        "{}",
        wrong.stderr
    );
}

/// Asks a server with this certificate, which is trusted, and hears why not.
fn refused(makes: impl FnOnce(&mut CertificateParams)) -> String {
    let dir = TempDir::new();
    let (certificate, key_file) = paths(dir.path());
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    makes(&mut params);
    let key = KeyPair::generate().unwrap();
    fs::write(&certificate, params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    let certificate = certificate.to_str().unwrap().to_owned();
    let key_file = key_file.to_str().unwrap().to_owned();
    let flags = ["--tls-cert", &certificate, "--tls-key", &key_file];
    let server = Server::in_dir(dir, &flags, &[]);
    let url = format!("https://127.0.0.1:{}", server.port());
    let asked = nimesha(&["stats", "--url", &url, "--cacert", &certificate]);
    assert_eq!(asked.code, Some(4), "{asked:?}");
    asked.stderr
}

#[test]
fn a_certificate_that_is_refused_is_refused_with_the_way_out() {
    type Makes = fn(&mut CertificateParams);
    let rows: [(Makes, &str); 4] = [
        (
            |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            "CA:FALSE",
        ),
        (
            |params| params.not_after = date_time_ymd(2001, 1, 1),
            "renew it",
        ),
        (
            |params| params.not_before = date_time_ymd(2900, 1, 1),
            "wait for its time",
        ),
        (|params| params.subject_alt_names.clear(), "ask by a name"),
    ];
    for (makes, expected) in rows {
        let heard = refused(makes);
        assert!(heard.contains(expected), "{expected} in {heard}");
        assert!(!heard.contains("--cacert"), "{heard}");
    }
}

#[test]
fn a_new_certificate_is_shown_after_a_hangup_and_a_bad_one_is_not() {
    let safe = Safe::start(&[]);
    let certificate = fs::read(&safe.certificate).unwrap();
    let (_, key) = paths(safe.server.dir());
    fs::write(&key, "no key").unwrap();
    safe.server.signal(Signal::HUP);
    wait_until("the bad key is told of", || {
        safe.server
            .log()
            .contains("the certificate that was read before stays")
    });
    safe.ask(&[], "/healthz");
    renew(safe.server.dir());
    assert_ne!(certificate, fs::read(&safe.certificate).unwrap());
    // Not read yet: nobody has said so.
    let refused = safe.curl(&[], "/healthz").output().unwrap();
    assert!(!refused.status.success());
    safe.server.signal(Signal::HUP);
    wait_until("the new one is shown", || {
        safe.curl(&[], "/healthz")
            .output()
            .unwrap()
            .status
            .success()
    });
}

#[test]
fn handshakes_that_stop_keep_nobody_out() {
    let safe = Safe::start(&[]);
    let connect = || TcpStream::connect(("localhost", safe.server.port())).unwrap();
    let mut stopped: Vec<TcpStream> = (0..200).map(|_| connect()).collect();
    for (stream, number) in stopped.iter_mut().zip(0..) {
        // Some say nothing, some the beginning of a record.
        stream
            .write_all(&[0x16, 3, 1, 2, 0, 1][..number % 7])
            .unwrap();
    }
    for _ in 0..5 {
        safe.ask(&[], "/healthz");
    }
    for mut stream in stopped {
        let mut rest = Vec::new();
        // An end or a reset: both mean that its time was over.
        let _ = stream.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }
    safe.ask(&[], "/healthz");
}

#[test]
fn who_comes_without_tls_is_told() {
    let safe = Safe::start(&[]);
    let url = format!("http://localhost:{}/healthz", safe.server.port());
    let output = Command::new("curl")
        .args(["--silent", &url])
        .output()
        .unwrap();
    assert!(text(&output).contains("this port speaks TLS"), "{output:?}");
}

#[test]
fn a_session_is_for_tls_alone() {
    let dir = TempDir::new();
    let tokens = dir.path().join("tokens");
    fs::write(&tokens, "own admin own-0123456789abcdef\n").unwrap();
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o600)).unwrap();
    let safe = Safe::start(&[
        "--interface",
        "0.0.0.0",
        "--token-file",
        tokens.to_str().unwrap(),
    ]);
    let log = safe.server.log();
    assert!(!log.contains("unencrypted"), "{log}");
    let form = ["--include", "--data", "token=own-0123456789abcdef"];
    let signed_in = safe.ask(&form, "/webui/sign-in");
    assert!(signed_in.contains("SameSite=Strict; Secure"), "{signed_in}");
    let refused = safe.ask(&[], "/api/v1/job/");
    assert!(refused.contains("error"), "{refused}");
}

#[test]
fn err_what_makes_no_tls() {
    let dir = TempDir::new();
    renew(dir.path());
    let (certificate, key) = paths(dir.path());
    let (shown, own) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let start = |words: &[&str]| nimesha(&[&["serve", "-n", "--port", "0"], words].concat());
    for (words, code, why) in [
        (&["--tls-cert", shown][..], 2, "give --tls-key too"),
        (
            &["--tls-cert", own, "--tls-key", own],
            1,
            "holds no certificate",
        ),
        (
            &[
                "--interface",
                "0.0.0.0",
                "--tls-cert",
                shown,
                "--tls-key",
                own,
            ],
            2,
            "--token-file",
        ),
    ] {
        let ended = start(words);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let server = Server::with(&["--tls-cert", shown, "--tls-key", own]);
    assert!(
        server.log().contains("can be read by others"),
        "{}",
        server.log()
    );
}
