//! Alerts as whoever they are posted to gets them.

use super::json::Json;
use crate::alerts::{Alert, Ended, Subject, What};
use crate::schedule::Zone;

/// An alert of the server of that name, which writes times in `zone` where they are no job's.
#[must_use]
pub fn write_alert(alert: &Alert, server: &str, zone: Zone) -> String {
    let zone = match &alert.what {
        What::Failed(run) | What::Recovered(run) => run.job.zone,
        What::Missed { job, .. } => job.zone,
        What::ManyMissed { .. } | What::StoreAway(_) | What::StoreBack => zone,
    };
    let mut json = Json::with_capacity(512);
    json.open('{').key("event").string(alert.what.as_str());
    json.key("time").time(Some(alert.at), zone);
    json.key("server").string(server);
    json.key("count").number(alert.count);
    match &alert.what {
        What::Failed(run) | What::Recovered(run) => write_ended(&mut json, run),
        What::Missed { job, last } => {
            write_subject(&mut json, job);
            json.key("last_scheduled_at").time(Some(*last), zone);
        }
        What::ManyMissed { jobs } => json.key("jobs").number(jobs),
        What::StoreAway(why) => json.key("error").string(why),
        What::StoreBack => {}
    }
    json.close('}');
    String::from_utf8(json.finish()).expect("it is made of texts")
}

fn write_ended(json: &mut Json, run: &Ended) {
    write_subject(json, &run.job);
    json.key("run_id").id(run.run.0);
    json.key("trigger").string(run.trigger.as_str());
    json.key("scheduled_at")
        .time(run.scheduled_at, run.job.zone);
    json.key("outcome").string(run.outcome.as_str());
    json.key("error");
    match &run.error {
        Some(error) => json.string(error),
        None => json.raw("null"),
    }
    json.key("attempts").number(run.attempts);
    json.key("failures_in_a_row").number(run.failures_in_a_row);
    json.key("output").string(&run.output);
}

fn write_subject(json: &mut Json, job: &Subject) {
    json.key("job_id").id(job.id.0);
    json.key("name").string(&job.name);
    json.key("owner").string(&job.owner);
}
