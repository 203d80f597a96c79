//! `nimesha migrate`: from one job database to another, whatever they are.

use argh::{ArgsInfo, FromArgs};

use super::counted;
use super::place::Place;
use crate::cli::{CliError, print};
use crate::store::fill::fill;
use crate::store::snapshot::Still;

/// Copy a job database that no server works on into an empty one.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "migrate",
    help_triggers("--help", "-h", "help"),
    example = "From the file to a shared database:\n  {command_name} --from redb:/var/lib/nimesha --to postgres://db.example.com/jobs",
    note = "Users, passwords, prefixes and TLS of shared databases are taken from the NIMESHA_JOBDB_ variables of\n  \
            serve where the address does not say them. The source is left as it is."
)]
pub(in crate::cli) struct Migrate {
    /// address of the database that is copied
    #[argh(option, arg_name = "database")]
    from: String,

    /// address of one that is empty or not there yet
    #[argh(option, arg_name = "database")]
    to: String,
}

impl Migrate {
    pub(in crate::cli) fn run(&self) -> Result<(), CliError> {
        let (from, to) = (Place::parse(&self.from)?, Place::parse(&self.to)?);
        if from == to {
            return Err(CliError::Usage(format!("both are {from}")));
        }
        let source = from.open()?;
        let target = to.open_or_make()?;
        let rows = fill(&mut Still::new(&*source)?, &*target)?;
        print(&format!(
            "{} were copied from {from} to {to}\n",
            counted(&rows)
        ))
    }
}
