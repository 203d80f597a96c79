//! What outlives the process, as simply as it can be said: a map for each kind of row, and changes as the words for them
//! say. Each unit leaves a picture that a crash may freeze, so each is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nimesha::clock::Timestamp;
use nimesha::job::run::{GapKind, HistoryEntry, Outcome, RunId, RunRecord, Trigger};
use nimesha::job::state::{Chain, JobState, OpenRun};
use nimesha::job::{Job, JobId};
use nimesha::store::StoreError;
use nimesha::store::change::{Change, Loaded, Unit};

/// By what a run without an end is found: its occurrence, where it holds one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RunKey {
    At(JobId, Timestamp),
    Id(JobId, RunId),
}

pub(super) fn key_of(run: &OpenRun) -> RunKey {
    run.holds_occurrence()
        .map_or(RunKey::Id(run.job, run.id), |at| RunKey::At(run.job, at))
}

/// What a job's history adds up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    runs: u64,
    succeeded: u64,
    missed: u64,
    skipped: u64,
    /// Attempts that failed: at least and at most, since how a cancelled run's last one ended is not kept.
    failed: (u64, u64),
}

/// What is known of a job beside its rows.
#[derive(Clone, Debug)]
struct Account {
    first_cursor: Timestamp,
    anchor: Timestamp,
    tally: Tally,
    /// Occurrences that became a run which has ended.
    ended: BTreeSet<Timestamp>,
    /// Its occurrences can be counted: one schedule, no parents, and time went forward.
    exact: bool,
}

#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) jobs: BTreeMap<JobId, Arc<Job>>,
    states: BTreeMap<JobId, JobState>,
    pub(super) open: BTreeMap<RunKey, OpenRun>,
    pub(super) history: BTreeMap<JobId, BTreeMap<u64, Arc<HistoryEntry>>>,
    pub(super) chains: BTreeMap<RunId, Chain>,
    pub(super) paused: bool,
    accounts: BTreeMap<JobId, Account>,
    /// Units have failed one by one, so that rows may be older than others for a while.
    pub(super) torn: bool,
    /// A crash has made that last.
    pub(super) lost: bool,
    /// Occurrences cannot be counted any more: the clock was stepped back far, or claims were lost with an absent store.
    pub(super) uncounted: bool,
    /// Runs whose claim was given back.
    pub(super) given_back: Vec<OpenRun>,
}

impl Disk {
    /// All units, or none of them.
    pub(super) fn apply_all(&mut self, units: &[Unit]) -> Result<(), StoreError> {
        if units.iter().any(|unit| self.conflicts(unit)) {
            return Err(StoreError::Conflict);
        }
        units.iter().try_for_each(|unit| self.apply(unit))
    }

    pub(super) fn apply(&mut self, unit: &Unit) -> Result<(), StoreError> {
        if self.conflicts(unit) {
            return Err(StoreError::Conflict);
        }
        let mut touched = BTreeSet::new();
        for change in &unit.changes {
            touched.extend(self.change(change));
        }
        if !self.torn && !self.lost {
            for id in touched {
                self.check_job(id);
            }
            self.check_chains(unit);
        }
        Ok(())
    }

    fn conflicts(&self, unit: &Unit) -> bool {
        let mut there: BTreeMap<RunKey, bool> = BTreeMap::new();
        unit.changes.iter().any(|change| {
            let (run, after) = match change {
                Change::InsertRun(run) | Change::PutRun(run) => (run, true),
                Change::RemoveRun(run) => (run, false),
                _ => return false,
            };
            let known = self.open.contains_key(&key_of(run));
            let before = there.insert(key_of(run), after).unwrap_or(known);
            before && matches!(change, Change::InsertRun(_))
        })
    }

    fn change(&mut self, change: &Change) -> Option<JobId> {
        match change {
            Change::PutJob(job) => {
                self.put_job(job);
                return None;
            }
            Change::DeleteJob(id) => self.delete_job(*id),
            Change::PutState(id, state) => {
                assert!(self.jobs.contains_key(id), "a state without its job: {id}");
                self.states.insert(*id, (**state).clone());
                return Some(*id);
            }
            Change::InsertRun(run) => {
                self.check_trigger(run);
                self.open.insert(key_of(run), run.clone());
            }
            Change::PutRun(run) => {
                if let Some(old) = self.open.insert(key_of(run), run.clone())
                    && old.claimed
                    && !run.claimed
                {
                    self.given_back.push(run.clone());
                }
            }
            Change::RemoveRun(run) => {
                self.open.remove(&key_of(run));
            }
            Change::PutHistory(id, entry, _) => self.put_history(*id, entry),
            Change::PutChain(chain) => self.put_chain(chain),
            Change::RemoveChain(id) => {
                self.chains.remove(id);
            }
            Change::PutPaused(paused) => self.paused = *paused,
        }
        None
    }

    fn put_job(&mut self, job: &Arc<Job>) {
        let account = self.accounts.entry(job.id).or_insert_with(|| Account {
            first_cursor: JobState::of_new(job).cursor,
            anchor: job.anchor,
            tally: Tally::default(),
            ended: BTreeSet::new(),
            exact: true,
        });
        account.exact &= account.anchor == job.anchor && !job.is_child();
        self.jobs.insert(job.id, job.clone());
    }

    pub(super) fn state(&self, job: &Job) -> JobState {
        let stored = self.states.get(&job.id).cloned();
        stored.unwrap_or_else(|| JobState::of_new(job))
    }

    fn delete_job(&mut self, id: JobId) {
        self.jobs.remove(&id);
        self.states.remove(&id);
        self.history.remove(&id);
        self.accounts.remove(&id);
        self.open.retain(|_, run| run.job != id);
    }

    fn put_history(&mut self, id: JobId, entry: &Arc<HistoryEntry>) {
        assert!(self.jobs.contains_key(&id), "history without its job: {id}");
        let history = self.history.entry(id).or_default();
        let old = history.insert(entry.id().number(), entry.clone());
        let account = self.accounts.get_mut(&id).expect("it goes with the job");
        if let Some(old) = old {
            assert_eq!(old.id(), entry.id(), "a number was used twice");
            let HistoryEntry::Gap(gap) = &*old else {
                panic!("a run ended twice: {old:?}, {entry:?}");
            };
            *account.tally.gap(gap.kind) -= gap.count;
        }
        match &**entry {
            HistoryEntry::Gap(gap) => *account.tally.gap(gap.kind) += gap.count,
            HistoryEntry::Run(run) => {
                account.tally.add(run);
                if matches!(run.trigger, Trigger::Schedule | Trigger::CatchUp) {
                    account.ended.extend(run.scheduled_at);
                }
            }
        }
    }

    /// Links are taken off a chain from the front, and stand in the order in which the children were added.
    fn put_chain(&mut self, chain: &Chain) {
        let old = self.chains.insert(chain.id, chain.clone());
        match old {
            Some(old) => assert!(old.rest.ends_with(&chain.rest), "{old:?} {chain:?}"),
            None => {
                let linked = |child: &JobId| {
                    let job = self.jobs.get(child)?;
                    let parent = job.spec.parents.iter().position(|parent| {
                        let history = self.history.get(parent);
                        let entry = history.and_then(|of| of.get(&chain.id.number()));
                        entry.is_some_and(|entry| entry.id() == chain.id)
                    })?;
                    Some(job.linked[parent])
                };
                let order: Vec<u64> = chain.rest.iter().filter_map(linked).collect();
                assert!(order.is_sorted(), "{chain:?}: {order:?}");
            }
        }
    }

    /// A child runs after a success of its parent.
    fn check_trigger(&self, run: &OpenRun) {
        let Some(job) = self.jobs.get(&run.job) else {
            panic!("a run without its job: {run:?}");
        };
        let Some(above) = run.chain else { return };
        assert_eq!(run.trigger, Trigger::Parent, "{run:?}");
        for parent in &job.spec.parents {
            let history = self.history.get(parent);
            match history.and_then(|of| of.get(&above.number())).map(|e| &**e) {
                Some(HistoryEntry::Run(record)) if record.id == above => {
                    assert_eq!(record.outcome, Outcome::Succeeded, "{run:?}");
                }
                _ => {}
            }
        }
    }

    fn check_chains(&self, unit: &Unit) {
        let concerns = |change: &Change| match change {
            Change::PutChain(_) | Change::RemoveChain(_) => true,
            Change::InsertRun(run) | Change::RemoveRun(run) => run.chain.is_some(),
            _ => false,
        };
        if !unit.changes.iter().any(concerns) {
            return;
        }
        for run in self.open.values() {
            let known = run
                .chain
                .is_none_or(|chain| self.chains.contains_key(&chain));
            assert!(known, "a link without its chain: {run:?}");
        }
        for chain in self.chains.values().filter(|chain| !chain.together) {
            let runs = self.open.values().filter(|run| run.chain == Some(chain.id));
            let below = self.chains.values();
            let below = below.filter(|link| link.parent == Some(chain.id));
            let links = runs.count() + below.count();
            assert!(links <= 1, "{links} links of {chain:?} at once");
        }
    }

    /// All that was to be stored is: whatever failed meanwhile, it is one picture again.
    pub(super) fn check_all(&mut self) {
        self.torn = false;
        let ids: Vec<JobId> = self.jobs.keys().filter(|_| !self.lost).copied().collect();
        ids.into_iter().for_each(|id| self.check_job(id));
    }

    /// Counters are what the history adds up to, and each occurrence up to the cursor is run, missed, skipped, or open.
    fn check_job(&self, id: JobId) {
        let (Some(job), Some(account)) = (self.jobs.get(&id), self.accounts.get(&id)) else {
            return;
        };
        let state = self.state(job);
        let (figures, tally) = (&state.figures, &account.tally);
        let counted = (
            figures.finished_runs,
            figures.success_count,
            figures.missed_count,
            figures.skipped_count,
        );
        let added_up = (tally.runs, tally.succeeded, tally.missed, tally.skipped);
        assert_eq!(counted, added_up, "figures and history of {id}");
        let (least, most) = tally.failed;
        assert!(
            (least..=most).contains(&figures.error_count),
            "{} failed attempts, history has {least} to {most}",
            figures.error_count
        );
        if !account.exact || self.uncounted {
            return;
        }
        // What was claimed ahead and is being withdrawn may lie after the cursor.
        let of_job = RunKey::At(id, Timestamp::MIN)..=RunKey::At(id, state.cursor);
        let open = self.open.range(of_job).filter_map(|(key, _)| match key {
            RunKey::At(_, at) if !account.ended.contains(at) => Some(at),
            _ => None,
        });
        let open: Vec<_> = open.collect();
        let ended = &account.ended;
        let settled = (ended.len() + open.len()) as u64 + tally.missed + tally.skipped;
        let passed = job.schedule.passed(account.first_cursor, state.cursor);
        let passed = passed.map_or(0, |passed| passed.count);
        assert_eq!(
            passed, settled,
            "occurrences of {id} up to {:?}: passed, and settled: {tally:?} {ended:?} {open:?}",
            state.cursor
        );
    }

    /// Whether the store has this run, claimed.
    pub(super) fn holds_claim(&self, id: RunId, key: RunKey) -> bool {
        let run = self.open.get(&key);
        run.is_some_and(|run| run.id == id && run.claimed)
    }

    pub(super) fn record(&self, job: JobId, id: RunId) -> Option<&RunRecord> {
        match &**self.history.get(&job)?.get(&id.number())? {
            HistoryEntry::Run(run) if run.id == id => Some(run),
            _ => None,
        }
    }

    pub(super) fn load(&self) -> Loaded {
        let mut jobs: Vec<(Job, JobState)> = self
            .jobs
            .values()
            .map(|job| ((**job).clone(), self.state(job)))
            .collect();
        jobs.sort_by_key(|(job, _)| job.seq);
        Loaded {
            jobs,
            open_runs: self.open.values().cloned().collect(),
            chains: self.chains.values().cloned().collect(),
            paused: self.paused,
        }
    }
}

impl Tally {
    fn gap(&mut self, kind: GapKind) -> &mut u64 {
        match kind {
            GapKind::Missed => &mut self.missed,
            GapKind::Skipped => &mut self.skipped,
        }
    }

    fn add(&mut self, run: &RunRecord) {
        let attempts = u64::from(run.attempts);
        let (least, most) = match run.outcome {
            Outcome::Succeeded => (attempts - 1, attempts - 1),
            Outcome::Failed | Outcome::TimedOut => (attempts, attempts),
            Outcome::Cancelled | Outcome::Interrupted => (attempts.saturating_sub(1), attempts),
        };
        self.runs += 1;
        self.succeeded += u64::from(run.outcome == Outcome::Succeeded);
        self.failed = (self.failed.0 + least, self.failed.1 + most);
    }
}
