//! The pool: many orders, stops, and what must not spread.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::worker::{Stop, contain};

#[test]
fn every_order_is_reported_once() {
    let rig = Rig::new(8);
    let mut waiting: Vec<RunOrder> = (0..300).map(|_| order("true", |_| {})).collect();
    let mut expected: Vec<RunId> = waiting.iter().map(|order| order.run).collect();
    let mut found = Vec::new();
    for order in waiting.drain(..8) {
        rig.pool.submit(order);
    }
    while found.len() < expected.len() {
        let end = rig.next_end();
        assert_eq!(end.end, AttemptEnd::Exited(0));
        assert!(end.started_at <= clock::now());
        found.push(end.run);
        if let Some(order) = waiting.pop() {
            rig.pool.submit(order);
        }
    }
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    rig.pool.shutdown();
}

#[test]
fn threads_come_as_they_are_needed() {
    let rig = Rig::new(8);
    for _ in 0..20 {
        rig.run(order("true", |_| {}));
    }
    assert_eq!(rig.pool.threads.lock().pool.len(), 1);
}

#[test]
fn a_window_that_has_closed_executes_nothing() {
    let mut late = order("echo x", |_| {});
    late.not_after = Some(clock::now().minus(Duration::from_nanos(1)));
    assert_eq!(Rig::new(1).run(late), (AttemptEnd::TooLate, String::new()));
}

#[test]
fn running_and_queued_orders_are_stopped() {
    for how in [Stop::Terminate, Stop::Kill] {
        let rig = Rig::new(1);
        let running = order("echo x; exec sleep 1000", |_| {});
        let queued = order("echo x", |_| {});
        let (first, second) = (running.run, queued.run);
        let (wrote, silent) = (Arc::clone(&running.output), Arc::clone(&queued.output));
        rig.pool.submit(running);
        rig.pool.submit(queued);
        await_line(&wrote);
        rig.pool.stop(second, how);
        rig.pool
            .stop(RunId::new(JobId::random(), 9, clock::now()), how);
        rig.pool.stop(first, how);
        for run in [first, second] {
            let end = rig.next_end();
            assert_eq!((end.run, end.end), (run, AttemptEnd::Stopped));
        }
        assert_eq!(silent.total(), 0);
        // The next run hears nothing of it.
        assert_eq!(rig.run(order("true", |_| {})).0, AttemptEnd::Exited(0));
    }
}

#[test]
fn a_kill_overtakes_a_patient_stop() {
    let rig = Rig::new(1);
    let order = order(
        "trap 'echo no' TERM; echo x; while :; do sleep 1000; done",
        |_| {},
    );
    let (run, output) = (order.run, Arc::clone(&order.output));
    rig.pool.submit(order);
    await_line(&output);
    rig.pool.stop_all(Stop::Terminate);
    rig.pool.stop(run, Stop::Kill);
    assert_eq!(rig.next_end().end, AttemptEnd::Stopped);
}

#[test]
fn an_extra_order_runs_while_all_workers_are_busy() {
    let rig = Rig::new(1);
    let busy = order("exec sleep 1000", |_| {});
    let blocked = busy.run;
    rig.pool.submit(busy);
    for _ in 0..3 {
        let mut extra = order("echo x", |_| {});
        extra.extra = true;
        assert_eq!(rig.run(extra), (AttemptEnd::Exited(0), "x\n".to_owned()));
    }
    rig.pool.stop(blocked, Stop::Kill);
    assert_eq!(rig.next_end().run, blocked);
    rig.pool.shutdown();
}

#[test]
fn a_panic_fails_one_attempt() {
    let end = contain(|| panic!("at the {}", "disco"));
    let text = "the worker panicked: at the disco".to_owned();
    assert_eq!(end, AttemptEnd::Error(text));
    assert_eq!(contain(|| AttemptEnd::TooLate), AttemptEnd::TooLate);
}
