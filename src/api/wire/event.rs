//! Events as listeners get them: the JSON in the data of a server-sent event.

use super::json::Json;
use crate::events::{Event, Named, Piece, What};
use crate::job::run::RunId;
use crate::schedule::Zone;

/// Writes what is known of an event but for its number and its kind, which stand beside the data.
pub fn write_event(json: &mut Json, event: &Event, zone: Zone) {
    json.open('{').key("at").time(Some(event.at), zone);
    match &event.what {
        What::JobCreated(job) | What::JobChanged(job) | What::JobDeleted(job) => {
            write_job_name(json, job);
        }
        What::RunStarted {
            run,
            job,
            trigger,
            lateness,
        } => {
            write_run_name(json, *run, job);
            json.key("trigger").string(trigger.as_str());
            if let Some(lateness) = lateness {
                json.key("lateness").number(lateness.as_nanos());
            }
        }
        What::RunRetrying {
            run,
            job,
            attempt,
            end,
            next_at,
        } => {
            write_run_name(json, *run, job);
            json.key("attempt").number(attempt);
            json.key("end").string(end);
            json.key("next_attempt_at").time(Some(*next_at), zone);
        }
        What::RunEnded {
            run,
            job,
            outcome,
            end,
            duration,
        } => {
            write_run_name(json, *run, job);
            json.key("outcome").string(outcome.as_str());
            if let Some(end) = end {
                json.key("end").string(end);
            }
            json.key("execution_duration").number(duration.as_nanos());
        }
        What::Gap {
            job, count, last, ..
        } => {
            write_job_name(json, job);
            json.key("count").number(count);
            json.key("last_scheduled_at").time(Some(*last), zone);
        }
        What::StoreAway(why) => json.key("error").string(why),
        What::Paused | What::Resumed | What::StoreBack => {}
    }
    json.close('}');
}

/// Writes a piece of a run's output.
pub fn write_output(json: &mut Json, piece: &Piece, zone: Zone) {
    json.open('{').key("at").time(Some(piece.at), zone);
    write_run_name(json, piece.run, &piece.job);
    json.key("offset").number(piece.offset);
    json.key("text").string(&piece.text);
    json.close('}');
}

fn write_run_name(json: &mut Json, run: RunId, job: &Named) {
    json.key("run_id").id(run.0);
    write_job_name(json, job);
}

fn write_job_name(json: &mut Json, job: &Named) {
    json.key("job_id").id(job.id.0);
    json.key("name").string(&job.name);
}
