//! How often the time alone wakes the core: for what is due, and for nothing else.

use super::*;

/// How often it is woken in a day in which nothing is to happen.
fn woken_in_a_day(story: &mut Story) -> u32 {
    // Ends of runs on their way to the store have a moment.
    story.pass(1.0);
    story.ticks = 0;
    assert_eq!(story.core.wakeup(), Wakeup::default());
    story.pass(86_400.0);
    story.ticks
}

#[test]
fn a_job_that_is_disabled_or_deleted_wakes_nobody() {
    type Ends = fn(&mut Story);
    let ends: [(&str, Ends); 4] = [
        ("disabled", |story| {
            story.ask(Command::Disable(story.id("job")));
        }),
        ("deleted", |story| {
            story.ask(Command::Delete {
                id: story.id("job"),
                expected_version: None,
            });
        }),
        ("all deleted", |story| {
            story.ask(Command::DeleteAll);
        }),
        ("manual from now on", |story| {
            story.update("job", |job| job.schedule = "@manual".to_owned());
        }),
    ];
    // Long before its instant; claimed for it; the claim on its way; the retry of a failed attempt waits.
    for before in [5.0, 9.99, 9.981, 12.0] {
        for (how, end) in ends {
            let mut story = Story::new();
            story.create("job", |job| {
                job.schedule = every(10);
                job.epsilon = "PT100S".to_owned();
                job.retries = 1;
                job.retry_delay = "PT20S".to_owned();
                job.command = "1 fail ok".to_owned();
            });
            story.pass(before);
            end(&mut story);
            if before > 10.0 {
                story.pass(30.0);
            }
            assert_eq!(woken_in_a_day(&mut story), 0, "{how} after {before} s");
            let next = story.core.totals().next_run_at;
            assert_eq!(next, None, "{how} after {before} s");
        }
    }
}

#[test]
fn runs_that_wait_in_the_queue_wake_nobody() {
    let mut story = Story::with_workers(1);
    story.child("busy", &[], "3600 ok");
    story.start("busy", false);
    for number in 0..10 {
        story.create(&format!("job {number}"), |job| {
            job.schedule = once(10);
            job.epsilon = "PT1M".to_owned();
        });
    }
    story.pass(11.0);
    story.ticks = 0;
    story.pass(3_500.0);
    // Neither a warning for those that wait nor the end of their window is worth one: both show when there is a worker.
    assert_eq!(story.ticks, 0);
}

#[test]
fn an_occurrence_takes_two_wake_ups_at_most_beside_its_end() {
    let mut story = Story::new();
    story.create("job", |job| job.schedule = every(10));
    story.pass(5.0);
    story.ticks = 0;
    story.pass(1_000.0);
    // For its claim, for its instant, and to write down its end.
    assert_eq!(story.ticks, 3 * 100);
}

#[test]
fn what_is_withdrawn_for_one_job_stays_for_the_others() {
    let mut story = Story::new();
    story.create("soon", |job| job.schedule = once(10));
    story.create("later", |job| job.schedule = once(20));
    story.pass(9.99);
    story.ask(Command::Disable(story.id("soon")));
    story.pass(0.005);
    let later = NOON.plus(Duration::from_secs(20));
    assert_eq!(story.core.totals().next_run_at, Some(later));
    story.pass(20.0);
    assert_eq!(story.told()[0], "20 later starts by schedule of 20");
}
