//! What clients may write, and what they read: row by row, with exact messages and exact bytes.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::Timestamp;
use crate::job::run::{
    AttemptEnd, Figures, Gap, GapKind, HistoryEntry, Outcome, RunId, RunRecord, Trigger,
};
use crate::job::secret::Secrets;
use crate::job::validate::{self, Draft};
use crate::job::{Job, JobId, Overlap};
use crate::registry::{JobView, Live};
use crate::schedule::Zone;

fn parse(body: &str) -> Result<Draft, String> {
    JobKeys::parse(body.as_bytes())
        .and_then(|keys| keys.apply(Draft::default()))
        .map_err(|why| why.0)
}

fn ok(body: &str) -> Draft {
    parse(body).unwrap_or_else(|why| panic!("{body}: {why}"))
}

#[test]
fn ok_keys() {
    let draft =
        ok(r#"{"NAME":"x","Command":"true","SCHEDULE":"R//PT1H","templateDelimiters":"{{ }}"}"#);
    assert_eq!(
        (
            draft.name.as_str(),
            draft.command.as_str(),
            draft.schedule.as_str()
        ),
        ("x", "true", "R//PT1H")
    );
    assert_eq!(draft.extras.template_delimiters, "{{ }}");

    // The last of a repeated key wins, whatever its case.
    assert_eq!(ok(r#"{"name":"a","Name":"b"}"#).name, "b");
    assert_eq!(ok(r#"{"Name":"a","name":"b"}"#).name, "b");
    assert_eq!(ok(r#"{"name":"a","name":null}"#).name, "");

    // As GET answers it.
    assert_eq!(ok(r#"{"job":{"name":"a"}}"#).name, "a");
    assert_eq!(ok("\n {} \t").name, "");
}

#[test]
fn ok_values() {
    let draft = ok(
        r#"{"retries":3,"overlap":"skip","disabled":true,"env":{"A":"1"},"tags":["x","y"],"parent_jobs":["p"],"alert_after":2}"#,
    );
    assert_eq!(
        (draft.retries, draft.overlap, draft.disabled),
        (3, Overlap::Skip, true)
    );
    assert_eq!(draft.extras.env["A"], "1");
    assert_eq!(draft.extras.tags, ["x", "y"]);
    assert_eq!(draft.parents, ["p"]);
    assert_eq!(draft.extras.alert_after, 2);
    assert_eq!(ok(r#"{"overlap":""}"#).overlap, Overlap::Queue);
}

#[test]
fn ok_remote_properties_count_only_for_type_1() {
    let text = r#"{"remote_properties":{"url":"http://h/","headers":{"A":["1","2"],"B":null},"Timeout":5,"expected_response_codes":[200,204]},"type":1}"#;
    let draft = ok(text);
    assert!(draft.remote);
    assert_eq!(draft.request.url, "http://h/");
    assert_eq!(draft.request.headers["A"], ["1", "2"]);
    assert_eq!(draft.request.timeout_secs, 5);
    assert_eq!(draft.request.expected_response_codes, [200, 204]);
    assert_eq!(
        ok(r#"{"remote_properties":{"nonsense":true}}"#).request.url,
        ""
    );
    assert_eq!(ok(r#"{"type":0,"remote_properties":7}"#).request.url, "");
}

#[test]
fn ok_what_kalas_client_posts() {
    let draft = ok(
        r#"{"name":"x","id":"","command":"true","owner":"","disabled":false,"dependent_jobs":null,"parent_jobs":null,"on_failure_job":"","schedule":"R/2037-06-04T19:25:16Z/PT10S","retries":0,"epsilon":"","next_run_at":"0001-01-01T00:00:00Z","TemplateDelimiters":"","resume_at_next_scheduled_time":false,"metadata":{"success_count":0,"last_success":"0001-01-01T00:00:00Z","error_count":0,"last_error":"0001-01-01T00:00:00Z","last_attempted_run":"0001-01-01T00:00:00Z","number_of_finished_runs":0},"type":0,"remote_properties":{"url":"","method":"","body":"","headers":null,"timeout":0,"expected_response_codes":null},"stats":null,"is_done":false}"#,
    );
    assert_eq!(draft.schedule, "R/2037-06-04T19:25:16Z/PT10S");
}

#[test]
fn err_bodies() {
    let rows = [
        ("", "the body is empty: send a JSON object such as "),
        (
            "[]",
            "the body is not a JSON object: invalid type: sequence, expected an object",
        ),
        (
            "\"x\"",
            "the body is not a JSON object: invalid type: string \"x\", expected an object",
        ),
        (
            "null",
            "the body is not a JSON object: invalid type: null, expected an object",
        ),
        (
            "{\"name\":\"x\"",
            "the body is not a JSON object: EOF while parsing an object at line 1 column 11",
        ),
        (
            "{bad",
            "the body is not a JSON object: key must be a string at line 1 column 2",
        ),
        (
            "{} trailing",
            "the body is not a JSON object: trailing characters at line 1 column 4",
        ),
        (
            "{\"name\":\"\\ud800\"}",
            "the body is not a JSON object: unexpected end of hex escape",
        ),
    ];
    for (body, expected) in rows {
        let why = parse(body).unwrap_err();
        assert!(why.starts_with(expected), "{body}: {why}");
        assert!(why.ends_with("\"schedule\": \"R//PT1H\"}"), "{body}: {why}");
    }
    let deep = format!("{{\"stats\":{}{}}}", "[".repeat(200), "]".repeat(200));
    assert!(
        parse(&deep)
            .unwrap_err()
            .contains("recursion limit exceeded")
    );
}

#[test]
fn err_keys_and_values() {
    let rows = [
        (
            r#"{"shedule":"R//PT1H"}"#,
            r#"the key "shedule" is unknown: did you mean "schedule"?"#,
        ),
        (
            r#"{"template_delimiters":""}"#,
            r#"the key "template_delimiters" is unknown: did you mean "TemplateDelimiters"?"#,
        ),
        (
            r#"{"name":1}"#,
            r#"name must be a string, for example "backup", but is the number 1"#,
        ),
        (
            r#"{"retries":-1}"#,
            "retries must be a whole number from 0 to 1000, for example 3, but is the number -1",
        ),
        (
            r#"{"retries":1.5}"#,
            "retries must be a whole number from 0 to 1000, for example 3, but is the number 1.5",
        ),
        (
            r#"{"retries":1001}"#,
            "retries must be a whole number from 0 to 1000, for example 3, but is the number 1001",
        ),
        (
            r#"{"retries":"3"}"#,
            r#"retries must be a whole number from 0 to 1000, for example 3, but is the string "3""#,
        ),
        (
            r#"{"type":2}"#,
            "type must be 0 (a command) or 1 (an HTTP request), for example 1, but is the number 2",
        ),
        (
            r#"{"type":"remote"}"#,
            r#"type must be 0 (a command) or 1 (an HTTP request), for example 1, but is the string "remote""#,
        ),
        (
            r#"{"disabled":"yes"}"#,
            r#"disabled must be true or false, for example true, but is the string "yes""#,
        ),
        (
            r#"{"overlap":"wait"}"#,
            r#"overlap must be one of "queue", "skip", "allow", for example "skip", but is the string "wait""#,
        ),
        (
            r#"{"tags":"nightly"}"#,
            r#"tags must be a list of strings, for example ["nightly"], but is the string "nightly""#,
        ),
        (
            r#"{"tags":[1]}"#,
            r#"tags must be a list of strings, for example ["nightly"], but is a list with something else in it"#,
        ),
        (
            r#"{"env":{"A":1}}"#,
            r#"env must be an object of strings, for example {"BACKUP_DIR": "/srv"}, but is an object with something else in it"#,
        ),
        (
            r#"{"env":[]}"#,
            r#"env must be an object of strings, for example {"BACKUP_DIR": "/srv"}, but is a list"#,
        ),
        (
            r#"{"type":1,"remote_properties":{"ulr":""}}"#,
            r#"the key "remote_properties.ulr" is unknown: did you mean "remote_properties.url"?"#,
        ),
        (
            r#"{"type":1,"remote_properties":[]}"#,
            r#"remote_properties must be an object, for example {"url": "https://example.com/hook"}, but is a list"#,
        ),
        (
            r#"{"type":1,"remote_properties":{"headers":[{"key":"a"}]}}"#,
            r#"remote_properties.headers must be an object of lists of strings, for example {"X-Token": ["a", "b"]}, but is a list"#,
        ),
        (
            r#"{"type":1,"remote_properties":{"timeout":-1}}"#,
            "remote_properties.timeout must be a whole number from 0 to 4294967295, for example 30, but is the number -1",
        ),
    ];
    for (body, expected) in rows {
        assert_eq!(parse(body).unwrap_err(), expected, "{body}");
    }
}

/// Just after the recorded time, in the zone of the schedule.
const NOW: Timestamp = Timestamp::from_unix(1_795_416_552, 0);
const ID: &str = "3cd64050-ed4a-4095-5e11-538470dde90d";

fn view(body: &str) -> JobView {
    let spec = ok(body).check().unwrap();
    let schedule = validate::schedule(&spec, Zone::UTC, NOW).unwrap();
    let job = Job {
        id: ID.parse().unwrap(),
        seq: 1,
        version: 1,
        created_at: NOW,
        updated_at: NOW,
        anchor: NOW,
        linked: Box::default(),
        spec,
        schedule,
    };
    JobView {
        job: Arc::new(job),
        live: Live::default(),
    }
}

fn rendered(view: &JobView) -> String {
    let mut json = Json::default();
    write_job(&mut json, view, Secrets::Shown, |json| json.raw("null"));
    String::from_utf8(json.finish()).unwrap()
}

/// The part of a recorded answer of Kala's that does not depend on its clock.
const KALA: &str = concat!(
    r#"{"name":"test_job","id":"3cd64050-ed4a-4095-5e11-538470dde90d","command":"true","owner":"","disabled":false,"#,
    r#""dependent_jobs":null,"parent_jobs":null,"on_failure_job":"","schedule":"R2/2037-06-04T19:25:16.828696-07:00/PT10S","#,
    r#""retries":0,"epsilon":"PT5S","next_run_at":"2037-06-04T19:25:16.828696-07:00","TemplateDelimiters":"","#,
    r#""resume_at_next_scheduled_time":false,"metadata":{"success_count":0,"last_success":"0001-01-01T00:00:00Z","error_count":0,"#,
    r#""last_error":"0001-01-01T00:00:00Z","last_attempted_run":"0001-01-01T00:00:00Z","number_of_finished_runs":0},"type":0,"#,
    r#""remote_properties":{"url":"","method":"","body":"","headers":null,"timeout":0,"expected_response_codes":null},"#,
    r#""stats":null,"is_done":false,"#,
);

const OURS: &str = concat!(
    r#""success_count":0,"last_success":"0001-01-01T00:00:00Z","error_count":0,"last_error":"0001-01-01T00:00:00Z","#,
    r#""last_attempted_run":"0001-01-01T00:00:00Z","timezone":"","run_after":"any","children_run":"in_order","#,
    r#""on_interrupted":"leave","retry_delay":"","timeout":"","overlap":"queue","running":0,"missed_count":0,"skipped_count":0,"failures_in_a_row":0,"#,
    r#""created_at":"2026-11-22T23:49:12-07:00","updated_at":"2026-11-22T23:49:12-07:00","env":{},"cwd":"","tags":[],"#,
    r#""description":"","alert_after":0,"alert_on_missed":false}"#,
    "\n"
);

#[test]
fn a_job_reads_as_kalas_with_our_keys_behind() {
    let mut view = view(
        r#"{"name":"test_job","command":"true","schedule":"R2/2037-06-04T19:25:16.828696-07:00/PT10S","epsilon":"PT5S"}"#,
    );
    view.live.next_run_at = view.job.schedule.next_after(NOW);
    assert_eq!(rendered(&view), format!("{KALA}{OURS}"));
}

#[test]
fn a_full_job_is_taken_back_as_it_was_given() {
    let body = r#"{"name":"<a&b>","command":"echo","owner":"o","type":1,"schedule":"@manual","timezone":"Europe/Berlin",
        "remote_properties":{"url":"https://h/","method":"PUT","body":"b","headers":{"X-A":["1","2"]},"timeout":7,"expected_response_codes":[200,204]},
        "on_failure_job":"93b65499-b211-49ce-57e0-19e735cc5abd","retries":2,"retry_delay":"PT1S","epsilon":"PT5S","timeout":"PT2S",
        "overlap":"allow","run_after":"all","children_run":"together","on_interrupted":"retry","resume_at_next_scheduled_time":true,
        "TemplateDelimiters":"{{ }}","env":{"A":"1"},"cwd":"/srv","tags":["t"],"description":"d","disabled":true,"alert_after":3,"alert_on_missed":true}"#;
    let first = view(body);
    let text = rendered(&first);
    assert!(text.contains(r#""name":"\u003ca\u0026b\u003e""#), "{text}");
    assert_eq!(view(&text).job.spec, first.job.spec);
    assert_eq!(Draft::of(&first.job.spec).check().unwrap(), first.job.spec);
}

#[test]
fn parents_and_children_are_lists_where_there_are_any() {
    let mut view = view(&format!(
        r#"{{"name":"x","command":"true","parent_jobs":["{ID}","{ID}"]}}"#
    ));
    view.live.children = Some(Arc::from([ID.parse::<JobId>().unwrap()]));
    let text = rendered(&view);
    let expected =
        format!(r#""dependent_jobs":["{ID}"],"parent_jobs":["{ID}"],"on_failure_job":"""#);
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn figures_stand_at_the_top_and_in_metadata() {
    let mut view = view(r#"{"name":"x","command":"true","schedule":"@manual"}"#);
    view.live.figures = Some(Arc::new(Figures {
        success_count: 2,
        last_success: Some(NOW),
        finished_runs: 3,
        ..Figures::default()
    }));
    let text = rendered(&view);
    let figures = r#""success_count":2,"last_success":"2026-11-23T06:49:12Z","error_count":0"#;
    assert_eq!(text.matches(figures).count(), 2, "{text}");
    assert!(text.contains(r#""number_of_finished_runs":3}"#), "{text}");
}

fn run() -> RunRecord {
    RunRecord {
        id: RunId::new(ID.parse().unwrap(), 1, NOW),
        trigger: Trigger::Manual,
        scheduled_at: None,
        started_at: Some(NOW),
        finished_at: NOW.plus(Duration::from_millis(2)),
        attempts: 2,
        duration: Duration::from_nanos(1_955_292),
        outcome: Outcome::Succeeded,
        end: Some(AttemptEnd::Exited(0)),
        output_total: 5,
    }
}

#[test]
fn job_stats_carry_both_spellings() {
    let view = view(r#"{"name":"x","command":"true","schedule":"@manual"}"#);
    let stats = |runs: &[RunRecord]| {
        let mut json = Json::default();
        write_job_stats(&mut json, &view.job, runs.iter());
        String::from_utf8(json.as_bytes().to_vec()).unwrap()
    };
    assert_eq!(stats(&[]), "null");
    let expected = concat!(
        r#"[{"job_id":"3cd64050-ed4a-4095-5e11-538470dde90d","ran_at":"2026-11-23T06:49:12Z","#,
        r#""number_of_retries":1,"success":true,"execution_duration":1955292,"#,
        r#""JobId":"3cd64050-ed4a-4095-5e11-538470dde90d","RanAt":"2026-11-23T06:49:12Z","#,
        r#""NumberOfRetries":1,"Success":true,"ExecutionDuration":1955292}]"#
    );
    assert_eq!(stats(&[run()]), expected);
}

#[test]
fn history_entries() {
    let id = run().id;
    let run_of = |outcome, end| {
        HistoryEntry::Run(Box::new(RunRecord {
            outcome,
            end,
            ..run()
        }))
    };
    let ends = [
        (
            run_of(Outcome::Succeeded, Some(AttemptEnd::Exited(0))),
            r#""succeeded","exit_code":0,"signal":null,"status":null,"error":null"#,
        ),
        (
            run_of(Outcome::Failed, Some(AttemptEnd::Exited(3))),
            r#""failed","exit_code":3,"signal":null,"status":null,"error":"exit status 3""#,
        ),
        (
            run_of(Outcome::Failed, Some(AttemptEnd::Signalled(9))),
            r#""failed","exit_code":null,"signal":9,"status":null,"error":"ended by signal 9""#,
        ),
        (
            run_of(Outcome::Failed, Some(AttemptEnd::Answered(500, false))),
            r#""failed","exit_code":null,"signal":null,"status":500,"error":"answered with status 500, which was not expected""#,
        ),
        (
            run_of(Outcome::Interrupted, None),
            r#""interrupted","exit_code":null,"signal":null,"status":null,"error":"the server died under it; it may have succeeded""#,
        ),
    ];
    let written = |entry: &HistoryEntry| {
        let mut json = Json::default();
        write_entry(&mut json, ID.parse().unwrap(), entry, Zone::UTC);
        String::from_utf8(json.as_bytes().to_vec()).unwrap()
    };
    for (entry, end) in ends {
        let expected = format!(
            r#"{{"id":"{id}","job_id":"{ID}","trigger":"manual","scheduled_at":"0001-01-01T00:00:00Z","started_at":"2026-11-23T06:49:12Z","finished_at":"2026-11-23T06:49:12.002Z","attempts":2,"outcome":{end},"execution_duration":1955292,"output_size":5}}"#
        );
        assert_eq!(written(&entry), expected);
    }
    let gap = HistoryEntry::Gap(Gap {
        id,
        kind: GapKind::Missed,
        first: NOW,
        last: NOW.plus(Duration::from_secs(60)),
        count: 3,
    });
    let expected = format!(
        r#"{{"id":"{id}","job_id":"{ID}","outcome":"missed","count":3,"scheduled_at":"2026-11-23T06:49:12Z","last_scheduled_at":"2026-11-23T06:50:12Z"}}"#
    );
    assert_eq!(written(&gap), expected);
}
