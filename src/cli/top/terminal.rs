//! The terminal: taken as a whole while the screen lives, and given back however the program ends.

use std::io::{self, IsTerminal, Stdout, Write, stdin, stdout};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_channel::Sender;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, Event, KeyEventKind};
use crossterm::terminal::{
    self, Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{execute, queue};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::frame::Size;
use super::link::Message;

/// The terminal is ours.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal, as long as this lives.
pub(super) struct Terminal {
    out: Stdout,
    /// What stands on it, to write only what is new.
    shown: Vec<String>,
}

impl Terminal {
    /// Whether there is one.
    pub(super) fn is_there() -> bool {
        stdin().is_terminal() && stdout().is_terminal()
    }

    /// Takes the terminal. A panic gives it back before it says what happened.
    pub(super) fn take() -> io::Result<Terminal> {
        let mut terminal = Terminal {
            out: stdout(),
            shown: Vec::new(),
        };
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            give_back();
            usual(what);
        }));
        terminal.enter()?;
        Ok(terminal)
    }

    /// Makes the terminal ours, also after somebody else had it.
    pub(super) fn enter(&mut self) -> io::Result<()> {
        IS_TAKEN.store(true, Ordering::Release);
        terminal::enable_raw_mode()?;
        self.shown.clear();
        execute!(self.out, EnterAlternateScreen, Hide, DisableLineWrap)
    }

    /// Whether it is still ours: a panic of another thread gave it back.
    pub(super) fn is_ours() -> bool {
        IS_TAKEN.load(Ordering::Acquire)
    }

    pub(super) fn size() -> io::Result<Size> {
        let (columns, rows) = terminal::size()?;
        Ok(Size {
            columns: columns.into(),
            rows: rows.into(),
        })
    }

    /// Writes the lines that are not there yet.
    pub(super) fn draw(&mut self, lines: Vec<String>) -> io::Result<()> {
        let mut bytes: Vec<u8> = Vec::new();
        if lines.len() != self.shown.len() {
            self.shown.clear();
            queue!(bytes, Clear(ClearType::All))?;
        }
        for (row, line) in lines.iter().enumerate() {
            if self.shown.get(row) == Some(line) {
                continue;
            }
            let row = u16::try_from(row).unwrap_or(u16::MAX);
            queue!(bytes, MoveTo(0, row), Clear(ClearType::CurrentLine))?;
            bytes.extend_from_slice(line.as_bytes());
        }
        self.shown = lines;
        self.out.write_all(&bytes)?;
        self.out.flush()
    }

    /// Forgets what stands on it: after a change of its size nobody knows.
    pub(super) fn forget(&mut self) {
        self.shown.clear();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    if IS_TAKEN.swap(false, Ordering::AcqRel) {
        // Where the terminal has gone there is nothing to give back.
        let _ = execute!(stdout(), EnableLineWrap, Show, LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

/// Starts a thread that tells of keys and sizes, and one that tells of signals.
pub(super) fn watch(messages: &Sender<Message>) -> io::Result<()> {
    let told = messages.clone();
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGCONT])?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                let message = match signal {
                    SIGCONT => Message::Continued,
                    _ => Message::End,
                };
                if told.send(message).is_err() {
                    return;
                }
            }
        })?;
    let told = messages.clone();
    thread::Builder::new()
        .name("keys".to_owned())
        .spawn(move || {
            loop {
                let message = match event::read() {
                    Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Message::Key(key),
                    Ok(Event::Resize(..)) => Message::Resized,
                    Ok(_) => continue,
                    Err(_) => Message::End,
                };
                let is_end = matches!(message, Message::End);
                if told.send(message).is_err() || is_end {
                    return;
                }
            }
        })?;
    Ok(())
}
