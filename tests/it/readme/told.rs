//! Blocks of the README that start a server of their own, with tokens or a certificate.

use std::path::Path;

use super::{bash, block, printed};
use crate::support::{Server, TempDir, nimesha, wait_for};

/// The lines of a block that are not the server's, as a script; and the words of the server's.
fn parts(text: &str) -> (String, Vec<Vec<String>>) {
    let (serve, rest): (Vec<&str>, Vec<&str>) = text
        .lines()
        .partition(|line| line.starts_with("nimesha serve"));
    let words = serve.into_iter().map(|line| {
        let words = shell_words::split(line).expect("words");
        words.into_iter().skip(2).collect()
    });
    (rest.join("\n"), words.collect())
}

fn start(dir: TempDir, words: &[String]) -> Server {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Server::in_dir(dir, &words, &[])
}

fn has_openssl() -> bool {
    let is_there = bash("command -v openssl", Path::new("/"), &[])
        .status
        .success();
    if !is_there {
        println!("skipped: there is no openssl here");
    }
    is_there
}

/// A server with the tokens of the README, and the first of them.
fn with_tokens(dir: TempDir, words: &[String]) -> (Server, String) {
    let (making, _) = parts(block("umask"));
    printed(&making, dir.path(), &[]);
    let tokens = std::fs::read_to_string(dir.path().join("tokens")).expect("tokens");
    let token = tokens
        .split_whitespace()
        .nth(2)
        .expect("a token")
        .to_owned();
    (start(dir, words), token)
}

/// The flags are taken for what they are, where the program has the driver; tests of job databases start the servers that
/// they name.
pub(super) fn job_databases(text: &str) {
    let (_, servers) = parts(text);
    for words in servers {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = nimesha(&[&["config"], &words[..]].concat());
        let (code, hint) = match cfg!(feature = "full") {
            true => (0, ""),
            false => (2, "--features"),
        };
        assert_eq!(said.code, Some(code), "{words:?}: {said:?}");
        assert!(said.stderr.contains(hint), "{said:?}");
    }
}

/// Who has none of these tokens stays out.
pub(super) fn tokens_made(text: &str) {
    if !has_openssl() {
        return;
    }
    let (_, servers) = parts(text);
    let (server, _) = with_tokens(TempDir::new(), &servers[0]);
    server.get("/api/v1/job/").expect(401);
}

/// Who has one comes in, and a hangup reads them anew.
pub(super) fn tokens_used(text: &str) {
    if !has_openssl() {
        return;
    }
    let (_, servers) = parts(block("umask"));
    let (server, token) = with_tokens(TempDir::new(), &servers[0]);
    let script = text
        .replace("10.0.0.5:8000", &format!("127.0.0.1:{}", server.port()))
        .replace(
            "$(pidof nimesha)",
            &server.pid().as_raw_nonzero().to_string(),
        )
        .replace("curl ", "curl --silent --fail ");
    let said = printed(&script, server.dir(), &[("TOKEN", &token)]);
    assert_eq!(said.trim(), r#"{"jobs":{}}"#);
    wait_for("it reads them anew", || {
        server.log().contains("SIGHUP").then_some(())
    });
}

/// A certificate is made.
pub(super) fn certificate(text: &str) {
    if has_openssl() {
        let dir = TempDir::new();
        printed(text, dir.path(), &[]);
        assert!(dir.path().join("cert.pem").exists());
    }
}

/// The port speaks TLS.
pub(super) fn tls(text: &str) {
    if !has_openssl() {
        return;
    }
    let dir = TempDir::new();
    printed(block("openssl"), dir.path(), &[]);
    let (asking, servers) = parts(text);
    let (server, token) = with_tokens(dir, &servers[0]);
    let script = asking
        .replace(
            "jobs.example.com:8000",
            &format!("localhost:{}", server.port()),
        )
        .replace("curl ", "curl --silent --fail --cacert cert.pem ");
    let said = printed(&script, server.dir(), &[("TOKEN", &token)]);
    assert_eq!(said.trim(), r#"{"jobs":{}}"#);
}
