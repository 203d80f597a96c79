//! The jobs as the core knows them, and who depends on whom.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::doing::Doings;

use crate::clock::Timestamp;
use crate::job::index::{JobIndex, Map};
use crate::job::run::Figures;
use crate::job::state::{JobState, JobStateRest};
use crate::job::{Job, JobId};
use crate::registry::Live;
use crate::schedule::Passed;
use crate::scheduler::wheel::Key;

/// A job's place in the table; free again when the job is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct JobIx(u32);

/// A job with all that the core keeps of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) job: Arc<Job>,
    /// Every occurrence up to here came due, or passed.
    pub(super) cursor: Timestamp,
    /// The next occurrence while it stands in the wheel of cursors.
    pub(super) next: Option<Timestamp>,
    /// Its timer there.
    pub(super) timer: Option<Key>,
    pub(super) figures: Arc<Figures>,
    pub(super) next_number: u64,
    pub(super) rest: Option<Box<JobStateRest>>,
    pub(super) doing: Doings,
}

impl Entry {
    pub(super) fn new(job: Arc<Job>, state: JobState, figures: Arc<Figures>) -> Entry {
        Entry {
            job,
            cursor: state.cursor,
            next: None,
            timer: None,
            figures,
            next_number: state.next_number,
            rest: state.rest,
            doing: Doings::default(),
        }
    }

    /// What must outlive the process. A change that is on its way to the store is before it there, and counts.
    pub(super) fn state(&self) -> Box<JobState> {
        let mut state = JobState {
            cursor: self.doing.next_cursor.unwrap_or(self.cursor),
            figures: *self.figures,
            next_number: self.next_number,
            rest: self.rest.clone(),
        };
        if let (Some(rest), Some(_)) = (&mut state.rest, self.doing.next_cursor) {
            rest.forget_claimed();
        }
        Box::new(state)
    }

    /// The rarely used part of the state, made when first needed.
    pub(super) fn rest_mut(&mut self) -> &mut JobStateRest {
        self.rest.get_or_insert_default()
    }

    /// The number of a new history entry.
    pub(super) fn take_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }

    /// Counters, to be changed.
    pub(super) fn figures_mut(&mut self) -> &mut Figures {
        Arc::make_mut(&mut self.figures)
    }

    /// The stretches of time whose occurrences were claimed, but for the one that ends at the cursor. They lie ahead of it
    /// only after the clock was stepped back.
    fn claimed(&self) -> &[(Timestamp, Timestamp)] {
        let rest = self.rest.as_deref();
        rest.map_or(&[], |rest| &rest.claimed)
    }

    /// The first occurrence after the cursor that is not done already.
    pub(super) fn occurrence_after_cursor(&self) -> Option<Timestamp> {
        let mut next = self.job.schedule.next_after(self.cursor)?;
        for &(from, to) in self.claimed() {
            if next >= from && next < to {
                next = self.job.schedule.next_after(just_before(to))?;
            }
        }
        Some(next)
    }

    /// The occurrences after the cursor and not after `until` that are not done already.
    pub(super) fn passed_until(&self, until: Timestamp) -> Option<Passed> {
        let done = self.claimed().iter();
        let done = done.map(|&(from, to)| (just_before(from), just_before(to)));
        let mut after = self.cursor;
        let mut passed: Option<Passed> = None;
        for (last, done_to) in done.chain([(until, until)]) {
            let last = last.min(until);
            if last > after
                && let Some(more) = self.job.schedule.passed(after, last)
            {
                passed = Some(Passed {
                    first: passed.map_or(more.first, |passed| passed.first),
                    count: passed.map_or(0, |passed| passed.count) + more.count,
                    ..more
                });
            }
            after = after.max(done_to);
        }
        passed
    }

    /// Whether its occurrences become runs.
    pub(super) fn is_scheduled(&self) -> bool {
        !self.job.spec.disabled && !self.job.is_child() && !self.job.schedule.is_manual()
    }
}

/// The last instant before this one.
pub(super) fn just_before(t: Timestamp) -> Timestamp {
    t.minus(Duration::from_nanos(1))
}

/// The first instant after this one.
pub(super) fn just_after(t: Timestamp) -> Timestamp {
    t.plus(Duration::from_nanos(1))
}

/// All jobs, by place and by id, with the links between them.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    slots: Vec<Option<Entry>>,
    free: Vec<JobIx>,
    index: JobIndex,
    /// Children of a job in the order in which they were added.
    children: Map<JobId, Arc<[JobId]>>,
    /// Jobs that name this one as their failure job.
    relying: Map<JobId, BTreeSet<JobId>>,
    /// Names to places, made when a command first asks for a unique name.
    names: Option<Map<Box<str>, BTreeSet<JobId>>>,
    no_figures: Arc<Figures>,
}

impl std::ops::Index<JobIx> for Jobs {
    type Output = Entry;

    fn index(&self, ix: JobIx) -> &Entry {
        self.slots[ix.0 as usize]
            .as_ref()
            .expect("a place is used only while its job is there")
    }
}

impl std::ops::IndexMut<JobIx> for Jobs {
    fn index_mut(&mut self, ix: JobIx) -> &mut Entry {
        self.slots[ix.0 as usize]
            .as_mut()
            .expect("a place is used only while its job is there")
    }
}

impl Jobs {
    pub(super) fn reserve(&mut self, jobs: usize) {
        self.slots.reserve(jobs);
        self.index.reserve(jobs, id_in(&self.slots));
    }

    pub(super) fn ix(&self, id: JobId) -> Option<JobIx> {
        self.index.find(id, id_in(&self.slots)).map(JobIx)
    }

    pub(super) fn get(&self, id: JobId) -> Option<&Entry> {
        self.ix(id).map(|ix| &self[ix])
    }

    /// Every job's place, in an order that is the same in every run.
    pub(super) fn places(&self) -> Vec<JobIx> {
        (0..self.slots.len() as u32)
            .map(JobIx)
            .filter(|ix| self.slots[ix.0 as usize].is_some())
            .collect()
    }

    pub(super) fn insert(&mut self, job: Arc<Job>, state: JobState) -> JobIx {
        // Most jobs of a large table have never run: they share one set of zeros.
        let none = state.figures == Figures::default();
        let figures = if none {
            self.no_figures.clone()
        } else {
            Arc::new(state.figures)
        };
        self.link(&job);
        let (id, entry) = (job.id, Entry::new(job, state, figures));
        let ix = self.free.pop().unwrap_or(JobIx(self.slots.len() as u32));
        if ix.0 as usize == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[ix.0 as usize] = Some(entry);
        self.index.insert(id, ix.0, id_in(&self.slots));
        ix
    }

    pub(super) fn remove(&mut self, id: JobId) -> Option<Entry> {
        let ix = self.index.remove(id, id_in(&self.slots)).map(JobIx)?;
        let entry = self.slots[ix.0 as usize].take()?;
        self.free.push(ix);
        self.unlink(&entry.job);
        self.children.remove(&id);
        self.relying.remove(&id);
        Some(entry)
    }

    /// Puts a changed definition in the place of the old one.
    pub(super) fn replace(&mut self, ix: JobIx, job: Arc<Job>) {
        let old = self[ix].job.clone();
        self.unlink(&old);
        self.link(&job);
        self[ix].job = job;
    }

    /// Children in the order in which they were added.
    pub(super) fn children(&self, id: JobId) -> &[JobId] {
        self.children.get(&id).map_or(&[], |children| children)
    }

    /// Jobs that name this one as their failure job.
    pub(super) fn relying(&self, id: JobId) -> Vec<JobId> {
        self.relying
            .get(&id)
            .map(|jobs| jobs.iter().copied().collect())
            .unwrap_or_default()
    }

    /// A job of that name, the oldest id first.
    pub(super) fn named(&mut self, name: &str) -> Option<JobId> {
        if self.names.is_none() {
            let mut names: Map<Box<str>, BTreeSet<JobId>> = Map::default();
            for entry in self.slots.iter().flatten() {
                names
                    .entry(entry.job.spec.name().into())
                    .or_default()
                    .insert(entry.job.id);
            }
            self.names = Some(names);
        }
        self.names.as_ref()?.get(name)?.first().copied()
    }

    /// What readers see of a job beside its definition.
    pub(super) fn live(&self, ix: JobIx, upcoming: Option<Timestamp>) -> Live {
        let entry = &self[ix];
        let left = upcoming.or(entry.next);
        let idle = entry.doing.active == 0 && entry.doing.waiting.is_none();
        let never_done = entry.job.is_child() || entry.job.schedule.is_manual();
        Live {
            next_run_at: left,
            figures: (!Arc::ptr_eq(&entry.figures, &self.no_figures))
                .then(|| entry.figures.clone()),
            children: self.children.get(&entry.job.id).cloned(),
            running: entry.doing.active,
            is_done: idle
                && !never_done
                && left.is_none()
                && entry.occurrence_after_cursor().is_none(),
        }
    }

    fn link(&mut self, job: &Arc<Job>) {
        for (&parent, &at) in job.spec.parents.iter().zip(&job.linked) {
            let mut children = self.children(parent).to_vec();
            let place = children.partition_point(|&child| self.linked_at(child, parent) <= at);
            children.insert(place, job.id);
            self.children.insert(parent, children.into());
        }
        if let Some(failure) = job.spec.on_failure_job {
            self.relying.entry(failure).or_default().insert(job.id);
        }
        if let Some(names) = &mut self.names {
            names
                .entry(job.spec.name().into())
                .or_default()
                .insert(job.id);
        }
    }

    fn unlink(&mut self, job: &Arc<Job>) {
        for &parent in &job.spec.parents {
            let children: Vec<JobId> = self
                .children(parent)
                .iter()
                .copied()
                .filter(|&id| id != job.id)
                .collect();
            if children.is_empty() {
                self.children.remove(&parent);
            } else {
                self.children.insert(parent, children.into());
            }
        }
        if let Some(jobs) = job
            .spec
            .on_failure_job
            .and_then(|failure| self.relying.get_mut(&failure))
        {
            jobs.remove(&job.id);
        }
        if let Some(jobs) = self
            .names
            .as_mut()
            .and_then(|names| names.get_mut(job.spec.name()))
        {
            jobs.remove(&job.id);
        }
    }

    fn linked_at(&self, child: JobId, parent: JobId) -> u64 {
        let job = self.get(child).map(|entry| &entry.job);
        let link = job.and_then(|job| {
            job.spec
                .parents
                .iter()
                .position(|&id| id == parent)
                .map(|n| job.linked[n])
        });
        link.unwrap_or(0)
    }
}

fn id_in(slots: &[Option<Entry>]) -> impl Fn(u32) -> JobId {
    |place| {
        let entry = slots[place as usize].as_ref();
        entry.expect("a place in the index is taken").job.id
    }
}
