//! Jobs and commands of every kind, by chance.

use std::time::Duration;

use nimesha::clock::Timestamp;
use nimesha::job::validate::Draft;
use nimesha::job::{ChildrenRun, Job, JobId, OnInterrupted, Overlap, RunAfter};
use nimesha::schedule::{Schedule, Zone};
use nimesha::scheduler::command::{Command, NewJob};

use super::dice::Dice;
use super::world::World;

/// What a history is about: everything in it takes times around this one.
const SCALES: [Duration; 6] = [
    Duration::from_millis(30),
    Duration::from_millis(300),
    Duration::from_secs(3),
    Duration::from_secs(60),
    Duration::from_secs(3_600),
    Duration::from_secs(86_400),
];

pub(super) fn scale(dice: &mut Dice) -> Duration {
    dice.pick(&SCALES)
}

fn iso(span: Duration) -> String {
    format!("PT{}S", span.as_millis() as f64 / 1_000.0)
}

fn schedule(dice: &mut Dice, scale: Duration, now: Timestamp) -> (String, String) {
    let zone = dice.pick(&["", "", "", "Europe/Berlin", "America/New_York"]);
    let start = match dice.below(4) {
        0 | 1 => String::new(),
        _ => Zone::UTC.format(now.plus(dice.around(scale))),
    };
    let interval = iso(dice.around(scale).max(Duration::from_millis(10)));
    let text = match dice.below(12) {
        0 => String::new(),
        1 => Zone::UTC.format(now.plus(dice.around(scale))),
        2 => "@manual".to_owned(),
        3 => format!("R{}/{start}/{interval}", dice.below(6)),
        4 if scale >= Duration::from_secs(1) => "*/7 * * * * *".to_owned(),
        5 if scale >= Duration::from_secs(60) => "13 */2 * * *".to_owned(),
        6 if scale >= Duration::from_secs(3_600) => "30 2 * * *".to_owned(),
        7 if scale >= Duration::from_secs(3_600) => format!("R/{start}/P1D"),
        8 if scale >= Duration::from_secs(86_400) => format!("R/{start}/P1M"),
        _ => format!("R/{start}/{interval}"),
    };
    (text, zone.to_owned())
}

/// Draws all but name, schedule and links anew.
fn behaviour(dice: &mut Dice, scale: Duration, draft: &mut Draft) {
    let span = |dice: &mut Dice| match dice.below(3) {
        0 => iso(dice.around(scale)),
        _ => String::new(),
    };
    draft.retries = dice.pick(&[0, 0, 1, 2]);
    draft.retry_delay = span(dice);
    draft.epsilon = span(dice);
    draft.overlap = dice.pick(&[
        Overlap::Queue,
        Overlap::Queue,
        Overlap::Skip,
        Overlap::Allow,
    ]);
    draft.run_after = dice.pick(&[RunAfter::Any, RunAfter::All]);
    draft.children_run = dice.pick(&[ChildrenRun::InOrder, ChildrenRun::Together]);
    draft.on_interrupted = dice.pick(&[OnInterrupted::Leave, OnInterrupted::Retry]);
    draft.resume_at_next_scheduled_time = dice.one_in(4);
    draft.disabled = dice.one_in(10);
}

fn links(dice: &mut Dice, jobs: &[JobId], draft: &mut Draft) {
    draft.parents.clear();
    draft.on_failure_job.clear();
    if jobs.is_empty() {
        return;
    }
    if dice.one_in(3) {
        for _ in 0..=dice.below(2) {
            let parent = dice.pick(jobs).to_string();
            if !draft.parents.contains(&parent) {
                draft.parents.push(parent);
            }
        }
    }
    if dice.one_in(4) {
        draft.on_failure_job = dice.pick(jobs).to_string();
    }
}

fn checked(id: JobId, draft: Draft, now: Timestamp) -> Box<NewJob> {
    let spec = draft.check().expect("only good jobs are drawn");
    let zone = Zone::parse(spec.timezone()).unwrap_or(Zone::UTC);
    let zone_given = !spec.timezone().is_empty();
    let schedule = Schedule::parse(spec.schedule(), zone, zone_given, now);
    Box::new(NewJob {
        id,
        schedule: schedule.expect("only good schedules are drawn"),
        spec,
        anchor: now,
    })
}

pub(super) fn create(world: &mut World) -> Command {
    let (now, scale, jobs) = (world.wall(), world.scale, world.known_jobs());
    let dice = &mut world.dice;
    let mut draft = Draft {
        name: format!("job {}", dice.below(20)),
        command: "true".to_owned(),
        ..Draft::default()
    };
    behaviour(dice, scale, &mut draft);
    links(dice, &jobs, &mut draft);
    if draft.parents.is_empty() {
        (draft.schedule, draft.timezone) = schedule(dice, scale, now);
    }
    let unique_name = dice.one_in(4);
    // Half of the jobs have ids that begin alike: then ids of runs meet.
    let id = u128::from(dice.next()) << (64 * dice.below(2));
    Command::Create {
        job: checked(JobId(uuid::Uuid::from_u128(id)), draft, now),
        unique_name,
    }
}

fn update(world: &mut World, job: &Job) -> Command {
    let (now, scale, jobs) = (world.wall(), world.scale, world.known_jobs());
    let dice = &mut world.dice;
    let mut draft = Draft::of(&job.spec);
    draft.name = format!("job {}", dice.below(20));
    behaviour(dice, scale, &mut draft);
    if dice.one_in(3) {
        links(dice, &jobs, &mut draft);
    }
    if !draft.parents.is_empty() {
        draft.schedule.clear();
        draft.timezone.clear();
    } else if dice.one_in(3) {
        (draft.schedule, draft.timezone) = schedule(dice, scale, now);
    }
    let version = job.version + u64::from(dice.one_in(8));
    Command::Update {
        job: checked(job.id, draft, now),
        expected_version: dice.one_in(2).then_some(version),
    }
}

pub(super) fn command(world: &mut World) -> Command {
    let jobs = world.known_jobs();
    if jobs.is_empty() || (jobs.len() < 12 && world.dice.one_in(3)) {
        return create(world);
    }
    let id = world.dice.pick(&jobs);
    match world.dice.below(40) {
        0..6 => create(world),
        6..11 => match world.seen.jobs.get(&id).map(|(job, _)| job.clone()) {
            Some(job) => update(world, &job),
            None => Command::Enable(id),
        },
        11..14 => Command::Delete {
            id,
            expected_version: None,
        },
        14 => match world.dice.below(8) {
            0 => Command::DeleteAll,
            _ => Command::Pause,
        },
        15 | 16 => Command::Pause,
        17..20 => Command::Resume,
        20..24 => Command::Disable(id),
        24..28 => Command::Enable(id),
        28..30 => {
            let from = world.wall().minus(world.scale * 5);
            let (to, limit) = (world.wall(), world.dice.below(6) as u32);
            Command::Backfill {
                id,
                from,
                to,
                limit,
            }
        }
        30..34 => {
            let runs: Vec<_> = world.seen.running.values().collect();
            match runs.is_empty() {
                true => Command::Resume,
                false => {
                    let run = runs[world.dice.below(runs.len() as u64) as usize];
                    let (job, run) = (run.job.id, run.id);
                    Command::Cancel { job, run }
                }
            }
        }
        _ => {
            let wait = world.dice.one_in(2);
            Command::Start { id, wait }
        }
    }
}
