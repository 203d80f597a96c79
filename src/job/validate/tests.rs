//! Jobs that are taken and jobs that are refused, with exact messages.

use super::*;

const ID: &str = "93b65499-b211-49ce-57e0-19e735cc5abd";

fn draft() -> Draft {
    Draft {
        name: "x".into(),
        command: "true".into(),
        ..Draft::default()
    }
}

fn remote(url: &str) -> Draft {
    let mut draft = draft();
    draft.remote = true;
    draft.command.clear();
    draft.request.url = url.into();
    draft
}

/// `draft` with one thing changed.
fn with(mut draft: Draft, change: impl FnOnce(&mut Draft)) -> Draft {
    change(&mut draft);
    draft
}

#[test]
fn ok_jobs() {
    let spec = draft().check().unwrap();
    assert_eq!(spec.action, Action::Local);
    assert_eq!(spec.extras, None);

    let twice = with(draft(), |d| d.parents = vec![ID.into(), ID.to_uppercase()]);
    assert_eq!(twice.check().unwrap().parents, [ID.parse().unwrap()]);

    let spans = with(draft(), |d| {
        d.epsilon = "PT0S".into();
        d.timeout = "PT5S".into();
    });
    let spec = spans.check().unwrap();
    assert_eq!(&*spec.epsilon.unwrap().text, "PT0S");
    assert_eq!(&*spec.timeout.unwrap().text, "PT5S");

    for url in [
        "http://h",
        "HTTPS://h:8443/a?b=c",
        "http://u:p@h:1?at=09:00",
        "http://[::1]",
        "http://[::1]:65535/",
        "http://h:/#a@b",
    ] {
        assert!(remote(url).check().is_ok(), "{url}");
    }
    for url in [
        "h",
        "http:/h",
        "http://",
        "https:///x",
        "http://:80/",
        "http://u@/x",
        "http://h:65536",
        "http://h:+1/",
        "http://h:a/",
        "http://h /",
    ] {
        assert!(remote(url).check().is_err(), "{url}");
    }
    let templated = with(remote("{{ .Owner }}/x"), |d| {
        d.extras.template_delimiters = "{{ }}".into();
    });
    assert!(templated.check().is_ok());
}

#[test]
fn err_jobs() {
    let rows = [
        (
            with(draft(), |d| d.name.clear()),
            "name is missing: a job needs one of at least 1 character, for example \"backup\"",
        ),
        (
            with(draft(), |d| d.name = "a\0".into()),
            "name has a zero byte in it: take it out",
        ),
        (
            with(draft(), |d| d.command = " \t".into()),
            "command is missing: a job of type 0 needs one, for example \"/usr/local/bin/backup --all\"",
        ),
        (
            with(draft(), |d| d.timeout = "PT0S".into()),
            "timeout is no time at all, so that nothing could end within it: leave it out, or write for example \"PT30S\"",
        ),
        (
            with(draft(), |d| d.retries = 1_001),
            "retries is 1001, but at most 1000 are allowed",
        ),
        (
            with(draft(), |d| {
                d.parents = vec![ID.into()];
                d.schedule = "R//PT1H".into();
            }),
            "a job with parent_jobs has no schedule, it runs after its parents: leave out schedule or parent_jobs",
        ),
        (
            with(draft(), |d| d.parents = vec!["nope".into()]),
            "parent_jobs names \"nope\", which is no job's id: ids look like \"93b65499-b211-49ce-57e0-19e735cc5abd\"",
        ),
        (
            with(draft(), |d| d.on_failure_job = "nope".into()),
            "on_failure_job names \"nope\", which is no job's id: ids look like \"93b65499-b211-49ce-57e0-19e735cc5abd\"",
        ),
        (
            remote(""),
            "remote_properties.url is missing: a job of type 1 needs one, for example \"https://example.com/hook\"",
        ),
        (
            remote("ftp://h/"),
            "remote_properties.url is \"ftp://h/\", but must be an address such as \"https://example.com/hook\"",
        ),
        (
            with(remote("http://h"), |d| d.request.method = "GET /".into()),
            "remote_properties.method is \"GET /\", but must be a word such as \"POST\"",
        ),
        (
            with(remote("http://h"), |d| {
                d.request.expected_response_codes = vec![200, 99];
            }),
            "remote_properties.expected_response_codes has 99, but statuses are from 100 to 599, for example [200, 204]",
        ),
        (
            with(remote("http://h"), |d| {
                d.request.headers.insert("X".into(), vec!["a\r\nb".into()]);
            }),
            "remote_properties.headers has a line break or a zero byte in a value of \"X\": take it out",
        ),
        (
            with(draft(), |d| {
                d.extras.env.insert("A=B".into(), String::new());
            }),
            "env has the name \"A=B\", but names have at least 1 character and no \"=\", for example \"BACKUP_DIR\"",
        ),
        (
            with(draft(), |d| d.extras.tags = vec![String::new()]),
            "tags has an empty one: a tag has at least 1 character, for example \"nightly\"",
        ),
    ];
    for (draft, expected) in rows {
        assert_eq!(draft.check().unwrap_err().0, expected);
    }
}

#[test]
fn errors_of_the_parts_come_with_their_key() {
    let rows = [
        (with(draft(), |d| d.epsilon = "bad".into()), "epsilon: "),
        (
            with(draft(), |d| d.retry_delay = "bad".into()),
            "retry_delay: ",
        ),
        (with(draft(), |d| d.timezone = "Mars".into()), "timezone "),
        (with(draft(), |d| d.command = "echo 'a".into()), "command: "),
        (
            with(remote("{{ .Nope }}"), |d| {
                d.extras.template_delimiters = "{{ }}".into();
            }),
            "remote_properties.url: ",
        ),
    ];
    for (draft, start) in rows {
        let why = draft.check().unwrap_err().0;
        assert!(why.starts_with(start), "{why}");
    }
}
