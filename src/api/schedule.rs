//! Schedules on trial: what one would yield, without a job.

use crate::clock;
use crate::schedule::{Schedule, Zone};

use super::answer;
use super::error::ApiError;
use super::wire::{Json, PreviewKeys};
use super::{Api, Call, Reply};

/// `POST /schedule/preview/`: the next occurrences, or why it is no schedule. Those of a start that has passed are shown
/// from now on.
pub(super) fn preview(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let keys = PreviewKeys::parse(&call.request.body)?;
    let now = clock::now();
    let zone = match keys.timezone.as_str() {
        "" => None,
        name => Some(Zone::parse(name)?),
    };
    let server_zone = api.settings.zone;
    let schedule = Schedule::parse(
        &keys.schedule,
        zone.unwrap_or(server_zone),
        zone.is_some(),
        now,
    )?;
    let mut json = Json::with_capacity(512);
    json.open('{').key("occurrences").open('[');
    // The start may be this very instant, which is not after it.
    let mut at = schedule.start().filter(|start| *start == now);
    at = at.or_else(|| schedule.next_after(now));
    for _ in 0..keys.count {
        let Some(time) = at else { break };
        json.item().time(Some(time), schedule.zone());
        at = schedule.next_after(time);
    }
    json.close(']');
    json.close('}');
    Ok(Reply::Now(answer::json(200, json.finish())))
}

#[cfg(test)]
mod tests {
    use tiny_http::Method::Post;

    use super::super::answer::text;
    use super::super::testing::{api, now};

    fn preview(body: &str) -> (u16, String) {
        let answer = now(&api(), Post, "/schedule/preview/", body);
        (answer.status.0, text(answer))
    }

    #[test]
    fn occurrences_are_shown_in_the_schedules_zone() {
        let (status, text) = preview(
            r#"{"schedule":"R2/2037-03-28T09:00:00/P1D","timezone":"Europe/Berlin","count":5}"#,
        );
        assert_eq!(status, 200);
        assert_eq!(
            text,
            "{\"occurrences\":[\"2037-03-28T09:00:00+01:00\",\"2037-03-29T09:00:00+02:00\",\"2037-03-30T09:00:00+02:00\"]}\n"
        );
        assert_eq!(
            preview(r#"{"schedule":"@manual"}"#).1,
            "{\"occurrences\":[]}\n"
        );
        let of = |body| preview(body).1.matches('T').count();
        assert_eq!(of(r#"{"schedule":"R//PT1H"}"#), 10);
        assert_eq!(of(r#"{"schedule":"R2//PT1H"}"#), 3);
        assert_eq!(
            of(r#"{"schedule":"R/2001-01-01T00:00:00Z/PT1S","count":4}"#),
            4
        );
    }

    #[test]
    fn err_schedules() {
        for body in [
            r#"{"schedule":"//"}"#,
            r#"{"schedule":"@daily","timezone":"Mars"}"#,
            "",
        ] {
            assert_eq!(preview(body).0, 400, "{body}");
        }
    }
}
