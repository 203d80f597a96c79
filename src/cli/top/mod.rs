//! `nimesha top`: what runs, what is next and what failed, as it happens.
//!
//! One loop waits for messages: events and answers of the server, keys, signals. What they mean is in [`board`] and
//! [`view`], how it looks in [`frame`], and none of these knows a terminal or a network. While nothing happens the loop
//! wakes once a second, for the countdowns, and asks the server for figures now and then.

mod board;
mod frame;
mod link;
mod terminal;
mod view;

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::connect::asking;
use super::screen::Screen;
use super::{CliError, print};
use crate::client::Client;
use crate::{clock, config};
use board::Board;
use link::{Answer, Message, Question};
use terminal::Terminal;
use view::{View, Wish};

asking! {
    /// Watch the server live: what runs, what is next, what failed.
    #[argh(
        subcommand,
        name = "top",
        help_triggers("--help", "-h", "help"),
        note = "Keys: arrows or j and k choose a row; s starts its job, d disables or enables it,\n  \
                c cancels its run; / filters by name, Esc shows all again; q quits."
    )]
    Top {
        /// print it once, as plain text
        #[argh(switch)]
        once: bool,
    }
}

impl Top {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let client = self.connect()?;
        if self.once {
            return once(&client);
        }
        if !Terminal::is_there() {
            return Err(CliError::Failed(
                "nimesha top needs a terminal; nimesha top --once prints what it would show".into(),
            ));
        }
        // Whatever is wrong is better said before the screen is taken.
        client.get("/stats/")?;
        let mut live = Live::start(&client).map_err(|why| lost(&why))?;
        live.go_on().map_err(|why| lost(&why))
    }
}

fn lost(why: &std::io::Error) -> CliError {
    CliError::Failed(format!("cannot use the terminal: {why}"))
}

fn once(client: &Client) -> Result<(), CliError> {
    let answer = link::whole(client);
    if let Err(why) = answer.stats {
        return Err(why.into());
    }
    let mut board = Board::new();
    let past = link::past(client)?;
    past.iter().for_each(|event| board.hear(event));
    board.take_unknown();
    learn(&mut board, answer);
    let server = client.url().to_string();
    let page = frame::page(&board, &server, Screen::of_stdout(), clock::now());
    print(&page)
}

/// Takes an answer in. What could not be had is asked for again.
fn learn(board: &mut Board, answer: Answer) {
    if let Ok(stats) = answer.stats {
        board.stats = stats;
    }
    if let Some(whole) = &answer.whole {
        board.learn(whole);
    }
    for (id, job) in answer.jobs {
        board.learn_job(&id, &job);
    }
}

/// The screen while it lives.
struct Live {
    board: Board,
    view: View,
    terminal: Terminal,
    server: String,
    messages: Receiver<Message>,
    questions: Sender<Question>,
    /// A question was sent that is not answered yet.
    is_asking: bool,
    asked: Option<Instant>,
    read_whole: Option<Instant>,
    drawn: Option<Instant>,
    /// Something has changed since.
    is_new: bool,
}

impl Live {
    fn start(client: &Client) -> std::io::Result<Live> {
        let (sender, messages) = bounded(config::TOP_MESSAGES_MAX);
        let terminal = Terminal::take()?;
        terminal::watch(&sender)?;
        Ok(Live {
            board: Board::new(),
            view: View::default(),
            terminal,
            server: client.url().to_string(),
            questions: link::start(client, &sender)?,
            messages,
            is_asking: false,
            asked: None,
            read_whole: None,
            drawn: None,
            is_new: true,
        })
    }

    fn go_on(&mut self) -> std::io::Result<()> {
        while Terminal::is_ours() {
            self.ask();
            if waited(self.drawn, self.pause()) {
                self.draw()?;
            }
            let wait = remaining(self.drawn, self.pause());
            let Ok(message) = self.messages.recv_timeout(wait) else {
                continue;
            };
            // Many that come at once are one reason to draw.
            for message in [message]
                .into_iter()
                .chain(self.messages.try_iter().collect::<Vec<_>>())
            {
                if self.hear(message)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// How long after it has drawn it draws again.
    fn pause(&self) -> Duration {
        match self.is_new {
            true => config::TOP_DRAW_EVERY,
            false => config::TOP_TICK,
        }
    }

    fn draw(&mut self) -> std::io::Result<()> {
        let size = Terminal::size()?;
        let screen = Screen::of_stdout();
        let frame = frame::frame(
            &self.board,
            &self.view,
            &self.server,
            size,
            screen,
            clock::now(),
        );
        self.terminal.draw(frame)?;
        self.drawn = Some(clock::monotonic());
        self.is_new = false;
        Ok(())
    }

    /// Takes a message in. Says whether it is the last one.
    fn hear(&mut self, message: Message) -> std::io::Result<bool> {
        self.is_new = true;
        match message {
            Message::Event(event) => {
                // A sign of life changes nothing.
                self.is_new = !event.kind.is_empty();
                self.board.hear(&event);
            }
            Message::Silence(why) => self.board.silence = why,
            Message::Answer(answer) => {
                self.is_asking = false;
                if answer.stats.is_err() {
                    self.board.unknown();
                }
                learn(&mut self.board, answer);
            }
            Message::Done(action, done) => {
                self.view.message = Some(match done {
                    Ok(()) => format!("done: {}", action.words()),
                    Err(why) => format!("could not {}: {why}", action.words()),
                });
            }
            Message::Key(key) => {
                // Who types sees it at once.
                self.drawn = None;
                match self.view.press(key, &self.board) {
                    Wish::Nothing => {}
                    Wish::Quit => return Ok(true),
                    Wish::Do(action) => self.wish(action),
                }
            }
            Message::Resized => self.terminal.forget(),
            Message::Continued => self.terminal.enter()?,
            Message::End => return Ok(true),
        }
        Ok(false)
    }

    fn wish(&mut self, action: view::Action) {
        let words = action.words();
        // The screen must not wait for a server that is slow.
        let sent = self.questions.try_send(Question::Do(action));
        self.view.message = Some(match sent {
            Ok(()) => format!("{words} ..."),
            Err(_) => "the server has not answered the last wish yet".to_owned(),
        });
    }

    /// Asks for what is not known, one question at a time, and not too often.
    fn ask(&mut self) {
        if self.is_asking || !waited(self.asked, config::TOP_ASK_EVERY) {
            return;
        }
        let question =
            if waited(self.read_whole, config::TOP_WHOLE_EVERY) && self.board.take_unknown() {
                self.read_whole = Some(clock::monotonic());
                Question::Whole
            } else if self.board.take_counting() || waited(self.asked, config::TOP_STATS_EVERY) {
                Question::Some(self.board.take_stale())
            } else {
                return;
            };
        self.is_asking = self.questions.try_send(question).is_ok();
        self.asked = Some(clock::monotonic());
    }
}

/// Whether so long has passed since then, or there is no then.
fn waited(since: Option<Instant>, wait: Duration) -> bool {
    remaining(since, wait).is_zero()
}

fn remaining(since: Option<Instant>, wait: Duration) -> Duration {
    since.map_or(Duration::ZERO, |since| {
        wait.saturating_sub(clock::monotonic().duration_since(since))
    })
}

#[cfg(test)]
mod testing {
    use serde_json::json;

    use super::board::{Board, Job, Run, Trouble};
    use crate::clock::Timestamp;
    use std::time::Duration;

    pub(super) fn now() -> Timestamp {
        Timestamp::from_unix(1_900_000_000, 0)
    }

    /// A run, three jobs, one trouble.
    pub(super) fn board() -> Board {
        let mut board = Board::new();
        board.stats = json!({"jobs": 3, "disabled_jobs": 1, "running": 1});
        board.runs.insert(
            "r1".to_owned(),
            Run {
                job: "1".to_owned(),
                name: "backup".to_owned(),
                trigger: "schedule".to_owned(),
                started: now().minus(Duration::from_secs(65)),
                attempt: 1,
            },
        );
        let job = |name: &str, secs: Option<u64>, is_disabled| Job {
            name: name.to_owned(),
            schedule: "@daily".to_owned(),
            next: secs.map(|secs| now().plus(Duration::from_secs(secs))),
            is_disabled,
        };
        board
            .jobs
            .insert("1".to_owned(), job("backup", None, false));
        board
            .jobs
            .insert("2".to_owned(), job("mail", Some(30), false));
        board
            .jobs
            .insert("3".to_owned(), job("report", Some(176_400), false));
        board.troubles.push_back(Trouble {
            at: now().minus(Duration::from_secs(200)),
            job: "3".to_owned(),
            name: "report".to_owned(),
            what: "failed".to_owned(),
            why: "exit status 1".to_owned(),
        });
        board
    }
}
