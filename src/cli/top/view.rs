//! What the person at the keys has chosen, typed and been asked, and what each key does.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::board::Board;
use super::frame::rows;

/// Rows that a page key goes by.
const PAGE: usize = 10;

/// What a row stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A run in progress.
    Run(String),
    /// A job.
    Job(String),
    /// What went wrong, counted from the latest.
    Trouble(usize),
}

/// Something to do to a job or a run, by ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Start {
        job: String,
        name: String,
    },
    Disable {
        job: String,
        name: String,
    },
    Enable {
        job: String,
        name: String,
    },
    Cancel {
        job: String,
        run: String,
        name: String,
    },
}

impl Action {
    /// What it is, in words.
    pub(super) fn words(&self) -> String {
        match self {
            Action::Start { name, .. } => format!("start {name}"),
            Action::Disable { name, .. } => format!("disable {name}"),
            Action::Enable { name, .. } => format!("enable {name}"),
            Action::Cancel { name, .. } => format!("cancel the run of {name}"),
        }
    }
}

/// What a key led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    Do(Action),
    Quit,
}

/// What the bottom line is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// It shows the keys, or what became of the last wish.
    #[default]
    Look,
    /// A filter is typed in it.
    Filter,
    /// It asks whether that is really meant.
    Confirm(Action),
}

/// The choices of the person who looks.
#[derive(Default)]
pub(super) struct View {
    pub(super) mode: Mode,
    /// Only what has this in its name is shown, whatever the case.
    pub(super) filter: String,
    /// What became of the last wish.
    pub(super) message: Option<String>,
    chosen: Option<Key>,
    /// Where the chosen row stood: the one there is chosen once it is gone.
    place: usize,
}

impl View {
    /// Whether a name passes the filter.
    pub(super) fn wants(&self, name: &str) -> bool {
        name.to_lowercase().contains(&self.filter.to_lowercase())
    }

    /// The place of the chosen row among `rows`.
    pub(super) fn place(&self, rows: &[Key]) -> usize {
        let chosen = self.chosen.as_ref();
        let found = chosen.and_then(|key| rows.iter().position(|row| row == key));
        found.unwrap_or_else(|| self.place.min(rows.len().saturating_sub(1)))
    }

    /// Takes in a key.
    pub(super) fn press(&mut self, key: KeyEvent, board: &Board) -> Wish {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Wish::Quit,
                _ => Wish::Nothing,
            };
        }
        self.message = None;
        match std::mem::take(&mut self.mode) {
            Mode::Look => self.look(key.code, board),
            Mode::Filter => {
                self.type_filter(key.code);
                Wish::Nothing
            }
            Mode::Confirm(action) => match key.code {
                KeyCode::Char('y' | 'Y') | KeyCode::Enter => Wish::Do(action),
                _ => Wish::Nothing,
            },
        }
    }

    fn look(&mut self, key: KeyCode, board: &Board) -> Wish {
        match key {
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('/') => self.mode = Mode::Filter,
            KeyCode::Down | KeyCode::Char('j') => self.go(board, |place| place + 1),
            KeyCode::Up | KeyCode::Char('k') => self.go(board, |place| place.saturating_sub(1)),
            KeyCode::PageDown => self.go(board, |place| place + PAGE),
            KeyCode::PageUp => self.go(board, |place| place.saturating_sub(PAGE)),
            KeyCode::Home | KeyCode::Char('g') => self.go(board, |_| 0),
            KeyCode::End | KeyCode::Char('G') => self.go(board, |_| usize::MAX),
            KeyCode::Char(letter @ ('s' | 'd' | 'c')) => return self.wish(letter, board),
            _ => {}
        }
        Wish::Nothing
    }

    fn type_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Enter => return,
            KeyCode::Esc => return self.filter.clear(),
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(letter) => self.filter.push(letter),
            _ => {}
        }
        self.mode = Mode::Filter;
    }

    fn go(&mut self, board: &Board, to: impl Fn(usize) -> usize) {
        let rows = rows(board, self);
        let place = to(self.place(&rows)).min(rows.len().saturating_sub(1));
        self.place = place;
        self.chosen = rows.get(place).cloned();
    }

    /// What a letter means for the chosen row. What cannot be taken back is asked about first.
    fn wish(&mut self, letter: char, board: &Board) -> Wish {
        let rows = rows(board, self);
        let Some((row, job, name)) = rows
            .get(self.place(&rows))
            .and_then(|row| self.meant(row, board))
        else {
            return Wish::Nothing;
        };
        // What is asked about must not be another row when the answer comes.
        self.chosen = Some(row.clone());
        match (letter, row) {
            ('s', _) => self.mode = Mode::Confirm(Action::Start { job, name }),
            ('d', _) => {
                let is_disabled = board.jobs.get(&job).is_some_and(|job| job.is_disabled);
                return Wish::Do(match is_disabled {
                    true => Action::Enable { job, name },
                    false => Action::Disable { job, name },
                });
            }
            ('c', Key::Run(run)) => self.mode = Mode::Confirm(Action::Cancel { job, run, name }),
            _ => self.message = Some("only a run in progress can be cancelled".to_owned()),
        }
        Wish::Nothing
    }

    /// The row with the id and the name of its job.
    fn meant(&self, row: &Key, board: &Board) -> Option<(Key, String, String)> {
        let (job, name) = match row {
            Key::Run(id) => board.runs.get(id).map(|run| (&run.job, &run.name)),
            Key::Job(id) => board.jobs.get(id).map(|job| (id, &job.name)),
            Key::Trouble(back) => {
                let trouble = board.troubles.iter().rev().nth(*back);
                trouble.map(|trouble| (&trouble.job, &trouble.name))
            }
        }?;
        Some((row.clone(), job.clone(), name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::board;
    use super::*;

    fn press(view: &mut View, board: &Board, keys: &str) -> Wish {
        let mut wish = Wish::Nothing;
        for key in keys.chars() {
            let code = match key {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                letter => KeyCode::Char(letter),
            };
            wish = view.press(code.into(), board);
        }
        wish
    }

    fn start(job: &str, name: &str) -> Wish {
        Wish::Do(Action::Start {
            job: job.to_owned(),
            name: name.to_owned(),
        })
    }

    #[test]
    fn keys_choose_rows_and_do_things_to_them() {
        let board = board();
        let disable = |job: &str, name: &str| {
            Wish::Do(Action::Disable {
                job: job.to_owned(),
                name: name.to_owned(),
            })
        };
        for (keys, wish) in [
            ("q", Wish::Quit),
            ("sq", Wish::Nothing),
            ("sy", start("1", "backup")),
            ("s\n", start("1", "backup")),
            ("d", disable("1", "backup")),
            ("jd", disable("2", "mail")),
            ("jkd", disable("1", "backup")),
            ("Gsy", start("3", "report")),
            ("Ggd", disable("1", "backup")),
            ("/rep\nsy", start("3", "report")),
            ("/rep\x1bd", disable("1", "backup")),
            ("/nothing\nd", Wish::Nothing),
            ("jcy", Wish::Nothing),
            (
                "cy",
                Wish::Do(Action::Cancel {
                    job: "1".to_owned(),
                    run: "r1".to_owned(),
                    name: "backup".to_owned(),
                }),
            ),
        ] {
            assert_eq!(press(&mut View::default(), &board, keys), wish, "{keys:?}");
        }
        let quit = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(View::default().press(quit, &board), Wish::Quit);
    }

    #[test]
    fn the_choice_stays_with_its_row_and_then_with_its_place() {
        let mut board = board();
        let mut view = View::default();
        press(&mut view, &board, "jj");
        let chosen = |view: &View, board: &Board| {
            let rows = rows(board, view);
            rows[view.place(&rows)].clone()
        };
        assert_eq!(chosen(&view, &board), Key::Job("3".to_owned()));
        board.runs.clear();
        assert_eq!(chosen(&view, &board), Key::Job("3".to_owned()));
        board.jobs.remove("3");
        assert_eq!(chosen(&view, &board), Key::Trouble(0));
    }
}
