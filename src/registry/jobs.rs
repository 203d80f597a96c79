//! The jobs that readers see, in order of creation and by id.

use std::sync::Arc;

use super::{JobView, Live};
use crate::job::index::JobIndex;
use crate::job::{Job, JobId};

/// Jobs in order of creation. A removed one leaves its row, until such rows are the majority.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    rows: Vec<Row>,
    index: JobIndex,
    removed: usize,
}

#[derive(Debug)]
struct Row {
    seq: u64,
    /// None once the job is removed.
    view: Option<JobView>,
}

/// Fewer removed rows than this are not worth moving the others.
const REMOVED_MIN: usize = 64;

impl Jobs {
    pub(super) fn reserve(&mut self, jobs: usize) {
        self.rows.reserve(jobs);
        self.index.reserve(jobs, id_in(&self.rows));
    }

    pub(super) fn get(&self, id: JobId) -> Option<&JobView> {
        let place = self.index.find(id, id_in(&self.rows))?;
        self.rows[place as usize].view.as_ref()
    }

    /// Jobs created after the one with sequence number `after`.
    pub(super) fn after(&self, after: Option<u64>) -> impl Iterator<Item = &JobView> {
        let from = after.map_or(0, |after| self.rows.partition_point(|row| row.seq <= after));
        self.rows[from..].iter().filter_map(|row| row.view.as_ref())
    }

    /// A job is there, or its definition changed.
    pub(super) fn put(&mut self, job: Arc<Job>, live: Live) {
        let (id, seq) = (job.id, job.seq);
        let view = Some(JobView { job, live });
        if let Some(place) = self.index.find(id, id_in(&self.rows)) {
            self.rows[place as usize].view = view;
            return;
        }
        let place = self.rows.partition_point(|row| row.seq < seq);
        self.rows.insert(place, Row { seq, view });
        if place + 1 == self.rows.len() {
            self.index.insert(id, place as u32, id_in(&self.rows));
        } else {
            self.close_gaps();
        }
    }

    pub(super) fn set_live(&mut self, id: JobId, live: Live) {
        let place = self.index.find(id, id_in(&self.rows));
        if let Some(view) = place.and_then(|place| self.rows[place as usize].view.as_mut()) {
            view.live = live;
        }
    }

    pub(super) fn remove(&mut self, id: JobId) {
        let Some(place) = self.index.remove(id, id_in(&self.rows)) else {
            return;
        };
        self.rows[place as usize].view = None;
        self.removed += 1;
        if self.removed > REMOVED_MIN.max(self.rows.len() / 2) {
            self.close_gaps();
        }
    }

    /// Forgets the rows of removed jobs; the others move up.
    fn close_gaps(&mut self) {
        self.rows.retain(|row| row.view.is_some());
        self.rows.shrink_to(2 * self.rows.len());
        self.removed = 0;
        self.index.clear();
        for (place, row) in (0..).zip(&self.rows) {
            if let Some(view) = &row.view {
                self.index.insert(view.job.id, place, id_in(&self.rows));
            }
        }
    }
}

fn id_in(rows: &[Row]) -> impl Fn(u32) -> JobId {
    |place| {
        let view = rows[place as usize].view.as_ref();
        view.expect("a removed job is not in the index").job.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples;

    fn seqs(jobs: &Jobs, after: Option<u64>) -> Vec<u64> {
        jobs.after(after).map(|view| view.job.seq).collect()
    }

    #[test]
    fn order_is_that_of_creation_whatever_came_and_went() {
        let mut jobs = Jobs::default();
        let made: Vec<Arc<Job>> = (0..500).map(|n| Arc::new(samples::plain_job(n))).collect();
        // One comes later than others that were created after it.
        for job in made.iter().filter(|job| job.seq != 7).chain([&made[7]]) {
            jobs.put(job.clone(), Live::default());
        }
        assert_eq!(seqs(&jobs, None), (0..500).collect::<Vec<_>>());
        for job in made.iter().filter(|job| job.seq % 5 != 0) {
            jobs.remove(job.id);
            assert!(jobs.get(job.id).is_none());
        }
        assert!(jobs.rows.len() < 300, "{}", jobs.rows.len());
        assert_eq!(seqs(&jobs, Some(480)), [485, 490, 495]);
        assert_eq!(seqs(&jobs, Some(483)), [485, 490, 495]);
        for job in made.iter().filter(|job| job.seq % 5 == 0) {
            assert_eq!(jobs.get(job.id).unwrap().job.seq, job.seq);
        }
    }

    #[test]
    fn a_changed_job_stays_in_its_place() {
        let mut jobs = Jobs::default();
        let job = Arc::new(samples::plain_job(1));
        for running in [0, 1, 2] {
            let live = Live {
                running,
                ..Live::default()
            };
            jobs.put(job.clone(), live.clone());
            jobs.set_live(job.id, live);
            assert_eq!(jobs.get(job.id).unwrap().live.running, running);
        }
        assert_eq!(seqs(&jobs, None), [1]);
    }
}
