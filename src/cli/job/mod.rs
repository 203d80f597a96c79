//! `nimesha job`: what can be done with the jobs of a server.

mod change;
mod keys;
mod list;
mod output;
mod runs;
mod show;
mod start;

use argh::{ArgsInfo, FromArgs};

use super::CliError;
pub(super) use output::run_path;

/// List, show, change and run the jobs of a server.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "job",
    help_triggers("--help", "-h", "help"),
    example = "Every night at 02:30, with up to 3 retries:\n  {command_name} create backup command='/usr/local/bin/backup' \
               schedule='30 2 * * *' retries=3",
    example = "Run it now, and see what it wrote:\n  {command_name} start backup",
    note = "A job is named by its name, its id, or the beginning of its id.\n  \
            NIMESHA_URL names the server, NIMESHA_TOKEN holds the token, or @FILE with it."
)]
pub(super) struct Job {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Command {
    List(list::List),
    Show(show::Show),
    Create(change::Create),
    Update(change::Update),
    Delete(change::Delete),
    Enable(change::Enable),
    Disable(change::Disable),
    Start(start::Start),
    Runs(runs::Runs),
    Output(output::Output),
    Cancel(runs::Cancel),
}

impl Job {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self.command {
            Command::List(list) => list.run(),
            Command::Show(show) => show.run(),
            Command::Create(create) => create.run(),
            Command::Update(update) => update.run(),
            Command::Delete(delete) => delete.run(),
            Command::Enable(enable) => enable.run(),
            Command::Disable(disable) => disable.run(),
            Command::Start(start) => start.run(),
            Command::Runs(runs) => runs.run(),
            Command::Output(output) => output.run(),
            Command::Cancel(cancel) => cancel.run(),
        }
    }
}
