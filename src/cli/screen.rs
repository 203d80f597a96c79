//! What a person sees: tables as wide as the terminal, colours, times as one says them.
//!
//! A script sees the same without colours and cut by nothing. Widths count columns of the terminal: a letter may take two,
//! as in Chinese, or none.

use std::io::{IsTerminal, stdout};

use chrono::{DateTime, Datelike, Local, TimeZone};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::sources::environment;
use crate::clock::Timestamp;

/// Columns narrower than this tell nothing, so a table stays too wide rather than that.
const COLUMN_MIN: usize = 6;
/// Between two columns.
const GAP: &str = "  ";

/// How to write for whoever reads.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Screen {
    /// Columns in a line, if that is limited.
    width: Option<usize>,
    colours: bool,
}

/// What a text says at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Plain,
    Good,
    Bad,
    Busy,
    Faint,
    Head,
}

/// A text with its tone.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell(String, Tone);

/// Cells side by side.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Vec<Cell>);

/// Rows below a head.
pub(super) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Screen {
    /// That of the standard output.
    pub(super) fn of_stdout() -> Screen {
        let out = stdout();
        if !out.is_terminal() {
            return Screen::default();
        }
        let size = rustix::termios::tcgetwinsize(&out).ok();
        let width = size.map(|size| usize::from(size.ws_col));
        let plain = environment("NO_COLOR").is_some()
            || environment("TERM").is_none_or(|terminal| terminal == "dumb");
        Screen {
            width: width.filter(|columns| *columns > 0),
            colours: !plain,
        }
    }

    /// Columns in a line, if that is limited.
    pub(super) fn width(self) -> Option<usize> {
        self.width
    }

    /// The same with so many characters in a line.
    pub(super) fn with_width(self, width: usize) -> Screen {
        Screen {
            width: Some(width),
            ..self
        }
    }

    /// The text in its tone (ECMA-48, "select graphic rendition").
    pub(super) fn paint(self, text: &str, tone: Tone) -> String {
        let code = match tone {
            _ if !self.colours || text.trim().is_empty() => "",
            Tone::Plain => "",
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Busy => "36",
            Tone::Faint => "2",
            Tone::Head => "1",
        };
        match code {
            "" => text.to_owned(),
            code => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

impl Cell {
    /// A text on one line. Control characters, with which a name could repaint the terminal, are replaced.
    pub(super) fn new(text: &str, tone: Tone) -> Cell {
        Cell(printable(text), tone)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::new(text, Tone::Plain)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::new(&text, Tone::Plain)
    }
}

/// The text without control characters.
pub(super) fn printable(text: &str) -> String {
    let replace = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(replace).collect()
}

impl Table {
    pub(super) fn new(head: &[&'static str]) -> Table {
        Table {
            head: head.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.head.len(), "a cell for each column");
        self.rows.push(cells.into());
    }

    /// The table, a line each.
    pub(super) fn text(&self, screen: Screen) -> String {
        let lines = self.lines(screen.width);
        // Where columns cannot be narrower, a line goes on in the next row of the terminal.
        let endless = Screen {
            width: None,
            ..screen
        };
        lines.iter().map(|line| line.text(endless) + "\n").collect()
    }

    /// Its head and its rows, as wide as there is room.
    pub(super) fn lines(&self, room: Option<usize>) -> Vec<Line> {
        let widths = self.widths(room);
        let head = self.head.iter().map(|title| Cell::new(title, Tone::Head));
        let head: Vec<Cell> = head.collect();
        let rows = [&head].into_iter().chain(&self.rows);
        rows.map(|row| Line::of(row, &widths)).collect()
    }

    /// The width of each column: the widest gives way until all fit.
    fn widths(&self, room: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.head.iter().map(|title| title.len()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.0.width());
            }
        }
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let room = room.map_or(usize::MAX, |room| room.saturating_sub(gaps));
        while widths.iter().sum::<usize>() > room {
            let widest = widths.iter_mut().max().filter(|width| **width > COLUMN_MIN);
            let Some(widest) = widest else { break };
            *widest -= 1;
        }
        widths
    }
}

impl Line {
    /// A line of its own.
    pub(super) fn new(cells: Vec<Cell>) -> Line {
        Line(cells)
    }

    fn of(cells: &[Cell], widths: &[usize]) -> Line {
        let mut line = Vec::with_capacity(2 * cells.len());
        for (Cell(text, tone), width) in cells.iter().zip(widths) {
            let shown = cut(text, *width);
            let blank = width - shown.width();
            line.push(Cell(shown, *tone));
            line.push(Cell(" ".repeat(blank) + GAP, Tone::Plain));
        }
        Line(line)
    }

    /// The line as it is written, cut where the screen ends.
    pub(super) fn text(&self, screen: Screen) -> String {
        let end = self.plain().trim_end().width();
        let mut room = screen.width.unwrap_or(usize::MAX).min(end);
        let mut text = String::new();
        for Cell(part, tone) in &self.0 {
            let shown = beginning(part, room);
            room -= shown.width();
            text.push_str(&screen.paint(shown, *tone));
        }
        text
    }

    /// The line as the chosen one of several: in reverse, from edge to edge.
    pub(super) fn chosen(&self, width: usize) -> String {
        let line = self.plain();
        let text = beginning(&line, width);
        let blank = " ".repeat(width - text.width());
        format!("\x1b[7m{text}{blank}\x1b[0m")
    }

    fn plain(&self) -> String {
        self.0.iter().map(|cell| cell.0.as_str()).collect()
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    format!("{}…", beginning(text, width.saturating_sub(1)))
}

/// As much of `text` as so many columns hold.
fn beginning(text: &str, columns: usize) -> &str {
    let mut end = 0;
    let mut room = columns;
    for (at, letter) in text.char_indices() {
        let width = letter.width().unwrap_or(0);
        if width > room {
            break;
        }
        room -= width;
        end = at + letter.len_utf8();
    }
    &text[..end]
}

/// An instant of an answer; none for what has not come about.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    let instant = Timestamp::from_unix(
        time.timestamp(),
        time.timestamp_subsec_nanos().min(999_999_999),
    );
    (instant > Timestamp::MIN).then_some(instant)
}

/// How far an instant is from now, as one says it: `in 3 min`, `2 h ago`.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> String {
    let (length, ahead) = match at > now {
        true => (at.since(now), true),
        false => (now.since(at), false),
    };
    let secs = length.as_secs();
    let length = match secs {
        0 => return "now".to_owned(),
        1..=119 => format!("{secs} s"),
        120..=7_199 => format!("{} min", secs / 60),
        7_200..=172_799 => format!("{} h", secs / 3_600),
        _ => format!("{} d", secs / 86_400),
    };
    match ahead {
        true => format!("in {length}"),
        false => format!("{length} ago"),
    }
}

/// An instant in this machine's local time, to the second.
pub(super) fn local(at: Timestamp) -> String {
    match Local.timestamp_opt(at.unix_secs(), 0).earliest() {
        Some(time) if time.year() <= 9_999 => time.format("%Y-%m-%d %H:%M:%S").to_string(),
        _ => format!("{at:?}"),
    }
}

/// A duration in nanoseconds, short: `1.2 s`.
pub(super) fn span(nanos: u64) -> String {
    let secs = nanos / 1_000_000_000;
    match secs {
        0 => format!("{} ms", nanos / 1_000_000),
        1..=59 => format!("{:.1} s", nanos as f64 / 1e9),
        60..=3_599 => format!("{}:{:02} min", secs / 60, secs % 60),
        _ => format!("{}:{:02} h", secs / 3_600, secs / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["NAME", "STATUS"]);
        table.row(["a name that is long".into(), Cell::new("done", Tone::Good)]);
        table.row(["b\x1b[31m".into(), "".into()]);
        table
    }

    #[test]
    fn a_table_fits_the_terminal_and_is_whole_elsewhere() {
        assert_eq!(
            table().text(Screen::default()),
            "NAME                 STATUS\na name that is long  done\nb\u{fffd}[31m\n"
        );
        let narrow = Screen {
            width: Some(18),
            colours: false,
        };
        assert_eq!(
            table().text(narrow),
            "NAME        STATUS\na name th…  done\nb\u{fffd}[31m\n"
        );
        let none = Screen {
            width: Some(1),
            ..narrow
        };
        assert_eq!(table().text(none).lines().next(), Some("NAME    STATUS"));
    }

    #[test]
    fn colours_are_for_terminals() {
        let screen = Screen {
            width: None,
            colours: true,
        };
        assert_eq!(screen.paint("x", Tone::Bad), "\x1b[31mx\x1b[0m");
        assert_eq!(Screen::default().paint("x", Tone::Bad), "x");
    }

    #[test]
    fn times_as_one_says_them() {
        let now = Timestamp::from_unix(1_000_000_000, 0);
        for (secs, ahead, back) in [
            (0, "now", "now"),
            (1, "in 1 s", "1 s ago"),
            (119, "in 119 s", "119 s ago"),
            (180, "in 3 min", "3 min ago"),
            (7_200, "in 2 h", "2 h ago"),
            (172_800, "in 2 d", "2 d ago"),
        ] {
            let by = Duration::from_secs(secs);
            assert_eq!(distance(now.plus(by), now), ahead);
            assert_eq!(distance(now.minus(by), now), back);
        }
        assert_eq!(instant("0001-01-01T00:00:00Z"), None);
        assert_eq!(instant("2001-09-09T03:46:40+02:00"), Some(now));
        for (nanos, shown) in [
            (12_000_000, "12 ms"),
            (1_250_000_000, "1.2 s"),
            (61_000_000_000, "1:01 min"),
            (3_660_000_000_000, "1:01 h"),
        ] {
            assert_eq!(span(nanos), shown);
        }
    }

    #[test]
    fn wide_letters_take_two_columns() {
        let mut table = Table::new(&["NAME", "X"]);
        table.row([
            Cell::new("日本語の長い名前", Tone::Plain),
            Cell::new("1", Tone::Plain),
        ]);
        for (room, expected) in [(None, "日本語の長い名前  1"), (Some(12), "日本語の…  1")]
        {
            let lines = table.lines(room);
            assert_eq!(lines[1].plain().trim_end(), expected);
        }
        assert_eq!(beginning("日本", 3), "日");
    }
}
