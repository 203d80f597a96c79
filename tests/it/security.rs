//! Who may come in, from where, and what they get to see, asked of the real program.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Client, Response, Server, TempDir, nimesha, wait_until};

const TOKENS: &str = "\
# who may come in
look read   look-0123456789abcdef
turn operate turn-0123456789abcdef
own  admin  own-0123456789abcdef
";
pub(crate) const LOOK: &str = "Authorization: Bearer look-0123456789abcdef";
pub(crate) const TURN: &str = "Authorization: Bearer turn-0123456789abcdef";
pub(crate) const OWN: &str = "Authorization: Bearer own-0123456789abcdef";
const JOB: &str = r#"{"name": "x", "command": "true", "schedule": "@manual"}"#;

pub(crate) fn write_tokens(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

pub(crate) fn with_tokens(flags: &[&str]) -> Server {
    let dir = TempDir::new();
    let file = dir.path().join("tokens");
    write_tokens(&file, TOKENS);
    let file = file.to_str().unwrap().to_owned();
    Server::in_dir(dir, &[&["--token-file", &file], flags].concat(), &[])
}

/// Sends a request with these header fields beside `Host`, unless one of them is that.
pub(crate) fn ask(
    server: &Server,
    method: &str,
    path: &str,
    fields: &[&str],
    body: &str,
) -> Response {
    let host = match fields.iter().any(|field| field.starts_with("Host:")) {
        true => String::new(),
        false => "Host: 127.0.0.1\r\n".to_owned(),
    };
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.1\r\n{host}{fields}Content-Length: {length}\r\n\r\n{body}");
    let mut client: Client = server.client();
    client.send(request.as_bytes()).unwrap();
    client.read(method).unwrap()
}

#[test]
fn a_name_that_points_here_is_not_enough() {
    let server = Server::with(&["--allow-host", "jobs.example.com"]);
    let port = server.port();
    for (host, status) in [
        (format!("127.0.0.1:{port}"), 200),
        (format!("localhost:{port}"), 200),
        ("[::1]".to_owned(), 200),
        ("Jobs.Example.com".to_owned(), 200),
        (format!("evil.example:{port}"), 421),
        ("127.0.0.1.evil.example".to_owned(), 421),
    ] {
        for path in ["/api/v1/job/", "/webui/", "/nowhere"] {
            let answer = ask(&server, "GET", path, &[&format!("Host: {host}")], "");
            assert_eq!(
                answer.status == 421,
                status == 421,
                "{host} {path}: {answer:?}"
            );
        }
    }
    let answer = ask(&server, "GET", "/api/v1/job/", &["Host: evil.example"], "");
    assert!(
        answer.text().contains("--allow-host evil.example"),
        "{}",
        answer.text()
    );
    let mut old = server.client();
    old.send(b"GET /api/v1/job/ HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(old.read("GET").unwrap().status, 200);
}

#[test]
fn pages_of_other_sites_change_and_see_nothing() {
    let server = Server::start();
    let own = format!("Origin: http://127.0.0.1:{}", server.port());
    let host = format!("Host: 127.0.0.1:{}", server.port());
    for (field, status) in [
        (own.as_str(), 201),
        ("Sec-Fetch-Site: same-origin", 201),
        ("Sec-Fetch-Site: none", 201),
        ("Origin: null", 403),
        ("Origin: http://evil.example", 403),
        ("Origin: http://127.0.0.1:1", 403),
        ("Sec-Fetch-Site: cross-site", 403),
        ("Sec-Fetch-Site: same-site", 403),
    ] {
        let answer = ask(&server, "POST", "/api/v1/job/", &[&host, field], JOB);
        assert_eq!(answer.status, status, "{field}: {}", answer.text());
        let answer = ask(&server, "GET", "/api/v1/job/", &[&host, field], "");
        assert_eq!(answer.status == 403, status == 403, "{field}");
    }
    let link = [
        host.as_str(),
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Dest: document",
    ];
    assert_ne!(ask(&server, "GET", "/webui/", &link, "").status, 403);
    assert_eq!(ask(&server, "GET", "/api/v1/job/", &link, "").status, 403);
}

#[test]
fn a_token_may_do_what_its_role_says() {
    let server = with_tokens(&[]);
    let created = ask(&server, "POST", "/api/v1/job/", &[OWN], JOB)
        .expect(201)
        .json();
    let id = created["id"].as_str().unwrap();
    let start = format!("/api/v1/job/start/{id}/");
    let job = format!("/api/v1/job/{id}/");
    for (method, path, needs) in [
        ("GET", job.as_str(), 0),
        ("GET", "/api/v1/stats/", 0),
        ("POST", "/api/v1/schedule/preview/", 0),
        ("POST", start.as_str(), 1),
        ("POST", "/api/v1/pause/", 1),
        ("POST", "/api/v1/resume/", 1),
        ("PATCH", job.as_str(), 2),
        ("DELETE", "/api/v1/job/all/", 2),
    ] {
        let body = if method == "PATCH" {
            "{}"
        } else {
            r#"{"schedule": "@daily"}"#
        };
        for (has, token) in [LOOK, TURN, OWN].into_iter().enumerate() {
            let answer = ask(&server, method, path, &[token], body);
            match has >= needs {
                true => assert!(answer.status < 300, "{method} {path}: {}", answer.text()),
                false => {
                    let role = ["read", "operate", "admin"][needs];
                    let text = answer.expect(403).text();
                    assert!(text.contains(&format!("the role {role}")), "{text}");
                }
            }
        }
        let answer = ask(&server, method, path, &[], body).expect(401);
        assert_eq!(
            answer.header("WWW-Authenticate"),
            Some("Bearer realm=\"nimesha\"")
        );
    }
}

#[test]
fn a_right_token_is_let_in_by_any_name_and_wrong_ones_hold_up_nobody() {
    let server = with_tokens(&[]);
    ask(
        &server,
        "GET",
        "/api/v1/job/",
        &[LOOK, "Host: nimesha.svc"],
        "",
    )
    .expect(200);
    ask(&server, "GET", "/api/v1/job/", &["Host: nimesha.svc"], "").expect(421);
    let wrong = "Authorization: Bearer guess";
    ask(&server, "GET", "/api/v1/job/", &[wrong], "").expect(401);
    wait_until("guesses are too many", || {
        ask(&server, "GET", "/api/v1/job/", &[wrong], "").status == 429
    });
    ask(&server, "GET", "/api/v1/job/", &[LOOK], "").expect(200);
    ask(&server, "GET", "/api/v1/job/", &[], "").expect(401);
}

#[test]
fn tokens_are_read_anew_on_hangup() {
    let server = with_tokens(&[]);
    let file = server.dir().join("tokens");
    write_tokens(&file, "look read\n");
    server.signal(Signal::HUP);
    wait_until("the bad file is told of", || {
        server.log().contains("line 1: expected a name")
    });
    ask(&server, "GET", "/api/v1/job/", &[LOOK], "").expect(200);
    write_tokens(&file, "look admin other-0123456789abcdef\n");
    server.signal(Signal::HUP);
    wait_until("the old token is gone", || {
        ask(&server, "GET", "/api/v1/job/", &[LOOK], "").status == 401
    });
    ask(
        &server,
        "POST",
        "/api/v1/job/",
        &["Authorization: Bearer other-0123456789abcdef"],
        JOB,
    )
    .expect(201);
    assert!(
        !server.log().contains("0123456789abcdef"),
        "{}",
        server.log()
    );
}

#[test]
fn a_browser_signs_in_with_a_token_and_out_again() {
    let server = with_tokens(&[]);
    let page = ask(&server, "GET", "/webui/jobs", &["Accept: text/html"], "").expect(303);
    assert_eq!(page.header("Location"), Some("/webui/sign-in"));
    let form = ask(&server, "GET", "/webui/sign-in", &[], "")
        .expect(200)
        .text();
    assert!(form.contains("name=\"token\""), "{form}");
    let style = form.split('"').find(|word| word.ends_with(".css")).unwrap();
    ask(&server, "GET", style, &[], "").expect(200);
    let wrong = ask(&server, "POST", "/webui/sign-in", &[], "token=guess").expect(303);
    assert_eq!(wrong.header("Location"), Some("/webui/sign-in?why=wrong"));
    assert_eq!(wrong.header("Set-Cookie"), None);
    let signed_in = ask(
        &server,
        "POST",
        "/webui/sign-in",
        &[],
        "token=turn-0123456789abcdef",
    )
    .expect(303);
    let cookie = signed_in.header("Set-Cookie").unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    let session = format!("Cookie: {}", cookie.split(';').next().unwrap());
    ask(&server, "GET", "/api/v1/job/", &[&session], "").expect(200);
    ask(&server, "POST", "/api/v1/pause/", &[&session], "").expect(204);
    ask(&server, "POST", "/api/v1/job/", &[&session], JOB).expect(403);
    let home = ask(&server, "GET", "/webui/", &[&session], "")
        .expect(200)
        .text();
    assert!(
        home.contains("Sign out") && !home.contains("New job"),
        "{home}"
    );
    ask(&server, "POST", "/webui/sign-out", &[&session], "").expect(303);
    ask(&server, "GET", "/api/v1/job/", &[&session], "").expect(401);
}

#[test]
fn the_file_of_tokens_has_to_be_private_and_right() {
    let dir = TempDir::new();
    let file = dir.path().join("tokens");
    let path = file.to_str().unwrap();
    let start = || nimesha(&["serve", "-n", "--port", "0", "--token-file", path]);
    assert!(start().stderr.contains("cannot be read"));
    write_tokens(&file, TOKENS);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let ended = start();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains(&format!("chmod 600 {path}")),
        "{}",
        ended.stderr
    );
    write_tokens(&file, "a read x\nb root y\n");
    let ended = start();
    assert!(
        ended.stderr.contains("line 2: \"root\" is no role"),
        "{}",
        ended.stderr
    );
}

#[test]
fn other_machines_come_in_with_a_token_or_not_at_all() {
    let ended = nimesha(&["serve", "-n", "--port", "0.0.0.0:0"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--token-file"), "{}", ended.stderr);
    let open = Server::with(&["--interface", "0.0.0.0", "--insecure"]);
    assert!(
        open.log()
            .contains("everybody who can reach this server can run commands"),
        "{}",
        open.log()
    );
    let guarded = with_tokens(&["--interface", "0.0.0.0"]);
    ask(&guarded, "GET", "/api/v1/job/", &[], "").expect(401);
}

#[test]
fn who_may_open_the_socket_needs_no_token() {
    let dir = TempDir::new();
    let path = dir.path().join("nimesha.sock");
    let server = with_tokens(&["--listen-unix", path.to_str().unwrap()]);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut stream = UnixStream::connect(&path).unwrap();
    let request = format!(
        "POST /api/v1/job/ HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{JOB}",
        JOB.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    wait_until("it is noted", || {
        server.log().contains("audit: who=unix from=unix")
    });
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_ok());
}

#[test]
fn what_is_forbidden_is_forbidden_to_all() {
    let server = Server::with(&["--deny-local-jobs", "--deny-delete-all"]);
    let refused = server
        .post("/api/v1/job/", &json!({"name": "x", "command": "true"}))
        .expect(403);
    assert!(
        refused.text().contains("--deny-local-jobs"),
        "{}",
        refused.text()
    );
    let remote = json!({"name": "x", "type": 1, "schedule": "@manual", "remote_properties": {"url": "http://127.0.0.1:1/"}});
    let id = server.create(&remote);
    let local = json!({"type": 0, "command": "true"}).to_string();
    let path = format!("/api/v1/job/{id}/");
    server.request("PATCH", &path, Some(&local)).expect(403);
    let refused = server.delete("/api/v1/job/all/").expect(403);
    assert!(
        refused.text().contains("--deny-delete-all"),
        "{}",
        refused.text()
    );
    server.delete(&path).expect(204);
}

#[test]
fn who_may_only_look_sees_no_secrets() {
    let server = with_tokens(&[]);
    let job = json!({
        "name": "x", "type": 1, "schedule": "@manual",
        "env": {"API_TOKEN": "hush-1", "DIR": "/srv"},
        "remote_properties": {
            "url": "https://me:hush-2@h.example/x",
            "headers": {"Authorization": ["Bearer hush-3"], "Accept": ["text/html"]},
        },
    });
    let created = ask(&server, "POST", "/api/v1/job/", &[OWN], &job.to_string())
        .expect(201)
        .json();
    let path = format!("/api/v1/job/{}/", created["id"].as_str().unwrap());
    for (token, path) in [(LOOK, path.as_str()), (LOOK, "/api/v1/job/"), (TURN, &path)] {
        let shown = ask(&server, "GET", path, &[token], "").expect(200).text();
        assert!(
            !shown.contains("hush") && shown.contains("***") && shown.contains("/srv"),
            "{shown}"
        );
    }
    let shown = ask(&server, "GET", &path, &[LOOK], "").text();
    let kept = ask(&server, "PUT", &path, &[OWN], &shown)
        .expect(200)
        .json();
    for key in ["env", "remote_properties"] {
        assert!(!kept["job"][key].to_string().contains("***"), "{kept}");
    }
    assert_eq!(kept["job"]["env"]["API_TOKEN"], "hush-1");
    assert!(!server.log().contains("hush"), "{}", server.log());
}

#[test]
fn changes_are_noted() {
    let server = with_tokens(&[]);
    let created = ask(&server, "POST", "/api/v1/job/", &[OWN], JOB)
        .expect(201)
        .json();
    let id = created["id"].as_str().unwrap();
    ask(
        &server,
        "DELETE",
        &format!("/api/v1/job/{id}/"),
        &[TURN],
        "",
    )
    .expect(403);
    ask(&server, "POST", "/api/v1/pause/", &[], "").expect(401);
    ask(&server, "POST", "/api/v1/job/", &[OWN], "{}").expect(400);
    ask(&server, "GET", "/api/v1/job/", &[LOOK], "").expect(200);
    ask(&server, "POST", "/api/v1/pause/", &[TURN], "").expect(204);
    wait_until("the last change is noted", || {
        server.log().contains("status=204")
    });
    let log = server.log();
    let lines: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once("audit: "))
        .map(|(_, line)| line)
        .collect();
    let expected = [
        (
            "who=own ",
            format!(" what=\"POST /api/v1/job/\" job={id} status=201"),
        ),
        (
            "who=turn ",
            format!(" what=\"DELETE /api/v1/job/{id}/\" job={id} status=403"),
        ),
        (
            "who=- ",
            " what=\"POST /api/v1/pause/\" job=- status=401".to_owned(),
        ),
        (
            "who=turn ",
            " what=\"POST /api/v1/pause/\" job=- status=204".to_owned(),
        ),
    ];
    assert_eq!(lines.len(), expected.len(), "{log}");
    for (line, (who, what)) in lines.iter().zip(&expected) {
        assert!(
            line.starts_with(&format!("{who}from=127.0.0.1:")) && line.ends_with(what),
            "{line}"
        );
    }
}
