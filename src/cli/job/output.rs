//! `nimesha job output`: what a run wrote, or writes.

use std::io::{ErrorKind, Write, stdout};

use serde_json::Value;

use crate::cli::CliError;
use crate::cli::connect::asking;
use crate::cli::select::{find, path, text};
use crate::client::{Client, escape};

asking! {
    /// Print what a run of a job wrote, by default the latest one.
    #[argh(
        subcommand,
        name = "output",
        help_triggers("--help", "-h", "help"),
        example = "Watch it while it goes on:\n  {command_name} backup --follow"
    )]
    Output {
        /// the job
        #[argh(positional)]
        job: String,

        /// the run (default: the latest one)
        #[argh(positional)]
        run: Option<String>,

        /// go on until the run is over
        #[argh(switch, short = 'f')]
        follow: bool,
    }
}

impl Output {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let client = self.connect()?;
        let job = find(&client, &self.job)?;
        let run = match &self.run {
            Some(run) => run.clone(),
            None => latest(&client, &job)?,
        };
        let path = run_path(text(&job, "id"), &run);
        match self.follow {
            true => client.follow(&format!("{path}output/?follow=true"), print_bytes),
            false => print_bytes(&client.get_bytes(&format!("{path}output/"))?),
        }
    }
}

/// The path of a run below `/api/v1`.
pub(in crate::cli) fn run_path(job: &str, run: &str) -> String {
    format!("/job/{}/runs/{}/", escape(job), escape(run))
}

/// The id of the latest run; missed and skipped occurrences are none.
fn latest(client: &Client, job: &Value) -> Result<String, CliError> {
    let runs = client.get(&format!("{}runs/", path(job)))?;
    let runs = runs["runs"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let run = runs.iter().find(|run| !run["count"].is_u64());
    run.map(|run| text(run, "id").to_owned())
        .ok_or_else(|| CliError::NotFound(format!("{} has not run yet", text(job, "name"))))
}

/// Writes what a command wrote, as it is. A reader that has seen enough is no error.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CliError::Failed(format!(
            "cannot write the output: {error}"
        ))),
        _ => Ok(()),
    }
}
