//! `nimesha backup` and `restore`: all that is stored, in a file, and back into an empty database.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};

use super::counted;
use super::place::Place;
use crate::cli::connect::asking;
use crate::cli::{CliError, print};
use crate::store::backup::{self, Backup};
use crate::store::fill::Filler;
use crate::store::snapshot::Still;

asking! {
    /// Save all that a server has stored to a file, while the server goes on.
    #[argh(
        subcommand,
        name = "backup",
        help_triggers("--help", "-h", "help"),
        example = "Of the running server:\n  {command_name} nimesha.backup",
        example = "Where no server runs:\n  {command_name} nimesha.backup --from redb:/var/lib/nimesha",
        note = "Jobs, counters, history and output as of one instant, with their secrets: the file is for its owner\n  \
                alone. It has its name only when it is whole. The server asks for an admin's token."
    )]
    BackUp {
        /// the file, - for the standard output
        #[argh(positional)]
        file: String,

        /// address of a database that no server works on, such as redb:/var/lib/nimesha
        #[argh(option, arg_name = "database")]
        from: Option<String>,
    }
}

/// Fill an empty job database with what a backup holds.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "restore",
    help_triggers("--help", "-h", "help"),
    example = "Into a new file, then start the server on it:\n  {command_name} nimesha.backup --to redb:/var/lib/nimesha",
    note = "Runs that were in progress when the backup was made stand as interrupted, and what was due since then\n  \
            is caught up, as after any time without a server."
)]
pub(in crate::cli) struct Restore {
    /// the file
    #[argh(positional)]
    file: PathBuf,

    /// address of a database that is empty or not there yet, such as redb:/var/lib/nimesha
    #[argh(option, arg_name = "database")]
    to: String,
}

impl BackUp {
    pub(in crate::cli) fn run(&self) -> Result<(), CliError> {
        if self.file == "-" {
            return self.write(&mut io::stdout().lock());
        }
        let path = Path::new(&self.file);
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".part");
        let unfinished = PathBuf::from(unfinished);
        let made = self.make(&unfinished);
        let rows = made.inspect_err(|_| {
            // It would be taken for a backup, and is none.
            let _ = fs::remove_file(&unfinished);
        })?;
        fs::rename(&unfinished, path).map_err(|why| cannot("write", path, &why))?;
        print(&format!("{rows} rows are in {}\n", path.display()))
    }

    /// Writes it, and reads it again: what is not whole is none.
    fn make(&self, path: &Path) -> Result<u64, CliError> {
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let file = options
            .open(path)
            .map_err(|why| cannot("write", path, &why))?;
        let mut writer = BufWriter::new(file);
        self.write(&mut writer)?;
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error);
        file.and_then(|file| file.sync_all())
            .map_err(|why| cannot("write", path, &why))?;
        let rows = backup::read(open(path)?, |_, _, _| Ok(()));
        rows.map_err(|error| CliError::Failed(format!("{}: {error}", path.display())))
    }

    fn write(&self, to: &mut dyn Write) -> Result<(), CliError> {
        let failed = |why: io::Error| CliError::Failed(format!("cannot write the backup: {why}"));
        let Some(from) = &self.from else {
            let client = self.connect()?;
            return client.follow("/backup/", |part| to.write_all(part).map_err(failed));
        };
        let store = Place::parse(from)?.open()?;
        let mut backup = Backup::of(Still::new(&*store)?);
        io::copy(&mut backup, to).map_err(failed)?;
        to.flush().map_err(failed)
    }
}

impl Restore {
    pub(in crate::cli) fn run(&self) -> Result<(), CliError> {
        let place = Place::parse(&self.to)?;
        let named = |error| CliError::Failed(format!("{}: {error}", self.file.display()));
        // It shows at the end whether it is whole.
        backup::read(open(&self.file)?, |_, _, _| Ok(())).map_err(named)?;
        let store = place.open_or_make()?;
        let mut filler = Filler::new(&*store)?;
        backup::read(open(&self.file)?, |table, key, value| {
            filler.put(table, key, value)
        })
        .map_err(named)?;
        let rows = filler.finish()?;
        print(&format!("{} are in {place}\n", counted(&rows)))
    }
}

fn open(path: &Path) -> Result<BufReader<File>, CliError> {
    let file = File::open(path).map_err(|why| cannot("read", path, &why))?;
    Ok(BufReader::new(file))
}

fn cannot(what: &str, path: &Path, why: &io::Error) -> CliError {
    CliError::Failed(format!("cannot {what} {}: {why}", path.display()))
}
