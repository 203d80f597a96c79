//! From plain choices to a schedule: "every 15 minutes", "at 9 on weekdays" as ISO 8601 or cron.

use crate::job::validate::{Draft, Invalid};

use super::form::Fields;

/// The units of "every", each with what stands before and after its number in an ISO 8601 duration.
pub(super) const UNITS: [(&str, &str, &str, &str); 6] = [
    ("seconds", "seconds", "PT", "S"),
    ("minutes", "minutes", "PT", "M"),
    ("hours", "hours", "PT", "H"),
    ("days", "days", "P", "D"),
    ("weeks", "weeks", "P", "W"),
    ("months", "months", "P", "M"),
];

/// The days of the week as cron names them, and as people do.
pub(super) const DAYS: [(&str, &str); 7] = [
    ("MON", "Mon"),
    ("TUE", "Tue"),
    ("WED", "Wed"),
    ("THU", "Thu"),
    ("FRI", "Fri"),
    ("SAT", "Sat"),
    ("SUN", "Sun"),
];

/// The schedule that the choices mean.
pub(super) fn schedule(fields: &Fields) -> Result<String, Invalid> {
    match fields.get("when") {
        "now" | "parents" => Ok(String::new()),
        "manual" => Ok("@manual".to_owned()),
        "at" => match instant(fields.get("at")) {
            at if at.is_empty() => missing("the date and time at which the job runs"),
            at => Ok(at),
        },
        "every" => every(fields),
        "days" => days(fields),
        _ => match fields.get("schedule").trim() {
            "" => missing("the schedule, for example R//PT10M or 0 9 * * MON-FRI"),
            text => Ok(text.to_owned()),
        },
    }
}

/// The choices that stand for the schedule of a job that exists.
pub(super) fn of(draft: &Draft) -> Fields {
    let when = match draft.schedule.as_str() {
        "" if draft.parents.is_empty() => "now",
        "" => "parents",
        "@manual" => "manual",
        _ => "text",
    };
    Fields::from([
        ("when", when),
        ("schedule", &draft.schedule),
        ("every", "15"),
        ("unit", "minutes"),
        ("time", "09:00"),
    ])
}

fn every(fields: &Fields) -> Result<String, Invalid> {
    let number = fields.get("every").trim();
    let unit = UNITS.iter().find(|(word, ..)| *word == fields.get("unit"));
    let Some((_, _, before, after)) = unit else {
        return missing("the unit of time");
    };
    if number.is_empty() {
        return missing("how many units of time lie between two runs");
    }
    let repeats = match fields.get("runs").trim() {
        "" => String::new(),
        runs => match runs.parse::<u64>() {
            // A schedule counts repeats after the first run.
            Ok(runs) if runs > 0 => (runs - 1).to_string(),
            _ => {
                return Err(Invalid(format!(
                    "{runs:?} is no number of runs, for example 10"
                )));
            }
        },
    };
    Ok(format!(
        "R{repeats}/{}/{before}{number}{after}",
        instant(fields.get("from"))
    ))
}

fn days(fields: &Fields) -> Result<String, Invalid> {
    let time = fields.get("time").split_once(':');
    let number = |text: &str, below: u32| {
        let number: Option<u32> = text.get(..2).and_then(|digits| digits.parse().ok());
        number.filter(|number| *number < below)
    };
    let Some((hour, minute)) =
        time.and_then(|(hour, minute)| Some((number(hour, 24)?, number(minute, 60)?)))
    else {
        return missing("the time of day, for example 09:00");
    };
    let chosen: Vec<&str> = DAYS
        .iter()
        .map(|(day, _)| *day)
        .filter(|day| fields.has("day", day))
        .collect();
    let days = match chosen.len() {
        0 | 7 => "*".to_owned(),
        _ if chosen == ["MON", "TUE", "WED", "THU", "FRI"] => "MON-FRI".to_owned(),
        _ => chosen.join(","),
    };
    Ok(format!("{minute} {hour} * * {days}"))
}

/// What a browser's field for date and time gives, with the seconds that it leaves out.
fn instant(text: &str) -> String {
    match text.trim() {
        text if text.len() == "2027-01-04T09:00".len() => format!("{text}:00"),
        text => text.to_owned(),
    }
}

/// A duration as people write it, `1h 30m`, in ISO 8601; what is not like that stays as it is, to be checked later.
pub(super) fn duration(text: &str) -> String {
    plain_duration(text).unwrap_or_else(|| text.trim().to_owned())
}

fn plain_duration(text: &str) -> Option<String> {
    let (mut days, mut time) = (String::new(), String::new());
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let word = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        number.parse::<f64>().ok()?;
        match &after[..word] {
            "d" | "day" | "days" => days.push_str(&format!("{number}D")),
            "h" | "hour" | "hours" => time.push_str(&format!("{number}H")),
            "m" | "min" | "minute" | "minutes" => time.push_str(&format!("{number}M")),
            "s" | "sec" | "second" | "seconds" => time.push_str(&format!("{number}S")),
            "ms" => time.push_str(&format!("{}S", number.parse::<f64>().ok()? / 1e3)),
            _ => return None,
        }
        rest = after[word..].trim_start();
    }
    let time = if time.is_empty() {
        time
    } else {
        format!("T{time}")
    };
    Some(format!("P{days}{time}"))
}

fn missing<T>(what: &str) -> Result<T, Invalid> {
    Err(Invalid(format!("Still missing: {what}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_choices() {
        for (fields, expected) in [
            ("when=now", ""),
            ("when=parents&schedule=x", ""),
            ("when=manual", "@manual"),
            ("when=at&at=2027-01-04T09:00", "2027-01-04T09:00:00"),
            ("when=every&every=15&unit=minutes", "R//PT15M"),
            (
                "when=every&every=1&unit=months&runs=3&from=2027-01-04T09:00:30",
                "R2/2027-01-04T09:00:30/P1M",
            ),
            (
                "when=days&time=09:05&day=MON&day=TUE&day=WED&day=THU&day=FRI",
                "5 9 * * MON-FRI",
            ),
            ("when=days&time=00:00", "0 0 * * *"),
            ("when=days&time=23:59&day=SUN&day=TUE", "59 23 * * TUE,SUN"),
            ("when=text&schedule=+%40daily+", "@daily"),
        ] {
            assert_eq!(
                schedule(&Fields::parse(fields.as_bytes())),
                Ok(expected.to_owned()),
                "{fields}"
            );
        }
    }

    #[test]
    fn err_choices() {
        for fields in [
            "",
            "when=at",
            "when=every&unit=minutes",
            "when=every&every=5&unit=eons",
            "when=every&every=5&unit=days&runs=0",
            "when=days&time=25:00",
            "when=days&time=\u{e9}:1",
            "when=text",
        ] {
            assert!(
                schedule(&Fields::parse(fields.as_bytes())).is_err(),
                "{fields}"
            );
        }
    }

    #[test]
    fn durations_are_understood_as_people_write_them() {
        for (text, expected) in [
            ("5m", "PT5M"),
            ("1h 30 min", "PT1H30M"),
            ("2 days", "P2D"),
            ("1d12h", "P1DT12H"),
            ("250ms", "PT0.25S"),
            ("PT5M", "PT5M"),
            ("", ""),
            ("soon", "soon"),
            ("5", "5"),
            ("5.5.5s", "5.5.5s"),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
    }
}
