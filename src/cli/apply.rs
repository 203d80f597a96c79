//! `nimesha apply`, `validate` and `export`: jobs kept in files.

use super::connect::asking;
use super::jobset::{file, plan::Plan};
use super::screen::Screen;
use super::{CliError, print};

asking! {
    /// Make the jobs of the server as the files say, by their names.
    #[argh(
        subcommand,
        name = "apply",
        help_triggers("--help", "-h", "help"),
        example = "See what would change, then change it:\n  {command_name} jobs.json --dry-run\n  {command_name} jobs.json",
        note = "A file holds JSON: a job, a list of jobs, one a line, or what export printed. Jobs\n  \
                may name each other by name. A key that a file leaves out gets its default; owner\n  \
                and disabled stay as they are. Applied twice, files change nothing."
    )]
    Apply {
        /// the files, - for the standard input
        #[argh(positional, arg_name = "file")]
        files: Vec<String>,

        /// only show what would change
        #[argh(switch)]
        dry_run: bool,

        /// delete the jobs that are in none of the files
        #[argh(switch)]
        prune: bool,
    }
}

asking! {
    /// Print all jobs of the server, one a line, for apply.
    #[argh(subcommand, name = "export", help_triggers("--help", "-h", "help"))]
    Export {}
}

/// Check files of jobs, without a server.
#[derive(argh::FromArgs, argh::ArgsInfo)]
#[argh(subcommand, name = "validate", help_triggers("--help", "-h", "help"))]
pub(super) struct Validate {
    /// the files, - for the standard input
    #[argh(positional, arg_name = "file")]
    files: Vec<String>,
}

impl Apply {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let wanted = file::read(&self.files)?;
        if wanted.is_empty() && self.prune {
            return Err(CliError::Failed(
                "the files hold no job, and --prune would delete them all: use nimesha job delete for that".into(),
            ));
        }
        let client = self.connect()?;
        let plan = Plan::make(wanted, client.jobs("", usize::MAX)?, self.prune)?;
        print(&plan.describe(Screen::of_stdout()))?;
        match self.dry_run {
            true => Ok(()),
            false => plan.carry_out(&client),
        }
    }
}

impl Validate {
    pub(super) fn run(&self) -> Result<(), CliError> {
        match file::read(&self.files)?.len() {
            1 => print("1 job is right\n"),
            jobs => print(&format!("{jobs} jobs are right\n")),
        }
    }
}

impl Export {
    pub(super) fn run(&self) -> Result<(), CliError> {
        for job in self.connect()?.jobs("", usize::MAX)? {
            print(&format!("{job}\n"))?;
        }
        Ok(())
    }
}
