//! What always holds between two steps, written down so that tests can ask for it. It walks over everything, so the
//! server itself never does.

use super::Core;
use super::jobs::JobIx;
use super::runs::{Phase, Run, Timer};
use crate::registry::Totals;

impl Core {
    /// Checks that all sums are right, that each run stands where its phase says, and that something will move it on.
    ///
    /// # Panics
    /// When one of that is not so.
    pub fn assert_consistent(&mut self) {
        self.assert_sums();
        for run in self.runs.values() {
            self.assert_in_place(run);
        }
        for ix in self.jobs.places() {
            self.assert_job(ix);
        }
        let wakeup = self.wakeup();
        let (wall, mono) = (self.now.wall, self.now.mono);
        assert!(
            wakeup.wall.is_none_or(|at| at > wall) && wakeup.mono.is_none_or(|at| at > mono),
            "it would wake at once for ever: {wakeup:?} at {:?}",
            self.now
        );
    }

    fn assert_sums(&self) {
        let runs = || self.runs.values();
        let ahead = runs().filter(|run| run.is_claim_ahead()).count();
        assert_eq!(
            self.claims_ahead.count(),
            ahead,
            "claims ahead of the workers"
        );
        let with_workers = |extra| {
            let attempts =
                runs().filter(|run| run.phase == Phase::Attempting && run.extra == extra);
            attempts.count() + self.orphans.values().filter(|of| **of == extra).count()
        };
        assert_eq!(self.busy, with_workers(false), "busy workers");
        assert_eq!(self.extra, with_workers(true), "extra workers");
        assert!(self.busy <= self.settings.workers, "{} busy", self.busy);
        assert!(self.extra <= self.settings.workers, "{} extra", self.extra);
        let mut sums = Totals {
            running: runs().filter(|run| run.active).count() as u64,
            queued: self.totals.queued,
            busy: (self.busy + self.extra) as u64,
            next_run_at: self.totals.next_run_at,
            paused: self.paused,
            store_away: self.totals.store_away,
            ..Totals::default()
        };
        for ix in self.jobs.places() {
            let entry = &self.jobs[ix];
            sums.jobs += 1;
            sums.disabled_jobs += u64::from(entry.job.spec.disabled);
            sums.add(&entry.figures);
        }
        // Not the latest of them: a job may have gone since, and the clock been stepped back.
        let last = self.totals.last_attempted_run;
        assert!(sums.jobs > 0 || last.is_none(), "a start of no job");
        sums.last_attempted_run = last;
        assert_eq!(self.totals, sums, "totals");
    }

    fn assert_in_place(&self, run: &Run) {
        let id = run.open.id;
        let entry = &self.jobs[run.ix];
        let held = self.stands_still(id) || self.stopping;
        let due_timer = matches!(run.timer, Some(Timer::Due(_)));
        assert_eq!(entry.job.id, run.open.job);
        assert_eq!(due_timer, !run.due, "{run:?}");
        assert!(run.due || entry.doing.upcoming == Some(id), "{run:?}");
        let in_line = self.line.contains(&run.place());
        let in_ready = self.ready.contains(run);
        match run.phase {
            Phase::Held => assert!(!run.due || held, "{run:?}"),
            Phase::Waiting => {
                let backfills = self.backfills.get(&run.ix);
                let waits = entry.doing.waiting == Some(id)
                    || backfills.is_some_and(|runs| runs.contains(&id))
                    || run.open.was_asked_for();
                assert!(waits && !run.open.claimed, "{run:?}");
            }
            Phase::InLine => {
                assert!(in_line || held, "{run:?}");
                let room = self.has_room() && !self.waits_for_store();
                assert!(held || !room, "it could be claimed: {run:?}");
            }
            Phase::Claiming => assert!(run.claims_in_flight > 0, "{run:?}"),
            Phase::Claimed => assert!(!run.due || held, "{run:?}"),
            Phase::Ready => {
                assert!(in_ready || held, "{run:?}");
                let free = self.busy < self.settings.workers;
                let may = free && self.may_start();
                assert!(held || !may, "it could start: {run:?}");
            }
            Phase::Attempting => assert!(run.active, "{run:?}"),
            Phase::RetryWait => assert!(matches!(run.timer, Some(Timer::Delay(_))), "{run:?}"),
        }
        assert!(run.phase == Phase::InLine || !in_line, "{run:?}");
        assert!(run.phase == Phase::Ready || !in_ready, "{run:?}");
        let claimed = run.open.claimed || run.phase == Phase::Waiting;
        assert!(run.claims_in_flight == 0 || claimed, "{run:?}");
        if let Some(chain) = run.open.chain {
            assert!(self.chains.contains_key(&chain), "{run:?}");
        }
    }

    fn assert_job(&self, ix: JobIx) {
        let entry = &self.jobs[ix];
        let runs = || self.runs.values().filter(|run| run.ix == ix);
        let active = runs().filter(|run| run.active).count();
        assert_eq!(entry.doing.active as usize, active, "{entry:?}");
        assert_eq!(entry.doing.open_runs as usize, runs().count(), "{entry:?}");
        assert!(
            entry
                .doing
                .upcoming
                .is_none_or(|id| self.runs.contains_key(&id)),
            "{entry:?}"
        );
        assert!(
            entry
                .doing
                .waiting
                .is_none_or(|id| self.runs.contains_key(&id)),
            "{entry:?}"
        );
        let stuck = entry.doing.waiting.is_some() && entry.doing.active == 0;
        assert!(!stuck || entry.doing.deleting || self.stopping, "{entry:?}");
        let on_wheel = entry.timer.is_some();
        let left = entry.is_scheduled() && entry.occurrence_after_cursor().is_some();
        let expected = left && entry.doing.upcoming.is_none() && !entry.doing.frozen;
        assert!(self.stopping || on_wheel == expected, "{entry:?}");
        assert!(entry.doing.changing || !entry.doing.frozen, "{entry:?}");
        let goes = self.may_go(ix) && self.live(ix).is_done && !entry.doing.deleting;
        assert!(
            entry.doing.deleting || self.expiry.has(ix) == goes,
            "{entry:?}"
        );
    }
}
