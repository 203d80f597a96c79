//! What Prometheus is told: in its form, within bounds, and as the README, the dashboard and the alerts have it.

mod exposition;

use std::collections::BTreeSet;

use serde_json::json;

use self::exposition::{Exposition, Kind};
use crate::support::{Server, wait_until};

const README: &str = include_str!("../../README.md");
const DASHBOARD: &str = include_str!("../../contrib/grafana/nimesha.json");
const ALERTS: &str = include_str!("../../contrib/prometheus/alerts.yml");

fn scrape(server: &Server) -> Exposition {
    let answer = server.get("/metrics").expect(200);
    let kind = answer.header("Content-Type");
    assert_eq!(kind, Some("text/plain; version=0.0.4; charset=utf-8"));
    Exposition::parse(&answer.text())
}

/// A server at which everything has happened that is counted.
fn busy_server() -> Server {
    let server = Server::start();
    let job = json!({"name": "a \"b\"\\ ", "command": "true", "schedule": "@manual"});
    let id = server.create(&job);
    server.run(&id);
    let failing =
        server.create(&json!({"name": "bad", "command": "exit 1", "schedule": "@manual"}));
    server.run(&failing);
    server.get("/webui/").expect(200);
    server
}

#[test]
fn it_says_what_was_done() {
    let server = busy_server();
    let value = |name: &str, labels: &[(&str, &str)]| scrape(&server).value(name, labels);
    for (outcome, count) in [("succeeded", 1.0), ("failed", 1.0), ("timed_out", 0.0)] {
        let found = value("nimesha_runs_total", &[("outcome", outcome)]);
        assert_eq!(found, Some(count), "{outcome}");
    }
    let name = ("name", "a \"b\"\\ ");
    assert_eq!(value("nimesha_job_runs_total", &[name]), Some(1.0));
    assert_eq!(
        value("nimesha_job_failures_in_a_row", &[("name", "bad")]),
        Some(1.0)
    );
    for figure in [
        value("nimesha_job_last_duration_seconds", &[name]),
        value("nimesha_job_last_success_timestamp_seconds", &[name]),
        value("nimesha_store_size_bytes", &[]),
        value("process_resident_memory_bytes", &[]),
        value("process_threads", &[]),
    ] {
        assert!(figure.is_some_and(|figure| figure > 0.0), "{figure:?}");
    }
    assert_eq!(value("nimesha_workers", &[]), Some(64.0));
    wait_until("the workers are free", || {
        value("nimesha_workers_busy", &[]) == Some(0.0)
    });
}

#[test]
fn requests_are_counted_by_route_and_not_by_path() {
    let server = Server::start();
    let id = server.create(&json!({"name": "x", "command": "true", "schedule": "@manual"}));
    for path in ["", "/runs", "/runs/"] {
        server.get(&format!("/api/v1/job/{id}{path}")).expect(200);
    }
    server.request("BREW", "/api/v1/job/", None).expect(405);
    for n in 0..50 {
        server.get(&format!("/api/v1/job/{n}/")).expect(404);
        server.get(&format!("/nothing/{n}")).expect(404);
    }
    let found = scrape(&server);
    let count = |route, method, status| {
        let labels = [("route", route), ("method", method), ("status", status)];
        found.value("nimesha_http_requests_total", &labels)
    };
    assert_eq!(count("/api/v1/job/", "POST", "201"), Some(1.0));
    assert_eq!(count("/api/v1/job/{id}/", "GET", "200"), Some(1.0));
    assert_eq!(count("/api/v1/job/{id}/", "GET", "404"), Some(50.0));
    assert_eq!(count("/api/v1/job/{id}/runs/", "GET", "200"), Some(2.0));
    assert_eq!(count("/api/v1/job/", "other", "405"), Some(1.0));
    assert_eq!(count("other", "GET", "404"), Some(50.0));
    let samples = found.samples_of("nimesha_http_requests_total");
    assert!(samples < 10, "{samples}");
}

#[test]
fn jobs_have_metrics_up_to_a_limit() {
    let server = Server::with(&["--no-persist"]);
    let mut client = server.client();
    let limit = nimesha::config::METRICS_JOBS_MAX;
    for n in 0..limit + 3 {
        let job = json!({"name": format!("job {n}"), "command": "true", "schedule": "@manual"});
        let answer = client.request("POST", "/api/v1/job/", Some(&job.to_string()));
        answer.unwrap().expect(201);
    }
    let found = scrape(&server);
    assert_eq!(found.samples_of("nimesha_job_runs_total"), limit);
    assert_eq!(found.value("nimesha_jobs_without_metrics", &[]), Some(3.0));
}

#[test]
fn names_and_units_are_as_prometheus_wants_them() {
    for (name, kind) in scrape(&busy_server()).families() {
        let begins = name.starts_with("nimesha_") || name.starts_with("process_");
        assert!(begins, "{name}");
        assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
        let odd = [
            "_ms", "_millis", "_micros", "_kb", "_percent", "_count", "_sum", "_bucket",
        ];
        assert!(!odd.iter().any(|unit| name.ends_with(unit)), "{name}");
        if kind == Kind::Histogram {
            assert!(name.ends_with("_seconds"), "{name}");
        }
    }
}

/// Words of a text that look like names of our metrics.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("nimesha_") || word.starts_with("process_"))
        .collect()
}

#[test]
fn the_readme_has_all_of_them() {
    let rows = README.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|line| line.split('|').nth(1));
    let told: BTreeSet<&str> = cells.flat_map(named).collect();
    let found = scrape(&busy_server());
    let names: BTreeSet<&str> = found.families().map(|(name, _)| name).collect();
    assert_eq!(told, names);
}

#[test]
fn dashboard_and_alerts_ask_for_what_there_is() {
    let found = scrape(&busy_server());
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut asked: Vec<&str> = targets
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(asked.len() > 20, "{asked:?}");
    let rules = ALERTS.lines().filter(|line| !line.contains("annotations"));
    asked.extend(rules);
    for name in asked.into_iter().flat_map(named) {
        assert!(
            found.knows(name),
            "{name} is asked for, but there is no such metric"
        );
    }
}
