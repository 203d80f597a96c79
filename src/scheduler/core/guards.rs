//! What stands in the way of a command: others before it that are not durable yet.
//!
//! A command is checked against the jobs as they are, and true only when the store has it. Between the two nothing may
//! happen that would have made the check fail: so the jobs that it relies on stay, and no other link is made that could
//! close a cycle with its own.

use std::sync::Arc;

use super::Core;
use crate::job::{Job, JobId, graph};
use crate::scheduler::command::{Command, NewJob, Refusal};

/// Commands that are not durable yet, as far as others must know of them.
#[derive(Debug, Default)]
pub(super) struct Guards {
    /// How many there are.
    pub(super) commands: u32,
    /// How many of them make links that could be part of a cycle.
    graph: u32,
    /// The only one concerns all jobs.
    pub(super) exclusive: bool,
    /// That one is a pause: no further occurrence is taken off the wheel until it is decided.
    pub(super) pausing: bool,
    /// Jobs that are about to be there, or to have another name.
    coming: Vec<(JobId, Box<str>)>,
}

impl Core {
    /// Whether a command before this one, not durable yet, concerns it.
    pub(super) fn must_wait(&self, command: &Command) -> bool {
        let changing = |id: &JobId| self.jobs.get(*id).is_some_and(|entry| entry.doing.changing);
        let held = |id: &JobId| {
            let entry = self.jobs.get(*id);
            entry.is_some_and(|entry| entry.doing.changing || entry.doing.relied_on > 0)
        };
        let linked = |job: &NewJob| {
            let mut links = job.spec.parents.iter().chain(&job.spec.on_failure_job);
            links.clone().any(changing) || (self.guards.graph > 0 && links.next().is_some())
        };
        if self.guards.exclusive {
            return true;
        }
        match command {
            Command::Create { job, unique_name } => {
                let mut coming = self.guards.coming.iter();
                linked(job)
                    || coming.any(|(id, name)| {
                        *id == job.id || (*unique_name && **name == *job.spec.name())
                    })
            }
            Command::Update { job, .. } => changing(&job.id) || linked(job),
            Command::Delete { id, .. } => {
                let (gone, others) = self.cascade([*id].into());
                gone.iter().chain(&others).any(held)
            }
            Command::Import(_) | Command::DeleteAll | Command::Pause | Command::Resume => {
                self.guards.commands > 0
            }
            Command::Start { id, .. }
            | Command::Enable(id)
            | Command::Disable(id)
            | Command::Backfill { id, .. }
            | Command::Cancel { job: id, .. } => changing(id),
        }
    }

    /// Holds what a new or changed definition relies on, until it is decided.
    pub(super) fn guard(&mut self, job: &Job) {
        self.guards.coming.push((job.id, job.spec.name().into()));
        self.guard_links(job, 1);
    }

    /// It is decided.
    pub(super) fn unguard(&mut self, job: &Arc<Job>) {
        let coming = &mut self.guards.coming;
        if let Some(n) = coming.iter().position(|(id, _)| *id == job.id) {
            coming.swap_remove(n);
        }
        self.guard_links(job, -1);
    }

    fn guard_links(&mut self, job: &Job, by: i32) {
        for id in job.spec.parents.iter().chain(&job.spec.on_failure_job) {
            if let Some(ix) = self.jobs.ix(*id) {
                let entry = &mut self.jobs[ix];
                entry.doing.relied_on = entry.doing.relied_on.saturating_add_signed(by);
            }
        }
        // Nothing leads away from a new job without a failure job, and nothing to one without parents.
        let (leads_to, leads_away) = (job.is_child(), job.spec.on_failure_job.is_some());
        if (leads_to && leads_away) || (job.version > 1 && (leads_to || leads_away)) {
            self.guards.graph = self.guards.graph.saturating_add_signed(by);
        }
    }

    /// Whether all that a definition names is there, and no job would trigger itself by it.
    pub(super) fn check_links(&self, new: &NewJob) -> Result<(), Refusal> {
        let unknown = |id: &JobId| self.jobs.ix(*id).is_none() && *id != new.id;
        if let Some(parent) = new.spec.parents.iter().copied().find(unknown) {
            return Err(Refusal::UnknownParent(parent));
        }
        if let Some(id) = new.spec.on_failure_job.filter(unknown) {
            return Err(Refusal::UnknownFailureJob(id));
        }
        let triggers = |id: JobId| {
            let failure = if id == new.id {
                new.spec.on_failure_job
            } else {
                let entry = self.jobs.get(id);
                entry.and_then(|entry| entry.job.spec.on_failure_job)
            };
            // What leads to this job is what the new definition says, not the old one.
            let children = self.jobs.children(id).iter().copied();
            children
                .filter(|child| *child != new.id)
                .chain(failure)
                .collect()
        };
        graph::find_cycle(new.id, &new.spec.parents, triggers)
            .map_or(Ok(()), |way| Err(Refusal::Cycle(way)))
    }
}
