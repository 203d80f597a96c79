//! A history in words, for whoever repeats one that failed.

use nimesha::job::validate::Draft;
use nimesha::scheduler::command::{Command, NewJob};
use nimesha::store::change::{Change, Unit};

pub(super) fn command(command: &Command) -> String {
    match command {
        Command::Create { job, unique_name } => {
            format!("create {} unique {unique_name} {}", job.id, definition(job))
        }
        Command::Update {
            job,
            expected_version,
        } => format!(
            "update {} if {expected_version:?} {}",
            job.id,
            definition(job)
        ),
        other => format!("{other:?}"),
    }
}

fn definition(job: &NewJob) -> String {
    let draft = Draft::of(&job.spec);
    format!(
        "{:?} schedule {:?} {:?} parents {:?} failure {:?} retries {} {:?} epsilon {:?} {:?} {:?} {:?} {:?} resume {} disabled {}",
        draft.name,
        draft.schedule,
        draft.timezone,
        draft.parents,
        draft.on_failure_job,
        draft.retries,
        draft.retry_delay,
        draft.epsilon,
        draft.overlap,
        draft.run_after,
        draft.children_run,
        draft.on_interrupted,
        draft.resume_at_next_scheduled_time,
        draft.disabled
    )
}

pub(super) fn unit(unit: &Unit) -> String {
    let words = unit.changes.iter().map(|change| match change {
        Change::PutJob(job) => format!("job {} v{}", job.id, job.version),
        Change::PutState(id, state) => {
            format!("state {id} {:?} n{}", state.cursor, state.next_number)
        }
        Change::InsertRun(run) => format!(
            "insert {} {:?} {:?} claimed {} chain {:?}",
            run.id, run.trigger, run.scheduled_at, run.claimed, run.chain
        ),
        Change::PutRun(run) => format!("put {} claimed {}", run.id, run.claimed),
        Change::RemoveRun(run) => format!("remove {}", run.id),
        Change::PutHistory(_, entry, _) => format!("history {}", entry.id()),
        other => format!("{other:?}"),
    });
    words.collect::<Vec<_>>().join("; ")
}
