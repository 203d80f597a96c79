//! Real processes and sockets. Nothing waits for a time to pass: long sleeps are killed, and ends are waited for.

mod local;
mod pool;
mod process_wide;
mod remote;

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};

use super::{Pool, PoolConfig};
use crate::clock;
use crate::job::output::OutputBuffer;
use crate::job::run::{AttemptEnd, Completion, Figures, RunId, RunOrder, Trigger};
use crate::job::texts::TextsOf;
use crate::job::{Action, Extras, Job, JobId, JobSpec, Span};
use crate::schedule::{Interval, Schedule, Zone};

/// A pool with the completions that it reports.
struct Rig {
    pool: Pool,
    ends: Receiver<Completion>,
}

impl Rig {
    fn new(workers: usize) -> Rig {
        let (sender, ends) = unbounded();
        let config = PoolConfig {
            workers,
            kill_after: Duration::from_millis(50),
        };
        let pool = Pool::start(config, move |end| sender.send(end).unwrap()).unwrap();
        Rig { pool, ends }
    }

    fn next_end(&self) -> Completion {
        self.ends.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    /// How `order` ends, and what it writes.
    fn run(&self, order: RunOrder) -> (AttemptEnd, String) {
        let output = Arc::clone(&order.output);
        let run = order.run;
        self.pool.submit(order);
        let end = self.next_end();
        assert_eq!(end.run, run);
        (end.end, String::from_utf8(output.text()).unwrap())
    }
}

/// How `command` ends in a pool of its own, and what it writes.
fn run(command: &str, change: impl FnOnce(&mut JobSpec)) -> (AttemptEnd, String) {
    Rig::new(1).run(order(command, change))
}

fn order(command: &str, change: impl FnOnce(&mut JobSpec)) -> RunOrder {
    let mut spec = spec(command);
    change(&mut spec);
    let now = clock::now();
    let schedule = Schedule::parse("@manual", Zone::UTC, false, now).unwrap();
    let job = Job {
        id: JobId::random(),
        seq: 1,
        version: 1,
        created_at: now,
        updated_at: now,
        anchor: now,
        linked: Box::default(),
        spec,
        schedule,
    };
    RunOrder {
        run: RunId::new(job.id, 1, now),
        job: Arc::new(job),
        attempt: 1,
        trigger: Trigger::Manual,
        scheduled_at: None,
        not_after: None,
        output: Arc::new(OutputBuffer::new(4096)),
        figures: Figures::default(),
        extra: false,
    }
}

fn texts(command: &str) -> TextsOf<'_> {
    TextsOf {
        name: "a job",
        command,
        schedule: "@manual",
        ..TextsOf::default()
    }
}

fn spec(command: &str) -> JobSpec {
    JobSpec {
        texts: texts(command).into(),
        action: Action::Local,
        parents: Vec::new(),
        on_failure_job: None,
        retries: 0,
        retry_delay: None,
        epsilon: None,
        timeout: None,
        overlap: Default::default(),
        run_after: Default::default(),
        children_run: Default::default(),
        on_interrupted: Default::default(),
        resume_at_next_scheduled_time: false,
        disabled: false,
        extras: Some(Box::new(Extras::default())),
    }
}

fn extras(spec: &mut JobSpec) -> &mut Extras {
    spec.extras.as_mut().unwrap()
}

fn span(text: &str) -> Option<Box<Span>> {
    Some(Box::new(Span {
        text: text.into(),
        interval: Interval::parse(text).unwrap(),
    }))
}

/// Waits until process `pid` has gone, or is a zombie that someone else has to take.
fn await_gone(pid: &str) {
    let stat = format!("/proc/{}/stat", pid.trim());
    while std::fs::read_to_string(&stat).is_ok_and(|text| !text.contains(") Z ")) {
        std::thread::yield_now();
    }
}

/// Waits until `output` has a whole line, and returns what there is.
fn await_line(output: &OutputBuffer) -> String {
    loop {
        let text = String::from_utf8(output.text()).unwrap();
        if text.contains('\n') {
            return text;
        }
        std::thread::yield_now();
    }
}
