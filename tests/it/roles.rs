//! Each route with each role: the API's by its own description, the pages' by a list of them.

use serde_json::Value;

use crate::security::{LOOK, OWN, TURN, ask, with_tokens, write_tokens};
use crate::support::{Client, Server, wait_until};
use rustix::process::Signal;

/// What it takes to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    Nothing,
    Look,
    Turn,
    Own,
}
use Needs::{Look, Nothing, Own, Turn};

/// Changes through the API that take less than everything. What only looks takes the least.
const TURNS: [&str; 7] = [
    "/api/v1/job/start/{id}/",
    "/api/v1/job/disable/{id}/",
    "/api/v1/job/enable/{id}/",
    "/api/v1/job/{id}/backfill/",
    "/api/v1/job/{id}/runs/{run}/cancel/",
    "/api/v1/pause/",
    "/api/v1/resume/",
];

const PAGES: [(&str, &str, Needs); 28] = [
    ("GET", "/", Look),
    ("GET", "/webui/", Look),
    ("GET", "/webui/jobs", Look),
    ("GET", "/webui/jobs/delete", Own),
    ("GET", "/webui/new", Own),
    ("GET", "/webui/job/{id}", Look),
    ("GET", "/webui/job/{id}/edit", Own),
    ("GET", "/webui/job/{id}/run/{run}", Look),
    ("GET", "/webui/job/{id}/run/{run}/output", Look),
    ("GET", "/webui/job/{id}/run/{run}/tail", Look),
    ("GET", "/webui/sign-in", Nothing),
    ("GET", "/webui/assets/x.css", Nothing),
    ("GET", "/webui/nowhere", Look),
    ("POST", "/webui/sign-in", Nothing),
    ("POST", "/webui/sign-out", Nothing),
    ("POST", "/webui/theme", Look),
    ("POST", "/webui/preview", Look),
    ("POST", "/webui/pause", Turn),
    ("POST", "/webui/resume", Turn),
    ("POST", "/webui/jobs/do", Turn),
    ("POST", "/webui/job/{id}/run/{run}/cancel", Turn),
    ("POST", "/webui/jobs/delete", Own),
    ("POST", "/webui/new", Own),
    ("POST", "/webui/job/{id}/edit", Own),
    ("POST", "/webui/nowhere", Own),
    ("PUT", "/webui/", Own),
    ("DELETE", "/api/v1/nowhere/", Own),
    ("OPTIONS", "/api/v1/job/", Own),
];

/// What an operation of the API takes.
fn needs(method: &str, path: &str) -> Needs {
    match (method, path) {
        ("GET", "/healthz" | "/readyz") => Nothing,
        // All secrets are in it.
        ("GET", "/api/v1/backup/") => Own,
        ("GET", _) | ("POST", "/api/v1/schedule/preview/") => Look,
        ("POST", path) if TURNS.contains(&path) => Turn,
        _ => Own,
    }
}

/// All operations of the API, as it describes them itself.
fn operations(server: &Server) -> Vec<(String, String, Needs)> {
    let document = ask(server, "GET", "/api/v1/openapi.json", &[OWN], "")
        .expect(200)
        .json();
    let paths = document["paths"].as_object().unwrap().clone();
    let operations = paths.into_iter().flat_map(|(path, operations)| {
        let Value::Object(operations) = operations else {
            panic!("{path} has no operations");
        };
        operations.into_iter().map(move |(method, _)| {
            let method = method.to_uppercase();
            let needs = needs(&method, &path);
            (method, path.clone(), needs)
        })
    });
    operations.collect()
}

/// Whether somebody is not let in: refused, or led to where one signs in.
fn is_refused(server: &Server, method: &str, path: &str, token: Option<&str>) -> bool {
    let path = path
        .replace("{id}", "93b65499-b211-49ce-57e0-19e735cc5abd")
        .replace("{run}", "1b65499a-b211-49ce-57e0-19e735cc5abd");
    let token = token.map_or(String::new(), |token| format!("{token}\r\n"));
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{token}Content-Length: 0\r\n\r\n");
    let mut client: Client = server.client();
    client.send(request.as_bytes()).unwrap();
    // The body may have no end.
    let answer = client.read_head().unwrap();
    matches!(answer.status, 401 | 403) || answer.header("Location") == Some("/webui/sign-in")
}

#[test]
fn each_route_lets_in_whom_it_should() {
    let server = with_tokens(&[]);
    let mut routes = operations(&server);
    assert!(routes.len() > 20, "{routes:?}");
    let pages = PAGES
        .iter()
        .map(|(method, path, needs)| ((*method).into(), (*path).into(), *needs));
    routes.extend(pages);
    for (method, path, needs) in routes {
        let methods = match method.as_str() {
            "GET" => vec!["GET", "HEAD"],
            method => vec![method],
        };
        for method in methods {
            let callers = [
                (Nothing, None),
                (Look, Some(LOOK)),
                (Turn, Some(TURN)),
                (Own, Some(OWN)),
            ];
            for (has, token) in callers {
                let refused = is_refused(&server, method, &path, token);
                assert_eq!(refused, has < needs, "{method} {path} by {has:?}");
            }
        }
    }
}

#[test]
fn a_session_ends_with_its_token_and_changes_with_its_role() {
    let server = with_tokens(&[]);
    let form = "token=turn-0123456789abcdef";
    let signed_in = ask(&server, "POST", "/webui/sign-in", &[], form).expect(303);
    let cookie = signed_in.header("Set-Cookie").unwrap();
    assert!(cookie.contains("Max-Age=43200"), "{cookie}");
    let session = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let may = |path: &str| ask(&server, "POST", path, &[&session], "{}").status;
    assert_eq!((may("/api/v1/resume/"), may("/api/v1/run/")), (204, 403));
    let file = server.dir().join("tokens");
    write_tokens(
        &file,
        "turn read turn-0123456789abcdef\nown admin own-0123456789abcdef\n",
    );
    server.signal(Signal::HUP);
    wait_until("the role is less", || may("/api/v1/resume/") == 403);
    write_tokens(&file, "turn operate other-0123456789abcdef\n");
    server.signal(Signal::HUP);
    wait_until("the session is over", || may("/api/v1/resume/") == 401);
}

#[test]
fn what_needs_no_token_says_no_more_than_that_it_lives() {
    let server = with_tokens(&[]);
    for (path, words) in [("/healthz", "ok"), ("/readyz", "{\"status\":\"ready\"}")] {
        let answer = ask(&server, "GET", path, &[], "").expect(200);
        let text = answer.text();
        assert!(text.contains(words) && text.len() < 40, "{path}: {text}");
    }
}
