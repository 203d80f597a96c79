//! `nimesha import`: jobs of cron, of a running Kala, of Chronos and Dkron, or whole jobs in JSON.
//!
//! Jobs that have an id and counters come over whole; the others become jobs as a file would have them, and go the way of
//! `apply`. Either way what is imported twice is there once. What cannot be carried over is said, and ends the program
//! with a failure, so that nobody takes the rest for all.

mod chronos;
mod crontab;
mod dkron;
mod json;
mod kala;
mod place;
mod whole;

use super::connect::asking;
use super::jobset::{Wanted, file, plan::Plan};
use super::screen::Screen;
use super::{CliError, print};
use crate::client::{Client, Url};
use whole::{Transfer, Whole};

asking! {
    /// Import the jobs of a crontab, of a running Kala, or of Chronos, Dkron or Nimesha in JSON.
    #[argh(
        subcommand,
        name = "import",
        help_triggers("--help", "-h", "help"),
        example = "Your own crontab, at first only to see it:\n  crontab -l | {command_name} - --dry-run",
        example = "The one of the system, where each line names a user:\n  {command_name} /etc/crontab",
        example = "From Kala, into the server at the default address:\n  {command_name} http://127.0.0.1:8001",
        example = "From Chronos or Dkron, in the JSON of their APIs:\n  curl http://chronos:4400/v1/scheduler/jobs | {command_name} -\n  \
                   curl http://dkron:8080/v1/jobs | {command_name} -",
        note = "Names of crontab jobs are made of the commands. Jobs of Kala and Nimesha keep their ids and\n  \
                counters, which takes an admin's token; those whose ids are there are skipped. What cannot\n  \
                be carried over is told, and ends with exit code 1."
    )]
    Import {
        /// a file, - for the standard input, or the URL of Kala
        #[argh(positional)]
        source: String,

        /// lines name a user before the command (default: for /etc/crontab and /etc/cron.d)
        #[argh(switch)]
        system: bool,

        /// time zone of the crontab, such as Europe/Berlin (default: that of this machine)
        #[argh(option, arg_name = "name")]
        timezone: Option<String>,

        /// put jobs of Kala and Nimesha in the place of those with their ids, which have come over before
        #[argh(switch)]
        replace: bool,

        /// only show what would be imported
        #[argh(switch)]
        dry_run: bool,
    }
}

/// What a source holds.
#[derive(Debug, Default)]
struct Found {
    jobs: Vec<Wanted>,
    /// Those with ids and counters of their own.
    whole: Vec<Whole>,
    /// What of it is lost, a line each.
    lost: Vec<String>,
    /// What is different now, a line each.
    notes: Vec<String>,
}

impl Import {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let mut found = self.read()?;
        let client = self.connect()?;
        let mut there = client.jobs("", usize::MAX)?;
        let transfer = Transfer::make(&mut found, &there, self.replace);
        there.extend(transfer.coming());
        let jobs = std::mem::take(&mut found.jobs);
        let plan = (transfer.is_empty() || !jobs.is_empty())
            .then(|| Plan::make(jobs, there, false))
            .transpose()?;
        self.take_over(transfer, &client, &mut found.lost)?;
        if let Some(plan) = plan {
            print(&plan.describe(Screen::of_stdout()))?;
            if !self.dry_run {
                plan.carry_out(&client)?;
            }
        }
        for note in &found.notes {
            eprintln!("note: {note}");
        }
        match found.lost.is_empty() {
            true => Ok(()),
            false => Err(CliError::Failed(format!(
                "could not be carried over:\n{}",
                found.lost.join("\n")
            ))),
        }
    }

    /// Takes over what is whole, and tells what became of it.
    fn take_over(
        &self,
        mut transfer: Transfer,
        client: &Client,
        lost: &mut Vec<String>,
    ) -> Result<(), CliError> {
        if transfer.is_empty() {
            return Ok(());
        }
        if !self.dry_run {
            transfer.carry_out(client, lost)?;
        }
        print(&transfer.describe(Screen::of_stdout()))
    }

    fn read(&self) -> Result<Found, CliError> {
        if self.source.starts_with("http://") || self.source.starts_with("https://") {
            let url: Url = self.source.parse().map_err(CliError::Usage)?;
            // No token: ours is for our server alone.
            return Ok(kala::read(&Client::new(&url, None))?);
        }
        let text = file::text(&self.source)?;
        if text.trim_start().starts_with(['{', '[']) {
            return json::read(&self.source, &text).map_err(CliError::Failed);
        }
        let system = self.system
            || ["/etc/crontab", "/etc/cron.d/"]
                .iter()
                .any(|path| self.source.starts_with(path));
        let timezone = match &self.timezone {
            Some(name) => name.clone(),
            None => place::timezone(),
        };
        let home = place::home().filter(|_| !system);
        Ok(crontab::read(
            &self.source,
            &text,
            &crontab::Place {
                system,
                timezone,
                home,
            },
        ))
    }
}

/// `name`, or with a number after it if that is taken.
fn free_name(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_owned();
    }
    let numbered = (2u64..).map(|number| format!("{name} ({number})"));
    let mut free = numbered.filter(|name| !taken(name));
    free.next().unwrap_or_else(|| name.to_owned())
}
