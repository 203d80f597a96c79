//! The guard as a whole: what gets through it, as whom, and what is said to the rest.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::mpsc;

use tiny_http::Method::{self, Delete, Get, Post};

use super::*;
use crate::config;
use crate::http::{Answer, Peer};

const TOKENS: &str = "look read look-secret\nturn operate turn-secret\nown admin own-secret\n";

/// A token file that goes with the test.
struct TokenFile(PathBuf);

impl TokenFile {
    fn new(name: &str) -> TokenFile {
        let file = format!("nimesha-guard-{name}-{}", std::process::id());
        let file = TokenFile(std::env::temp_dir().join(file));
        file.write(TOKENS);
        file
    }

    fn write(&self, text: &str) {
        let _ = fs::remove_file(&self.0);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        std::io::Write::write_all(&mut options.open(&self.0).unwrap(), text.as_bytes()).unwrap();
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn guard(file: Option<&TokenFile>) -> Guard {
    // Tells which role a request came through with.
    let inner = |request: Request, responder: Responder| {
        responder.send(Answer::text(200, request.role.to_string()));
    };
    let settings = Settings {
        token_file: file.map(|file| file.0.clone()),
        ..Settings::default()
    };
    Guard::new(Arc::new(Gate::open(&settings).unwrap()), Arc::new(inner))
}

fn request(method: Method, target: &str, fields: &[(&str, &str)]) -> Request {
    let mut request = Request::new(method, target);
    request.peer = Peer::Tcp("10.0.0.9:4711".parse().unwrap());
    request.role = Role::Read;
    request.headers.push("Host", b"127.0.0.1:8000");
    for (name, value) in fields {
        request.headers.push(name, value.as_bytes());
    }
    request
}

fn ask(guard: &Guard, request: Request) -> Answer {
    let (sender, receiver) = mpsc::channel();
    guard.handle(
        request,
        Responder::to(move |answer| sender.send(answer).unwrap()),
    );
    receiver.recv().unwrap()
}

fn status(guard: &Guard, method: Method, target: &str, fields: &[(&str, &str)]) -> u16 {
    ask(guard, request(method, target, fields)).status.0
}

fn body(answer: &Answer) -> String {
    match &answer.body {
        crate::http::Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_token_file_who_gets_here_may_do_everything() {
    let guard = guard(None);
    let answer = ask(&guard, request(Delete, "/api/v1/job/all/", &[]));
    assert_eq!((answer.status.0, body(&answer)), (200, "admin".to_owned()));
    let foreign = [("Origin", "http://evil.example")];
    assert_eq!(status(&guard, Get, "/api/v1/job/", &foreign), 403);
    assert_eq!(status(&guard, Get, "/healthz", &foreign), 403);
    let mut rebound = Request::new(Get, "/api/v1/job/");
    rebound.peer = Peer::Tcp("127.0.0.1:1".parse().unwrap());
    rebound.headers.push("Host", b"evil.example");
    assert_eq!(ask(&guard, rebound).status.0, 421);
}

#[test]
fn a_token_may_do_what_its_role_says() {
    let file = TokenFile::new("roles");
    let guard = guard(Some(&file));
    let routes = [
        (Get, "/api/v1/job/", Role::Read),
        (Post, "/api/v1/pause/", Role::Operate),
        (Post, "/api/v1/job/", Role::Admin),
    ];
    for (secret, has) in [
        ("look-secret", Role::Read),
        ("turn-secret", Role::Operate),
        ("own-secret", Role::Admin),
    ] {
        let bearer = format!("Bearer {secret}");
        for (method, target, needs) in &routes {
            let answer = ask(
                &guard,
                request(method.clone(), target, &[("Authorization", &bearer)]),
            );
            let allowed = has >= *needs;
            assert_eq!(
                answer.status.0,
                if allowed { 200 } else { 403 },
                "{secret} {target}"
            );
            let text = body(&answer);
            match allowed {
                true => assert_eq!(text, has.to_string()),
                false => assert!(
                    text.contains(&format!("needs a token with the role {needs}")),
                    "{text}"
                ),
            }
        }
    }
}

#[test]
fn without_a_token_only_what_is_open_is_open() {
    let file = TokenFile::new("open");
    let guard = guard(Some(&file));
    for (method, target, expected) in [
        (Get, "/healthz", 200),
        (Get, "/readyz", 200),
        (Get, "/webui/sign-in", 200),
        (Get, "/webui/assets/style-1.css", 200),
        (Get, "/metrics", 401),
        (Get, "/api/v1/job/", 401),
        (Post, "/api/v1/job/", 401),
        (Post, "/webui/pause", 303),
        (Get, "/webui/", 401),
    ] {
        assert_eq!(status(&guard, method, target, &[]), expected, "{target}");
    }
    let answer = ask(
        &guard,
        request(Get, "/api/v1/job/", &[("Authorization", "Basic eDp5")]),
    );
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer realm=\"nimesha\"")
    );
    let answer = ask(
        &guard,
        request(Get, "/webui/jobs", &[("Accept", "text/html,*/*")]),
    );
    assert_eq!(
        (answer.status.0, answer.header("location")),
        (303, Some("/webui/sign-in"))
    );
    let unix = Request::new(Delete, "/api/v1/job/all/");
    assert_eq!(body(&ask(&guard, unix)), "admin");
}

#[test]
fn a_link_of_another_site_leads_in_by_a_page_of_ours() {
    let file = TokenFile::new("link");
    let guard = guard(Some(&file));
    let link = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "document"),
        ("Accept", "text/html"),
    ];
    let answer = ask(&guard, request(Get, "/", &link));
    assert_eq!(answer.status.0, 200);
    assert!(body(&answer).contains("url=/webui/"));
    assert_eq!(status(&guard, Get, "/webui/jobs", &link), 403);
    let again = [("Sec-Fetch-Site", "same-origin"), link[1], link[2], link[3]];
    assert_eq!(status(&guard, Get, "/webui/", &again), 303);
}

#[test]
fn a_right_token_may_come_by_any_host_but_from_no_foreign_page() {
    let file = TokenFile::new("host");
    let guard = guard(Some(&file));
    for (secret, origin, expected) in [
        ("own-secret", None, 200),
        ("own-secret", Some("http://evil.example"), 403),
        ("wrong", None, 421),
    ] {
        let mut request = Request::new(Get, "/api/v1/job/");
        request.peer = Peer::Tcp("10.0.0.9:1".parse().unwrap());
        request.headers.push("Host", b"nimesha.svc");
        request
            .headers
            .push("Authorization", format!("bearer {secret}").as_bytes());
        if let Some(origin) = origin {
            request.headers.push("Origin", origin.as_bytes());
        }
        assert_eq!(
            ask(&guard, request).status.0,
            expected,
            "{secret} {origin:?}"
        );
    }
}

#[test]
fn wrong_tokens_hold_up_nobody_else() {
    let file = TokenFile::new("wrong");
    let guard = guard(Some(&file));
    let wrong = [("Authorization", "Bearer guess")];
    let answer = ask(&guard, request(Get, "/api/v1/job/", &wrong));
    assert_eq!(answer.status.0, 401);
    assert!(
        answer
            .header("www-authenticate")
            .unwrap()
            .contains("invalid_token")
    );
    for _ in 1..config::WRONG_TOKEN_BURST {
        status(&guard, Get, "/api/v1/job/", &wrong);
    }
    let answer = ask(&guard, request(Get, "/api/v1/job/", &wrong));
    assert_eq!(
        (answer.status.0, answer.header("retry-after")),
        (429, Some("1"))
    );
    let right = [("Authorization", "Bearer own-secret")];
    assert_eq!(status(&guard, Get, "/api/v1/job/", &right), 200);
    assert_eq!(status(&guard, Get, "/healthz", &wrong), 200);
}

#[test]
fn a_session_begun_over_tls_stays_there() {
    let file = TokenFile::new("tls");
    let guard = guard(Some(&file));
    let mut form = request(
        Post,
        "/webui/sign-in",
        &[("Origin", "https://127.0.0.1:8000")],
    );
    form.body = b"token=own-secret".to_vec();
    let answer = ask(&guard, form);
    assert!(answer.header("set-cookie").unwrap().ends_with("; Secure"));
}

#[test]
fn a_session_stands_for_its_token_until_that_is_gone() {
    let file = TokenFile::new("session");
    let guard = guard(Some(&file));
    let sign_in = |form: &str| {
        let mut request = request(Post, "/webui/sign-in", &[]);
        request.body = form.into();
        ask(&guard, request)
    };
    let wrong = sign_in("token=guess");
    assert_eq!(wrong.header("location"), Some("/webui/sign-in?why=wrong"));
    assert_eq!(wrong.header("set-cookie"), None);
    let answer = sign_in("a=b&token=turn%2Dsecret+");
    assert_eq!(
        (answer.status.0, answer.header("location")),
        (303, Some("/webui/"))
    );
    let cookie = answer
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let cookie = [("Cookie", cookie)];
    assert_eq!(status(&guard, Post, "/webui/pause", &cookie), 200);
    assert_eq!(status(&guard, Post, "/webui/new", &cookie), 403);
    file.write("oops");
    guard.gate.reload();
    assert_eq!(status(&guard, Post, "/webui/pause", &cookie), 200);
    file.write("turn read turn-secret\n");
    guard.gate.reload();
    assert_eq!(status(&guard, Post, "/webui/pause", &cookie), 403);
    assert_eq!(status(&guard, Get, "/webui/", &cookie), 200);
    let out = ask(&guard, request(Post, "/webui/sign-out", &cookie));
    let taken = out.header("set-cookie").unwrap();
    assert!(taken.contains("Max-Age=0") && !taken.contains("Secure"));
    assert_eq!(status(&guard, Get, "/webui/", &cookie), 401);
    file.write("turn admin other-secret\n");
    guard.gate.reload();
    assert_eq!(
        status(
            &guard,
            Get,
            "/api/v1/job/",
            &[("Authorization", "Bearer turn-secret")]
        ),
        401
    );
}
