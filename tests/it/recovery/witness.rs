//! What the commands say that was started, and what clients were told, against what the server says of it.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::clients::Author;
use crate::support::{Server, wait_until};

/// Keeps in mind what was started and how it ended, over all crashes.
#[derive(Default)]
pub(super) struct Witness {
    /// Lines of the commands that were compared with histories.
    seen: usize,
    /// How runs ended, by job and run: that never changes again.
    ended: HashMap<String, HashMap<String, String>>,
}

impl Witness {
    /// After a crash: no occurrence and no run was started twice, and each run that began before it, as a line of
    /// `before` or an acknowledged start tells, has come to an end.
    pub(super) fn check(&mut self, server: &Server, authors: &mut [Author], before: &[String]) {
        assert_started_once(&server.lines("started"));
        let mut begun: HashMap<String, Vec<String>> = HashMap::new();
        for line in &before[self.seen..] {
            let [job, run, _] = words(line);
            begun
                .entry(job.to_owned())
                .or_default()
                .push(run.to_owned());
        }
        self.seen = before.len();
        for author in authors.iter_mut() {
            for (job, run) in author.take_starts() {
                begun.entry(job).or_default().push(run);
            }
        }
        for (job, runs) in &begun {
            if authors.iter().any(|author| author.keeps(job)) {
                self.check_ends(job, runs, &server.history(job));
            }
        }
        self.ended
            .retain(|job, _| authors.iter().any(|author| author.keeps(job)));
    }

    /// What it has seen, for whoever reads the figures; a test that saw nothing has shown nothing.
    pub(super) fn conclude(&self) {
        let ends = || self.ended.values().flat_map(HashMap::values);
        let interrupted = ends().filter(|outcome| *outcome == "interrupted").count();
        println!(
            "{} starts; of the runs of jobs that are left {} ended and {interrupted} were interrupted",
            self.seen,
            ends().count()
        );
        assert!(self.seen > 0 && ends().count() > 0);
    }

    fn check_ends(&mut self, job: &str, begun: &[String], history: &[Value]) {
        let known = self.ended.entry(job.to_owned()).or_default();
        let runs = history.iter().filter(|entry| entry["count"].is_null());
        let now: HashMap<&str, &Value> = runs
            .map(|run| (run["id"].as_str().expect("an id"), &run["outcome"]))
            .collect();
        for (run, outcome) in &*known {
            let now = now.get(run.as_str());
            assert_eq!(
                now,
                Some(&&json!(outcome)),
                "{job} {run} was known to have ended"
            );
        }
        for run in begun {
            let outcome = now.get(run.as_str()).and_then(|outcome| outcome.as_str());
            assert!(
                matches!(outcome, Some("succeeded" | "failed" | "interrupted")),
                "{job} {run} began before the crash, and its history says {outcome:?}"
            );
        }
        // Others may have begun and ended since the start, and their ends not be in the store yet.
        let ended = begun.iter().filter_map(|run| {
            let outcome = now.get(run.as_str())?.as_str()?;
            Some((run.clone(), outcome.to_owned()))
        });
        known.extend(ended);
    }
}

/// Counters are what the histories add up to. Pauses the server to compare them.
pub(super) fn check_counters(server: &Server) {
    server.pause();
    let running = || server.get("/api/v1/stats/").json()["Stats"]["running"].clone();
    wait_until("nothing runs", || running() == 0);
    let list = server.get("/api/v1/job/").expect(200).json();
    let mut succeeded = 0;
    for (id, job) in list["jobs"].as_object().expect("jobs") {
        let history = server.history(id);
        let runs = |outcome: &str| {
            let ended = history.iter().filter(|entry| entry["outcome"] == outcome);
            ended.filter(|entry| entry["count"].is_null()).count() as u64
        };
        let gaps = |outcome: &str| -> u64 {
            let gaps = history.iter().filter(|entry| entry["outcome"] == outcome);
            gaps.filter_map(|gap| gap["count"].as_u64()).sum()
        };
        let ended = runs("succeeded") + runs("failed") + runs("interrupted");
        for (key, sum) in [
            ("success_count", runs("succeeded")),
            ("error_count", runs("failed")),
            ("missed_count", gaps("missed")),
            ("skipped_count", gaps("skipped")),
        ] {
            assert_eq!(job[key], sum, "{key} of {job}: {history:#?}");
        }
        let finished = &job["metadata"]["number_of_finished_runs"];
        assert_eq!(*finished, ended, "{job}: {history:#?}");
        succeeded += runs("succeeded");
    }
    let stats = server.get("/api/v1/stats/").expect(200).json();
    assert_eq!(stats["Stats"]["success_count"], succeeded);
    server.resume();
}

fn assert_started_once(lines: &[String]) {
    let mut runs = HashSet::new();
    let mut occurrences = HashSet::new();
    for line in lines {
        let [job, run, at] = words(line);
        assert!(runs.insert(run), "run {run} was started twice");
        let twice = at != "at=" && !occurrences.insert((job, at));
        assert!(!twice, "an occurrence was started twice: {line}");
    }
}

fn words(line: &str) -> [&str; 3] {
    let words: Vec<&str> = line.split(' ').collect();
    let words = words.try_into();
    words.unwrap_or_else(|_| panic!("no line of ours: {line:?}"))
}
