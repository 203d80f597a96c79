//! A forecast as `GET /forecast/` answers it, and as the command line reads it.

use std::time::Duration;

use super::json::Json;
use crate::config;
use crate::schedule::Zone;
use crate::scheduler::forecast::{Cut, Expected, Forecast, Window};

/// The answer: what is to be expected in the window that was asked for, times in `zone`, and in `notes` what was cut.
#[must_use]
pub fn forecast(
    asked: Window,
    workers: usize,
    found: &Forecast,
    cuts: &[Cut],
    zone: Zone,
) -> Vec<u8> {
    let rows = &found.jobs[..found.jobs.len().min(config::FORECAST_ROWS_MAX)];
    let unlisted = found.jobs.len() - rows.len();
    let mut json = Json::with_capacity(1_024 + rows.len() * 256);
    json.open('{');
    json.key("from").time(Some(asked.from), zone);
    json.key("to").time(Some(asked.to), zone);
    json.key("until").time(found.until, zone);
    json.key("workers").number(workers);
    json.key("workers_busy_max").number(found.busy_max);
    write_expected(&mut json, &found.all);
    json.key("hours").open('[');
    for hour in &found.hours {
        json.item().open('{');
        json.key("at").time(Some(hour.at), zone);
        json.key("runs").number(hour.runs);
        json.key("lost").number(hour.lost);
        json.close('}');
    }
    json.close(']');
    json.key("busiest_minutes").open('[');
    for minute in &found.busiest {
        json.item().open('{');
        json.key("at").time(Some(minute.at), zone);
        json.key("runs").number(minute.runs);
        json.close('}');
    }
    json.close(']');
    json.key("jobs").open('[');
    for job in rows {
        json.item().open('{');
        json.key("job_id").id(job.id.0);
        json.key("name").string(&job.name);
        write_expected(&mut json, &job.expected);
        json.key("is_run_time_assumed").flag(job.assumed);
        json.close('}');
    }
    json.close(']');
    json.key("notes").open('[');
    let unlisted = (unlisted > 0).then_some(Cut::Rows(unlisted));
    for cut in cuts.iter().chain(&unlisted) {
        json.item().string(&cut.to_string());
    }
    json.close(']');
    json.close('}');
    json.finish()
}

fn write_expected(json: &mut Json, expected: &Expected) {
    json.key("runs").number(expected.runs);
    json.key("missed").number(expected.missed);
    json.key("skipped").number(expected.skipped);
    json.key("overlaps").number(expected.overlaps);
    json.key("queue_waits").number(expected.waits);
    for (key, time) in [
        ("queue_wait_ms_mean", expected.wait_mean()),
        ("queue_wait_ms_max", expected.wait_max),
        ("run_ms_mean", expected.run_mean()),
    ] {
        json.key(key).number(millis(time));
    }
}

/// Rounded up: a wait that there is must not look like none.
fn millis(time: Duration) -> u128 {
    time.as_nanos().div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::job::JobId;
    use crate::scheduler::forecast::{Hour, JobForecast, Minute};

    #[test]
    fn all_that_is_expected_is_written() {
        let expected = Expected {
            runs: 2,
            missed: 1,
            overlaps: 1,
            waits: 1,
            wait_total: Duration::from_micros(2_001),
            wait_max: Duration::from_micros(2_001),
            busy_total: Duration::from_secs(3),
            ..Expected::default()
        };
        let at = Timestamp::EPOCH;
        let to = at.plus(config::FORECAST_SPAN);
        let job = JobForecast {
            id: JobId(uuid::Uuid::from_u128(1)),
            name: "x".into(),
            assumed: true,
            expected,
        };
        let found = Forecast {
            all: expected,
            hours: vec![Hour {
                at,
                runs: 2,
                lost: 1,
            }],
            busiest: vec![Minute { at, runs: 2 }],
            busy_max: 1,
            jobs: vec![job; config::FORECAST_ROWS_MAX + 1],
            until: Some(to),
        };
        let window = Window { from: at, to };
        let text = forecast(window, 4, &found, &[Cut::Window], Zone::UTC);
        let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(json["until"], "1970-01-02T00:00:00Z");
        assert_eq!(json["queue_wait_ms_max"], 3);
        assert_eq!(json["queue_wait_ms_mean"], 2);
        assert_eq!(json["run_ms_mean"], 1_500);
        assert_eq!(json["hours"][0]["lost"], 1);
        assert_eq!(json["busiest_minutes"][0]["at"], "1970-01-01T00:00:00Z");
        let jobs = json["jobs"].as_array().unwrap();
        assert_eq!(jobs.len(), config::FORECAST_ROWS_MAX);
        assert_eq!(jobs[0]["is_run_time_assumed"], true);
        assert_eq!(json["notes"][1], "1 quieter jobs are not listed");
    }
}
