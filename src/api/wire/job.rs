//! A job as answers show it.
//!
//! Kala's document has a job's figures at the top, Kala's program has them in `metadata`: they are written in both
//! places. Keys stand in the order of Kala's program, ours follow.

use super::json::Json;
use super::words::{self, word};
use crate::job::run::Figures;
use crate::job::secret::Secrets;
use crate::job::{Action, Extras, Job, JobId, RemoteRequest, Span};
use crate::registry::{JobView, Live};
use crate::schedule::Zone;

/// Bytes that a plain job takes, about: room to begin with.
pub const JOB_BYTES: usize = 1_536;

/// Writes `view`, with or without its secrets. `stats` writes the value of that key: null in lists, the history where one
/// job was asked for.
pub fn write_job(json: &mut Json, view: &JobView, secrets: Secrets, stats: impl FnOnce(&mut Json)) {
    let JobView { job, live } = view;
    let zone = job.schedule.zone();
    let figures = live.figures();
    json.open('{');
    write_kala_keys(json, job, live);
    write_metadata(json.key("metadata"), &figures, zone);
    let (job_type, request) = match &job.spec.action {
        Action::Local => (0, None),
        Action::Remote(request) => (1, Some(&**request)),
    };
    json.key("type").number(job_type);
    write_request(json.key("remote_properties"), request, secrets);
    stats(json.key("stats"));
    json.key("is_done").flag(live.is_done);
    write_figures(json, &figures, zone);
    write_own_keys(json, job, live, &figures);
    write_extras(json, job.extras(), secrets);
    json.close('}');
}

/// The keys of Kala's program up to `metadata`.
fn write_kala_keys(json: &mut Json, job: &Job, live: &Live) {
    let spec = &job.spec;
    json.key("name").string(spec.name());
    json.key("id").id(job.id.0);
    json.key("command").string(spec.command());
    json.key("owner").string(spec.owner());
    json.key("disabled").flag(spec.disabled);
    write_ids(
        json.key("dependent_jobs"),
        live.children.as_deref().unwrap_or_default(),
    );
    write_ids(json.key("parent_jobs"), &spec.parents);
    json.key("on_failure_job");
    match spec.on_failure_job {
        Some(id) => json.id(id.0),
        None => json.raw("\"\""),
    }
    json.key("schedule").string(spec.schedule());
    json.key("retries").number(spec.retries);
    write_span(json.key("epsilon"), spec.epsilon.as_deref());
    json.key("next_run_at")
        .time(live.next_run_at, job.schedule.zone());
    json.key("TemplateDelimiters")
        .string(&job.extras().template_delimiters);
    json.key("resume_at_next_scheduled_time")
        .flag(spec.resume_at_next_scheduled_time);
}

fn write_metadata(json: &mut Json, figures: &Figures, zone: Zone) {
    json.open('{');
    write_figures(json, figures, zone);
    json.key("number_of_finished_runs")
        .number(figures.finished_runs);
    json.close('}');
}

/// The five figures that stand at the top and in `metadata`.
fn write_figures(json: &mut Json, figures: &Figures, zone: Zone) {
    json.key("success_count").number(figures.success_count);
    json.key("last_success").time(figures.last_success, zone);
    json.key("error_count").number(figures.error_count);
    json.key("last_error").time(figures.last_error, zone);
    json.key("last_attempted_run")
        .time(figures.last_attempted_run, zone);
}

fn write_request(json: &mut Json, request: Option<&RemoteRequest>, secrets: Secrets) {
    let Some(request) = request else {
        return json.raw(
            r#"{"url":"","method":"","body":"","headers":null,"timeout":0,"expected_response_codes":null}"#,
        );
    };
    json.open('{');
    json.key("url").string(&secrets.url(&request.url));
    json.key("method").string(&request.method);
    json.key("body").string(&request.body);
    json.key("headers");
    if request.headers.is_empty() {
        json.raw("null");
    } else {
        json.open('{');
        for (name, values) in &request.headers {
            json.any_key(name).open('[');
            for value in values {
                json.item().string(&secrets.value(name, value));
            }
            json.close(']');
        }
        json.close('}');
    }
    json.key("timeout").number(request.timeout_secs);
    json.key("expected_response_codes");
    if request.expected_response_codes.is_empty() {
        json.raw("null");
    } else {
        json.open('[');
        for code in &request.expected_response_codes {
            json.item().number(code);
        }
        json.close(']');
    }
    json.close('}');
}

/// The keys that Kala does not know, but for those that few jobs set.
fn write_own_keys(json: &mut Json, job: &Job, live: &Live, figures: &Figures) {
    let spec = &job.spec;
    let zone = job.schedule.zone();
    json.key("timezone").string(spec.timezone());
    json.key("run_after")
        .string(word(words::RUN_AFTER, &spec.run_after));
    json.key("children_run")
        .string(word(words::CHILDREN_RUN, &spec.children_run));
    json.key("on_interrupted")
        .string(word(words::ON_INTERRUPTED, &spec.on_interrupted));
    write_span(json.key("retry_delay"), spec.retry_delay.as_deref());
    write_span(json.key("timeout"), spec.timeout.as_deref());
    json.key("overlap")
        .string(word(words::OVERLAP, &spec.overlap));
    json.key("running").number(live.running);
    json.key("missed_count").number(figures.missed_count);
    json.key("skipped_count").number(figures.skipped_count);
    json.key("failures_in_a_row")
        .number(figures.failures_in_a_row);
    json.key("created_at").time(Some(job.created_at), zone);
    json.key("updated_at").time(Some(job.updated_at), zone);
}

fn write_extras(json: &mut Json, extras: &Extras, secrets: Secrets) {
    json.key("env").open('{');
    for (name, value) in &extras.env {
        json.any_key(name).string(&secrets.value(name, value));
    }
    json.close('}');
    json.key("cwd").string(&extras.cwd);
    write_texts(json.key("tags"), &extras.tags);
    json.key("description").string(&extras.description);
    json.key("alert_after").number(extras.alert_after);
    json.key("alert_on_missed").flag(extras.alert_on_missed);
}

fn write_span(json: &mut Json, span: Option<&Span>) {
    json.string(span.map_or("", |span| &span.text));
}

/// Ids, or null for none, as Kala has it.
fn write_ids(json: &mut Json, ids: &[JobId]) {
    if ids.is_empty() {
        return json.raw("null");
    }
    json.open('[');
    for id in ids {
        json.item().id(id.0);
    }
    json.close(']');
}

fn write_texts(json: &mut Json, texts: &[String]) {
    json.open('[');
    for text in texts {
        json.item().string(text);
    }
    json.close(']');
}
