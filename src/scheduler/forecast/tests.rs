//! Forecasts, with the answer known beforehand.

use super::*;
use crate::job::validate::{self, Draft};
use crate::schedule::Zone;

/// A Monday, at midnight.
const FROM: Timestamp = Timestamp::from_unix(1_798_848_000, 0);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn id(seq: u64) -> JobId {
    JobId(uuid::Uuid::from_u64_pair(seq, seq))
}

/// Durations of past runs in seconds, and what is special about the job.
type Row<'a> = (&'a [u64], fn(&mut Draft));

/// Jobs are numbered from 1 as they come.
fn subjects(rows: &[Row<'_>]) -> Vec<Subject> {
    let subject = |(n, (past, change)): (usize, &Row<'_>)| {
        let mut draft = Draft {
            name: format!("job {}", n + 1),
            command: "true".to_owned(),
            ..Draft::default()
        };
        change(&mut draft);
        let spec = draft.check().unwrap();
        let seq = n as u64 + 1;
        let job = Job {
            id: id(seq),
            seq,
            version: 1,
            created_at: FROM,
            updated_at: FROM,
            linked: vec![seq; spec.parents.len()].into(),
            anchor: FROM,
            schedule: validate::schedule(&spec, Zone::UTC, FROM).unwrap(),
            spec,
        };
        Subject {
            job: Arc::new(job),
            past: past.iter().copied().map(secs).collect(),
        }
    };
    rows.iter().enumerate().map(subject).collect()
}

fn hours(hours: u64) -> Window {
    Window {
        from: FROM,
        to: FROM.plus(secs(hours * 3_600)),
    }
}

fn of(forecast: &Forecast, seq: u64) -> Expected {
    let job = forecast.jobs.iter().find(|job| job.id == id(seq));
    job.map(|job| job.expected).unwrap_or_default()
}

#[test]
fn runs_are_counted_by_hours_and_minutes() {
    let subjects = subjects(&[
        (&[1], |draft| draft.schedule = "0 * * * *".to_owned()),
        (&[], |draft| draft.schedule = "30 2 * * *".to_owned()),
        (&[1], |draft| draft.schedule = "0 2 * * *".to_owned()),
        (&[1], |draft| {
            draft.schedule = "* * * * *".to_owned();
            draft.disabled = true;
        }),
        (&[1], |draft| draft.schedule = "@manual".to_owned()),
    ]);
    let (forecast, cuts) = forecast(hours(24), 4, &subjects);
    assert_eq!(cuts, []);
    assert_eq!(forecast.all.runs, 26);
    let runs: Vec<u64> = forecast.hours.iter().map(|hour| hour.runs).collect();
    assert_eq!(runs.len(), 24);
    assert_eq!(&runs[..4], [1, 1, 3, 1]);
    let two = FROM.plus(secs(2 * 3_600));
    assert_eq!(forecast.busiest[0], Minute { at: two, runs: 2 });
    assert_eq!(forecast.busiest.len(), config::FORECAST_MINUTES);
    assert_eq!(forecast.busy_max, 2);
    assert_eq!((forecast.all.overlaps, forecast.all.waits), (0, 0));
    let names = forecast.jobs.iter().map(|job| (&*job.name, job.assumed));
    assert_eq!(
        names.collect::<Vec<_>>(),
        [("job 1", false), ("job 2", true), ("job 3", false)]
    );
}

#[test]
fn long_runs_overlap_as_the_job_says() {
    // Every 10 minutes, for 15 minutes: of two occurrences one finds the job running.
    let every = |overlap: fn(&mut Draft)| -> Expected {
        let mut rows = subjects(&[(&[900], |draft| draft.schedule = "*/10 * * * *".to_owned())]);
        let mut draft = Draft::default();
        overlap(&mut draft);
        let job = Arc::make_mut(&mut rows[0].job);
        job.spec.overlap = draft.overlap;
        of(&forecast(hours(2), 4, &rows).0, 1)
    };
    let skip = every(|draft| draft.overlap = crate::job::Overlap::Skip);
    assert_eq!((skip.runs, skip.skipped, skip.overlaps), (6, 6, 6));
    let allow = every(|draft| draft.overlap = crate::job::Overlap::Allow);
    assert_eq!((allow.runs, allow.skipped, allow.overlaps), (12, 0, 11));
    let queue = every(|_| {});
    assert_eq!(queue.waits, 0, "it waits for itself, not for a worker");
    assert_eq!((queue.runs, queue.overlaps - queue.skipped), (8, 7));
}

#[test]
fn few_workers_make_queues_and_close_windows() {
    let nightly: fn(&mut Draft) = |draft| draft.schedule = "0 2 * * *".to_owned();
    let strict: fn(&mut Draft) = |draft| {
        draft.schedule = "0 2 * * *".to_owned();
        draft.epsilon = "PT1M".to_owned();
    };
    let subjects = subjects(&[(&[100], nightly), (&[50], nightly), (&[1], strict)]);
    let (alone, _) = forecast(hours(24), 1, &subjects);
    assert_eq!((alone.all.runs, alone.all.missed), (2, 1));
    assert_eq!((of(&alone, 3).runs, of(&alone, 3).missed), (0, 1));
    assert_eq!(alone.jobs[0].id, id(3), "the most troubled stands first");
    assert_eq!((alone.all.waits, alone.all.wait_max), (1, secs(100)));
    assert_eq!(alone.all.wait_mean(), secs(50));
    assert_eq!(of(&alone, 1).run_mean(), secs(100));
    assert_eq!(alone.hours[2].lost, 1);
    let (many, _) = forecast(hours(24), 3, &subjects);
    assert_eq!((many.all.runs, many.all.missed, many.all.waits), (3, 0, 0));
    assert_eq!(many.busy_max, 3);
}

#[test]
fn children_follow_and_past_runs_come_round() {
    let subjects = subjects(&[
        (&[10, 30], |draft| draft.schedule = "0 * * * *".to_owned()),
        (&[5], |draft| draft.parents = vec![id(1).to_string()]),
        (&[5], |draft| draft.parents = vec![id(9).to_string()]),
    ]);
    let (forecast, _) = forecast(hours(4), 4, &subjects);
    assert_eq!((of(&forecast, 1).runs, of(&forecast, 2).runs), (4, 4));
    assert_eq!(of(&forecast, 1).run_mean(), secs(20));
    assert_eq!(of(&forecast, 3).runs, 0, "its parent is not there");
}

#[test]
fn a_window_may_lie_anywhere_and_does_not_hold_its_end() {
    let subjects = subjects(&[(&[1], |draft| draft.schedule = "0 2 * * *".to_owned())]);
    let two = FROM.plus(secs(365 * 86_400 + 7_200));
    let runs = |from, to| forecast(Window { from, to }, 1, &subjects).0.all.runs;
    assert_eq!(runs(two, two.plus(secs(1))), 1);
    assert_eq!(runs(two.plus(secs(1)), two.plus(secs(86_400))), 0);
    assert_eq!(runs(two.plus(secs(1)), two.plus(secs(86_401))), 1);
    assert_eq!(runs(two, two), 0);
    assert_eq!(runs(two, two.minus(secs(1))), 0);
}

#[test]
fn what_is_too_much_is_cut_and_said() {
    let busy = subjects(&[(&[0], |draft| {
        draft.schedule = "R//PT0.01S".to_owned();
        draft.overlap = crate::job::Overlap::Skip;
    })]);
    let (tally, until) = turn::turn(hours(24), 4, &busy, 10_000);
    assert!(until > FROM && until < FROM.plus(secs(86_400)), "{until:?}");
    let some = tally.into_forecast(until);
    assert_eq!(some.until, Some(until));
    assert!(some.all.runs > 1_000, "{:?}", some.all);
    assert_eq!(some.hours.len(), 1);

    let (_, cuts) = forecast(hours(24 * 40), 4, &[]);
    assert_eq!(cuts, [Cut::Window]);
    assert_eq!(
        Cut::Window.to_string(),
        "a forecast looks 35 days ahead, and not further"
    );
}
