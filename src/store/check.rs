//! Looking at every row of a store: whether each can be read, and whether what belongs together is there.
//!
//! A server refuses to start with the first job that it cannot read; this goes on, and names all that is wrong. It
//! mends nothing: what a wrong row should have been is known to a backup alone.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::history::ended_at;
use super::{Store, StoreError, Table, record};
use crate::clock::Timestamp;
use crate::config;
use crate::job::graph::find_cycle;
use crate::job::run::{HistoryEntry, RunId};
use crate::job::state::JobState;
use crate::job::{Job, JobId};
use crate::schedule::Zone;

/// What a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Version of its arrangement; none where nobody has used it yet.
    pub format: Option<u64>,
    /// Jobs with another occurrence.
    pub scheduled: u64,
    /// Jobs that run after others.
    pub children: u64,
    /// Jobs that run only when they are started.
    pub manual: u64,
    /// Jobs without another occurrence.
    pub done: u64,
    /// Jobs that are disabled.
    pub disabled: u64,
    /// Runs in the history.
    pub runs: u64,
    /// Entries of the history for what never ran.
    pub gaps: u64,
    /// Runs without a recorded end.
    pub open_runs: u64,
    /// Chains of children in progress.
    pub chains: u64,
    /// Outputs, and their bytes.
    pub outputs: (u64, u64),
    /// Whether all scheduling is paused.
    pub paused: bool,
    /// The end of the last run that is stored.
    pub last_end: Option<Timestamp>,
    /// What is wrong, the first [`CHECK_PROBLEMS_SHOWN`](config::CHECK_PROBLEMS_SHOWN) by name.
    pub problems: Vec<String>,
    /// How much is wrong.
    pub problem_count: u64,
}

impl Report {
    /// All jobs.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.scheduled + self.children + self.manual + self.done + self.disabled
    }

    fn problem(&mut self, what: impl fmt::Display) {
        self.problem_count += 1;
        if self.problems.len() < config::CHECK_PROBLEMS_SHOWN {
            self.problems.push(what.to_string());
        }
    }
}

/// Looks at all of a store that nobody writes to.
///
/// # Errors
/// When it cannot be read at all. What is wrong with single rows is in the report.
pub fn check(store: &dyn Store) -> Result<Report, StoreError> {
    let mut look = Look {
        store,
        report: Report::default(),
        jobs: HashMap::new(),
        known: HashSet::new(),
        sizes: HashMap::new(),
    };
    look.meta()?;
    look.jobs()?;
    look.states()?;
    look.links();
    look.claims()?;
    look.history()?;
    look.output_sizes()?;
    look.outputs()?;
    look.chains()?;
    Ok(look.report)
}

struct Look<'a> {
    store: &'a dyn Store,
    report: Report,
    /// Jobs that can be read.
    jobs: HashMap<JobId, Job>,
    /// Those that cannot, too.
    known: HashSet<JobId>,
    /// Sizes of outputs, as far as the outputs were not seen yet.
    sizes: HashMap<Vec<u8>, (RunId, u64)>,
}

impl<'a> Look<'a> {
    /// Hands each row of a table to `visit`; what that finds wrong is noted.
    fn rows(
        &mut self,
        table: Table,
        mut visit: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let store: &'a dyn Store = self.store;
        store.scan(table, b"", b"", false, &mut |key, value| {
            if let Err(error) = visit(self, key, value) {
                self.report.problem(error);
            }
            true
        })
    }

    fn meta(&mut self) -> Result<(), StoreError> {
        self.rows(Table::Meta, |look, key, value| {
            let name = String::from_utf8_lossy(key);
            match key {
                record::FORMAT_KEY => {
                    let format = record::decode_number(value, &"the format of the database")?;
                    look.report.format = Some(format);
                    if format > u64::from(record::FORMAT) {
                        look.report
                            .problem(format_args!("format {format} is a newer Nimesha's"));
                    }
                }
                record::PAUSED_KEY => look.report.paused = true,
                _ => look
                    .report
                    .problem(format_args!("meta has an unknown row {name:?}")),
            }
            Ok(())
        })
    }

    fn jobs(&mut self) -> Result<(), StoreError> {
        self.rows(Table::Jobs, |look, key, value| {
            look.known.insert(record::job_of_key(key)?);
            let job = record::decode_job(key, value, Zone::UTC)?;
            look.jobs.insert(job.id, job);
            Ok(())
        })?;
        if self.report.format.is_none() && !self.known.is_empty() {
            self.report
                .problem("the database has jobs, and does not say its format");
        }
        Ok(())
    }

    fn states(&mut self) -> Result<(), StoreError> {
        let mut cursors = HashMap::new();
        self.rows(Table::States, |look, key, value| {
            let id = record::job_of_key(key)?;
            if !look.known.contains(&id) {
                look.report
                    .problem(format_args!("job {id} has a state and no definition"));
            }
            cursors.insert(id, record::decode_state(id, value)?.cursor);
            Ok(())
        })?;
        let report = &mut self.report;
        for (id, job) in &self.jobs {
            let fresh = || JobState::of_new(job).cursor;
            let cursor = cursors.get(id).copied().unwrap_or_else(fresh);
            *match () {
                () if job.spec.disabled => &mut report.disabled,
                () if job.is_child() => &mut report.children,
                () if job.schedule.is_manual() => &mut report.manual,
                () if job.schedule.next_after(cursor).is_some() => &mut report.scheduled,
                () => &mut report.done,
            } += 1;
        }
        Ok(())
    }

    /// Parents and failure jobs are there, and none leads back to where it came from.
    fn links(&mut self) {
        let mut triggers: HashMap<JobId, Vec<JobId>> = HashMap::new();
        for job in self.jobs.values() {
            for parent in &job.spec.parents {
                triggers.entry(*parent).or_default().push(job.id);
            }
            if let Some(failure) = job.spec.on_failure_job {
                triggers.entry(job.id).or_default().push(failure);
            }
            let named = job.spec.parents.iter().chain(&job.spec.on_failure_job);
            for id in named.filter(|id| !self.known.contains(id)) {
                let why = format_args!("job {} names job {id}, which is not there", job.id);
                self.report.problem(why);
            }
            if job.linked.len() != job.spec.parents.len() {
                let why = format_args!("job {} does not say when its parents were linked", job.id);
                self.report.problem(why);
            }
        }
        let of = |id: JobId| triggers.get(&id).cloned().unwrap_or_default();
        let cycle = triggers.keys().find_map(|id| find_cycle(*id, &[], of));
        if let Some(cycle) = cycle {
            let way: Vec<String> = cycle.iter().map(JobId::to_string).collect();
            self.report.problem(format_args!(
                "jobs trigger each other for ever: {}",
                way.join(", ")
            ));
        }
    }

    /// A row belongs to a job that is there.
    fn owned(&mut self, job: JobId, what: &str) {
        if !self.known.contains(&job) {
            self.report.problem(format_args!(
                "{what} belongs to job {job}, which is not there"
            ));
        }
    }

    fn claims(&mut self) -> Result<(), StoreError> {
        self.rows(Table::Claims, |look, key, value| {
            let run = record::decode_run(key, value)?;
            look.owned(run.job, "an open run");
            if record::run_key(&run) != key {
                let why = format_args!("run {} stands under the key of another", run.id);
                look.report.problem(why);
            }
            look.report.open_runs += 1;
            Ok(())
        })
    }

    fn history(&mut self) -> Result<(), StoreError> {
        let mut last = None;
        self.rows(Table::History, |look, key, value| {
            let job = record::job_of_key(key)?;
            if last != Some(job) {
                look.owned(job, "a history");
                last = Some(job);
            }
            let entry = record::decode_entry(key, value)?;
            if record::entry_key(job, entry.id().number()) != key {
                let why = format_args!(
                    "run {} of job {job} stands under the key of another",
                    entry.id()
                );
                look.report.problem(why);
            }
            match &entry {
                HistoryEntry::Run(_) => {
                    look.report.runs += 1;
                    look.report.last_end = look.report.last_end.max(Some(ended_at(&entry)));
                }
                HistoryEntry::Gap(_) => look.report.gaps += 1,
            }
            Ok(())
        })
    }

    fn output_sizes(&mut self) -> Result<(), StoreError> {
        self.rows(Table::OutputSizes, |look, key, value| {
            let (run, job) = record::split_size_key(key)?;
            let size = record::decode_number(value, &"the size of an output")?;
            look.sizes
                .insert(record::entry_key(job, run.number()), (run, size));
            Ok(())
        })
    }

    fn outputs(&mut self) -> Result<(), StoreError> {
        self.rows(Table::Outputs, |look, key, value| {
            let job = record::job_of_key(key)?;
            let text =
                record::decode_output(value.to_vec(), &format_args!("an output of job {job}"))?;
            let bytes = text.len() as u64;
            look.report.outputs.0 += 1;
            look.report.outputs.1 += bytes;
            match look.sizes.remove(key) {
                Some((_, size)) if size == bytes => {}
                Some((run, size)) => look.report.problem(format_args!(
                    "the output of run {run} of job {job} has {bytes} bytes instead of {size}"
                )),
                None => look
                    .report
                    .problem(format_args!("an output of job {job} has no size")),
            }
            Ok(())
        })?;
        for (run, _) in std::mem::take(&mut self.sizes).into_values() {
            self.report
                .problem(format_args!("the output of run {run} is not there"));
        }
        Ok(())
    }

    fn chains(&mut self) -> Result<(), StoreError> {
        self.rows(Table::Chains, |look, key, value| {
            record::decode_chain(key, value)?;
            look.report.chains += 1;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
