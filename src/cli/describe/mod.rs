//! `nimesha completions` and `nimesha man`: the command line described for shells and for readers.
//!
//! All of it is made from the tables that argh has of the commands, so that a new flag is completed and explained without
//! a second declaration. Left out is what those tables do not tell: which words a flag takes; the few that matter stand
//! here.

mod bash;
mod fish;
mod man;
mod zsh;

use std::str::FromStr;

use argh::{ArgsInfo, CommandInfoWithArgs, FlagInfo, FlagInfoKind, FromArgs, PositionalInfo};

use super::{CliError, Nimesha, print};

/// Print what lets a shell complete commands, flags and names of jobs.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "completions",
    help_triggers("--help", "-h", "help"),
    example = "For bash:\n  {command_name} bash > /usr/share/bash-completion/completions/nimesha",
    example = "For zsh:\n  {command_name} zsh > /usr/share/zsh/site-functions/_nimesha",
    example = "For fish:\n  {command_name} fish > ~/.config/fish/completions/nimesha.fish"
)]
pub(super) struct Completions {
    /// bash, zsh or fish
    #[argh(positional)]
    shell: Shell,
}

/// Print the manual page.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "man",
    help_triggers("--help", "-h", "help"),
    example = "Read it:\n  {command_name} | man -l -"
)]
pub(super) struct Man {}

enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl FromStr for Shell {
    type Err = String;

    fn from_str(text: &str) -> Result<Shell, String> {
        match text {
            "bash" => Ok(Shell::Bash),
            "zsh" => Ok(Shell::Zsh),
            "fish" => Ok(Shell::Fish),
            _ => Err("expected bash, zsh or fish".to_owned()),
        }
    }
}

impl Completions {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let root = Nimesha::get_args_info();
        let places = Place::all(&root);
        print(&match self.shell {
            Shell::Bash => bash::script(&places),
            Shell::Zsh => zsh::script(&places),
            Shell::Fish => fish::script(&places),
        })
    }
}

impl Man {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let root = Nimesha::get_args_info();
        print(&man::page(&Place::all(&root)))
    }
}

/// A command with the words that lead to it.
struct Place<'a> {
    /// Such as `nimesha job list`.
    path: String,
    info: &'a CommandInfoWithArgs,
}

/// What completes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fill {
    /// One of these.
    Words(&'static str),
    /// A file.
    Files,
    /// A directory.
    Dirs,
    /// The name of a job.
    Jobs,
    /// What only the person knows.
    Nothing,
}

/// Words that flags and operands take.
const WORDS: [(&str, &str); 5] = [
    ("--sort", "created name next last errors"),
    ("--status", "disabled running scheduled done failed"),
    ("--log-format", "text json"),
    ("--jobdb", "redb boltdb redis postgres mysql mariadb"),
    ("shell", "bash zsh fish"),
];

impl<'a> Place<'a> {
    /// A command and all below it, each before those below.
    fn all(root: &'a CommandInfoWithArgs) -> Vec<Place<'a>> {
        let mut places = Vec::new();
        Place::gather("nimesha", root, &mut places);
        places
    }

    fn gather(path: &str, info: &'a CommandInfoWithArgs, places: &mut Vec<Place<'a>>) {
        places.push(Place {
            path: path.to_owned(),
            info,
        });
        for below in &info.commands {
            Place::gather(&format!("{path} {}", below.name), &below.command, places);
        }
    }

    /// The names and descriptions of the commands below it.
    fn commands(&self) -> impl Iterator<Item = (&str, String)> {
        let commands = self.info.commands.iter();
        commands.map(|below| (below.name, brief(below.command.description)))
    }

    /// Its flags, that for help among them.
    fn flags(&self) -> impl Iterator<Item = &FlagInfo<'static>> {
        self.info.flags.iter().filter(|flag| !flag.hidden)
    }

    /// What completes its operands.
    fn operands(&self) -> Fill {
        let positionals = self.info.positionals.iter().filter(|p| !p.hidden);
        let mut fills = positionals.map(|p: &PositionalInfo<'_>| fill(p.name, p.name));
        fills.next().unwrap_or(Fill::Nothing)
    }
}

/// What bash and zsh read alike, behind a head that ends in a `case` of what stands before a word: which command the words
/// before the cursor lead to, and what completes the value of the flag before it.
fn begun(head: &str, places: &[Place<'_>], reply: fn(Fill) -> String) -> String {
    let mut script = head.to_owned();
    for place in &places[1..] {
        script.push_str(&format!("        \"{0}\") at=\"{0}\" ;;\n", place.path));
    }
    script.push_str("        esac\n    done\n    case \"$at $prev\" in\n");
    for place in places {
        for flag in place.flags() {
            let Some(fill) = value(flag) else { continue };
            let mut names = format!("\"{} {}\"", place.path, flag.long);
            if let Some(short) = flag.short {
                names.push_str(&format!(" | \"{} -{short}\"", place.path));
            }
            let reply = reply(fill);
            script.push_str(&format!(
                "    {names})\n        {reply}\n        return\n        ;;\n"
            ));
        }
    }
    script
}

/// What completes the value of a flag; none if it takes none.
fn value(flag: &FlagInfo<'_>) -> Option<Fill> {
    match flag.kind {
        FlagInfoKind::Switch => None,
        FlagInfoKind::Option { arg_name } => Some(fill(flag.long, arg_name)),
    }
}

fn fill(name: &str, kind: &str) -> Fill {
    if let Some((_, words)) = WORDS.iter().find(|(known, _)| *known == name) {
        return Fill::Words(words);
    }
    match kind {
        "file" | "files" | "path" | "source" => Fill::Files,
        "dir" => Fill::Dirs,
        "job" | "jobs" => Fill::Jobs,
        _ => Fill::Nothing,
    }
}

/// The first line of a description, without its full stop.
fn brief(description: &str) -> String {
    let line = description.split(". ").next().unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    words.join(" ").trim_end_matches('.').to_owned()
}

/// In single quotes for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_completed_by_what_they_are() {
        let root = Nimesha::get_args_info();
        let places = Place::all(&root);
        let at = |path: &str| places.iter().find(|place| place.path == path).unwrap();
        let flag = |path: &str, long: &str| {
            let flags = at(path).info.flags;
            value(flags.iter().find(|flag| flag.long == long).unwrap())
        };
        for (path, long, expected) in [
            ("nimesha serve", "--boltpath", Some(Fill::Dirs)),
            ("nimesha serve", "--token-file", Some(Fill::Files)),
            ("nimesha serve", "--verbose", None),
            ("nimesha serve", "--port", Some(Fill::Nothing)),
            (
                "nimesha serve",
                "--log-format",
                Some(Fill::Words("text json")),
            ),
        ] {
            assert_eq!(flag(path, long), expected, "{path} {long}");
        }
        assert_eq!(at("nimesha job start").operands(), Fill::Jobs);
        assert_eq!(at("nimesha job delete").operands(), Fill::Jobs);
        assert_eq!(at("nimesha apply").operands(), Fill::Files);
        assert_eq!(at("nimesha job create").operands(), Fill::Nothing);
    }

    #[test]
    fn texts_are_made_safe() {
        assert_eq!(brief("List jobs. Or not."), "List jobs");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
