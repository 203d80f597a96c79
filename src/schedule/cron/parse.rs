//! Cron expressions from text to masks.
//!
//! Croner does the reading. It is told what it may guess at, and what it says is put into words that name the field:
//! its own errors are about positions and bits.

use croner::CronPattern;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::time::Weekday;

use super::{Cron, has};
use crate::schedule::error::{ScheduleError, counted, quoted};

/// Where the messages' examples and the check of words come from.
#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    allowed: &'static str,
}

const FIELDS: [Field; 6] = [
    Field {
        name: "second",
        allowed: "0-59, such as 0 or */15",
    },
    Field {
        name: "minute",
        allowed: "0-59, such as 30 or */5",
    },
    Field {
        name: "hour",
        allowed: "0-23, such as 9 or 8-18/2",
    },
    Field {
        name: "day of month",
        allowed: "1-31, such as 1,15 or L or 15W",
    },
    Field {
        name: "month",
        allowed: "1-12 or JAN-DEC, such as */3 or JAN,JUL",
    },
    Field {
        name: "day of week",
        allowed: "0-7 or SUN-SAT, such as MON-FRI or FRI#2 or 5L",
    },
];
const DAY_OF_MONTH: usize = 3;
const MONTH: usize = 4;
const DAY_OF_WEEK: usize = 5;
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/// The words that stand for an expression.
const WORDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl Cron {
    /// Reads 5 or 6 fields, or a word such as `@daily`.
    pub(in crate::schedule) fn parse(text: &str) -> Result<Cron, ScheduleError> {
        let fields = fields(text)?;
        for (at, field) in fields.iter().enumerate() {
            check_words(at, field)?;
        }
        let pattern = croner(&fields).map_err(|_| blame(&fields))?;
        let mask = |values: Vec<u16>| values.iter().fold(0, |mask, n| mask | 1 << n);
        let cron = Cron {
            seconds: mask(pattern.seconds.values()),
            minutes: mask(pattern.minutes.values()),
            hours: mask(pattern.hours.values()) as u32,
            months: mask(pattern.months.values()) as u16,
            real_time: fields[..3].iter().any(|field| field.contains(['*', '/'])),
            days: month_shapes(&pattern),
        };
        if cron.never_comes() {
            let why = "never comes, no month has such a day";
            return Err(ScheduleError::new("cron", text, why, "0 9 * * MON-FRI"));
        }
        Ok(cron)
    }

    fn never_comes(&self) -> bool {
        let lengths = |month| match month {
            2 => [28, 29],
            4 | 6 | 9 | 11 => [30, 30],
            _ => [31, 31],
        };
        let months = (1..=12).filter(|month| has(u64::from(self.months), *month));
        let mut shapes = months
            .flat_map(lengths)
            .flat_map(|length| self.days[length - 28]);
        shapes.all(|days| days == 0)
    }
}

/// The 6 fields of an expression, in capitals.
fn fields(text: &str) -> Result<Vec<String>, ScheduleError> {
    let expression = if text.starts_with('@') {
        let known = WORDS
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text));
        known.map(|(_, expression)| *expression).ok_or_else(|| {
            let why = "is no word for a schedule";
            let words = "@manual, @hourly, @daily, @weekly, @monthly or @yearly";
            ScheduleError::new("schedule", text, why, words)
        })?
    } else {
        text
    };
    let mut fields: Vec<String> = expression
        .split_whitespace()
        .map(str::to_ascii_uppercase)
        .collect();
    match fields.len() {
        5 => fields.insert(0, "0".to_string()),
        6 => {}
        number => {
            let why = format!(
                "has {} instead of 5, or 6 with leading seconds",
                counted(number as u64, "field")
            );
            return Err(ScheduleError::new("cron", text, &why, "0 9 * * MON-FRI"));
        }
    }
    Ok(fields)
}

/// Refuses what croner would take and guess at: `1,,2`, `MON` as a minute, `1MON` as 11.
fn check_words(at: usize, field: &str) -> Result<(), ScheduleError> {
    let list = match at {
        DAY_OF_WEEK => field.strip_prefix('+').unwrap_or(field),
        _ => field,
    };
    let mut words = list.split([',', '-', '/', '#']);
    match words.find(|word| !is_word(at, word)) {
        None => Ok(()),
        Some("") => Err(field_error(at, field, "is incomplete")),
        Some(word) => Err(field_error(
            at,
            field,
            &format!("has the unknown word {}", quoted(word)),
        )),
    }
}

fn is_word(at: usize, word: &str) -> bool {
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let is_weekday = |word: &str| is_number(word) || WEEKDAYS.contains(&word);
    is_number(word)
        || word == "*"
        || match at {
            DAY_OF_MONTH => {
                matches!(word, "?" | "L" | "LW") || word.strip_suffix('W').is_some_and(is_number)
            }
            MONTH => MONTHS.contains(&word),
            DAY_OF_WEEK => {
                matches!(word, "?" | "L") || is_weekday(word.strip_suffix('L').unwrap_or(word))
            }
            _ => false,
        }
}

fn croner(fields: &[String]) -> Result<CronPattern, CronError> {
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Disallowed)
        .build();
    let cron = parser.parse(&fields.join(" "))?;
    Ok(cron.pattern)
}

/// An expression in plain words, as croner puts it.
pub(in crate::schedule) fn words(text: &str) -> Option<String> {
    let pattern = croner(&fields(text.trim_ascii()).ok()?).ok()?;
    Some(pattern.describe().trim_end_matches('.').to_string())
}

/// The error for an expression that croner refuses: finds the field by giving it each of them alone.
fn blame(fields: &[String]) -> ScheduleError {
    let is_refused = |at: &usize| {
        let mut alone = vec!["*".to_string(); fields.len()];
        alone[*at].clone_from(&fields[*at]);
        croner(&alone).is_err()
    };
    let at = (0..fields.len()).find(is_refused).unwrap_or(0);
    field_error(at, &fields[at], "is not valid")
}

fn field_error(at: usize, field: &str, why: &str) -> ScheduleError {
    let Field { name, allowed } = FIELDS[at];
    ScheduleError::new(&format!("cron {name}"), field, why, allowed)
}

/// The matching days of a month of each length and first weekday. The rules for days look at nothing else.
fn month_shapes(pattern: &CronPattern) -> [[u32; 7]; 4] {
    let longest: [u32; 7] = std::array::from_fn(|weekday| month_shape(pattern, 31, weekday));
    // `L`, `W` and `#` alone look at the month's length.
    let by_length = pattern.days.has_modifiers() || pattern.days_of_week.has_modifiers();
    let shape = |length, first_weekday: usize| {
        if by_length {
            month_shape(pattern, length, first_weekday)
        } else {
            longest[first_weekday] & u32::MAX >> (31 - length)
        }
    };
    [28, 29, 30, 31].map(|length| std::array::from_fn(|weekday| shape(length, weekday)))
}

fn month_shape(pattern: &CronPattern, length: u32, first_weekday: usize) -> u32 {
    let (year, month) = match length {
        28 => (2023, 2),
        29 => (2024, 2),
        30 => (2023, 4),
        _ => (2023, 1),
    };
    let matches = |day: &u32| {
        let weekday = Weekday::from_days_from_sunday(first_weekday as u32 + day - 1);
        pattern
            .day_match(year, month, *day, weekday)
            .unwrap_or(false)
    };
    (1..=length)
        .filter(matches)
        .fold(0, |mask, day| mask | 1 << day)
}
