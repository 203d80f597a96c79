//! Drawing: from what is known to lines of text. Pure, so that tests look at whole frames.

use std::time::Duration;

use super::board::{Board, Job, Run, Trouble};
use super::view::{Key, Mode, View};
use crate::cli::screen::{Cell, Line, Screen, Table, Tone, distance, local, printable, span};
use crate::clock::Timestamp;
use crate::config;

/// Lines above the parts, and below them.
const TOP: usize = 3;
const BOTTOM: usize = 1;

/// Columns and rows of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// All rows that can be chosen, in the order in which they stand.
pub(super) fn rows(board: &Board, view: &View) -> Vec<Key> {
    let parts = Parts::of(board, view);
    let runs = parts.runs.iter().map(|(id, _)| Key::Run((*id).clone()));
    let jobs = parts.jobs.iter().map(|(id, _)| Key::Job((*id).clone()));
    let troubles = parts.troubles.iter().map(|(back, _)| Key::Trouble(*back));
    runs.chain(jobs).chain(troubles).collect()
}

/// The lines that fill a terminal, escape sequences for colours included.
pub(super) fn frame(
    board: &Board,
    view: &View,
    server: &str,
    size: Size,
    screen: Screen,
    now: Timestamp,
) -> Vec<String> {
    let screen = screen.with_width(size.columns);
    let mut lines: Vec<String> = head(board, view, server, now)
        .iter()
        .map(|line| line.text(screen))
        .collect();
    let room = size.rows.saturating_sub(TOP + BOTTOM);
    lines.extend(body(board, view, size.columns, room, screen, now));
    lines.resize(size.rows.saturating_sub(BOTTOM), String::new());
    lines.push(bottom(view).text(screen));
    // Of a terminal with a single line, the first one says most.
    lines.truncate(size.rows);
    lines
}

/// The same as plain text, for scripts.
pub(super) fn page(board: &Board, server: &str, screen: Screen, now: Timestamp) -> String {
    let view = View::default();
    let mut lines: Vec<String> = head(board, &view, server, now)
        .iter()
        .map(|line| line.text(screen))
        .collect();
    for table in Parts::of(board, &view).tables(now, [(0, config::TOP_ROWS); 3]) {
        lines.push(String::new());
        let table = table.lines(screen.width());
        lines.extend(table.iter().map(|line| line.text(screen)));
    }
    lines.join("\n") + "\n"
}

/// What there is to show, in its order.
struct Parts<'a> {
    runs: Vec<(&'a String, &'a Run)>,
    jobs: Vec<(&'a String, &'a Job)>,
    troubles: Vec<(usize, &'a Trouble)>,
}

impl<'a> Parts<'a> {
    fn of(board: &'a Board, view: &View) -> Parts<'a> {
        let mut runs: Vec<_> = board.runs.iter().collect();
        runs.retain(|(_, run)| view.wants(&run.name));
        runs.sort_by_key(|(_, run)| run.started);
        let mut jobs: Vec<_> = board.jobs.iter().collect();
        jobs.retain(|(_, job)| view.wants(&job.name));
        // What is never due stands last.
        jobs.sort_by_cached_key(|(_, job)| (job.next.unwrap_or(Timestamp::MAX), &job.name));
        let mut troubles: Vec<_> = board.troubles.iter().rev().enumerate().collect();
        troubles.retain(|(_, trouble)| view.wants(&trouble.name));
        Parts {
            runs,
            jobs,
            troubles,
        }
    }

    fn counts(&self) -> [usize; 3] {
        [self.runs.len(), self.jobs.len(), self.troubles.len()]
    }

    /// The parts as tables, of each so many rows after so many that are left out.
    fn tables(&self, now: Timestamp, [runs, jobs, troubles]: [(usize, usize); 3]) -> [Table; 3] {
        let mut running = Table::new(&["RUNNING", "FOR", "SINCE", "TRIGGER", "TRY"]);
        for (_, run) in self.runs.iter().skip(runs.0).take(runs.1) {
            running.row([
                Cell::new(&run.name, Tone::Busy),
                elapsed(now.since(run.started)).into(),
                local(run.started).into(),
                run.trigger.as_str().into(),
                run.attempt.to_string().into(),
            ]);
        }
        let mut next = Table::new(&["NEXT", "IN", "AT", "SCHEDULE"]);
        for (_, job) in self.jobs.iter().skip(jobs.0).take(jobs.1) {
            next.row([
                job.name.as_str().into(),
                due(job, now),
                job.next.map_or("-".to_owned(), local).into(),
                Cell::new(&job.schedule, Tone::Faint),
            ]);
        }
        let mut failed = Table::new(&["TROUBLE", "WHEN", "WHAT", "WHY"]);
        for (_, trouble) in self.troubles.iter().skip(troubles.0).take(troubles.1) {
            failed.row([
                trouble.name.as_str().into(),
                distance(trouble.at, now).into(),
                Cell::new(&trouble.what, Tone::Bad),
                trouble.why.as_str().into(),
            ]);
        }
        [running, next, failed]
    }
}

/// The parts, each with as much of it as there is room for, the chosen row among them.
fn body(
    board: &Board,
    view: &View,
    columns: usize,
    room: usize,
    screen: Screen,
    now: Timestamp,
) -> Vec<String> {
    let parts = Parts::of(board, view);
    let counts = parts.counts();
    let shares = shares(counts, room);
    let mut place = view.place(&rows(board, view));
    let mut chosen = [None; 3];
    let mut shown = [(0, 0); 3];
    for part in 0..3 {
        let share = shares[part].saturating_sub(1);
        if place < counts[part] && share > 0 {
            // The last row that fits is the chosen one, unless that stands among the first.
            let skipped = (place + 1).saturating_sub(share);
            chosen[part] = Some(place - skipped);
            shown[part] = (skipped, share);
        } else {
            shown[part] = (0, share);
        }
        place = place.wrapping_sub(counts[part]);
    }
    let tables = parts.tables(now, shown);
    let mut lines = Vec::new();
    for (part, table) in tables
        .iter()
        .enumerate()
        .filter(|(part, _)| shares[*part] > 0)
    {
        for (row, line) in table.lines(Some(columns)).iter().enumerate() {
            let is_chosen = row > 0 && chosen[part] == Some(row - 1);
            lines.push(match is_chosen {
                true => line.chosen(columns),
                false => line.text(screen),
            });
        }
    }
    lines
}

/// How many lines each part gets, its head included: each in turn one more, until none wants any or none is left.
fn shares(counts: [usize; 3], room: usize) -> [usize; 3] {
    let mut shares = [0; 3];
    let mut left = room;
    loop {
        let before = left;
        for (share, count) in shares.iter_mut().zip(counts) {
            if left > 0 && *share < count + 1 {
                *share += 1;
                left -= 1;
            }
        }
        if left == before {
            return shares;
        }
    }
}

fn head(board: &Board, view: &View, server: &str, now: Timestamp) -> [Line; TOP] {
    let figure = |key: &str| board.stats[key].as_u64().unwrap_or(0);
    let bad = |count: u64| if count > 0 { Tone::Bad } else { Tone::Plain };
    let clock = local(now);
    let time = clock.split_once(' ').map_or("", |(_, time)| time);
    let mut title = vec![
        Cell::new("nimesha top", Tone::Head),
        format!("  {server}  {time}").into(),
    ];
    if board.stats["paused"] == true {
        title.push(Cell::new("  PAUSED", Tone::Bad));
    }
    if let Some(why) = &board.store_away {
        title.push(Cell::new(&format!("  STORE AWAY: {why}"), Tone::Bad));
    }
    if let Some(why) = &board.silence {
        title.push(Cell::new(&format!("  {why}"), Tone::Bad));
    }
    if !view.filter.is_empty() && view.mode != Mode::Filter {
        title.push(Cell::new(&format!("  /{}", view.filter), Tone::Busy));
    }
    let (queued, failed) = (figure("queued"), figure("error_count"));
    let counts = vec![
        format!(
            "jobs {} ({} disabled)  running {}  ",
            figure("jobs"),
            figure("disabled_jobs"),
            figure("running")
        )
        .into(),
        Cell::new(&format!("queued {queued}"), bad(queued)),
        format!("  ok {}  ", figure("success_count")).into(),
        Cell::new(&format!("failed {failed}"), bad(failed)),
        format!(
            "  missed {}  skipped {}",
            figure("missed_count"),
            figure("skipped_count")
        )
        .into(),
    ];
    let late = match board.lateness(now) {
        Some((median, most)) => format!("{} (worst {})", short(median), short(most)),
        None => "-".to_owned(),
    };
    let ended = board.throughput(now);
    let rates = vec![format!("last minute: {ended} runs ended, lateness {late}").into()];
    [Line::new(title), Line::new(counts), Line::new(rates)]
}

fn bottom(view: &View) -> Line {
    let cell = match (&view.mode, &view.message) {
        (Mode::Filter, _) => Cell::new(&format!("/{}_", view.filter), Tone::Head),
        (Mode::Confirm(action), _) => Cell::new(&format!("{}? y/n", action.words()), Tone::Head),
        (Mode::Look, Some(message)) => Cell::new(&printable(message), Tone::Plain),
        (Mode::Look, None) => Cell::new(
            "q quit  / filter  s start  d disable or enable  c cancel  arrows choose",
            Tone::Faint,
        ),
    };
    Line::new(vec![cell])
}

/// When a job is due, to the second where that is near.
fn due(job: &Job, now: Timestamp) -> Cell {
    match job.next {
        _ if job.is_disabled => Cell::new("disabled", Tone::Faint),
        None => Cell::new("-", Tone::Faint),
        Some(next) if next <= now => Cell::new("due", Tone::Busy),
        Some(next) => elapsed(next.since(now) + Duration::from_millis(999)).into(),
    }
}

/// A duration as a clock counts it.
fn elapsed(duration: Duration) -> String {
    let secs = duration.as_secs();
    let (days, hours, minutes) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
    match days {
        0 if hours == 0 => format!("{minutes}:{:02}", secs % 60),
        0 => format!("{hours}:{minutes:02}:{:02}", secs % 60),
        _ => format!("{days} d {hours} h"),
    }
}

/// A duration that is short, most of the time.
fn short(duration: Duration) -> String {
    match u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX) {
        nanos @ ..1_000_000 => format!("{} us", nanos / 1_000),
        nanos @ ..10_000_000 => format!("{:.1} ms", nanos as f64 / 1e6),
        nanos => span(nanos),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{board, now};
    use super::*;

    fn draw(columns: usize, rows: usize) -> Vec<String> {
        let size = Size { columns, rows };
        let screen = Screen::default();
        frame(&board(), &View::default(), "http://x", size, screen, now())
    }

    #[test]
    fn a_frame_shows_what_runs_what_is_next_and_what_failed() {
        let frame = draw(80, 24);
        assert_eq!(frame.len(), 24);
        let starts = |row: usize, words: &[&str]| {
            let shown: Vec<&str> = frame[row].split_whitespace().take(words.len()).collect();
            assert_eq!(shown, words, "{frame:#?}");
        };
        starts(0, &["nimesha", "top", "http://x"]);
        starts(1, &["jobs", "3", "(1", "disabled)", "running", "1"]);
        starts(2, &["last", "minute:", "0", "runs"]);
        starts(3, &["RUNNING", "FOR", "SINCE", "TRIGGER", "TRY"]);
        assert!(
            frame[4].starts_with("\x1b[7mbackup   1:05  "),
            "{:?}",
            frame[4]
        );
        starts(5, &["NEXT", "IN", "AT", "SCHEDULE"]);
        starts(6, &["mail", "0:30"]);
        starts(7, &["report", "2", "d", "1", "h"]);
        starts(8, &["backup", "-"]);
        starts(9, &["TROUBLE", "WHEN", "WHAT", "WHY"]);
        starts(
            10,
            &["report", "3", "min", "ago", "failed", "exit", "status", "1"],
        );
        starts(23, &["q", "quit"]);
        for line in &frame {
            assert!(
                line.trim_start_matches("\x1b[7m").chars().count() <= 84,
                "{line}"
            );
        }
    }

    #[test]
    fn a_frame_fits_any_terminal() {
        for rows in 0..30 {
            for columns in [1, 7, 20, 40, 80, 300] {
                let frame = draw(columns, rows);
                assert_eq!(frame.len(), rows);
                let plain = frame
                    .iter()
                    .map(|l| l.replace("\x1b[7m", "").replace("\x1b[0m", ""));
                for line in plain {
                    assert!(
                        line.chars().count() <= columns,
                        "{columns}x{rows}: {line:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_chosen_row_is_among_those_that_fit() {
        let mut board = board();
        let job = board.jobs["2"].clone();
        board.jobs.extend((10..99).map(|n| {
            let name = format!("job {n}");
            (
                n.to_string(),
                Job {
                    name,
                    ..job.clone()
                },
            )
        }));
        let mut view = View::default();
        for _ in 0..60 {
            view.press(crossterm::event::KeyCode::Down.into(), &board);
            let size = Size {
                columns: 60,
                rows: 12,
            };
            let frame = frame(&board, &view, "", size, Screen::default(), now());
            let chosen = frame.iter().filter(|line| line.starts_with("\x1b[7m"));
            assert_eq!(chosen.count(), 1, "{frame:#?}");
        }
    }

    #[test]
    fn room_is_shared() {
        for (counts, room, expected) in [
            ([0, 0, 0], 20, [1, 1, 1]),
            ([1, 100, 1], 20, [2, 16, 2]),
            ([100, 100, 100], 20, [7, 7, 6]),
            ([5, 5, 5], 2, [1, 1, 0]),
            ([5, 5, 5], 0, [0, 0, 0]),
        ] {
            assert_eq!(shares(counts, room), expected, "{counts:?} {room}");
        }
    }

    #[test]
    fn durations_count_as_clocks_do() {
        for (secs, shown) in [
            (0, "0:00"),
            (65, "1:05"),
            (3_600, "1:00:00"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(elapsed(Duration::from_secs(secs)), shown);
        }
        assert_eq!(short(Duration::from_micros(250)), "250 us");
        assert_eq!(short(Duration::from_micros(2_500)), "2.5 ms");
    }
}
