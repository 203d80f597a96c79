//! `nimesha run`: one command, run here and now as a job would run it, to find out why it fails.

use argh::{ArgsInfo, FromArgs};

use super::{CliError, print};
use crate::job::run::AttemptEnd;
use crate::worker::{Trial, run_trial};

/// Run a command once, as a job would run it, and show what became of it.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "run",
    help_triggers("--help", "-h", "help"),
    usage = "'<command>'",
    example = "One argument, quoted, is the whole command:\n  {command_name} 'ruby /home/user/my_script.rb --fast'"
)]
pub(super) struct Run {
    /// the command, quoted as one argument
    #[argh(positional)]
    command: Vec<String>,
}

impl Run {
    /// Runs the command on this thread, without a server.
    pub(super) fn run(self) -> Result<(), CliError> {
        let command = match <[String; 1]>::try_from(self.command) {
            Ok([command]) => command,
            Err(words) if words.is_empty() => return usage("Must include a command"),
            Err(_) => {
                return usage("Must only include a command: quote it, so that it is one argument");
            }
        };
        if command.trim().is_empty() {
            return Err(failed("Job Command is empty.", ""));
        }
        let (end, output) = run_trial(&Trial {
            command,
            ..Trial::default()
        });
        let output = String::from_utf8_lossy(&output);
        let output = output.trim_end();
        match end {
            AttemptEnd::Exited(0) if output.is_empty() => print("Command Succeeded!\n"),
            AttemptEnd::Exited(0) => print(&format!("Command Succeeded!\nOutput:  {output}\n")),
            AttemptEnd::Exited(status) => Err(failed(&format!("exit status {status}"), output)),
            AttemptEnd::Signalled(signal) => Err(failed(&format!("signal {signal}"), output)),
            AttemptEnd::Error(why) => Err(failed(&why, output)),
            AttemptEnd::Answered(..)
            | AttemptEnd::TimedOut
            | AttemptEnd::Stopped
            | AttemptEnd::TooLate => Err(failed("it was stopped", output)),
        }
    }
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
