//! The smaller bodies that routes take.

use chrono::DateTime;
use serde_json::Value;

use super::input::{BadBody, Field, Key, Object, key, put};
use crate::clock::{NANOS_PER_SEC, Timestamp};
use crate::config;
use crate::job::validate::Draft;

/// What `POST /schedule/preview/` is asked.
#[derive(Clone, Debug)]
pub struct PreviewKeys {
    /// A schedule.
    pub schedule: String,
    /// Its zone, or nothing.
    pub timezone: String,
    /// How many occurrences to show.
    pub count: u32,
}

/// What `POST /job/{id}/backfill/` is asked.
#[derive(Clone, Copy, Debug)]
pub struct BackfillKeys {
    /// The first instant.
    pub from: Timestamp,
    /// The last instant.
    pub to: Timestamp,
    /// How many runs at most.
    pub limit: u32,
}

impl PreviewKeys {
    /// Parses the body.
    ///
    /// # Errors
    /// Names the key that is unknown or has a value of the wrong type.
    pub fn parse(body: &[u8]) -> Result<PreviewKeys, BadBody> {
        const KEYS: &[Key<PreviewKeys>] = &[
            key("schedule", r#""R//PT1H""#, |k, f| {
                put(&mut k.schedule, f.text())
            }),
            key("timezone", r#""Europe/Berlin""#, |k, f| {
                put(&mut k.timezone, f.text())
            }),
            key("count", "5", |k, f| {
                put(&mut k.count, f.count(config::PREVIEW_MAX))
            }),
        ];
        let mut keys = PreviewKeys {
            schedule: String::new(),
            timezone: String::new(),
            count: config::PREVIEW,
        };
        Object::parse(body, r#"{"schedule": "R//PT1H", "count": 5}"#)?.fill(&mut keys, KEYS, "")?;
        if keys.count == 0 {
            keys.count = config::PREVIEW;
        }
        Ok(keys)
    }
}

impl BackfillKeys {
    /// Parses the body.
    ///
    /// # Errors
    /// Names the key that is unknown, missing or has a value of the wrong type.
    pub fn parse(body: &[u8]) -> Result<BackfillKeys, BadBody> {
        #[derive(Default)]
        struct Draft {
            from: Option<Timestamp>,
            to: Option<Timestamp>,
            limit: u32,
        }
        const TIME: &str = r#""2027-01-04T09:00:00Z""#;
        const KEYS: &[Key<Draft>] = &[
            key("from", TIME, |d, f| put(&mut d.from, time(f))),
            key("to", TIME, |d, f| put(&mut d.to, time(f))),
            key("limit", "100", |d, f| {
                put(&mut d.limit, f.count(config::BACKFILL_MAX))
            }),
        ];
        const EXAMPLE: &str = r#"{"from": "2027-01-04T09:00:00Z", "to": "2027-01-05T09:00:00Z"}"#;
        let mut draft = Draft::default();
        Object::parse(body, EXAMPLE)?.fill(&mut draft, KEYS, "")?;
        let missing = |name| BadBody(format!("{name} is missing: give a time such as {TIME}"));
        let from = draft.from.ok_or_else(|| missing("from"))?;
        let to = draft.to.ok_or_else(|| missing("to"))?;
        if to < from {
            return Err(BadBody("to is before from: exchange them".to_owned()));
        }
        let limit = match draft.limit {
            0 => config::BACKFILL_MAX,
            limit => limit,
        };
        Ok(BackfillKeys { from, to, limit })
    }
}

/// What `POST /run/` is asked: those keys of a job that say how its command runs.
///
/// # Errors
/// Names the key that is unknown or has a value of the wrong type.
pub fn parse_trial(body: &[u8]) -> Result<Draft, BadBody> {
    const KEYS: &[Key<Draft>] = &[
        key("command", r#""/usr/local/bin/backup.sh --fast""#, |d, f| {
            put(&mut d.command, f.text())
        }),
        key("env", r#"{"BACKUP_DIR": "/srv"}"#, |d, f| {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            put(&mut d.extras.env, f.entries("an object of strings", text))
        }),
        key("cwd", r#""/srv""#, |d, f| put(&mut d.extras.cwd, f.text())),
        key("timeout", r#""PT30S""#, |d, f| {
            put(&mut d.timeout, f.text())
        }),
    ];
    let mut draft = Draft {
        name: "trial".to_owned(),
        schedule: "@manual".to_owned(),
        ..Draft::default()
    };
    Object::parse(body, r#"{"command": "echo hello"}"#)?.fill(&mut draft, KEYS, "")?;
    Ok(draft)
}

fn time(field: &Field<'_>) -> Result<Option<Timestamp>, BadBody> {
    let time = instant(&field.text()?);
    match time {
        Some(time) => Ok(Some(time)),
        None => Err(field.must_be("a time with its offset (RFC 3339)")),
    }
}

/// The instant of an RFC 3339 time with its offset; none if it is no such time.
#[must_use]
pub fn instant(text: &str) -> Option<Timestamp> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    let nanos = i128::from(time.timestamp()) * NANOS_PER_SEC;
    Some(Timestamp::from_unix_nanos(
        nanos + i128::from(time.timestamp_subsec_nanos()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_bodies() {
        let keys = PreviewKeys::parse(br#"{"schedule":"@daily","count":3}"#).unwrap();
        assert_eq!((keys.schedule.as_str(), keys.count), ("@daily", 3));
        let keys = PreviewKeys::parse(b"{}").unwrap();
        assert_eq!((keys.schedule.as_str(), keys.count), ("", config::PREVIEW));

        let body =
            br#"{"from":"1970-01-01T00:00:00.5Z","to":"1970-01-01T01:00:01+01:00","limit":7}"#;
        let keys = BackfillKeys::parse(body).unwrap();
        assert_eq!(keys.from, Timestamp::from_unix(0, 500_000_000));
        assert_eq!(keys.to, Timestamp::from_unix(1, 0));
        assert_eq!(keys.limit, 7);
    }

    #[test]
    fn err_bodies() {
        let rows = [
            (
                r#"{}"#,
                r#"from is missing: give a time such as "2027-01-04T09:00:00Z""#,
            ),
            (
                r#"{"from":"yesterday"}"#,
                r#"from must be a time with its offset (RFC 3339), for example "2027-01-04T09:00:00Z", but is the string "yesterday""#,
            ),
            (
                r#"{"from":"2027-01-04T09:00:00Z","to":"2027-01-03T09:00:00Z"}"#,
                "to is before from: exchange them",
            ),
            (
                r#"{"form":""}"#,
                r#"the key "form" is unknown: did you mean "from"?"#,
            ),
        ];
        for (body, expected) in rows {
            let why = BackfillKeys::parse(body.as_bytes()).unwrap_err();
            assert_eq!(why.0, expected, "{body}");
        }
        let why = PreviewKeys::parse(br#"{"count":1001}"#).unwrap_err();
        assert_eq!(
            why.0,
            "count must be a whole number from 0 to 1000, for example 5, but is the number 1001"
        );
    }
}
