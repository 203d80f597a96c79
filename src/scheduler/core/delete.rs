//! Deleting jobs: what goes with them, what stays and loses a link, and what becomes of their runs.
//!
//! Until it is durable the jobs stand still: nothing of them starts, ends or is stored, so that both a success and a
//! failure of the delete leave a whole picture.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::chain::Consequences;
use super::commands::CommandEffect;
use super::jobs::JobIx;
use super::{Core, ReplyTo, View};
use crate::clock::Timestamp;
use crate::job::run::RunId;
use crate::job::{Job, JobId};
use crate::scheduler::command::{Answer, Refusal};
use crate::store::change::Change;

impl Core {
    /// The jobs that go when `gone` go, and those that stay but name one of them.
    pub(super) fn cascade(&self, gone: BTreeSet<JobId>) -> (BTreeSet<JobId>, BTreeSet<JobId>) {
        let (mut gone, mut others) = (gone, BTreeSet::new());
        let mut open: Vec<JobId> = gone.iter().copied().collect();
        while let Some(id) = open.pop() {
            others.extend(self.jobs.relying(id));
            for &child in self.jobs.children(id) {
                let orphaned = self
                    .jobs
                    .get(child)
                    .is_some_and(|entry| entry.job.spec.parents.iter().all(|id| gone.contains(id)));
                if orphaned && gone.insert(child) {
                    open.push(child);
                } else {
                    others.insert(child);
                }
            }
        }
        others.retain(|id| !gone.contains(id));
        (gone, others)
    }

    pub(super) fn delete(
        &mut self,
        from: ReplyTo,
        id: JobId,
        expected_version: Option<u64>,
    ) -> Result<(), Refusal> {
        self.find_version(id, expected_version)?;
        let (gone, others) = self.cascade([id].into());
        self.delete_set(Some(from), gone, &others);
        Ok(())
    }

    pub(super) fn delete_all(&mut self, from: ReplyTo) -> Result<(), Refusal> {
        let places = self.jobs.places().into_iter();
        let gone = places.map(|ix| self.jobs[ix].job.id).collect();
        self.guards.exclusive = true;
        self.delete_set(Some(from), gone, &BTreeSet::new());
        Ok(())
    }

    /// Proposes the delete of `gone`, by which `others` lose a link; for whoever asked for it.
    pub(super) fn delete_set(
        &mut self,
        from: Option<ReplyTo>,
        gone: BTreeSet<JobId>,
        others: &BTreeSet<JobId>,
    ) {
        let mut changes = Vec::new();
        let mut changed = Vec::new();
        for &id in others {
            let Some(ix) = self.jobs.ix(id) else { continue };
            let job = without(&self.jobs[ix].job, &gone, self.now.wall);
            changes.push(Change::PutJob(job.clone()));
            self.jobs[ix].doing.changing = true;
            changed.push((ix, job));
        }
        let ids: Vec<JobId> = gone.into_iter().collect();
        for &id in &ids {
            changes.push(Change::DeleteJob(id));
            if let Some(ix) = self.jobs.ix(id) {
                self.freeze(ix);
                self.jobs[ix].doing.changing = true;
                self.jobs[ix].doing.deleting = true;
            }
        }
        self.propose_command(
            changes,
            CommandEffect::Delete { ids, changed },
            from.map(|from| (from, Answer::Done)).into_iter().collect(),
        );
    }

    pub(super) fn apply_delete(&mut self, ids: &[JobId], changed: Vec<(JobIx, Arc<Job>)>) {
        self.guards.exclusive = false;
        for (ix, job) in changed {
            self.jobs[ix].doing.changing = false;
            self.put_definition(ix, &job);
            self.arm(ix);
        }
        let gone: Vec<JobIx> = ids.iter().filter_map(|id| self.jobs.ix(*id)).collect();
        let mut out = Consequences::default();
        for id in self.runs_of(&gone) {
            let Some(run) = self.abandon(id) else {
                continue;
            };
            for to in self.waiters.remove(&id).unwrap_or_default() {
                self.refuse(to, Refusal::Withdrawn(id));
            }
            self.link_over(&run, None, Vec::new(), &mut out);
        }
        for ix in gone {
            self.remove_job(ix);
        }
        if !out.changes.is_empty() {
            self.propose_end(out);
        }
    }

    fn remove_job(&mut self, ix: JobIx) {
        self.touched.remove(&ix);
        self.unrecorded.remove(&ix);
        self.backfills.remove(&ix);
        self.forget_expiry(ix);
        let id = self.jobs[ix].job.id;
        if let Some(entry) = self.jobs.remove(id) {
            self.totals.jobs -= 1;
            self.totals.disabled_jobs -= u64::from(entry.job.spec.disabled);
            self.totals.subtract(&entry.figures);
            if self.totals.jobs == 0 {
                self.totals.last_attempted_run = None;
            }
            self.touch_linked(&entry.job);
            self.fx.views.push(View::NoJob(id));
        }
    }

    pub(super) fn undo_delete(&mut self, ids: &[JobId], changed: &[(JobIx, Arc<Job>)]) {
        self.guards.exclusive = false;
        for &(ix, _) in changed {
            self.jobs[ix].doing.changing = false;
        }
        let kept: Vec<JobIx> = ids.iter().filter_map(|id| self.jobs.ix(*id)).collect();
        let runs = self.runs_of(&kept);
        for &ix in &kept {
            let entry = &mut self.jobs[ix];
            (entry.doing.changing, entry.doing.deleting) = (false, false);
            self.thaw(ix);
        }
        runs.into_iter().for_each(|id| self.go_on(id));
        kept.into_iter().for_each(|ix| self.release_waiting(ix));
    }

    /// All runs of these jobs without an end, in order of their ids.
    pub(super) fn runs_of(&self, jobs: &[JobIx]) -> Vec<RunId> {
        let has_any = |ix: &JobIx| self.jobs[*ix].doing.open_runs > 0;
        if !jobs.iter().any(has_any) {
            return Vec::new();
        }
        let jobs: BTreeSet<JobIx> = jobs.iter().copied().collect();
        let runs = self.runs.values().filter(|run| jobs.contains(&run.ix));
        let mut ids: Vec<RunId> = runs.map(|run| run.open.id).collect();
        ids.sort_unstable();
        ids
    }
}

/// The job without its links to those that go.
fn without(job: &Job, gone: &BTreeSet<JobId>, now: Timestamp) -> Arc<Job> {
    let links = job.spec.parents.iter().copied().zip(&job.linked);
    let (parents, linked): (Vec<JobId>, Vec<u64>) =
        links.filter(|(parent, _)| !gone.contains(parent)).unzip();
    let mut job = Job {
        version: job.version + 1,
        updated_at: now,
        linked: linked.into(),
        ..job.clone()
    };
    job.spec.parents = parents;
    job.spec.on_failure_job = job.spec.on_failure_job.filter(|id| !gone.contains(id));
    Arc::new(job)
}
