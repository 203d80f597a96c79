//! What commands see, and what is kept of what they say.

use std::fs;

use serde_json::json;

use super::{manual, scheduled};
use crate::support::{Server, wait_until};

/// What the newest run of a job has written.
fn output(server: &Server, id: &str) -> String {
    let history = server.history(id);
    let run = history.last().expect("a run")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    server
        .get(&format!("/api/v1/job/{id}/runs/{run}/output/"))
        .expect(200)
        .text()
}

#[test]
fn they_see_their_job_and_its_settings() {
    let server = Server::with_env(&[("FROM_SERVER", "seen"), ("GREETING", "hidden")]);
    fs::create_dir(server.dir().join("below")).unwrap();
    let cwd = server.dir().join("below");
    let keys = json!({"env": {"GREETING": "hello  there"}, "cwd": cwd});
    let command = r#"echo "$GREETING"; echo $FROM_SERVER; pwd; env | grep ^NIMESHA_ | sort"#;
    let id = server.create(&manual("a name", command, &keys));
    server.run(&id);
    let run = server.history(&id)[0]["id"].as_str().unwrap().to_owned();
    let told = output(&server, &id);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[..2], ["hello  there", "seen"]);
    assert!(lines[2].ends_with("/below"), "{told}");
    assert_eq!(
        lines[3..],
        [
            "NIMESHA_ATTEMPT=1",
            &format!("NIMESHA_JOB_ID={id}"),
            "NIMESHA_JOB_NAME=a name",
            &format!("NIMESHA_RUN_ID={run}"),
            "NIMESHA_SCHEDULED_AT=",
            "NIMESHA_TRIGGER=manual",
        ]
    );
}

#[test]
fn they_know_their_occurrence() {
    let server = Server::start();
    let command = "echo $NIMESHA_TRIGGER $NIMESHA_SCHEDULED_AT";
    let id = server.create(&scheduled("R0//", command, &json!({})));
    server.await_done(&id);
    let at = server.history(&id)[0]["scheduled_at"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(output(&server, &id), format!("schedule {at}\n"));
}

#[test]
fn templates_are_filled_in_at_each_run() {
    let server = Server::start();
    let keys = json!({"TemplateDelimiters": "{{ }}", "owner": "ops@example.com"});
    let command = "echo {{.Name}} {{ .Owner }} {{.Metadata.SuccessCount}} {{.Id}}";
    let id = server.create(&manual("templated", command, &keys));
    for count in 0..2 {
        server.run(&id);
        let told = format!("templated ops@example.com {count} {id}\n");
        assert_eq!(output(&server, &id), told);
    }
    let unknown = manual("x", "echo {{.Nam}}", &keys);
    let refused = server.post("/api/v1/job/", &unknown).expect(400).text();
    assert!(refused.contains(".Nam"), "{refused}");
}

#[test]
fn a_name_is_text_and_never_a_command() {
    let server = Server::start();
    let name = "$(touch pwned); `touch pwned` ; touch pwned";
    for command in ["echo {{.Name}}", "echo {{.Name}} | cat", "echo '{{.Name}}'"] {
        let keys = json!({"TemplateDelimiters": "{{ }}"});
        let id = server.create(&manual(name, command, &keys));
        server.run(&id);
        assert!(!server.dir().join("pwned").exists(), "{command}");
    }
}

#[test]
fn both_streams_are_kept_in_order_and_there_is_no_input() {
    let server = Server::start();
    let command = "echo one; echo two >&2; cat; echo three; exit 7";
    let id = server.create(&manual("talks", command, &json!({})));
    server.run(&id);
    assert_eq!(output(&server, &id), "one\ntwo\nthree\n");
    assert_eq!(server.history(&id)[0]["exit_code"], 7);
}

#[test]
fn of_long_output_the_last_part_is_kept() {
    let server = Server::with(&["--output-limit", "1KiB"]);
    let id = server.create(&manual("talks", "seq 1 10000; echo end", &json!({})));
    server.run(&id);
    let size: usize = (1..=10_000)
        .map(|number: u32| number.to_string().len() + 1)
        .sum();
    assert_eq!(server.history(&id)[0]["output_size"], size + 4);
    let told = output(&server, &id);
    assert!(told.ends_with("\n9999\n10000\nend\n"), "{told}");
    let note = told.lines().next().unwrap();
    assert!(note.contains(&(size + 4 - 1024).to_string()), "{note}");
    assert!(told.len() < 1_200);
}

#[test]
fn a_command_that_cannot_start_says_why() {
    let server = Server::start();
    for (command, cwd, words) in [
        ("/no/such/program with words", "", "/no/such/program"),
        ("true", "/no/such/directory", "/no/such/directory"),
    ] {
        let id = server.create(&manual("x", command, &json!({"cwd": cwd, "retries": 1})));
        server.run(&id);
        let run = &server.history(&id)[0];
        assert_eq!(
            (&run["outcome"], &run["attempts"]),
            (&json!("failed"), &json!(2))
        );
        assert!(run["error"].as_str().unwrap().contains(words), "{run}");
    }
}

#[test]
fn output_can_be_followed_while_it_is_written() {
    let server = Server::start();
    let hold = format!("echo first; {}; echo last", crate::support::HOLD);
    let id = server.create(&manual("slow", &hold, &json!({})));
    let run = server.begin(&id);
    let read = || server.get(&format!("{run}output/")).expect(200).text();
    wait_until("the first line is there", || read() == "first\n");
    server.go();
    wait_until("the last line is there", || read() == "first\nlast\n");
}
