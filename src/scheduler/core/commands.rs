//! What users ask for: checked against other jobs, proposed to the store, and true once it is durable.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::commit::{Meaning, Urgency};
use super::jobs::JobIx;
use super::runs::Phase;
use super::{Core, ReplyTo};
use crate::clock::Timestamp;
use crate::config;
use crate::job::run::{RunId, Trigger};
use crate::job::state::JobState;
use crate::job::{Job, JobId, graph};
use crate::registry::Live;
use crate::schedule::Schedule;
use crate::scheduler::command::{Answer, Command, NewJob, Refusal};
use crate::store::change::Change;

/// Whether occurrences that passed while a job could not run are caught up when it can again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// The latest of them runs, if the job wants that.
    CaughtUp,
    /// All of them are missed: an update never starts a run.
    Missed,
}

/// What a command does once it is durable.
#[derive(Debug)]
pub(super) enum CommandEffect {
    /// A job is there.
    Create { job: Arc<Job>, state: JobState },
    /// A job's definition is another, and its cursor, if that moves.
    Change {
        ix: JobIx,
        job: Arc<Job>,
        cursor: Option<Timestamp>,
        withdrawn: Option<RunId>,
        passed: Passed,
    },
    /// Jobs are gone, and others changed by that.
    Delete {
        ids: Vec<JobId>,
        changed: Vec<(JobIx, Arc<Job>)>,
    },
    /// Scheduling is paused, or goes on.
    Pause { paused: bool, withdrawn: Vec<RunId> },
    /// Past occurrences are in line.
    Backfill { ix: JobIx, runs: Vec<RunId> },
}

impl Core {
    /// Takes in a command: proposes what it comes to, refuses it, or lets it wait for commands before it.
    pub(super) fn command(&mut self, from: ReplyTo, command: Command) {
        if self.stopping {
            return self.refuse(from, Refusal::Stopping);
        }
        if self.must_wait(&command) {
            return self.blocked.push_back((from, command));
        }
        let done = match command {
            Command::Create { job, unique_name } => self.create(from, *job, unique_name),
            Command::Update {
                job,
                expected_version,
            } => self.update(from, *job, expected_version),
            Command::Delete(id) => self.delete(from, id),
            Command::DeleteAll => self.delete_all(from),
            Command::Start { id, wait } => self.start(from, id, wait),
            Command::Enable(id) => self.set_disabled(from, id, false),
            Command::Disable(id) => self.set_disabled(from, id, true),
            Command::Cancel { job, run } => self.cancel_for(from, job, run),
            Command::Pause => self.set_paused(from, true),
            Command::Resume => self.set_paused(from, false),
            Command::Ping => self.ping(from),
            Command::Backfill {
                id,
                from: begin,
                to,
                limit,
            } => self.backfill(from, id, begin, to, limit),
        };
        if let Err(refusal) = done {
            self.refuse(from, refusal);
        }
    }

    pub(super) fn refuse(&mut self, to: ReplyTo, refusal: Refusal) {
        self.fx.replies.push((to, Err(refusal)));
    }

    /// Whether a command before this one, not durable yet, concerns it.
    fn must_wait(&self, command: &Command) -> bool {
        let changing = |id: &JobId| self.jobs.get(*id).is_some_and(|entry| entry.changing);
        let held = |id: &JobId| {
            self.jobs
                .get(*id)
                .is_some_and(|entry| entry.changing || entry.relied_on > 0)
        };
        let named = |job: &NewJob| {
            job.spec
                .parents
                .iter()
                .chain(&job.spec.on_failure_job)
                .any(changing)
                || (self.guards.graph > 0
                    && (!job.spec.parents.is_empty() || job.spec.on_failure_job.is_some()))
        };
        self.guards.all
            || match command {
                Command::Create { job, unique_name } => {
                    named(job) || (*unique_name && self.guards.names.contains(&job.spec.name))
                }
                Command::Update { job, .. } => changing(&job.id) || named(job),
                Command::Delete(id) => {
                    let (gone, others) = self.cascade([*id].into());
                    gone.iter().chain(&others).any(held)
                }
                Command::DeleteAll => self.guards.commands > 0,
                Command::Start { id, .. }
                | Command::Enable(id)
                | Command::Disable(id)
                | Command::Backfill { id, .. }
                | Command::Cancel { job: id, .. } => changing(id),
                Command::Pause | Command::Resume => self.guards.pause,
                Command::Ping => false,
            }
    }

    fn find(&self, id: JobId) -> Result<JobIx, Refusal> {
        self.jobs.ix(id).ok_or(Refusal::UnknownJob(id))
    }

    fn propose_command(
        &mut self,
        changes: Vec<Change>,
        effect: CommandEffect,
        replies: Vec<(ReplyTo, Answer)>,
    ) {
        self.guards.commands += 1;
        let meaning = Meaning {
            command: Some(Box::new(effect)),
            replies,
            ..Meaning::default()
        };
        self.propose(changes, meaning, Urgency::Now);
    }

    fn check_links(&self, new: &NewJob) -> Result<(), Refusal> {
        if let Some(&parent) = new
            .spec
            .parents
            .iter()
            .find(|id| self.jobs.ix(**id).is_none() && **id != new.id)
        {
            return Err(Refusal::UnknownParent(parent));
        }
        if let Some(id) = new
            .spec
            .on_failure_job
            .filter(|id| self.jobs.ix(*id).is_none() && *id != new.id)
        {
            return Err(Refusal::UnknownFailureJob(id));
        }
        let triggers = |id: JobId| {
            let failure = match id == new.id {
                true => new.spec.on_failure_job,
                false => self
                    .jobs
                    .get(id)
                    .and_then(|entry| entry.job.spec.on_failure_job),
            };
            self.jobs
                .children(id)
                .iter()
                .copied()
                .chain(failure)
                .collect()
        };
        graph::find_cycle(new.id, &new.spec.parents, triggers)
            .map_or(Ok(()), |way| Err(Refusal::Cycle(way)))
    }

    fn create(&mut self, from: ReplyTo, new: NewJob, unique_name: bool) -> Result<(), Refusal> {
        if self.jobs.ix(new.id).is_some() {
            return Err(Refusal::IdTaken(new.id));
        }
        if unique_name && let Some(id) = self.jobs.named(&new.spec.name) {
            return Err(Refusal::NameTaken(id));
        }
        self.check_links(&new)?;
        let now = self.now.wall;
        let seq = self.next_seq;
        self.next_seq += 1;
        let job = Arc::new(Job {
            id: new.id,
            seq,
            version: 1,
            created_at: now,
            updated_at: now,
            linked: vec![seq; new.spec.parents.len()].into(),
            anchor: new.anchor,
            spec: new.spec,
            schedule: new.schedule,
        });
        self.guard_links(&job, 1);
        self.guards.names.push(job.spec.name.clone());
        let state = JobState::new(first_cursor(&job.schedule, job.anchor));
        let changes = vec![
            Change::PutJob(job.clone()),
            Change::PutState(job.id, Box::new(state.clone())),
        ];
        let id = job.id;
        self.propose_command(
            changes,
            CommandEffect::Create { job, state },
            vec![(from, Answer::Created(id))],
        );
        Ok(())
    }

    /// While a command is not durable, the jobs that it links to stay, and no other link is made that could close a cycle
    /// with it.
    pub(super) fn guard_links(&mut self, job: &Job, by: i32) {
        for id in job.spec.parents.iter().chain(&job.spec.on_failure_job) {
            if let Some(ix) = self.jobs.ix(*id) {
                let entry = &mut self.jobs[ix];
                entry.relied_on = entry.relied_on.saturating_add_signed(by);
            }
        }
        // A new job closes no cycle unless others lead to it and it leads to others.
        if job.version > 1 || (job.is_child() && job.spec.on_failure_job.is_some()) {
            self.guards.graph = self.guards.graph.saturating_add_signed(by);
        }
    }

    fn update(
        &mut self,
        from: ReplyTo,
        new: NewJob,
        expected_version: Option<u64>,
    ) -> Result<(), Refusal> {
        let ix = self.find(new.id)?;
        let old = self.jobs[ix].job.clone();
        if expected_version.is_some_and(|version| version != old.version) {
            return Err(Refusal::VersionChanged(old.version));
        }
        self.check_links(&new)?;
        let same_schedule = old.spec.schedule == new.spec.schedule
            && old.spec.timezone == new.spec.timezone
            && old.is_child() != new.spec.parents.is_empty();
        let mut job = Job {
            version: old.version + 1,
            updated_at: self.now.wall,
            ..(*old).clone()
        };
        job.linked = self.link_times(&old, &new.spec.parents);
        job.spec = new.spec;
        if !same_schedule {
            job.schedule = new.schedule;
            job.anchor = new.anchor;
        }
        // A schedule that starts anew begins after this moment: an update never starts a run.
        let cursor =
            (!same_schedule).then(|| first_cursor(&job.schedule, job.anchor).max(self.now.wall));
        let job = Arc::new(job);
        self.guard_links(&job, 1);
        self.guards.names.push(job.spec.name.clone());
        self.change(from, ix, job, cursor, Passed::Missed);
        Ok(())
    }

    /// When each parent was linked: known ones keep their time, new ones come last.
    fn link_times(&mut self, old: &Job, parents: &[JobId]) -> Box<[u64]> {
        let known = |id: &JobId| {
            old.spec
                .parents
                .iter()
                .position(|known| known == id)
                .map(|n| old.linked[n])
        };
        let times = parents
            .iter()
            .map(|id| known(id).unwrap_or(self.next_seq))
            .collect();
        self.next_seq += 1;
        times
    }

    fn set_disabled(&mut self, from: ReplyTo, id: JobId, disabled: bool) -> Result<(), Refusal> {
        let ix = self.find(id)?;
        let old = &self.jobs[ix].job;
        if old.spec.disabled == disabled {
            self.fx.replies.push((from, Ok(Answer::Done)));
            return Ok(());
        }
        let mut job = Job {
            version: old.version + 1,
            updated_at: self.now.wall,
            ..(**old).clone()
        };
        job.spec.disabled = disabled;
        let job = Arc::new(job);
        self.guard_links(&job, 1);
        self.guards.names.push(job.spec.name.clone());
        self.change(from, ix, job, None, Passed::CaughtUp);
        Ok(())
    }

    /// Proposes a changed definition. The occurrence that is claimed ahead of its instant is withdrawn with it.
    fn change(
        &mut self,
        reply: ReplyTo,
        ix: JobIx,
        job: Arc<Job>,
        cursor: Option<Timestamp>,
        passed: Passed,
    ) {
        let mut changes = vec![Change::PutJob(job.clone())];
        let withdrawn = self.withdraw_upcoming(ix, &mut changes);
        self.put_state(ix, &mut changes);
        if let Some(Change::PutState(_, state)) = changes.last_mut() {
            state.cursor = cursor.unwrap_or(self.jobs[ix].cursor);
            if let Some(rest) = &mut state.rest {
                rest.parents_done.retain(|id| job.spec.parents.contains(id));
            }
        }
        self.jobs[ix].changing = true;
        // The answer's live part is filled in when the change is true.
        let answer = Answer::Job(job.clone(), Live::default());
        self.propose_command(
            changes,
            CommandEffect::Change {
                ix,
                job,
                cursor,
                withdrawn,
                passed,
            },
            vec![(reply, answer)],
        );
    }

    /// Takes back the occurrence of a job that has not come yet: it stands still until that is durable.
    pub(super) fn withdraw_upcoming(
        &mut self,
        ix: JobIx,
        changes: &mut Vec<Change>,
    ) -> Option<RunId> {
        let id = self.jobs[ix].upcoming?;
        let run = self.runs.get_mut(&id)?;
        run.withdrawing = true;
        self.line.remove(&run.place());
        if run.recorded {
            changes.push(Change::RemoveRun(run.open.clone()));
        }
        Some(id)
    }

    /// The jobs that go when `gone` go, and those that stay but name one of them.
    fn cascade(&self, gone: BTreeSet<JobId>) -> (BTreeSet<JobId>, BTreeSet<JobId>) {
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

    fn delete(&mut self, from: ReplyTo, id: JobId) -> Result<(), Refusal> {
        self.find(id)?;
        let (gone, others) = self.cascade([id].into());
        self.delete_set(from, gone, &others);
        Ok(())
    }

    fn delete_all(&mut self, from: ReplyTo) -> Result<(), Refusal> {
        let gone = self
            .jobs
            .places()
            .into_iter()
            .map(|ix| self.jobs[ix].job.id)
            .collect();
        self.guards.all = true;
        self.delete_set(from, gone, &BTreeSet::new());
        Ok(())
    }

    fn delete_set(&mut self, from: ReplyTo, gone: BTreeSet<JobId>, others: &BTreeSet<JobId>) {
        let mut changes = Vec::new();
        let mut changed = Vec::new();
        for &id in others {
            let Some(ix) = self.jobs.ix(id) else { continue };
            let job = without(&self.jobs[ix].job, &gone, self.now.wall);
            changes.push(Change::PutJob(job.clone()));
            self.put_state(ix, &mut changes);
            if let Some(Change::PutState(_, state)) = changes.last_mut()
                && let Some(rest) = &mut state.rest
            {
                rest.parents_done.retain(|id| !gone.contains(id));
            }
            self.jobs[ix].changing = true;
            changed.push((ix, job));
        }
        let ids: Vec<JobId> = gone.into_iter().collect();
        for &id in &ids {
            changes.push(Change::DeleteJob(id));
            if let Some(ix) = self.jobs.ix(id) {
                self.disarm(ix);
                self.jobs[ix].changing = true;
                self.jobs[ix].deleting = true;
            }
        }
        self.propose_command(
            changes,
            CommandEffect::Delete { ids, changed },
            vec![(from, Answer::Done)],
        );
    }

    fn start(&mut self, from: ReplyTo, id: JobId, wait: bool) -> Result<(), Refusal> {
        let ix = self.find(id)?;
        if self.jobs[ix].job.spec.disabled {
            return Err(Refusal::Disabled(id));
        }
        if self.commits.is_away() {
            return Err(Refusal::Store("it did not take the last writes".to_owned()));
        }
        let run = self.new_run(ix, Trigger::Manual, None, Phase::InLine);
        let mut replies = Vec::new();
        if wait {
            self.waiters.insert(run, vec![from]);
        } else {
            replies.push((from, Answer::Started(run)));
        }
        if let Some(run) = self.runs.get_mut(&run) {
            run.waited = wait;
        }
        self.count_active(run);
        self.claim_run_with(run, replies);
        self.touch(ix);
        Ok(())
    }

    fn ping(&mut self, from: ReplyTo) -> Result<(), Refusal> {
        self.fx.replies.push((from, Ok(Answer::Done)));
        Ok(())
    }

    fn cancel_for(&mut self, from: ReplyTo, job: JobId, run: RunId) -> Result<(), Refusal> {
        self.find(job)?;
        if !self.cancel(job, run) {
            return Err(Refusal::UnknownRun(run));
        }
        self.fx.replies.push((from, Ok(Answer::Done)));
        Ok(())
    }

    fn set_paused(&mut self, from: ReplyTo, paused: bool) -> Result<(), Refusal> {
        let mut changes = vec![Change::PutPaused(paused)];
        let upcoming: Vec<JobIx> = match paused {
            true => self
                .jobs
                .places()
                .into_iter()
                .filter(|ix| self.jobs[*ix].upcoming.is_some())
                .collect(),
            false => Vec::new(),
        };
        let mut withdrawn = Vec::new();
        for ix in upcoming {
            withdrawn.extend(self.withdraw_upcoming(ix, &mut changes));
            self.put_state(ix, &mut changes);
            if let Some(Change::PutState(_, state)) = changes.last_mut() {
                state.cursor = self.jobs[ix].cursor;
            }
        }
        self.guards.pause = true;
        self.propose_command(
            changes,
            CommandEffect::Pause { paused, withdrawn },
            vec![(from, Answer::Done)],
        );
        Ok(())
    }

    fn backfill(
        &mut self,
        from: ReplyTo,
        id: JobId,
        begin: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<(), Refusal> {
        let ix = self.find(id)?;
        let job = self.jobs[ix].job.clone();
        let limit = limit.min(config::BACKFILL_MAX) as usize;
        let next = |at: &Timestamp| job.schedule.next_after(*at);
        let first = next(&begin.minus(Duration::from_nanos(1))).filter(|_| !job.is_child());
        let until = to.min(self.now.wall);
        let occurrences = std::iter::successors(first, next)
            .take_while(|at| *at <= until)
            .take(limit);
        let occurrences: Vec<Timestamp> = occurrences.collect();
        if occurrences.is_empty() {
            return Err(Refusal::NothingToBackfill);
        }
        let mut changes = Vec::new();
        let mut runs = Vec::new();
        for at in occurrences {
            let run = self.new_run(ix, Trigger::Backfill, Some(at), Phase::Waiting);
            if let Some(run) = self.runs.get_mut(&run) {
                run.recorded = true;
                changes.push(Change::InsertRun(run.open.clone()));
            }
            runs.push(run);
        }
        let answer = Answer::Backfilled(runs.len() as u32);
        self.propose_command(
            changes,
            CommandEffect::Backfill { ix, runs },
            vec![(from, answer)],
        );
        Ok(())
    }
}

/// What stands in the way of commands while others are not durable yet.
#[derive(Debug, Default)]
pub(super) struct Guards {
    /// Commands in flight.
    pub(super) commands: u32,
    /// Those that may make links between jobs.
    graph: u32,
    /// Every job is being deleted.
    pub(super) all: bool,
    /// Pause or resume is in flight.
    pub(super) pause: bool,
    /// Names that jobs are about to have.
    pub(super) names: Vec<Box<str>>,
}

/// The cursor of a job whose schedule begins: before its start, or at the anchor where the start lies in the past.
fn first_cursor(schedule: &Schedule, anchor: Timestamp) -> Timestamp {
    match schedule.start() {
        Some(start) if start >= anchor => start.minus(Duration::from_nanos(1)),
        _ => anchor,
    }
}

/// The job without its links to those that go.
fn without(job: &Job, gone: &BTreeSet<JobId>, now: Timestamp) -> Arc<Job> {
    let mut job = Job {
        version: job.version + 1,
        updated_at: now,
        ..job.clone()
    };
    let kept = job
        .spec
        .parents
        .iter()
        .map(|id| !gone.contains(id))
        .collect::<Vec<_>>();
    let linked = job
        .linked
        .iter()
        .zip(&kept)
        .filter(|(_, kept)| **kept)
        .map(|(at, _)| *at);
    job.linked = linked.collect();
    job.spec.parents.retain(|id| !gone.contains(id));
    job.spec.on_failure_job = job.spec.on_failure_job.filter(|id| !gone.contains(id));
    Arc::new(job)
}
