//! What the core notices and shows, as events for whoever listens.
//!
//! Jobs that are there when the server starts are not told of, since nothing happened to them.

use crate::config;
use crate::events::{Events, Named, What, beginning};
use crate::registry::Registry;
use crate::scheduler::core::{Notice, View};

use super::journal::words;

/// What a step tells of jobs that came, changed or went.
#[derive(Default)]
pub(super) struct Changes {
    /// How many there are before those told: more than a listener could be told of afterwards.
    untold: usize,
    told: Vec<What>,
}

impl Changes {
    /// Those in `views`. Asked before these are shown: of a job that goes, only the registry knows the name.
    pub(super) fn of(views: &[View], registry: &Registry) -> Changes {
        let is_change = |view: &&View| matches!(view, View::Job(..) | View::NoJob(_));
        let changes: Vec<&View> = views.iter().filter(is_change).collect();
        let untold = changes.len().saturating_sub(config::EVENTS_KEPT);
        let told = changes[untold..]
            .iter()
            .filter_map(|view| change(view, registry));
        Changes {
            untold,
            told: told.collect(),
        }
    }

    /// Tells of them.
    pub(super) fn tell(self, events: &Events) {
        if self.untold > 0 {
            events.pass_over(self.untold as u64);
        }
        self.told.into_iter().for_each(|what| events.tell(what));
    }
}

fn change(view: &View, registry: &Registry) -> Option<What> {
    match view {
        View::Job(job, _) if job.version == 1 => Some(What::JobCreated(Named::from(&**job))),
        View::Job(job, _) => Some(What::JobChanged(Named::from(&**job))),
        View::NoJob(id) => {
            let gone = registry.job(*id)?;
            Some(What::JobDeleted(Named::from(&*gone.job)))
        }
        _ => None,
    }
}

/// Tells of a notice, if it is one for listeners.
pub(super) fn tell(events: &Events, notice: &Notice) {
    let what = match notice {
        Notice::Started {
            run,
            job,
            trigger,
            lateness,
            ..
        } => What::RunStarted {
            run: *run,
            job: Named::from(&**job),
            trigger: *trigger,
            lateness: *lateness,
        },
        Notice::Retrying {
            run,
            job,
            attempt,
            end,
            at,
        } => What::RunRetrying {
            run: *run,
            job: Named::from(&**job),
            attempt: *attempt,
            end: beginning(&words(end)).into(),
            next_at: *at,
        },
        Notice::Ended {
            run,
            job,
            outcome,
            end,
            duration,
        } => What::RunEnded {
            run: *run,
            job: Named::from(&**job),
            outcome: *outcome,
            end: end.as_ref().map(|end| beginning(&words(end)).into()),
            duration: *duration,
        },
        Notice::Gap { job, gap, new } => What::Gap {
            job: Named::from(&**job),
            kind: gap.kind,
            count: *new,
            last: gap.last,
        },
        Notice::StoreAway(why) => What::StoreAway(beginning(why).into()),
        Notice::StoreBack => What::StoreBack,
        Notice::Turn(_)
        | Notice::Expired { .. }
        | Notice::ClockStepped { .. }
        | Notice::ClaimTaken { .. }
        | Notice::Unwritten { .. }
        | Notice::LeaseLost(_) => return,
    };
    events.tell(what);
}
