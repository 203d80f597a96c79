//! What readers see: the core's views, put into the registry at one moment.

use std::time::Duration;

use super::Handle;
use super::core::{Core, Now, Settings, View};
use crate::clock;
use crate::registry::{Inner, Registry, Totals};
use crate::store::change::Loaded;

/// Shows what has changed.
pub(super) fn show(registry: &Registry, views: Vec<View>, totals: Totals) {
    let over = registry.write(|seen| {
        seen.totals = totals;
        put(seen, views)
    });
    // Whoever followed one of them and looks, finds how it ended.
    over.iter().for_each(|run| run.output.end());
}

/// Shows all that there is, in the place of what was shown before.
pub(super) fn show_anew(registry: &Registry, jobs: usize, views: Vec<View>, totals: Totals) {
    registry.write(|seen| {
        *seen = Inner::default();
        seen.reserve(jobs);
        seen.totals = totals;
        put(seen, views);
    });
}

fn put(seen: &mut Inner, views: Vec<View>) -> Vec<crate::registry::RunningView> {
    let mut over = Vec::new();
    for view in views {
        match view {
            View::Job(job, live) => seen.put_job(job, live),
            View::NoJob(id) => seen.remove_job(id),
            View::Live(id, live) => seen.put_live(id, live),
            View::Running(run) => seen.put_running(run),
            View::NotRunning(id) => over.extend(seen.remove_running(id)),
            View::Fresh(id, fresh) => seen.put_fresh(id, fresh),
            View::Settled(id, entry) => seen.settle(id, &entry),
        }
    }
    over
}

impl Handle {
    /// Shows readers the jobs of a database on which another server works, as they were read there.
    pub fn survey(&self, loaded: Loaded) {
        let settings = Settings {
            workers: 0,
            output_limit: 0,
            lease: None,
            done_ttl: None,
        };
        let now = Now {
            wall: clock::now(),
            mono: Duration::ZERO,
        };
        let jobs = loaded.jobs.len();
        let (views, totals) = Core::survey(settings, now, loaded);
        show_anew(&self.registry, jobs, views, totals);
    }
}
