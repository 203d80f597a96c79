//! The server's figures as `GET /stats/` shows them: with the keys of Kala's program, those of its document, and ours.

use super::json::Json;
use crate::clock::Timestamp;
use crate::registry::Totals;
use crate::schedule::Zone;

/// The answer to `GET /stats/` at `now`, times in the server's zone.
#[must_use]
pub fn stats(totals: &Totals, now: Timestamp, zone: Zone) -> Vec<u8> {
    const PROGRAM: [&str; 8] = [
        "active_jobs",
        "disabled_jobs",
        "jobs",
        "error_count",
        "success_count",
        "next_run_at",
        "last_attempted_run",
        "created",
    ];
    const DOCUMENT: [&str; 8] = [
        "ActiveJobs",
        "DisabledJobs",
        "Jobs",
        "ErrorCount",
        "SuccessCount",
        "NextRunAt",
        "LastAttemptedRun",
        "CreatedAt",
    ];
    let mut json = Json::with_capacity(1_024);
    json.open('{').key("Stats").open('{');
    for [
        active,
        disabled,
        jobs,
        errors,
        successes,
        next,
        last,
        created,
    ] in [PROGRAM, DOCUMENT]
    {
        json.key(active)
            .number(totals.jobs.saturating_sub(totals.disabled_jobs));
        json.key(disabled).number(totals.disabled_jobs);
        json.key(jobs).number(totals.jobs);
        json.key(errors).number(totals.error_count);
        json.key(successes).number(totals.success_count);
        json.key(next).time(totals.next_run_at, zone);
        json.key(last).time(totals.last_attempted_run, zone);
        json.key(created).time(Some(now), zone);
    }
    json.key("missed_count").number(totals.missed_count);
    json.key("skipped_count").number(totals.skipped_count);
    json.key("running").number(totals.running);
    json.key("queued").number(totals.queued);
    json.key("paused").flag(totals.paused);
    json.close('}');
    json.close('}');
    json.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_of_kalas_spellings_are_there() {
        let totals = Totals {
            jobs: 3,
            disabled_jobs: 1,
            success_count: 9,
            next_run_at: Some(Timestamp::from_unix(1_433_471_116, 828_738_730)),
            ..Totals::default()
        };
        let text = stats(
            &totals,
            Timestamp::from_unix(1_433_386_701, 0),
            Zone::Fixed(-7 * 3_600),
        );
        let expected = concat!(
            r#"{"Stats":{"active_jobs":2,"disabled_jobs":1,"jobs":3,"error_count":0,"success_count":9,"#,
            r#""next_run_at":"2015-06-04T19:25:16.82873873-07:00","last_attempted_run":"0001-01-01T00:00:00Z","#,
            r#""created":"2015-06-03T19:58:21-07:00","#,
            r#""ActiveJobs":2,"DisabledJobs":1,"Jobs":3,"ErrorCount":0,"SuccessCount":9,"#,
            r#""NextRunAt":"2015-06-04T19:25:16.82873873-07:00","LastAttemptedRun":"0001-01-01T00:00:00Z","#,
            r#""CreatedAt":"2015-06-03T19:58:21-07:00","#,
            r#""missed_count":0,"skipped_count":0,"running":0,"queued":0,"paused":false}}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
