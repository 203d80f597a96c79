//! The rule by which a zone's offset changes each year, for the years after its table of changes.
//!
//! It is written as in the variable `TZ` of POSIX: `CET-1CEST,M3.5.0,M10.5.0/3`. Of the three ways to name a day the
//! database uses one, `Mmonth.week.weekday`, and so does this.

use chrono::{Datelike, NaiveDate};

use super::{Change, DAY, civil_time};

/// Offsets in seconds east of UTC, and when they change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Yearly {
    standard: i32,
    summer: Option<Summer>,
}

/// The part of the year with another offset. South of the equator it ends earlier in the year than it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Summer {
    offset: i32,
    begins: Moment,
    ends: Moment,
}

/// A local time of a year, by the offset that ends then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    month: u32,
    /// From 1; 5 is the last one.
    week: i64,
    /// From Sunday.
    weekday: i64,
    /// Seconds from the day's begin; may be negative, or more than a day.
    time: i64,
}

impl Yearly {
    pub(super) fn parse(text: &str) -> Option<Yearly> {
        let mut parts = text.split(',');
        let offsets = parts.next()?;
        let (west, summer_name) = split_seconds(after_name(offsets)?)?;
        let standard = -west;
        let summer = match (parts.next(), parts.next()) {
            (None, None) if summer_name.is_empty() => None,
            (Some(begins), Some(ends)) if !summer_name.is_empty() => Some(Summer {
                offset: match after_name(summer_name)? {
                    "" => standard + 3_600,
                    offset => -split_seconds(offset)?.0,
                },
                begins: Moment::parse(begins)?,
                ends: Moment::parse(ends)?,
            }),
            _ => return None,
        };
        Some(Yearly { standard, summer })
    }

    /// The offset at a second since 1970.
    pub(super) fn offset_at(&self, unix: i64) -> i32 {
        let Some(summer) = &self.summer else {
            return self.standard;
        };
        let [first, second] = self.changes(summer, self.year_at(unix));
        if unix < first.at {
            first.before
        } else if unix < second.at {
            second.before
        } else {
            second.after
        }
    }

    /// The first change after a second since 1970.
    pub(super) fn change_after(&self, unix: i64) -> Option<Change> {
        let summer = self.summer.as_ref()?;
        let year = self.year_at(unix);
        let mut changes = [year, year + 1]
            .into_iter()
            .flat_map(|year| self.changes(summer, year));
        changes.find(|change| change.at > unix)
    }

    fn year_at(&self, unix: i64) -> i32 {
        civil_time(unix + i64::from(self.standard)).year()
    }

    /// Both changes of a year, in order.
    fn changes(&self, summer: &Summer, year: i32) -> [Change; 2] {
        let change = |moment: &Moment, before: i32, after: i32| Change {
            at: moment.in_year(year) - i64::from(before),
            before,
            after,
        };
        let begin = change(&summer.begins, self.standard, summer.offset);
        let end = change(&summer.ends, summer.offset, self.standard);
        if begin.at < end.at {
            [begin, end]
        } else {
            [end, begin]
        }
    }
}

impl Moment {
    /// Reads `Mmonth.week.weekday`, and `/time` where it is not two o'clock.
    fn parse(text: &str) -> Option<Moment> {
        let (day, time) = text.split_once('/').unwrap_or((text, "2"));
        let mut numbers = day.strip_prefix('M')?.split('.').map(|n| n.parse().ok());
        let mut number = |least: u32, most: u32| {
            let number = numbers.next().flatten()?;
            (least..=most).contains(&number).then_some(number)
        };
        let (time, "") = split_seconds(time)? else {
            return None;
        };
        Some(Moment {
            month: number(1, 12)?,
            week: number(1, 5)?.into(),
            weekday: number(0, 6)?.into(),
            time: time.into(),
        })
    }

    /// This moment of a year in local seconds since 1970.
    fn in_year(&self, year: i32) -> i64 {
        let first = NaiveDate::from_ymd_opt(year, self.month, 1)
            .expect("the month is one, and the years are those of timestamps");
        let first_weekday = i64::from(first.weekday().num_days_from_sunday());
        let mut day = (self.weekday - first_weekday).rem_euclid(7) + 7 * (self.week - 1);
        if day >= i64::from(first.num_days_in_month()) {
            day -= 7;
        }
        let first = i64::from(first.num_days_from_ce() - NaiveDate::default().num_days_from_ce());
        (first + day) * DAY + self.time
    }
}

/// What follows a name of letters, or of anything in `<>`.
fn after_name(text: &str) -> Option<&str> {
    match text.strip_prefix('<') {
        Some(name) => name.split_once('>').map(|(_, rest)| rest),
        None => Some(text.trim_start_matches(|c: char| c.is_ascii_alphabetic())),
    }
}

/// Reads `[+-]hours[:minutes[:seconds]]`, in seconds; also gives what follows.
fn split_seconds(text: &str) -> Option<(i32, &str)> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, ':' | '+' | '-');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (time, rest) = text.split_at(end);
    let (sign, time) = match time.strip_prefix('-') {
        Some(time) => (-1, time),
        None => (1, time.strip_prefix('+').unwrap_or(time)),
    };
    let parts = time.splitn(3, ':').zip([3_600, 60, 1]);
    let seconds: Option<i32> = parts
        .map(|(part, unit)| Some(i32::from(part.parse::<u8>().ok()?) * unit))
        .sum();
    Some((sign * seconds?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_rules() {
        for (text, standard, summer) in [
            ("UTC0", 0, None),
            ("<+0545>-5:45", 20_700, None),
            ("NST3:30NDT,M3.2.0,M11.1.0", -12_600, Some(-9_000)),
            ("CET-1CEST,M3.5.0,M10.5.0/3", 3_600, Some(7_200)),
            ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 37_800, Some(39_600)),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -7_200, Some(-3_600)),
        ] {
            let rule = Yearly::parse(text).unwrap();
            let offset = rule.summer.map(|summer| summer.offset);
            assert_eq!((rule.standard, offset), (standard, summer), "{text}");
        }
    }

    #[test]
    fn err_rules() {
        for text in [
            "",
            "CET",
            "CET-1CEST",
            "CET-1,M3.5.0,M10.5.0",
            "CET-1CEST,M3.5.0",
            "CET-1CEST,M13.5.0,M10.5.0",
            "CET-1CEST,M3.6.0,M10.5.0",
            "CET-1CEST,M3.5,M10.5.0",
            "CET-1CEST,J60,J300",
            "CET-1CEST,M3.5.0/3x,M10.5.0",
        ] {
            assert!(Yearly::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn offsets_change_at_the_moments_of_each_year() {
        let rule = |text| Yearly::parse(text).unwrap();
        // The last Sundays of March and October 2026, at 01:00 UTC.
        let (spring, autumn) = (1_774_746_000, 1_792_890_000);
        let berlin = rule("CET-1CEST,M3.5.0,M10.5.0/3");
        for (unix, offset) in [
            (spring - 1, 3_600),
            (spring, 7_200),
            (autumn - 1, 7_200),
            (autumn, 3_600),
        ] {
            assert_eq!(berlin.offset_at(unix), offset, "{unix}");
        }
        assert_eq!(berlin.change_after(spring - 1).unwrap().at, spring);
        assert_eq!(berlin.change_after(spring).unwrap().at, autumn);
        assert!(berlin.change_after(autumn).unwrap().at > autumn + 150 * DAY);
        // In Sydney it is summer at new year.
        let sydney = rule("AEST-10AEDT,M10.1.0,M4.1.0/3");
        assert_eq!(sydney.offset_at(1_767_225_600), 39_600);
        assert_eq!(sydney.offset_at(1_782_864_000), 36_000);
    }
}
