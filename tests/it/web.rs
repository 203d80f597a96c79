//! The pages through the real program, as a browser without a script uses them: forms are posted, answers are followed.

use serde_json::json;

use crate::support::{Client, Response, Server, wait_for, wait_until};

/// Posts a form as a browser does and gives where its answer leads.
#[track_caller]
fn submit(server: &Server, path: &str, fields: &[(&str, &str)]) -> String {
    let answer = post(server, path, fields).expect(303);
    answer.header("Location").expect("a way on").to_owned()
}

fn post(server: &Server, path: &str, fields: &[(&str, &str)]) -> Response {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)));
    let body = pairs.collect::<Vec<_>>().join("&");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut client: Client = server.client();
    client.send(head.as_bytes()).expect("the server reads");
    client.read("POST").expect("the server answers")
}

fn encode(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric();
    let encoded = text.bytes().map(|byte| match plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    encoded.collect()
}

#[track_caller]
fn page(server: &Server, path: &str) -> String {
    server.get(path).expect(200).text()
}

#[test]
fn the_root_leads_to_pages_under_a_strict_policy() {
    let server = Server::start();
    let root = server.get("/").expect(303);
    assert_eq!(root.header("Location"), Some("/webui/"));
    let overview = server.get("/webui/").expect(200);
    let policy = overview
        .header("Content-Security-Policy")
        .expect("a policy");
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let text = overview.text();
    assert!(text.contains("No jobs yet"), "{text}");
    assert!(
        !text.contains("style=") && !text.contains("onclick") && !text.contains("http://"),
        "{text}"
    );
    for file in text
        .split('"')
        .filter(|word| word.starts_with("/webui/assets/"))
    {
        let asset = server.get(file).expect(200);
        assert!(
            asset
                .header("Cache-Control")
                .expect("it is kept")
                .contains("immutable")
        );
    }
}

#[test]
fn a_job_is_created_changed_run_and_deleted_by_forms_alone() {
    let server = Server::start();
    let to = submit(
        &server,
        "/webui/new",
        &[
            ("name", "Greeting <b>"),
            ("kind", "local"),
            ("command", "echo hello; echo '<i>'"),
            ("when", "days"),
            ("time", "09:30"),
            ("day", "MON"),
            ("day", "TUE"),
            ("timeout", "5m"),
        ],
    );
    let path = to.strip_suffix("?did=create").expect("a job's page");
    let id = path
        .trim_matches('/')
        .rsplit('/')
        .next()
        .expect("an id")
        .to_owned();
    let job = server.job(&id);
    assert_eq!(
        (&job["schedule"], &job["timeout"]),
        (&json!("30 9 * * MON,TUE"), &json!("PT5M"))
    );
    assert!(page(&server, path).contains("Greeting &lt;b&gt;"));

    let form = page(&server, &format!("{path}edit"));
    let version = form
        .split("name=\"version\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let fields = [
        ("name", "Greeting"),
        ("kind", "local"),
        ("command", "echo hello; echo '<i>'"),
        ("when", "manual"),
        ("version", version.expect("a version")),
    ];
    assert_eq!(
        submit(&server, &format!("{path}edit"), &fields),
        format!("{path}?did=edit")
    );
    // Somebody who still has the old form must not undo this unseen.
    let late = post(&server, &format!("{path}edit"), &fields)
        .expect(409)
        .text();
    assert!(
        late.contains("Somebody else has changed this job"),
        "{late}"
    );

    let back = format!("{path}?x=1");
    let to = submit(
        &server,
        "/webui/jobs/do",
        &[("action", "start"), ("id", &id), ("back", &back)],
    );
    assert_eq!(to, format!("{path}?x=1&did=start&n=1"));
    let run = wait_for("the run is over", || {
        let runs = server.get(&format!("/api/v1/job/{id}/runs/")).json();
        let over = runs["runs"][0]["outcome"] == "succeeded";
        over.then(|| runs["runs"][0]["id"].as_str().expect("an id").to_owned())
    });
    let shown = page(&server, &format!("{path}run/{run}/?q=hello"));
    assert!(
        shown.contains("<mark>hello</mark>") && shown.contains("&lt;i&gt;"),
        "{shown}"
    );
    let output = server.get(&format!("{path}run/{run}/output")).expect(200);
    assert_eq!(output.text(), "hello\n<i>\n");
    assert!(
        output
            .header("Content-Disposition")
            .is_some_and(|how| how.starts_with("attachment"))
    );

    let ask = submit(
        &server,
        "/webui/jobs/do",
        &[("action", "delete"), ("id", &id)],
    );
    assert!(page(&server, &ask).contains("Delete 1 job?"));
    assert_eq!(
        submit(&server, "/webui/jobs/delete", &[("id", &id)]),
        "/webui/jobs?did=delete&n=1"
    );
    server.get(path).expect(404);
}

#[test]
fn a_form_that_is_wrong_comes_back_with_what_was_typed() {
    let server = Server::start();
    let fields = [
        ("name", "x"),
        ("kind", "local"),
        ("command", "echo \"keep me"),
        ("when", "text"),
        ("schedule", "//"),
    ];
    let answer = post(&server, "/webui/new", &fields).expect(400).text();
    assert!(
        answer.contains("keep me") && answer.contains("does not begin with R"),
        "{answer}"
    );
    let preview = post(
        &server,
        "/webui/preview",
        &[("when", "every"), ("every", "15"), ("unit", "minutes")],
    );
    let preview = preview.expect(200).text();
    assert!(
        preview.contains("R//PT15M") && preview.contains("every 15 minutes"),
        "{preview}"
    );
    // Without a script the same stands on the whole form.
    let fields = [
        ("name", "x"),
        ("when", "every"),
        ("every", "2"),
        ("unit", "hours"),
        ("do", "preview"),
    ];
    assert!(
        post(&server, "/webui/new", &fields)
            .expect(200)
            .text()
            .contains("every 2 hours")
    );
}

#[test]
fn several_jobs_are_switched_and_deleted_with_what_hangs_on_them() {
    let server = Server::start();
    let create = |job: serde_json::Value| server.create(&job);
    let parent = create(json!({"name": "parent", "command": "true", "schedule": "@manual"}));
    let other = create(json!({"name": "other", "command": "true", "schedule": "@manual"}));
    let child = create(json!({"name": "child", "command": "true", "parent_jobs": [parent]}));
    let both = [
        ("action", "disable"),
        ("id", parent.as_str()),
        ("id", other.as_str()),
        ("back", "/webui/jobs?q=a"),
    ];
    assert_eq!(
        submit(&server, "/webui/jobs/do", &both),
        "/webui/jobs?q=a&did=disable&n=2"
    );
    assert_eq!(
        (
            &server.job(&parent)["disabled"],
            &server.job(&other)["disabled"]
        ),
        (&json!(true), &json!(true))
    );
    // A disabled job is not started, and the page says why.
    let refused = post(
        &server,
        "/webui/jobs/do",
        &[("action", "start"), ("id", &other)],
    )
    .expect(409)
    .text();
    assert!(
        refused.contains("is disabled: enable it first"),
        "{refused}"
    );

    let confirm = page(&server, &format!("/webui/jobs/delete?id={parent}"));
    assert!(
        confirm.contains("Delete 2 jobs?") && confirm.contains("These go with them"),
        "{confirm}"
    );
    let chosen = [("id", parent.as_str()), ("id", child.as_str())];
    submit(&server, "/webui/jobs/delete", &chosen);
    server.get(&format!("/api/v1/job/{child}/")).expect(404);
    assert!(page(&server, "/webui/jobs").contains("other"));
}

#[test]
fn a_pause_is_seen_everywhere() {
    let server = Server::start();
    assert_eq!(submit(&server, "/webui/pause", &[]), "/webui/?did=pause");
    assert!(page(&server, "/webui/jobs").contains("Scheduling is paused"));
    submit(&server, "/webui/resume", &[]);
    assert!(!page(&server, "/webui/jobs").contains("Scheduling is paused"));
}

#[test]
fn what_happened_before_a_restart_is_still_shown() {
    let mut server = Server::start();
    let id = server.create(&json!({"name": "broken", "command": "exit 3", "schedule": "@manual"}));
    server.run(&id);
    let seen = |server: &Server| page(server, "/webui/").contains("exit code 3");
    wait_until("the overview shows the failure", || seen(&server));
    server.restart();
    assert!(seen(&server));
}
