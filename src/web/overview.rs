//! The overview: what runs, what comes next, what went wrong, and how the day looks behind and ahead.

use std::time::Duration;

use maud::{Markup, html};

use crate::config;
use crate::http::Answer;
use crate::job::JobId;
use crate::job::run::HistoryEntry;
use crate::registry::{BEAT_SECS, Beat, Pulse, RunningView, Totals};

use super::chart::{self, Column};
use super::forecast::{Forecast, QUARTER_SECS, QUARTERS, quarter};
use super::form::Fields;
use super::mark::Mark;
use super::page::{Page, Place};
use super::runs::{run_path, trigger_words};
use super::viewer::Viewer;
use super::{Web, part, past, survey, text};

/// `GET /webui/`.
pub(super) fn show(web: &Web, viewer: &Viewer, query: &Fields) -> Answer {
    let totals = web.registry().totals();
    let pulses = web.pulses();
    let day = Day::of(&pulses, viewer);
    let content = html! {
        header.top {
            h1 { "Overview" }
            div.actions {
                @if viewer.may_operate() && !totals.paused {
                    form method="post" action="/webui/pause" { button.ghost { "Pause scheduling" } }
                }
                @if viewer.may_change() { a.button.primary href="/webui/new" { "New job" } }
            }
        }
        @if totals.jobs == 0 {
            (welcome(viewer))
        } @else {
            (tiles(viewer, &totals, &day))
            (timeline(viewer, &day, &web.forecast(viewer.now)))
            div.columns {
                (running(web, viewer, &totals))
                (coming(web, viewer))
            }
            (troubles(web, viewer, &pulses))
            div.columns { (throughput(&day)) (lateness(&day)) }
        }
    };
    Page::live("Overview", Place::Overview, content).answer(web, viewer, query)
}

/// The last day by quarters of an hour, oldest first.
struct Day {
    quarters: Vec<Beat>,
    sum: Beat,
}

impl Day {
    const QUARTERS: usize = 2 * QUARTERS;

    fn of(pulses: &[Pulse], viewer: &Viewer) -> Day {
        let end = quarter(viewer.now).unix_secs() + QUARTER_SECS;
        let first = end - Day::QUARTERS as i64 * QUARTER_SECS;
        let mut quarters: Vec<Beat> = (0..Day::QUARTERS as i64)
            .map(|place| Beat {
                from: first + place * QUARTER_SECS,
                ..Beat::default()
            })
            .collect();
        let mut sum = Beat::default();
        for beat in pulses
            .iter()
            .flat_map(Pulse::beats)
            .filter(|beat| beat.from + BEAT_SECS > first)
        {
            if let Ok(place) = usize::try_from((beat.from - first) / QUARTER_SECS)
                && let Some(quarter) = quarters.get_mut(place)
            {
                quarter.add(beat);
                sum.add(beat);
            }
        }
        Day { quarters, sum }
    }
}

fn welcome(viewer: &Viewer) -> Markup {
    html! {
        section.card {
            (part::empty("No jobs yet", &html! {
                "A job is a command or an HTTP request with a rule that says when it is due. "
                @if viewer.may_change() { a href="/webui/new" { "Create the first one" } "." }
            }))
        }
    }
}

fn tiles(viewer: &Viewer, totals: &Totals, day: &Day) -> Markup {
    let sum = &day.sum;
    html! {
        dl.tiles {
            div { dt { "Jobs" } dd { (text::count(totals.jobs)) }
                dd.note { @if totals.disabled_jobs > 0 { (text::count(totals.disabled_jobs)) " disabled" } @else { "all enabled" } } }
            div { dt { "Running" } dd { (text::count(totals.running)) }
                dd.note { @if totals.queued > 0 { (text::count(totals.queued)) " wait for a worker" } @else { "none waits" } } }
            div { dt { "Next run" } dd { (part::relative_or_dash(viewer, totals.next_run_at)) }
                dd.note { @if let Some(next) = totals.next_run_at { "at " (part::brief(viewer, next)) } @else { "nothing is scheduled" } } }
            div { dt { "Succeeded, 24 h" } dd { (text::count(sum.succeeded)) }
                dd.note { (share(sum)) } }
            div.bad[sum.failed + sum.missed > 0] { dt { "Failed, 24 h" } dd { (text::count(sum.failed)) }
                dd.note { "and " (text::count(sum.missed)) " missed" } }
            div { dt { "Lateness, 24 h" } dd { (text::measured(sum.late_mean())) }
                dd.note { "at most " (text::measured(sum.late_max)) } }
        }
    }
}

fn share(sum: &Beat) -> String {
    let ended = sum.succeeded + sum.failed;
    match ended {
        0 => "no run ended".to_owned(),
        _ => format!(
            "{:.1} % of runs",
            100.0 * sum.succeeded as f64 / ended as f64
        ),
    }
}

/// Half a day behind, half a day ahead. Quarters with twice the usual number of runs stand out.
fn timeline(viewer: &Viewer, day: &Day, forecast: &Forecast) -> Markup {
    let past = &day.quarters[day.quarters.len() - QUARTERS..];
    // The quarter of now is in both halves: what has run of it, and what is still to come.
    let ahead = forecast
        .counts
        .iter()
        .copied()
        .chain(std::iter::repeat(0))
        .take(QUARTERS);
    let counts: Vec<u64> = past.iter().map(Beat::count).chain(ahead).collect();
    let busy = busy_from(&counts);
    let title = |place: usize, count: u64| {
        let (from, place) = match place < QUARTERS {
            true => (past[place].from, 0),
            false => (forecast.from.unix_secs(), place - QUARTERS),
        };
        let at = crate::clock::Timestamp::from_unix(from + place as i64 * QUARTER_SECS, 0);
        let words = if count == 1 { "run" } else { "runs" };
        format!(
            "{}: {} {words}",
            text::hour_minute(at, viewer.zone),
            text::count(count)
        )
    };
    let columns: Vec<Column> = counts
        .iter()
        .enumerate()
        .map(|(place, &count)| Column {
            value: (count as f64).sqrt(),
            bad: past
                .get(place)
                .map_or(0.0, |beat| (beat.troubled() as f64).sqrt()),
            class: match (place < QUARTERS, count >= busy) {
                (true, true) => "busy",
                (true, false) => "",
                (false, true) => "ahead busy",
                (false, false) => "ahead",
            },
            title: if count == 0 {
                String::new()
            } else {
                title(place, count)
            },
        })
        .collect();
    let behind: u64 = counts[..QUARTERS].iter().sum();
    let coming: u64 = counts[QUARTERS..].iter().sum();
    let about = if forecast.stride > 1 { "about " } else { "" };
    let words = format!(
        "{} in the last 12 hours, {about}{} in the next 12",
        text::counted(behind, "run"),
        text::count(coming)
    );
    html! {
        section.card.timeline {
            h2 { "24 hours" span.note { (words) } }
            div.frame { (chart::columns(&columns, 96, &words)) }
            (hours(viewer, past[0].from))
            p.legend {
                @for (class, word) in [("past", "past"), ("ahead", "forecast"), ("busy", "busy"), ("bad", "failed, missed or skipped")] {
                    span { span.key.(class) {} (word) }
                }
            }
        }
    }
}

/// From how many runs on a quarter is busy: twice the mean of those in which anything runs, and more than two.
fn busy_from(counts: &[u64]) -> u64 {
    let used = counts.iter().filter(|count| **count > 0).count().max(1) as u64;
    (2 * counts.iter().sum::<u64>() / used).max(3)
}

/// The times below the timeline, every three hours.
fn hours(viewer: &Viewer, first: i64) -> Markup {
    let at = |place: i64| crate::clock::Timestamp::from_unix(first + place * QUARTER_SECS, 0);
    html! {
        div.hours aria-hidden="true" {
            @for place in (0..Day::QUARTERS as i64).step_by(12) {
                @if place == QUARTERS as i64 { span.now { "now" } }
                @else { span { (text::hour_minute(at(place), viewer.zone)) } }
            }
        }
    }
}

fn running(web: &Web, viewer: &Viewer, totals: &Totals) -> Markup {
    let mut runs = web.registry().running(None);
    runs.truncate(config::WEB_OVERVIEW_ROWS);
    html! {
        section.card {
            h2 { "Running now" @if totals.running > 0 { span.note { (text::count(totals.running)) } } }
            @if runs.is_empty() { (part::empty("Nothing runs", &html! { "Runs show here while they are in progress." })) }
            ul.rows { @for run in &runs { li { (running_row(web, viewer, run)) } } }
            @if totals.running > runs.len() as u64 {
                p.more { a href="/webui/jobs?status=running" { "All " (text::count(totals.running)) } }
            }
        }
    }
}

fn running_row(web: &Web, viewer: &Viewer, run: &RunningView) -> Markup {
    let usual = past::usual_duration(web, run.job.id);
    let spent = run.started_at.map(|begun| viewer.now.since(begun));
    html! {
        div.line {
            (part::job_link(&run.job))
            span.faint { (trigger_words(run.trigger)) }
            a.end href=(run_path(run.job.id, run.id)) {
                @if let Some(spent) = spent { (text::measured(spent)) } @else { "waits for a worker" }
            }
        }
        @if let (Some(usual), Some(spent)) = (usual, spent) {
            progress max="100" value=(percent(spent, usual)) aria-label="Progress against the usual duration" {}
            span.note { "usually " (text::measured(usual)) @if run.attempt > 1 { ", attempt " (run.attempt) } }
        }
    }
}

/// How much of `usual` is over; a run that takes longer than usual is nearly done for ever.
pub(super) fn percent(spent: Duration, usual: Duration) -> u32 {
    let share = spent.as_secs_f64() / usual.as_secs_f64().max(1e-6);
    (share * 100.0).clamp(1.0, 99.0) as u32
}

fn coming(web: &Web, viewer: &Viewer) -> Markup {
    let jobs = survey::coming(web.registry(), config::WEB_OVERVIEW_ROWS);
    html! {
        section.card {
            h2 { "Coming next" }
            @if jobs.is_empty() { (part::empty("Nothing is scheduled", &html! { "Jobs with a next occurrence show here." })) }
            ul.rows {
                @for view in &jobs {
                    li { div.line {
                        (part::job_link(&view.job))
                        span.end { (part::relative_or_dash(viewer, view.live.next_run_at)) }
                    } }
                }
            }
        }
    }
}

fn troubles(web: &Web, viewer: &Viewer, pulses: &[Pulse]) -> Markup {
    let all = pulses.iter().flat_map(Pulse::troubles);
    let shown = all
        .filter(|(_, entry)| Mark::of(entry) != Mark::Skipped && Mark::of(entry) != Mark::Cancelled)
        .filter_map(|(id, entry)| Some((web.registry().job(*id)?, entry)))
        .take(config::WEB_OVERVIEW_ROWS);
    let rows: Vec<Markup> = shown
        .map(|(view, entry)| trouble_row(viewer, &view.job, view.job.id, entry))
        .collect();
    html! {
        section.card {
            h2 { "Failed or missed lately" a.end href="/webui/jobs?status=failing" { "Failing jobs" } }
            @if rows.is_empty() { (part::empty("All is well", &html! { "Nothing failed or was missed in the last 24 hours." })) }
            ul.rows { @for row in rows { li { (row) } } }
        }
    }
}

fn trouble_row(viewer: &Viewer, job: &crate::job::Job, id: JobId, entry: &HistoryEntry) -> Markup {
    let mark = Mark::of(entry);
    html! {
        div.line {
            (mark.badge())
            (part::job_link(job))
            @match entry {
                HistoryEntry::Run(run) => {
                    span.faint.clip { (super::runs::end_words(run)) }
                    a.end href=(run_path(id, run.id)) { (part::relative(viewer, run.finished_at)) }
                }
                HistoryEntry::Gap(gap) => {
                    span.faint { (text::counted(gap.count, "occurrence")) }
                    span.end { (part::relative(viewer, gap.last)) }
                }
            }
        }
    }
}

fn throughput(day: &Day) -> Markup {
    let columns: Vec<Column> = day
        .quarters
        .iter()
        .map(|beat| Column {
            value: (beat.succeeded + beat.failed) as f64,
            bad: beat.failed as f64,
            class: "",
            title: String::new(),
        })
        .collect();
    let peak = day
        .quarters
        .iter()
        .map(|beat| beat.succeeded + beat.failed)
        .max()
        .unwrap_or(0);
    let words = format!(
        "at most {} in a quarter of an hour",
        text::counted(peak, "run")
    );
    html! {
        section.card.small-chart {
            h2 { "Throughput" span.note { (words) } }
            (chart::columns(&columns, 64, &format!("Runs of the last 24 hours, {words}")))
        }
    }
}

fn lateness(day: &Day) -> Markup {
    let values = |of: fn(&Beat) -> Duration| {
        let value = |beat: &Beat| (beat.scheduled > 0).then(|| on_log_scale(of(beat)));
        day.quarters.iter().map(value).collect()
    };
    let lines = [
        ("worst", values(|beat| beat.late_max)),
        ("mean", values(Beat::late_mean)),
    ];
    let words = format!(
        "{} on average, {} at worst",
        text::measured(day.sum.late_mean()),
        text::measured(day.sum.late_max)
    );
    html! {
        section.card.small-chart {
            h2 { "Lateness" span.note { (words) } }
            @if day.sum.scheduled == 0 { (part::empty("Nothing to measure yet", &html! { "It shows how long after its instant a run starts." })) }
            @else { (chart::lines(&lines, 64, &format!("Lateness of the last 24 hours, {words}, on a logarithmic scale"))) }
        }
    }
}

/// Where a time stands on a logarithmic scale. Between powers of two it is straight: nobody sees that in a small chart,
/// and a server that needs no library of mathematics is 300 KiB smaller in memory.
fn on_log_scale(time: Duration) -> f64 {
    const UNIT_MICROS: u64 = 1_000;
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let units = micros.saturating_add(UNIT_MICROS) as f64 / UNIT_MICROS as f64;
    let doublings = (units as u64).ilog2();
    f64::from(doublings) + units / (1_u64 << doublings) as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_scale_gives_each_doubling_the_same_room() {
        for (millis, place) in [(0, 0.0), (1, 1.0), (2, 1.5), (3, 2.0), (1_023, 10.0)] {
            assert_eq!(on_log_scale(Duration::from_millis(millis)), place);
        }
        assert!(on_log_scale(Duration::MAX).is_finite());
    }

    #[test]
    fn busy_is_twice_the_usual() {
        assert_eq!(busy_from(&[0, 0, 10, 10, 10]), 20);
        assert_eq!(busy_from(&[1, 1, 1]), 3);
        assert_eq!(busy_from(&[]), 3);
    }

    #[test]
    fn progress_never_claims_to_be_over() {
        for (spent, usual, expected) in [(0, 10, 1), (5, 10, 50), (20, 10, 99), (1, 0, 99)] {
            assert_eq!(
                percent(Duration::from_secs(spent), Duration::from_secs(usual)),
                expected
            );
        }
    }
}
