//! What jobs do, told with real processes: each story has a server of its own and waits for what it tells of.
//!
//! Nothing here measures how long something takes. Where a rule is about time, the stories look at the instants in the
//! history, at counts and at order, which hold on a slow machine too.

mod catch_up;
mod commands;
mod dependencies;
mod interrupted;
mod keeping;
mod manual_start;
mod overlap;
mod remote;
mod retries;
mod schedules;
mod shutdown;
mod timeout;
mod updates;

use serde_json::{Value, json};

/// A job that never runs by itself, with further keys.
fn manual(name: &str, command: &str, keys: &Value) -> Value {
    with(
        json!({"name": name, "command": command, "schedule": "@manual"}),
        keys,
    )
}

/// A job with a schedule, and further keys.
fn scheduled(schedule: &str, command: &str, keys: &Value) -> Value {
    with(
        json!({"name": "scheduled", "command": command, "schedule": schedule}),
        keys,
    )
}

/// A child of these parents, with further keys.
fn child(name: &str, command: &str, parents: &[&str], keys: &Value) -> Value {
    with(
        json!({"name": name, "command": command, "parent_jobs": parents}),
        keys,
    )
}

fn with(mut job: Value, keys: &Value) -> Value {
    let (Value::Object(job_keys), Value::Object(more)) = (&mut job, keys) else {
        panic!("keys are an object: {keys}");
    };
    job_keys.extend(more.clone());
    job
}
