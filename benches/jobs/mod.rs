//! Jobs to measure with, the same ones in each run.

use nimesha::clock::Timestamp;
use nimesha::job::JobId;
use nimesha::job::validate::{self, Draft};
use nimesha::schedule::Zone;
use nimesha::scheduler::command::NewJob;
use uuid::Uuid;

/// 2026-11-23T08:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_unix(1_795_420_800, 0);

/// Job number `n`, stored at [`START`].
pub(crate) fn new_job(n: u64, schedule: &str) -> NewJob {
    let draft = Draft {
        name: format!("job {n}"),
        command: "true".to_owned(),
        schedule: schedule.to_owned(),
        ..Draft::default()
    };
    let spec = draft.check().expect("a sound job");
    let schedule = validate::schedule(&spec, Zone::UTC, START).expect("a sound schedule");
    NewJob {
        id: JobId(Uuid::from_u128(
            u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835),
        )),
        spec,
        schedule,
        anchor: START,
    }
}
