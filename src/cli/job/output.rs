//! `nimesha job output`: what a run wrote, or writes.

use std::io::{ErrorKind, Write, stdout};
use std::thread;

use serde_json::Value;

use crate::cli::CliError;
use crate::cli::connect::{asking, connect};
use crate::cli::select::{find, path, text};
use crate::client::{Client, escape};
use crate::config;

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
        let client = connect(&self.url)?;
        let job = find(&client, &self.job)?;
        let run = match &self.run {
            Some(run) => run.clone(),
            None => latest(&client, &job)?,
        };
        let path = run_path(text(&job, "id"), &run);
        match self.follow {
            true => follow(&client, &path),
            false => print_bytes(&client.get_bytes(&format!("{path}output/"))?),
        }
    }
}

/// The path of a run below `/api/v1`.
pub(super) fn run_path(job: &str, run: &str) -> String {
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

/// Prints what comes until the run is over. The run is looked at before its output: so what it wrote last is printed.
fn follow(client: &Client, path: &str) -> Result<(), CliError> {
    let mut printed = 0;
    loop {
        let run = client.get(path)?;
        let output = client.get_bytes(&format!("{path}output/"))?;
        let (dropped, kept) = parts(&output);
        let end = dropped + kept.len() as u64;
        if printed < dropped {
            let lost = dropped - printed;
            print_bytes(format!("[{lost} bytes dropped before this]\n").as_bytes())?;
        }
        let new = end.saturating_sub(printed.max(dropped)) as usize;
        print_bytes(&kept[kept.len() - new.min(kept.len())..])?;
        printed = printed.max(end);
        if !run["run"]["outcome"].is_null() {
            return Ok(());
        }
        thread::sleep(config::CLIENT_FOLLOW_EVERY);
    }
}

/// How many bytes the server has dropped, and what it has kept after them.
fn parts(output: &[u8]) -> (u64, &[u8]) {
    let read = || {
        let end = output.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&output[..end]).ok()?;
        let number = line
            .strip_prefix('[')?
            .strip_suffix(" bytes dropped before this]")?;
        Some((number.parse().ok()?, &output[end + 1..]))
    };
    read().unwrap_or((0, output))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_of_what_was_dropped_is_understood() {
        assert_eq!(parts(b"ab\nc"), (0, &b"ab\nc"[..]));
        assert_eq!(
            parts(b"[12 bytes dropped before this]\nab"),
            (12, &b"ab"[..])
        );
        assert_eq!(parts(b"[x]\nab"), (0, &b"[x]\nab"[..]));
        assert_eq!(parts(b""), (0, &b""[..]));
    }
}
