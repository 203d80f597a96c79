//! A year of a thousand jobs of many kinds, turned by hand: the core is asked when it wants to wake, and it is then.

use std::collections::HashMap;
use std::time::Duration;

use nimesha::clock::Timestamp;
use nimesha::job::run::{AttemptEnd, Completion};
use nimesha::job::validate::Draft;
use nimesha::job::{JobId, validate};
use nimesha::schedule::Zone;
use nimesha::scheduler::command::{Command, NewJob};
use nimesha::scheduler::core::{Core, Effects, Event, Now, ReplyTo, Settings};

const START: Timestamp = Timestamp::from_unix(1_798_761_600, 0);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// Schedules with the occurrences that each has in the year 2027, counted by hand.
const KINDS: &[(&str, &str, u64)] = &[
    ("R/2027-01-01T00:00:01Z/P1D", "", 365),
    ("30 2 * * *", "Europe/Berlin", 365),
    ("0 9 * * MON-FRI", "America/New_York", 261),
    ("R/2027-01-31T12:00:00Z/P1M", "", 12),
    ("R9/2027-06-01T00:00:00Z/PT1H", "", 10),
    ("0 */6 * * *", "", 1_459),
    ("@weekly", "Asia/Tokyo", 52),
    ("2027-07-01T00:00:00Z", "", 1),
    ("R/2027-01-01T00:00:00.5Z/P1W", "", 53),
    ("@manual", "", 0),
];

struct Year {
    core: Core,
    now: Now,
    runs: HashMap<JobId, u64>,
}

impl Year {
    fn step(&mut self, event: Event) {
        let effects = self.core.step(self.now, event);
        self.carry_out(effects);
    }

    /// The store takes everything at once, and every attempt takes a second.
    fn carry_out(&mut self, effects: Effects) {
        if let Some(batch) = effects.batch {
            let stored = batch.into_iter().map(|unit| (unit, Ok(()))).collect();
            self.step(Event::Committed(stored, Duration::from_micros(300)));
        }
        for order in effects.orders {
            assert!(
                order.scheduled_at.is_some_and(|at| at <= self.now.wall),
                "nothing is early"
            );
            *self.runs.entry(order.job.id).or_default() += 1;
            self.step(Event::Completion(Completion {
                run: order.run,
                job: order.job.id,
                started_at: self.now.wall,
                duration: Duration::from_secs(1),
                end: AttemptEnd::Exited(0),
            }));
        }
    }

    /// Moves on to the next instant that the core wants, by whichever clock it is sooner.
    fn advance(&mut self) -> bool {
        let wakeup = self.core.wakeup();
        let wall = wakeup.wall.map(|at| at.since(self.now.wall));
        let mono = wakeup.mono.map(|at| at.saturating_sub(self.now.mono));
        let Some(wait) = wall.into_iter().chain(mono).min() else {
            return false;
        };
        self.now = Now {
            wall: self.now.wall.plus(wait),
            mono: self.now.mono + wait,
        };
        self.now.wall < START.plus(YEAR)
    }
}

fn job(schedule: &str, timezone: &str) -> NewJob {
    let draft = Draft {
        name: schedule.to_owned(),
        command: "true".to_owned(),
        schedule: schedule.to_owned(),
        timezone: timezone.to_owned(),
        ..Draft::default()
    };
    let spec = draft.check().expect("a sound job");
    let schedule = validate::schedule(&spec, Zone::UTC, START).expect("a sound schedule");
    NewJob {
        id: JobId::random(),
        spec,
        schedule,
        anchor: START,
    }
}

#[test]
fn each_of_a_thousand_jobs_runs_as_often_as_the_year_has_occurrences() {
    let now = Now {
        wall: START,
        mono: Duration::ZERO,
    };
    let core = Core::new(
        Settings {
            workers: 64,
            output_limit: 1024,
            lease: None,
            done_ttl: None,
        },
        now,
    );
    let mut year = Year {
        core,
        now,
        runs: HashMap::new(),
    };
    let mut expected = HashMap::new();
    for n in 0..1_000 {
        let (schedule, timezone, count) = KINDS[n % KINDS.len()];
        let job = job(schedule, timezone);
        expected.insert(job.id, (schedule, count));
        let create = Command::Create {
            job: Box::new(job),
            unique_name: false,
        };
        year.step(Event::Command(ReplyTo(n as u64), create));
    }
    while year.advance() {
        year.step(Event::Tick);
    }
    for (id, (schedule, count)) in expected {
        assert_eq!(
            year.runs.get(&id).copied().unwrap_or_default(),
            count,
            "{schedule}"
        );
    }
    let sum: u64 = KINDS.iter().map(|(.., count)| count * 100).sum();
    assert_eq!(year.core.totals().success_count, sum);
}
