//! Jobs that were to run once go by themselves, so long after they were done.

use super::*;

/// A server on which such jobs go after a minute.
fn story() -> Story {
    Story::with(Settings {
        workers: 2,
        output_limit: 64,
        lease: None,
        done_ttl: Some(Duration::from_secs(60)),
    })
}

#[test]
fn a_job_goes_that_long_after_its_only_run() {
    let mut story = story();
    for (name, schedule) in [
        ("at once", String::new()),
        ("later", once(5)),
        ("again and again", every(30)),
        ("three times", every(1).replace("R/", "R2/")),
        ("never", "@manual".to_owned()),
    ] {
        story.create(name, |job| job.schedule = schedule);
    }
    story.pass(120.0);
    let told = story.told();
    let gone: Vec<_> = told.iter().filter(|line| line.contains("goes")).collect();
    assert_eq!(gone, ["61 at once goes", "66 later goes"]);
    assert_eq!(story.rows.jobs.len(), 3);
    assert_eq!(story.views.len(), 3);
}

#[test]
fn what_happens_to_it_meanwhile_counts() {
    let mut story = story();
    story.create("job", |job| job.schedule = once(1));
    story.pass(30.0);
    story.start("job", false);
    story.pass(40.0);
    story.update("job", |job| job.extras.description = "why".to_owned());
    assert_eq!(story.told().len(), 4);
    story.pass(20.9);
    assert_eq!(story.told(), [""; 0], "it was started");
    story.pass(0.2);
    assert_eq!(story.told(), ["91 job goes"]);
}

#[test]
fn a_restart_makes_no_difference() {
    let mut story = story();
    story.create("done", |job| job.schedule = once(1));
    story.create("cut", |job| {
        job.schedule = once(1);
        job.command = "100 ok".to_owned();
    });
    story.pass(30.0);
    story.crash();
    story.restart_after(10.0);
    story.told();
    story.pass(100.0);
    assert_eq!(story.told(), ["62 done goes", "100 cut goes"]);
    // While nobody was there.
    story.create("old", |job| job.schedule = once(200));
    story.pass(70.0);
    story.crash();
    story.told();
    story.restart_after(500.0);
    assert_eq!(story.told(), ["710 old goes"]);
    story.pass(1.0);
    assert_eq!(story.rows.jobs.len(), 0);
}

#[test]
fn a_job_that_others_name_stays_until_they_have_gone() {
    let mut story = story();
    story.create("parent", |job| job.schedule = once(1));
    story.child("child", &["parent"], "1 ok");
    story.create("alarm", |job| job.schedule = once(1));
    let alarm = story.id("alarm").to_string();
    story.create("tick", |job| {
        job.schedule = every(1_000);
        job.on_failure_job = alarm;
    });
    story.pass(100.0);
    let goes = |story: &mut Story| {
        let mut told = story.told();
        told.retain(|line| line.contains("goes"));
        told
    };
    assert_eq!(goes(&mut story), [""; 0]);
    story.ask(Command::Delete {
        id: story.id("child"),
        expected_version: None,
    });
    story.ask(Command::Delete {
        id: story.id("tick"),
        expected_version: None,
    });
    story.pass(1.0);
    assert_eq!(goes(&mut story).len(), 2);
    assert_eq!(story.rows.jobs.len(), 0);
}

#[test]
fn while_the_store_is_away_nothing_goes() {
    let mut story = story();
    story.create("job", |job| job.schedule = once(1));
    story.pass(10.0);
    story.disk = Disk::Away;
    story.start("job", false);
    story.pass(200.0);
    story.disk = Disk::Takes(Duration::from_millis(1));
    assert_eq!(story.rows.jobs.len(), 1);
    story.pass(100.0);
    assert_eq!(story.rows.jobs.len(), 0);
    assert_eq!(story.views.len(), 0);
}
