//! `nimesha run`: one command, run here and now as a job would run it, to find out why it fails.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread;

use argh::{ArgsInfo, FromArgs};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{CliError, print};
use crate::job::Extras;
use crate::job::run::AttemptEnd;
use crate::job::validate::Draft;
use crate::worker::{Stop, StopSignal, Trial, run_trial_until};

/// Run a command once, as a job would run it, and show what became of it.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "run",
    help_triggers("--help", "-h", "help"),
    usage = "'<command>' [options]",
    example = "One argument, quoted, is the whole command:\n  {command_name} 'ruby /home/user/my_script.rb --fast'",
    example = "With what a job says in env, cwd and timeout:\n  {command_name} './backup' --env DIR=/srv --cwd /opt --timeout PT5M"
)]
pub(super) struct Run {
    /// the command, quoted as one argument
    #[argh(positional)]
    command: Vec<String>,

    /// ends it after that time, such as PT30S
    #[argh(option, arg_name = "duration", default = "String::new()")]
    timeout: String,

    /// a variable for its environment, NAME=value; may be given again
    #[argh(option, arg_name = "variable")]
    env: Vec<String>,

    /// its working directory (default: this one)
    #[argh(option, arg_name = "dir", default = "String::new()")]
    cwd: String,
}

impl Run {
    /// Runs the command on this thread, without a server.
    pub(super) fn run(mut self) -> Result<(), CliError> {
        let command = match <[String; 1]>::try_from(std::mem::take(&mut self.command)) {
            Ok([command]) => command,
            Err(words) if words.is_empty() => return usage("Must include a command"),
            Err(_) => {
                return usage("Must only include a command: quote it, so that it is one argument");
            }
        };
        if command.trim().is_empty() {
            return Err(failed("Job Command is empty.", ""));
        }
        let trial = self.trial(command)?;
        let stop = stop_on_signals().map_err(|error| failed(&error.to_string(), ""))?;
        let (end, output) = run_trial_until(&trial, &stop);
        let output = String::from_utf8_lossy(&output);
        let output = output.trim_end();
        match end {
            AttemptEnd::Exited(0) if output.is_empty() => print("Command Succeeded!\n"),
            AttemptEnd::Exited(0) => print(&format!("Command Succeeded!\nOutput:  {output}\n")),
            AttemptEnd::Exited(status) => Err(failed(&format!("exit status {status}"), output)),
            AttemptEnd::Signalled(signal) => Err(failed(&format!("signal {signal}"), output)),
            AttemptEnd::Error(why) => Err(failed(&why, output)),
            AttemptEnd::TimedOut => {
                let why = format!("it took longer than {}", self.timeout);
                Err(failed(&why, output))
            }
            AttemptEnd::Answered(..) | AttemptEnd::Stopped | AttemptEnd::TooLate => {
                Err(failed("it was stopped", output))
            }
        }
    }

    /// What a job with these keys would run; it is refused where the job would be.
    fn trial(&self, command: String) -> Result<Trial, CliError> {
        let draft = Draft {
            name: "trial".to_owned(),
            schedule: "@manual".to_owned(),
            command: command.clone(),
            timeout: self.timeout.clone(),
            extras: Extras {
                env: variables(&self.env)?,
                cwd: self.cwd.clone(),
                ..Extras::default()
            },
            ..Draft::default()
        };
        let spec = draft.check().map_err(|why| failed(&why.0, ""))?;
        let extras = spec.extras.unwrap_or_default();
        Ok(Trial {
            command,
            env: extras.env,
            cwd: extras.cwd,
            timeout: spec.timeout.map(|timeout| timeout.interval),
        })
    }
}

fn variables(words: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    let pair = |word: &String| {
        let pair = word.split_once('=').filter(|(name, _)| !name.is_empty());
        pair.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .ok_or_else(|| CliError::Usage(format!("--env is {word:?}, expected NAME=value")))
    };
    words.iter().map(pair).collect()
}

/// A bell that the first signal rings to end the command, and the next one to kill it. The command has a process group of
/// its own, so Ctrl-C does not reach it otherwise.
fn stop_on_signals() -> io::Result<Arc<StopSignal>> {
    let stop = Arc::new(StopSignal::new()?);
    let bell = Arc::clone(&stop);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for (count, _) in signals.forever().enumerate() {
                bell.raise(if count == 0 {
                    Stop::Terminate
                } else {
                    Stop::Kill
                });
            }
        })?;
    Ok(stop)
}

fn usage(why: &str) -> Result<(), CliError> {
    Err(CliError::Usage(why.to_owned()))
}

/// The line of Kala's document, then what the command wrote.
fn failed(why: &str, output: &str) -> CliError {
    let output = if output.is_empty() {
        String::new()
    } else {
        format!("\n{output}")
    };
    CliError::Failed(format!("Command Failed with err: {why}{output}"))
}
