//! The beginning: jobs, open runs and chains as the last server left them.
//!
//! A claimed run without an end is interrupted: it may have run. A run that was triggered and not claimed was certainly
//! never started, and goes in line. Of several occurrences of a job that passed meanwhile the latest runs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::chain::{Consequences, Link};
use super::commit::{Meaning, Urgency};
use super::jobs::{JobIx, just_before};
use super::runs::{Phase, Run};
use super::{Core, Effects, Now, Settings, View};
use crate::config;
use crate::job::Job;
use crate::job::run::{GapKind, Outcome, RunId, Trigger};
use crate::job::state::{JobState, OpenRun};
use crate::registry::Totals;
use crate::scheduler::policy;
use crate::store::change::{Change, Loaded};

impl Core {
    /// A core whose jobs have never run and have all their occurrences from now on ahead of them, with the first effects.
    #[must_use]
    pub fn with_jobs(
        settings: Settings,
        now: Now,
        jobs: impl IntoIterator<Item = Arc<Job>>,
    ) -> (Core, Effects) {
        let mut core = Core::new(settings, now);
        for job in jobs {
            core.add_job(job, JobState::new(just_before(now.wall)));
        }
        let fx = core.finish_step();
        (core, fx)
    }

    /// A core that goes on from what the store remembers, with the first effects.
    #[must_use]
    pub fn load(settings: Settings, now: Now, loaded: Loaded) -> (Core, Effects) {
        let mut core = Core::new(settings, now);
        core.paused = loaded.paused;
        core.jobs.reserve(loaded.jobs.len());
        for (job, mut state) in loaded.jobs {
            if let Some(rest) = &mut state.rest {
                rest.parents_done.retain(|id| job.spec.parents.contains(id));
            }
            core.next_seq = core
                .next_seq
                .max(job.seq + 1)
                .max(job.linked.iter().max().map_or(0, |at| at + 1));
            core.add_job(Arc::new(job), state);
        }
        for chain in loaded.chains {
            let link = Link {
                chain,
                recorded: true,
                outstanding: 0,
                waited: false,
                outcome: None,
            };
            core.chains.insert(link.chain.id, link);
        }
        core.take_open_runs(loaded.open_runs);
        core.advance_chains();
        for ix in core.jobs.places() {
            core.return_cursor(ix, config::STEP_BACK_MAX);
            if !core.paused {
                core.catch_up_passed(ix);
            }
        }
        let fx = core.finish_step();
        (core, fx)
    }

    /// What readers see of a database on which another server works, and the sums: its jobs, and what runs there.
    #[must_use]
    pub fn survey(settings: Settings, now: Now, loaded: Loaded) -> (Vec<View>, Totals) {
        let mut core = Core::new(settings, now);
        core.paused = loaded.paused;
        for (job, state) in loaded.jobs {
            core.add_job(Arc::new(job), state);
        }
        for open in loaded.open_runs.into_iter().filter(|open| open.claimed) {
            if let Some(ix) = core.jobs.ix(open.job) {
                let id = core.restore(ix, open);
                core.count_active(id);
                core.touch(ix);
            }
        }
        core.tell_readers();
        (core.fx.views, core.totals)
    }

    fn take_open_runs(&mut self, open_runs: Vec<OpenRun>) {
        let (open_runs, orphans): (Vec<_>, Vec<_>) = open_runs
            .into_iter()
            .partition(|open| self.jobs.ix(open.job).is_some());
        if !orphans.is_empty() {
            let changes = orphans.into_iter().map(Change::RemoveRun).collect();
            self.propose(changes, Meaning::default(), Urgency::Soon);
        }
        let parents: Vec<RunId> = self
            .chains
            .values()
            .filter_map(|link| link.chain.parent)
            .collect();
        let links = open_runs
            .iter()
            .filter_map(|open| open.chain)
            .chain(parents);
        for id in links.collect::<Vec<_>>() {
            if let Some(link) = self.chains.get_mut(&id) {
                link.outstanding += 1;
            }
        }
        let mut by_job: BTreeMap<JobIx, Vec<OpenRun>> = BTreeMap::new();
        for open in open_runs {
            if let Some(ix) = self.jobs.ix(open.job) {
                let entry = &mut self.jobs[ix];
                entry.next_number = entry.next_number.max(open.id.number() + 1);
                by_job.entry(ix).or_default().push(open);
            }
        }
        for (ix, mut open_runs) in by_job {
            open_runs.sort_by_key(|open| (open.scheduled_at, open.id));
            let (claimed, waiting): (Vec<_>, Vec<_>) =
                open_runs.into_iter().partition(|open| open.claimed);
            claimed
                .into_iter()
                .for_each(|open| self.interrupted(ix, open));
            self.take_waiting(ix, waiting);
        }
    }

    fn restore(&mut self, ix: JobIx, open: OpenRun) -> RunId {
        let (id, job) = (open.id, self.jobs[ix].job.clone());
        let mut run = Run::new(open, ix, job, Phase::Waiting, true);
        run.recorded = true;
        run.queued = self.now.mono;
        self.jobs[ix].doing.open_runs += 1;
        self.runs.insert(id, run);
        id
    }

    fn interrupted(&mut self, ix: JobIx, open: OpenRun) {
        let entry = &mut self.jobs[ix];
        if let Some(at) = open.holds_occurrence() {
            entry.cursor = entry.cursor.max(at);
        }
        let id = self.restore(ix, open);
        self.end_run(id, Outcome::Interrupted, self.now.wall, None);
    }

    /// Runs that were never started: of several occurrences the latest runs, if it still may and the job is enabled.
    fn take_waiting(&mut self, ix: JobIx, waiting: Vec<OpenRun>) {
        let (mut occurrences, others): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|open| open.holds_occurrence().is_some());
        let entry = &self.jobs[ix];
        let (disabled, newer_passed) = (entry.job.spec.disabled, self.has_passed(ix));
        let wanted = !disabled && !newer_passed && !entry.job.spec.resume_at_next_scheduled_time;
        let latest = occurrences.pop_if(|open| {
            let at = open.scheduled_at.unwrap_or(open.created_at);
            wanted && policy::window_is_open(&self.jobs[ix].job, at, self.now.wall)
        });
        for open in occurrences {
            let id = self.restore(ix, open);
            self.give_up(id, GapKind::Missed);
        }
        if let Some(open) = latest {
            let id = self.restore(
                ix,
                OpenRun {
                    trigger: Trigger::CatchUp,
                    ..open
                },
            );
            self.admit(id);
        }
        let mut backfill = VecDeque::new();
        for open in others {
            let (trigger, asked) = (open.trigger, open.was_asked_for());
            let id = self.restore(ix, open);
            match trigger {
                _ if disabled && !asked => self.withhold(id),
                Trigger::Backfill => backfill.push_back(id),
                Trigger::Parent => self.admit(id),
                _ => {
                    self.count_active(id);
                    self.enter_line(id);
                }
            }
        }
        if !backfill.is_empty() {
            self.backfills.insert(ix, backfill);
            self.release_backfill(ix);
        }
    }

    /// Chains whose links have all ended go on with what is next.
    fn advance_chains(&mut self) {
        let mut idle: Vec<RunId> = self
            .chains
            .values()
            .filter(|link| link.outstanding == 0)
            .map(|link| link.chain.id)
            .collect();
        idle.sort_unstable();
        for id in idle {
            let mut out = Consequences::default();
            self.advance(id, &mut out);
            self.propose_end(out);
        }
    }
}
