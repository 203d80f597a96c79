//! What happened during the last day, in sums of five minutes, and what lately went wrong.
//!
//! Kept as runs end, because a store that is ordered by job cannot be asked what happened at noon without reading all
//! of it. It begins empty at each start; whoever shows it may fill in what was before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::config;
use crate::job::JobId;
use crate::job::run::{GapKind, HistoryEntry, Outcome, RunRecord, Trigger};

/// Seconds that one [`Beat`] stands for.
pub const BEAT_SECS: i64 = 300;
/// Beats in a day.
const BEATS: i64 = 86_400 / BEAT_SECS;

/// What ended during some five minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// The second since 1970 that it begins with, a multiple of [`BEAT_SECS`].
    pub from: i64,
    /// Runs that succeeded.
    pub succeeded: u64,
    /// Runs that ended in any other way.
    pub failed: u64,
    /// Occurrences that were missed.
    pub missed: u64,
    /// Occurrences that were skipped.
    pub skipped: u64,
    /// Runs that their schedule had started, on which the next two are.
    pub scheduled: u64,
    /// Sum of their lateness.
    pub late_total: Duration,
    /// The largest lateness of them.
    pub late_max: Duration,
}

/// The last day; see what the module says.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    beats: VecDeque<Beat>,
    troubles: VecDeque<(JobId, Arc<HistoryEntry>)>,
}

impl Beat {
    /// Runs and occurrences of all kinds.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.succeeded + self.troubled()
    }

    /// Runs that did not succeed, and occurrences that never became one.
    #[must_use]
    pub fn troubled(&self) -> u64 {
        self.failed + self.missed + self.skipped
    }

    /// The mean lateness; zero where no schedule started anything.
    #[must_use]
    pub fn late_mean(&self) -> Duration {
        let runs = u32::try_from(self.scheduled.max(1)).unwrap_or(u32::MAX);
        self.late_total / runs
    }

    /// Takes in another one.
    pub fn add(&mut self, other: &Beat) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.missed += other.missed;
        self.skipped += other.skipped;
        self.scheduled += other.scheduled;
        self.late_total += other.late_total;
        self.late_max = self.late_max.max(other.late_max);
    }

    fn note_run(&mut self, run: &RunRecord) {
        match run.outcome {
            Outcome::Succeeded => self.succeeded += 1,
            _ => self.failed += 1,
        }
        // What was caught up says how long the server was away, not how punctual it is.
        if let (Trigger::Schedule, Some(due), Some(begun)) =
            (run.trigger, run.scheduled_at, run.started_at)
        {
            let late = begun.since(due);
            self.scheduled += 1;
            self.late_total += late;
            self.late_max = self.late_max.max(late);
        }
    }
}

impl Pulse {
    /// Takes in an entry of a job's history. A gap that has grown counts with what it has grown by.
    pub fn note(&mut self, job: JobId, entry: &Arc<HistoryEntry>) {
        match &**entry {
            HistoryEntry::Run(run) => {
                if let Some(beat) = self.beat(run.finished_at.unix_secs()) {
                    beat.note_run(run);
                }
                if run.outcome != Outcome::Succeeded {
                    self.note_trouble(job, entry);
                }
            }
            HistoryEntry::Gap(gap) => {
                let known = self.note_trouble(job, entry);
                let new = gap.count.saturating_sub(known);
                if let Some(beat) = self.beat(gap.last.unix_secs()) {
                    match gap.kind {
                        GapKind::Missed => beat.missed += new,
                        GapKind::Skipped => beat.skipped += new,
                    }
                }
            }
        }
    }

    /// What ended, oldest first; five minutes in which nothing did may be left out.
    pub fn beats(&self) -> impl Iterator<Item = &Beat> {
        self.beats.iter()
    }

    /// Runs that did not succeed, and gaps, newest first.
    pub fn troubles(&self) -> impl Iterator<Item = &(JobId, Arc<HistoryEntry>)> {
        self.troubles.iter().rev()
    }

    /// Keeps the entry among the troubles, and answers what an earlier form of it counted.
    fn note_trouble(&mut self, job: JobId, entry: &Arc<HistoryEntry>) -> u64 {
        let known = self
            .troubles
            .iter()
            .rposition(|(_, known)| known.id() == entry.id());
        let earlier = known.and_then(|at| self.troubles.remove(at));
        if self.troubles.len() == config::TROUBLES_KEPT {
            self.troubles.pop_front();
        }
        self.troubles.push_back((job, Arc::clone(entry)));
        match earlier.as_ref().map(|(_, entry)| &**entry) {
            Some(HistoryEntry::Gap(gap)) => gap.count,
            _ => 0,
        }
    }

    /// The beat that second `at` belongs to; none if it is more than a day before the newest.
    fn beat(&mut self, at: i64) -> Option<&mut Beat> {
        let from = at - at.rem_euclid(BEAT_SECS);
        let newest = self.beats.back().map_or(from, |beat| beat.from);
        if from <= newest - BEATS * BEAT_SECS {
            return None;
        }
        let place = self.beats.partition_point(|beat| beat.from < from);
        if self.beats.get(place).is_none_or(|beat| beat.from != from) {
            self.beats.insert(
                place,
                Beat {
                    from,
                    ..Beat::default()
                },
            );
        }
        // Entries come as they end, so the new one is nearly always the last.
        while let (Some(first), Some(last)) = (self.beats.front(), self.beats.back())
            && first.from <= last.from - BEATS * BEAT_SECS
        {
            self.beats.pop_front();
        }
        let place = self.beats.partition_point(|beat| beat.from < from);
        self.beats.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::job::run::{Gap, RunId};

    fn job() -> JobId {
        JobId(uuid::Uuid::from_u128(7))
    }

    fn run(at: i64, late: Duration, outcome: Outcome) -> Arc<HistoryEntry> {
        let due = Timestamp::from_unix(at, 0);
        Arc::new(HistoryEntry::Run(Box::new(RunRecord {
            id: RunId::new(job(), at as u64, due),
            trigger: Trigger::Schedule,
            scheduled_at: Some(due),
            started_at: Some(due.plus(late)),
            finished_at: due.plus(late),
            attempts: 1,
            duration: Duration::ZERO,
            outcome,
            end: None,
            output_total: 0,
        })))
    }

    fn gap(last: i64, count: u64) -> Arc<HistoryEntry> {
        let at = Timestamp::from_unix(last, 0);
        let id = RunId::new(job(), 1, Timestamp::EPOCH);
        Arc::new(HistoryEntry::Gap(Gap {
            id,
            kind: GapKind::Missed,
            first: at,
            last: at,
            count,
        }))
    }

    #[test]
    fn runs_add_up_by_five_minutes() {
        let mut pulse = Pulse::default();
        for (at, late, outcome) in [
            (600, 2, Outcome::Succeeded),
            (601, 4, Outcome::Succeeded),
            (300, 0, Outcome::Failed),
        ] {
            pulse.note(job(), &run(at, Duration::from_millis(late), outcome));
        }
        let beats: Vec<_> = pulse
            .beats()
            .map(|beat| (beat.from, beat.succeeded, beat.failed))
            .collect();
        assert_eq!(beats, [(300, 0, 1), (600, 2, 0)]);
        let last = pulse.beats().last().unwrap();
        assert_eq!(
            (last.late_mean().as_millis(), last.late_max.as_millis()),
            (3, 4)
        );
        assert_eq!(pulse.troubles().count(), 1);
    }

    #[test]
    fn a_day_is_kept_and_no_more() {
        let mut pulse = Pulse::default();
        for at in (0..3 * 86_400).step_by(100) {
            pulse.note(job(), &run(at, Duration::ZERO, Outcome::Failed));
        }
        assert_eq!(pulse.beats().count() as i64, BEATS);
        assert_eq!(pulse.troubles().count(), config::TROUBLES_KEPT);
        pulse.note(job(), &run(0, Duration::ZERO, Outcome::Failed));
        assert_eq!(pulse.beats().count() as i64, BEATS);
    }

    #[test]
    fn a_gap_that_grows_counts_once() {
        let mut pulse = Pulse::default();
        for count in [1, 2, 5] {
            pulse.note(job(), &gap(900 + count as i64, count));
        }
        assert_eq!(pulse.beats().map(|beat| beat.missed).sum::<u64>(), 5);
        assert_eq!(pulse.troubles().count(), 1);
    }
}
