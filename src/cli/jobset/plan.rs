//! The steps from the jobs of a server to those that files want.
//!
//! A plan is made before the first step is taken, and tells all that is wrong: so most faults change nothing. Steps stand
//! in an order in which a job comes after those that it names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::order::{Ordered, failed};
use super::{FAILURE_JOB, PARENTS, Wanted, difference};
use crate::cli::CliError;
use crate::cli::screen::{Screen, Tone, printable};
use crate::cli::select::{path, text};
use crate::client::{Client, ClientError};

/// What there is to do.
#[derive(Debug)]
pub(in crate::cli) struct Plan {
    steps: Vec<Step>,
    unchanged: usize,
    /// The ids of jobs by name, more with each one that is created.
    ids: BTreeMap<String, String>,
    /// For each word of the files that names a job, its name.
    meant: BTreeMap<String, String>,
}

#[derive(Debug)]
enum Step {
    Create(Wanted),
    /// It is done, and to create it would run it again.
    Leave(Wanted),
    Update {
        job: Value,
        wanted: Wanted,
        changes: Vec<String>,
    },
    Delete(Value),
}

impl Plan {
    /// Compares what is wanted with what is there; with `prune`, what is not wanted goes.
    ///
    /// # Errors
    /// When a name stands twice, or a job names one that is not there, or itself over others.
    pub(in crate::cli) fn make(
        wanted: Vec<Wanted>,
        there: Vec<Value>,
        prune: bool,
    ) -> Result<Plan, CliError> {
        let wanted = Ordered::of(wanted, &there, prune)?;
        let names: BTreeSet<String> = wanted.jobs.iter().map(|job| job.name.clone()).collect();
        let mut plan = Plan {
            steps: Vec::new(),
            unchanged: 0,
            ids: ids(&there),
            meant: wanted.meant,
        };
        let names_of_ids: BTreeMap<&str, &str> = there
            .iter()
            .map(|job| (text(job, "id"), text(job, "name")))
            .collect();
        for job in wanted.jobs {
            let Some(old) = one(&there, &job.name)? else {
                plan.steps.push(if job.is_done {
                    Step::Leave(job)
                } else {
                    Step::Create(job)
                });
                continue;
            };
            let name = |word: &str| match (plan.meant.get(word), names_of_ids.get(word)) {
                (Some(name), _) => name.clone(),
                (None, Some(name)) => (*name).to_owned(),
                (None, None) => word.to_owned(),
            };
            match difference::lines(old, &job.keys, &name) {
                changes if changes.is_empty() => plan.unchanged += 1,
                changes => plan.steps.push(Step::Update {
                    job: old.clone(),
                    wanted: job,
                    changes,
                }),
            }
        }
        if prune {
            let unwanted = there
                .into_iter()
                .filter(|job| !names.contains(text(job, "name")));
            plan.steps.extend(unwanted.map(Step::Delete));
        }
        Ok(plan)
    }

    /// The steps for people, and their numbers.
    pub(in crate::cli) fn describe(&self, screen: Screen) -> String {
        let mut lines = String::new();
        let mut line = |sign: &str, name: &str, more: &str, tone| {
            let text = format!("{sign} {}{more}", printable(name));
            lines.push_str(&screen.paint(&text, tone));
            lines.push('\n');
        };
        let (mut created, mut updated, mut deleted) = (0, 0, 0);
        for step in &self.steps {
            match step {
                Step::Create(job) => {
                    created += 1;
                    line("+", &job.name, "", Tone::Good);
                }
                Step::Leave(job) => line("=", &job.name, "  (is done: left out)", Tone::Faint),
                Step::Update {
                    wanted, changes, ..
                } => {
                    updated += 1;
                    line("~", &wanted.name, "", Tone::Busy);
                    changes
                        .iter()
                        .for_each(|change| line("   ", change, "", Tone::Plain));
                }
                Step::Delete(job) => {
                    deleted += 1;
                    line("-", text(job, "name"), "", Tone::Bad);
                }
            }
        }
        let unchanged = self.unchanged;
        lines
            + &format!(
                "{created} new, {updated} changed, {deleted} deleted, {unchanged} as they are\n"
            )
    }

    /// Takes the steps.
    ///
    /// # Errors
    /// At the first one that the server refuses. What came before it is done; to apply the files again goes on there.
    pub(in crate::cli) fn carry_out(mut self, client: &Client) -> Result<(), CliError> {
        for step in std::mem::take(&mut self.steps) {
            let (title, result) = match step {
                Step::Leave(_) => continue,
                Step::Create(job) => (job.title(), self.create(client, &job)),
                Step::Update { job, wanted, .. } => {
                    (wanted.title(), self.update(client, &job, &wanted))
                }
                Step::Delete(job) => (
                    format!("job {:?}", text(&job, "name")),
                    delete(client, &job),
                ),
            };
            result.map_err(|error| match error {
                ClientError::Away(why) => CliError::Away(why),
                other => CliError::Failed(format!("{title}: {other}")),
            })?;
        }
        Ok(())
    }

    fn create(&mut self, client: &Client, job: &Wanted) -> Result<(), ClientError> {
        let body = Value::Object(self.body(job));
        let created = client.post("/job/?unique=name&past_start=keep", Some(&body))?;
        self.ids
            .insert(job.name.clone(), text(&created.json, "id").to_owned());
        Ok(())
    }

    fn update(&self, client: &Client, old: &Value, job: &Wanted) -> Result<(), ClientError> {
        let mut body = self.body(job);
        for key in difference::KEPT {
            body.entry(key).or_insert_with(|| old[key].clone());
        }
        // Files say from when on a schedule counts, and are applied long after.
        let path = format!("{}?past_start=keep", path(old));
        client.put(&path, &Value::Object(body))?;
        Ok(())
    }

    /// The keys of a job with ids in place of names.
    fn body(&self, job: &Wanted) -> Map<String, Value> {
        let id = |word: &Value| {
            let name = word.as_str().and_then(|word| self.meant.get(word));
            name.and_then(|name| self.ids.get(name))
                .map_or_else(|| word.clone(), |id| Value::from(id.as_str()))
        };
        let mut body = job.keys.clone();
        if let Some(Value::Array(parents)) = body.get_mut(PARENTS) {
            parents.iter_mut().for_each(|parent| *parent = id(parent));
        }
        if let Some(failure_job) = body.get_mut(FAILURE_JOB) {
            *failure_job = id(failure_job);
        }
        body
    }
}

fn delete(client: &Client, job: &Value) -> Result<(), ClientError> {
    match client.delete(&path(job)) {
        // It went with its parent.
        Err(ClientError::NotFound(_)) => Ok(()),
        result => result,
    }
}

fn ids(there: &[Value]) -> BTreeMap<String, String> {
    let pairs = there
        .iter()
        .map(|job| (text(job, "name").to_owned(), text(job, "id").to_owned()));
    pairs.collect()
}

/// The job of that name on the server, if there is one.
fn one<'a>(there: &'a [Value], name: &str) -> Result<Option<&'a Value>, CliError> {
    let mut named = there.iter().filter(|job| text(job, "name") == name);
    let first = named.next();
    match named.next() {
        Some(_) => failed(format!(
            "the server has several jobs with the name {name:?}: rename or delete all but one first"
        )),
        None => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::wanted;
    use super::*;

    fn job(name: &str, more: &Value) -> Wanted {
        let mut job = json!({"name": name, "command": "true"});
        job.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        wanted(&job).unwrap()
    }

    fn make(jobs: Vec<Wanted>, there: &[Value], prune: bool) -> Result<String, String> {
        let plan = Plan::make(jobs, there.to_vec(), prune);
        let plan = plan.map_err(|error| error.to_string())?;
        Ok(plan.describe(Screen::default()))
    }

    #[test]
    fn ok_plans() {
        let there = [
            json!({"name": "a", "id": "1", "command": "true"}),
            json!({"name": "b", "id": "2", "command": "false"}),
        ];
        let none = json!({});
        assert_eq!(
            make(
                vec![job("a", &none), job("b", &none), job("c", &none)],
                &there,
                true
            )
            .unwrap(),
            "~ b\n    command: \"false\" -> \"true\"\n+ c\n1 new, 1 changed, 0 deleted, 1 as they are\n"
        );
        assert_eq!(
            make(vec![job("a", &none)], &there, true).unwrap(),
            "- b\n0 new, 0 changed, 1 deleted, 1 as they are\n"
        );
        assert_eq!(
            make(vec![job("d", &json!({"is_done": true}))], &there, false).unwrap(),
            "= d  (is done: left out)\n0 new, 0 changed, 0 deleted, 0 as they are\n"
        );
    }

    #[test]
    fn parents_come_first_by_name_or_by_the_id_they_had() {
        let jobs = vec![
            job(
                "child",
                &json!({"parent_jobs": ["parent", "9"], "on_failure_job": "alarm"}),
            ),
            job("parent", &json!({})),
            job("other", &json!({"id": "9"})),
        ];
        let there = [json!({"name": "alarm", "id": "1", "command": "true"})];
        let text = make(jobs.clone(), &there, false).unwrap();
        assert!(text.starts_with("+ parent\n+ other\n+ child\n"), "{text}");
        let why = make(jobs, &there, true).unwrap_err();
        assert!(
            why.contains("on_failure_job names \"alarm\", but no job that would stay"),
            "{why}"
        );
    }

    #[test]
    fn err_plans() {
        let none = json!({});
        let twin = json!({"name": "a", "id": "1"});
        for (jobs, there, why) in [
            (vec![job("a", &none), job("a", &none)], vec![], "twice"),
            (
                vec![job("a", &none)],
                vec![twin.clone(), twin],
                "several jobs",
            ),
            (
                vec![job("a", &json!({"parent_jobs": ["x"]}))],
                vec![],
                "names \"x\"",
            ),
            (
                vec![job("a", &json!({"on_failure_job": "a"}))],
                vec![],
                "circle",
            ),
            (
                vec![
                    job("a", &json!({"parent_jobs": ["b"]})),
                    job("b", &json!({"on_failure_job": "a"})),
                ],
                vec![],
                "circle, over parents and failure jobs: a, b",
            ),
        ] {
            let error = make(jobs, &there, false).expect_err(why);
            assert!(error.contains(why), "{error}");
        }
    }
}
