//! The command line: reads the words, does what they ask, and says what became of it.
//!
//! A command is a struct that argh parses and a `run` in a file of its own; the list of them is `Command`. Nothing
//! here prints an error: [`main`] returns it, and the program's `main` prints it once.

mod apply;
mod argv;
mod config;
mod connect;
mod database;
mod describe;
mod forecast;
mod import;
mod job;
mod jobset;
mod next;
mod run;
mod screen;
mod select;
mod serve;
mod server;
mod sources;
mod top;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, ErrorKind, Write};

use argh::{ArgsInfo, FromArgs};

use crate::settings::Settings;
use argv::{Argv, Given};

#[derive(FromArgs, ArgsInfo)]
#[argh(
    description = "Nimesha runs jobs when they are due: commands and HTTP requests, on ISO 8601\n\
                   or cron schedules, kept in one file and managed over a JSON API.",
    help_triggers("--help", "-h", "help"),
    usage = "<command> [options]",
    example = "Start the server:\n  {command_name} serve",
    example = "Store a job that runs every minute:\n  {command_name} job create hello command='echo hello' schedule=R//PT1M\n  \
               curl http://127.0.0.1:8000/api/v1/job/ -d '{{\"name\": \"hello\", \
               \"command\": \"echo hello\", \"schedule\": \"R//PT1M\"}}'",
    example = "Try a command as a job would run it:\n  {command_name} run 'echo hello'",
    example = "See when a schedule is due:\n  {command_name} next 'R/2030-01-31T09:00:00Z/P1M' --count 3",
    note = "{command_name} <command> --help explains a command.",
    error_code(0, "done"),
    error_code(1, "failed"),
    error_code(2, "the command line was wrong, or may mean several jobs"),
    error_code(3, "there is no such job or run"),
    error_code(4, "no server answers")
)]
struct Nimesha {
    /// print the version
    #[argh(switch, short = 'V')]
    version: bool,

    #[argh(subcommand)]
    command: Option<Command>,
}

#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Command {
    Serve(Settings),
    Config(config::Config),
    Run(run::Run),
    Next(next::Next),
    Forecast(forecast::Forecast),
    Job(job::Job),
    Top(top::Top),
    Stats(server::Stats),
    Pause(server::Pause),
    Resume(server::Resume),
    Apply(apply::Apply),
    Export(apply::Export),
    Validate(apply::Validate),
    Import(import::Import),
    Check(database::Check),
    Backup(database::BackUp),
    Restore(database::Restore),
    Migrate(database::Migrate),
    Completions(describe::Completions),
    Man(describe::Man),
}

/// What the program's end tells whoever started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// What was asked for is done.
    Success,
    /// It failed.
    Failure,
    /// The command line did not say clearly what to do.
    Usage,
    /// There is no such job or run.
    NotFound,
    /// No server answers.
    Away,
    /// What a run ended with that was waited for.
    Run(u8),
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        std::process::ExitCode::from(match code {
            ExitCode::Success => 0,
            ExitCode::Failure => 1,
            ExitCode::Usage => 2,
            ExitCode::NotFound => 3,
            ExitCode::Away => 4,
            ExitCode::Run(code) => code,
        })
    }
}

/// Why nothing came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CliError {
    /// The words were wrong.
    Usage(String),
    /// What they asked for failed.
    Failed(String),
    /// There is no such job or run.
    NotFound(String),
    /// No server answers.
    Away(String),
    /// A run that was waited for did not succeed.
    Run {
        /// What it ended with.
        code: u8,
        /// Why.
        why: String,
    },
}

impl CliError {
    /// What to end the program with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            CliError::Usage(_) => ExitCode::Usage,
            CliError::Failed(_) => ExitCode::Failure,
            CliError::NotFound(_) => ExitCode::NotFound,
            CliError::Away(_) => ExitCode::Away,
            CliError::Run { code, .. } => ExitCode::Run(*code),
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (CliError::Usage(why)
        | CliError::Failed(why)
        | CliError::NotFound(why)
        | CliError::Away(why)
        | CliError::Run { why, .. }) = self;
        f.write_str(why)
    }
}

impl std::error::Error for CliError {}

/// Does what the words ask for; the first of them is the program's own name.
///
/// # Errors
/// When the words are wrong, or what they ask for fails.
pub fn main(words: impl Iterator<Item = OsString>) -> Result<(), CliError> {
    let words = words
        .skip(1)
        .map(OsString::into_string)
        .collect::<Result<Vec<_>, _>>();
    let words =
        words.map_err(|word| CliError::Usage(format!("{} is not UTF-8", word.display())))?;
    let Some((nimesha, given)) = parse(words, &sources::environment)? else {
        return Ok(());
    };
    match nimesha.command {
        _ if nimesha.version => print(&format!("nimesha {}\n", env!("CARGO_PKG_VERSION"))),
        Some(Command::Serve(settings)) => serve::run(&settings, &given),
        Some(Command::Config(config)) => config.run(&given),
        Some(Command::Run(run)) => run.run(),
        Some(Command::Next(next)) => next.run(),
        Some(Command::Forecast(forecast)) => forecast.run(),
        Some(Command::Job(job)) => job.run(),
        Some(Command::Top(top)) => top.run(),
        Some(Command::Stats(stats)) => stats.run(),
        Some(Command::Pause(pause)) => pause.run(),
        Some(Command::Resume(resume)) => resume.run(),
        Some(Command::Apply(apply)) => apply.run(),
        Some(Command::Export(export)) => export.run(),
        Some(Command::Validate(validate)) => validate.run(),
        Some(Command::Import(import)) => import.run(),
        Some(Command::Check(check)) => check.run(),
        Some(Command::Backup(backup)) => backup.run(),
        Some(Command::Restore(restore)) => restore.run(),
        Some(Command::Migrate(migrate)) => migrate.run(),
        Some(Command::Completions(completions)) => completions.run(),
        Some(Command::Man(man)) => man.run(),
        None => Err(CliError::Usage("no command is given".into())),
    }
}

/// The parsed words, with what the environment and a settings file add, and what they say of flags; none after help was
/// printed.
fn parse(
    words: Vec<String>,
    environment: &sources::Environment<'_>,
) -> Result<Option<(Nimesha, Vec<Given>)>, CliError> {
    let words = match words.is_empty() {
        true => vec!["--help".to_owned()],
        false => words,
    };
    let mut argv = Argv::read(words, Nimesha::get_args_info())?;
    if !argv.asks_help() {
        sources::add(&mut argv, environment)?;
    }
    let given = argv.given().to_vec();
    let words = argv.into_words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match Nimesha::from_args(&["nimesha"], &words) {
        Ok(nimesha) => Ok(Some((nimesha, given))),
        Err(early) if early.status.is_ok() => print(&early.output).map(|()| None),
        Err(early) => Err(CliError::Usage(explain(early.output.trim_end(), &given))),
    }
}

/// The words of argh, with where the value came from that it means.
fn explain(why: &str, given: &[Given]) -> String {
    let meant = given
        .iter()
        .find(|given| why.contains(&format!("'{}'", given.flag)));
    match meant.and_then(|given| given.whence.as_deref()) {
        Some(whence) => format!("{why} (from {whence})"),
        None => why.to_owned(),
    }
}

/// Prints what was asked for. A reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CliError::Failed(format!(
            "cannot write the output: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Prints JSON for programs, which people can read too.
fn print_json(value: &serde_json::Value) -> Result<(), CliError> {
    print(&format!("{value:#}\n"))
}
