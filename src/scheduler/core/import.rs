//! Taking over jobs as another server had them, with what became of them there: all of a request, or nothing.
//!
//! They go on as if this server had been down since they were last seen: what passed meanwhile is caught up or missed by
//! the usual rules. Until it is durable no other command comes between, and jobs that are replaced stand still.

use std::sync::Arc;

use super::commands::CommandEffect;
use super::jobs::JobIx;
use super::{Core, ReplyTo};
use crate::job::index::Map;
use crate::job::state::JobState;
use crate::job::{Job, JobId, graph};
use crate::scheduler::command::{Answer, Existing, Import, Imported, ImportedJob, Refusal};
use crate::store::change::Change;

/// A job on its way in.
#[derive(Debug)]
pub(super) struct Incoming {
    job: Arc<Job>,
    state: JobState,
    /// It was nowhere before, and begins now.
    is_new: bool,
}

/// The jobs of a request by their ids, with those that each would trigger.
struct Wanted<'a> {
    jobs: Map<JobId, &'a ImportedJob>,
    children: Map<JobId, Vec<JobId>>,
}

impl Core {
    pub(super) fn import(&mut self, from: ReplyTo, import: Import) -> Result<(), Refusal> {
        let mut imported = Imported::default();
        let mut wanted = Vec::with_capacity(import.jobs.len());
        for job in import.jobs {
            let id = job.job.id;
            match (self.jobs.ix(id), import.existing) {
                (None, _) => imported.created.push(id),
                (Some(_), Existing::Refuse) => return Err(Refusal::IdTaken(id)),
                (Some(_), Existing::Skip) => {
                    imported.skipped.push(id);
                    continue;
                }
                (Some(ix), Existing::Replace) if self.is_busy(ix) => {
                    return Err(Refusal::InProgress(id));
                }
                (Some(_), Existing::Replace) => imported.replaced.push(id),
            }
            wanted.push(job);
        }
        self.check_imported_links(&wanted)?;
        let answer = Answer::Imported(imported);
        if import.dry_run || wanted.is_empty() {
            self.fx.replies.push((from, Ok(answer)));
            return Ok(());
        }
        let links = self.imported_links(&wanted);
        let mut changes = Vec::new();
        let mut incoming = Vec::with_capacity(wanted.len());
        for job in wanted {
            incoming.push(self.take_in(job, &links, &mut changes));
        }
        self.guards.exclusive = true;
        self.propose_command(
            changes,
            CommandEffect::Import(incoming),
            vec![(from, answer)],
        );
        Ok(())
    }

    /// Whether runs of a job are under way, beside the one that waits for its instant.
    fn is_busy(&self, ix: JobIx) -> bool {
        let entry = &self.jobs[ix];
        entry.doing.open_runs > u32::from(entry.doing.upcoming.is_some())
    }

    /// Whether all that the jobs name is there or comes with them, and none would trigger itself.
    fn check_imported_links(&self, jobs: &[ImportedJob]) -> Result<(), Refusal> {
        let mut wanted = Wanted {
            jobs: Map::default(),
            children: Map::default(),
        };
        for job in jobs {
            let id = job.job.id;
            if wanted.jobs.insert(id, job).is_some() {
                return Err(Refusal::IdTaken(id));
            }
            for parent in &job.job.spec.parents {
                wanted.children.entry(*parent).or_default().push(id);
            }
        }
        let unknown = |id: &JobId| self.jobs.ix(*id).is_none() && !wanted.jobs.contains_key(id);
        for job in jobs {
            let spec = &job.job.spec;
            if let Some(parent) = spec.parents.iter().copied().find(unknown) {
                return Err(Refusal::UnknownParent(parent));
            }
            if let Some(failure) = spec.on_failure_job.filter(unknown) {
                return Err(Refusal::UnknownFailureJob(failure));
            }
            let triggers = |id| self.would_trigger(id, &wanted);
            if let Some(way) = graph::find_cycle(job.job.id, &spec.parents, triggers) {
                return Err(Refusal::Cycle(way));
            }
        }
        Ok(())
    }

    /// What a job triggers once the wanted ones are there.
    fn would_trigger(&self, id: JobId, wanted: &Wanted<'_>) -> Vec<JobId> {
        let spec = match wanted.jobs.get(&id) {
            Some(job) => Some(&job.job.spec),
            None => self.jobs.get(id).map(|entry| &entry.job.spec),
        };
        let stay = self.jobs.children(id).iter();
        let stay = stay.filter(|child| !wanted.jobs.contains_key(child));
        let come = wanted.children.get(&id).into_iter().flatten();
        let failure = spec.and_then(|spec| spec.on_failure_job);
        stay.chain(come).copied().chain(failure).collect()
    }

    /// When each job is linked to each of its parents: in the order that the parent tells, where it does, else in that of
    /// the request.
    fn imported_links(&mut self, jobs: &[ImportedJob]) -> Map<(JobId, JobId), u64> {
        let told = jobs.iter().flat_map(|parent| {
            let children = parent.children.iter();
            children.map(|child| (*child, parent.job.id))
        });
        let rest = jobs.iter().flat_map(|child| {
            let parents = child.job.spec.parents.iter();
            parents.map(|parent| (child.job.id, *parent))
        });
        let mut links = Map::default();
        for link in told.chain(rest) {
            links.entry(link).or_insert_with(|| {
                self.next_seq += 1;
                self.next_seq - 1
            });
        }
        links
    }

    /// What a job is here, and what the store must know of it. One that is replaced stands still.
    fn take_in(
        &mut self,
        new: ImportedJob,
        links: &Map<(JobId, JobId), u64>,
        changes: &mut Vec<Change>,
    ) -> Incoming {
        let (now, id) = (self.now.wall, new.job.id);
        let spec = new.job.spec;
        let linked = spec.parents.iter().map(|parent| links[&(id, *parent)]);
        let mut job = Job {
            id,
            seq: self.next_seq,
            version: 1,
            created_at: new.created_at.unwrap_or(now),
            updated_at: now,
            linked: linked.collect(),
            anchor: new.job.anchor,
            spec,
            schedule: new.job.schedule,
        };
        let is_new = new.cursor.is_none();
        let fresh = JobState::of_new(&job);
        let mut state = JobState {
            figures: new.figures,
            next_number: new
                .history
                .iter()
                .map(|e| e.id().number() + 1)
                .max()
                .unwrap_or(1),
            ..JobState::new(new.cursor.unwrap_or(fresh.cursor))
        };
        if let Some(ix) = self.jobs.ix(id) {
            self.freeze(ix);
            let old = &mut self.jobs[ix];
            (old.doing.changing, old.doing.deleting) = (true, true);
            (job.seq, job.version) = (old.job.seq, old.job.version + 1);
            state.next_number = state.next_number.max(old.next_number);
            changes.push(Change::DeleteJob(id));
        } else {
            self.next_seq += 1;
        }
        let job = Arc::new(job);
        changes.push(Change::PutJob(job.clone()));
        if state != fresh {
            changes.push(Change::PutState(id, Box::new(state.clone())));
        }
        let history = new.history.into_iter().map(Arc::new);
        changes.extend(history.map(|entry| Change::PutHistory(id, entry, None)));
        Incoming { job, state, is_new }
    }

    pub(super) fn apply_import(&mut self, incoming: Vec<Incoming>) {
        self.guards.exclusive = false;
        for Incoming { job, state, is_new } in incoming {
            match self.jobs.ix(job.id) {
                Some(ix) => self.apply_replace(ix, &job, state),
                None => {
                    let ix = self.add_job(job, state);
                    if is_new {
                        self.begin_schedule(ix);
                    }
                }
            }
        }
    }

    fn apply_replace(&mut self, ix: JobIx, job: &Arc<Job>, state: JobState) {
        for id in self.runs_of(&[ix]) {
            self.drop_run(id);
        }
        let entry = &mut self.jobs[ix];
        (entry.doing.changing, entry.doing.deleting) = (false, false);
        entry.doing.frozen = false;
        self.totals.subtract(&entry.figures);
        self.totals.add(&state.figures);
        entry.cursor = state.cursor;
        entry.next_number = state.next_number;
        entry.figures = Arc::new(state.figures);
        entry.rest = state.rest;
        self.put_definition(ix, job);
        self.arm(ix);
    }

    /// The import has failed: jobs that were to be replaced are as they were.
    pub(super) fn undo_import(&mut self, incoming: &[Incoming]) {
        let ids: Vec<JobId> = incoming.iter().map(|one| one.job.id).collect();
        self.undo_delete(&ids, &[]);
    }
}
