//! What users ask for: checked against other jobs, proposed to the store, and true once it is durable.

use std::sync::Arc;

use super::commit::{Meaning, Urgency};
use super::import::Incoming;
use super::jobs::{JobIx, just_before};
use super::runs::Phase;
use super::{Core, ReplyTo};
use crate::clock::Timestamp;
use crate::config;
use crate::job::run::{RunId, Trigger};
use crate::job::state::JobState;
use crate::job::{Job, JobId};
use crate::registry::Live;
use crate::scheduler::command::{Answer, Command, NewJob, Refusal};
use crate::store::change::Change;

/// What becomes of occurrences that passed while a job was disabled, when it is no more.
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
    /// A job's definition is another; its new cursor, if that moves, waits in its entry.
    Change {
        ix: JobIx,
        job: Arc<Job>,
        withdrawn: Option<RunId>,
        passed: Passed,
    },
    /// Jobs are gone, and others changed by that.
    Delete {
        ids: Vec<JobId>,
        changed: Vec<(JobIx, Arc<Job>)>,
    },
    /// A run that was asked for is claimed. If that fails it never was.
    Start { run: RunId },
    /// Scheduling is paused, or goes on.
    Pause { paused: bool, withdrawn: Vec<RunId> },
    /// Jobs of another server are here, some in the place of those that were.
    Import(Vec<Incoming>),
    /// Past occurrences are in line.
    Backfill { ix: JobIx, runs: Vec<RunId> },
}

impl Core {
    /// Takes in a command: carries it out, or lets it wait for commands before it. They keep their order.
    pub(super) fn command(&mut self, from: ReplyTo, command: Command) {
        if let Some(why) = &self.lost {
            let refusal = Refusal::StandingBy(why.clone());
            self.refuse(from, refusal);
        } else if self.stopping {
            self.refuse(from, Refusal::Stopping);
        } else if !self.blocked.is_empty() || self.must_wait(&command) {
            self.blocked.push_back((from, command));
        } else {
            self.propose_for(from, command);
        }
    }

    /// Commands that waited go on, as far as what they waited for is decided.
    pub(super) fn unblock(&mut self) {
        while let Some((from, command)) = self.blocked.pop_front() {
            if self.must_wait(&command) {
                self.blocked.push_front((from, command));
                return;
            }
            self.propose_for(from, command);
        }
    }

    /// Proposes what a command comes to, or refuses it.
    fn propose_for(&mut self, from: ReplyTo, command: Command) {
        let writes = !matches!(command, Command::Cancel { .. });
        if let Some(why) = self.commits.away().filter(|_| writes) {
            let refusal = Refusal::Store(why.to_owned());
            return self.refuse(from, refusal);
        }
        let done = match command {
            Command::Create { job, unique_name } => self.create(from, *job, unique_name),
            Command::Update {
                job,
                expected_version,
            } => self.update(from, *job, expected_version),
            Command::Import(import) => self.import(from, *import),
            Command::Delete {
                id,
                expected_version,
            } => self.delete(from, id, expected_version),
            Command::DeleteAll => self.delete_all(from),
            Command::Start { id, wait } => self.start(from, id, wait),
            Command::Enable(id) => self.set_disabled(from, id, false),
            Command::Disable(id) => self.set_disabled(from, id, true),
            Command::Cancel { job, run } => self.cancel_for(from, job, run),
            Command::Pause => self.set_paused(from, true),
            Command::Resume => self.set_paused(from, false),
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

    /// Refuses commands that wait for others, and those who wait for a run to end.
    pub(super) fn refuse_waiting(&mut self, refusal: &Refusal) {
        for (from, _) in std::mem::take(&mut self.blocked) {
            self.refuse(from, refusal.clone());
        }
        for to in std::mem::take(&mut self.waiters).into_values().flatten() {
            self.refuse(to, refusal.clone());
        }
    }

    pub(super) fn find(&self, id: JobId) -> Result<JobIx, Refusal> {
        self.jobs.ix(id).ok_or(Refusal::UnknownJob(id))
    }

    /// The job, if it is still of the version that was expected.
    pub(super) fn find_version(&self, id: JobId, expected: Option<u64>) -> Result<JobIx, Refusal> {
        let ix = self.find(id)?;
        let version = self.jobs[ix].job.version;
        match expected {
            Some(expected) if expected != version => Err(Refusal::VersionChanged(version)),
            _ => Ok(ix),
        }
    }

    pub(super) fn propose_command(
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

    fn create(&mut self, from: ReplyTo, new: NewJob, unique_name: bool) -> Result<(), Refusal> {
        if self.jobs.ix(new.id).is_some() {
            return Err(Refusal::IdTaken(new.id));
        }
        if unique_name && let Some(id) = self.jobs.named(new.spec.name()) {
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
        self.guard(&job);
        let state = JobState::of_new(&job);
        let id = job.id;
        self.propose_command(
            vec![Change::PutJob(job.clone())],
            CommandEffect::Create { job, state },
            vec![(from, Answer::Created(id))],
        );
        Ok(())
    }

    fn update(
        &mut self,
        from: ReplyTo,
        new: NewJob,
        expected_version: Option<u64>,
    ) -> Result<(), Refusal> {
        let ix = self.find_version(new.id, expected_version)?;
        let old = self.jobs[ix].job.clone();
        self.check_links(&new)?;
        let same_schedule = old.spec.schedule() == new.spec.schedule()
            && old.spec.timezone() == new.spec.timezone()
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
        let cursor = (!same_schedule).then(|| JobState::of_new(&job).cursor.max(self.now.wall));
        self.change(from, ix, Arc::new(job), cursor, Passed::Missed);
        Ok(())
    }

    /// When each parent was linked: known ones keep their time, new ones come last.
    fn link_times(&mut self, old: &Job, parents: &[JobId]) -> Box<[u64]> {
        let known = |id: &JobId| {
            let place = old.spec.parents.iter().position(|known| known == id);
            place.map(|n| old.linked[n])
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
            return self.done(from);
        }
        let mut job = Job {
            version: old.version + 1,
            updated_at: self.now.wall,
            ..(**old).clone()
        };
        job.spec.disabled = disabled;
        self.change(from, ix, Arc::new(job), None, Passed::CaughtUp);
        Ok(())
    }

    /// Proposes a changed definition. The job's occurrences stand still until it is decided, and the one that is claimed
    /// ahead of its instant is withdrawn with it.
    fn change(
        &mut self,
        reply: ReplyTo,
        ix: JobIx,
        job: Arc<Job>,
        cursor: Option<Timestamp>,
        passed: Passed,
    ) {
        self.guard(&job);
        let mut changes = vec![Change::PutJob(job.clone())];
        let withdrawn = self.withdraw_upcoming(ix, &mut changes);
        self.freeze(ix);
        let entry = &mut self.jobs[ix];
        entry.doing.changing = true;
        entry.doing.next_cursor = cursor;
        self.put_state(ix, &mut changes);
        // The answer's live part is filled in when the change is true.
        let answer = Answer::Job(job.clone(), Live::default());
        self.propose_command(
            changes,
            CommandEffect::Change {
                ix,
                job,
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
        let id = self.jobs[ix].doing.upcoming?;
        let run = self.runs.get_mut(&id)?;
        run.withdrawing = true;
        self.line.remove(&run.place());
        if run.recorded {
            changes.push(Change::RemoveRun(run.open.clone()));
        }
        Some(id)
    }

    fn start(&mut self, from: ReplyTo, id: JobId, wait: bool) -> Result<(), Refusal> {
        let ix = self.find(id)?;
        if self.jobs[ix].job.spec.disabled {
            return Err(Refusal::Disabled(id));
        }
        let id = self.new_run(ix, Trigger::Manual, None, Phase::InLine);
        let mut replies = Vec::new();
        if wait {
            self.waiters.insert(id, vec![from]);
        } else {
            replies.push((from, Answer::Started(id)));
        }
        if let Some(run) = self.runs.get_mut(&id) {
            run.waited = wait;
        }
        self.count_active(id);
        let changes = self.claim_changes(id);
        self.guards.commands += 1;
        let meaning = Meaning {
            command: Some(Box::new(CommandEffect::Start { run: id })),
            claimed: vec![id],
            replies,
            ..Meaning::default()
        };
        self.propose(changes, meaning, Urgency::Now);
        Ok(())
    }

    fn cancel_for(&mut self, from: ReplyTo, job: JobId, run: RunId) -> Result<(), Refusal> {
        self.find(job)?;
        if !self.cancel(job, run) {
            return Err(Refusal::UnknownRun(run));
        }
        self.done(from)
    }

    /// Nothing is left to do.
    fn done(&mut self, from: ReplyTo) -> Result<(), Refusal> {
        self.fx.replies.push((from, Ok(Answer::Done)));
        Ok(())
    }

    fn set_paused(&mut self, from: ReplyTo, paused: bool) -> Result<(), Refusal> {
        if self.paused == paused {
            return self.done(from);
        }
        let mut changes = vec![Change::PutPaused(paused)];
        let mut withdrawn = Vec::new();
        for ix in self.jobs.places().into_iter().filter(|_| paused) {
            if let Some(id) = self.withdraw_upcoming(ix, &mut changes) {
                withdrawn.push(id);
                self.put_state(ix, &mut changes);
            }
        }
        self.guards.exclusive = true;
        self.guards.pausing = paused;
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
        let first = next(&just_before(begin)).filter(|_| !job.is_child());
        let until = to.min(self.now.wall);
        let occurrences: Vec<Timestamp> = std::iter::successors(first, next)
            .take_while(|at| *at <= until)
            .take(limit)
            .collect();
        if occurrences.is_empty() {
            return Err(Refusal::NothingToBackfill);
        }
        let mut changes = Vec::new();
        let mut runs = Vec::new();
        for at in occurrences {
            let id = self.new_run(ix, Trigger::Backfill, Some(at), Phase::Waiting);
            if let Some(run) = self.runs.get_mut(&id) {
                run.recorded = true;
                changes.push(Change::InsertRun(run.open.clone()));
            }
            runs.push(id);
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
