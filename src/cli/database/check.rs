//! `nimesha check`: whether a job database, or a backup of one, is as it should be.

use std::fmt::Write;
use std::fs;
use std::io::BufReader;
use std::path::Path;

use argh::{ArgsInfo, FromArgs};

use super::place::Place;
use crate::cli::screen::{distance, local};
use crate::cli::{CliError, print};
use crate::clock::{self, Timestamp};
use crate::store::check::{Report, check};
use crate::store::fill::Hold;
use crate::store::memory::MemoryStore;
use crate::store::{Op, Store, StoreError, backup};

/// Look at every row of a job database that no server works on, or of a backup, and sum up what it holds.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "check",
    help_triggers("--help", "-h", "help"),
    example = "The database in this directory:\n  {command_name}",
    example = "Another one, and a backup:\n  {command_name} redb:/var/lib/nimesha\n  {command_name} nimesha.backup",
    note = "A running server has its database to itself: check a backup of it instead.",
    error_code(0, "all is well"),
    error_code(1, "something is wrong, or it cannot be read")
)]
pub(in crate::cli) struct Check {
    /// address of the database such as redb:/var/lib/nimesha, its directory, or the file of a backup (default .)
    #[argh(positional, default = "String::from(\".\")", arg_name = "database")]
    what: String,
}

impl Check {
    pub(in crate::cli) fn run(&self) -> Result<(), CliError> {
        let path = Path::new(&self.what);
        let (name, bytes, written, report) = if path.is_file() {
            let report = check(&read_backup(path)?)?;
            (
                format!("the backup {}", path.display()),
                size(path),
                written(path),
                report,
            )
        } else {
            let place = match path.is_dir() {
                true => Place::Redb(path.into()),
                false => Place::parse(&self.what)?,
            };
            // To open a file changes it: it is looked at before.
            let file = match &place {
                Place::Redb(directory) => Some(directory.join(crate::store::redb::FILE_NAME)),
                Place::Shared(_) => None,
            };
            let written = file.as_deref().and_then(written);
            let store = place.open_as_it_is()?;
            let _hold = Hold::take(&*store)?;
            let report = check(&*store)?;
            (place.to_string(), store.size_bytes(), written, report)
        };
        let written = written.or(report.last_end);
        print(&summary(&name, bytes, written, &report, clock::now()))?;
        match report.problem_count {
            0 => Ok(()),
            count => Err(CliError::Failed(format!(
                "{count} problems:\n{}",
                report.problems.join("\n")
            ))),
        }
    }
}

/// A backup, in memory.
fn read_backup(path: &Path) -> Result<MemoryStore, CliError> {
    let file = fs::File::open(path)
        .map_err(|why| CliError::Failed(format!("cannot read {}: {why}", path.display())))?;
    let store = MemoryStore::new();
    backup::read(BufReader::new(file), |table, key, value| {
        store.commit(&[Op::Put(table, key, value)])
    })
    .map_err(|error: StoreError| CliError::Failed(format!("{}: {error}", path.display())))?;
    Ok(store)
}

fn size(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|file| file.len())
}

fn written(path: &Path) -> Option<Timestamp> {
    let since = fs::metadata(path).ok()?.modified().ok()?;
    let since = since.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_unix_nanos(since.as_nanos() as i128))
}

fn summary(
    name: &str,
    bytes: Option<u64>,
    written: Option<Timestamp>,
    report: &Report,
    now: Timestamp,
) -> String {
    let mut text = String::new();
    let mut line = |title: &str, what: String| {
        writeln!(text, "{title:<10} {what}").expect("to a string");
    };
    let format = report.format.map_or_else(
        || "not used yet".to_owned(),
        |format| format!("format {format}"),
    );
    let bytes = bytes.map_or(String::new(), |bytes| format!(", {bytes} bytes"));
    line("database", format!("{name}, {format}{bytes}"));
    if let Some(at) = written {
        line("written", format!("{} ({})", local(at), distance(at, now)));
    }
    let Report {
        scheduled,
        children,
        manual,
        done,
        disabled,
        ..
    } = report;
    line(
        "jobs",
        format!(
            "{}: {scheduled} scheduled, {children} children, {manual} manual, {done} done, {disabled} disabled",
            report.jobs()
        ),
    );
    line(
        "runs",
        format!(
            "{} ended, {} without an end, {} chains in progress, {} entries of missed or skipped ones",
            report.runs, report.open_runs, report.chains, report.gaps
        ),
    );
    let (outputs, bytes) = report.outputs;
    line("output", format!("{bytes} bytes of {outputs} runs"));
    line(
        "paused",
        if report.paused { "yes" } else { "no" }.to_owned(),
    );
    line(
        "problems",
        match report.problem_count {
            0 => "none".to_owned(),
            count => count.to_string(),
        },
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_a_line_for_each_matter() {
        let report = Report {
            format: Some(1),
            scheduled: 2,
            done: 1,
            outputs: (3, 70),
            ..Report::default()
        };
        let text = summary("redb:.", Some(5), None, &report, Timestamp::EPOCH);
        assert_eq!(
            text,
            "database   redb:., format 1, 5 bytes\n\
             jobs       3: 2 scheduled, 0 children, 0 manual, 1 done, 0 disabled\n\
             runs       0 ended, 0 without an end, 0 chains in progress, 0 entries of missed or skipped ones\n\
             output     70 bytes of 3 runs\n\
             paused     no\n\
             problems   none\n"
        );
    }
}
