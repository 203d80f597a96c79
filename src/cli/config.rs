//! `nimesha config`: which settings `serve` would start with, and where each comes from.
//!
//! It takes the flags of `serve` and prints a settings file, so that what is in force can be kept.

use argh::{
    ArgsInfo, CommandInfo, CommandInfoWithArgs, EarlyExit, FlagInfo, FlagInfoKind, FromArgs,
    Optionality, SubCommand,
};

use super::argv::{Given, Value};
use super::{CliError, print};
use crate::job::secret::{HIDDEN, Secrets};
use crate::settings::Settings;

/// Flags whose values nobody should see over a shoulder.
const SECRETS: [&str; 2] = ["--jobdb-password", "--on-event"];
/// Where the comments begin, if the setting before them is not longer.
const COMMENT_COLUMN: usize = 36;

const DESCRIPTION: &str =
    "Show the settings that serve would start with by the same flags, and where each comes from.";
const HELP: &str = "Usage: nimesha config [flags of serve]

Show the settings that serve would start with by the same flags, and where each comes from:
the command line, a NIMESHA_* variable, the file of --config, or its default. What is printed
is a settings file itself; secrets are left out. nimesha serve --help explains the settings.

Examples:
  nimesha config
  nimesha config --config /etc/nimesha.toml -p 2222
";

/// The flags of `serve` under another name.
pub(super) struct Config(Settings);

impl FromArgs for Config {
    fn from_args(command_name: &[&str], args: &[&str]) -> Result<Self, EarlyExit> {
        if args.iter().any(|word| matches!(*word, "--help" | "help")) {
            return Err(EarlyExit {
                output: HELP.to_owned(),
                status: Ok(()),
            });
        }
        Settings::from_args(command_name, args).map(Config)
    }
}

impl SubCommand for Config {
    const COMMAND: &'static CommandInfo = &CommandInfo {
        name: "config",
        short: &'\0',
        description: DESCRIPTION,
    };
}

impl ArgsInfo for Config {
    fn get_args_info() -> CommandInfoWithArgs {
        CommandInfoWithArgs {
            name: "config",
            description: DESCRIPTION,
            examples: &[],
            notes: &[],
            ..Settings::get_args_info()
        }
    }
}

impl Config {
    /// Prints the settings, `given` being those that are not defaults.
    pub(super) fn run(&self, given: &[Given]) -> Result<(), CliError> {
        print(&text(Settings::get_args_info().flags, given))?;
        let checked = self.0.check();
        checked.map_err(|why| CliError::Usage(format!("serve would not start with this: {why}")))
    }
}

fn text(flags: &[FlagInfo<'_>], given: &[Given]) -> String {
    let settings = flags
        .iter()
        .filter(|flag| !matches!(flag.long, "--help" | "--config"));
    settings
        .map(|flag| {
            let said: Vec<&Given> = given.iter().filter(|g| g.flag == flag.long).collect();
            line(flag, &said)
        })
        .collect()
}

/// A line of TOML, and where its value comes from. What has none stands there as a comment.
fn line(flag: &FlagInfo<'_>, given: &[&Given]) -> String {
    let key = flag.long.trim_start_matches('-');
    let whence = given.first().map(|given| match &given.whence {
        Some(whence) => whence.as_str(),
        None => "command line",
    });
    let value = match given {
        [] => default(flag),
        _ if SECRETS.contains(&flag.long) => {
            return format!("# {key} = {HIDDEN} # {}\n", whence.unwrap_or_default());
        }
        [one] if flag.optionality != Optionality::Repeating => Some(value(&one.value)),
        some => {
            let items: Vec<String> = some.iter().map(|given| value(&given.value)).collect();
            Some(format!("[{}]", items.join(", ")))
        }
    };
    match value {
        None => format!("# {key} is not set\n"),
        Some(value) => {
            let setting = format!("{key} = {value}");
            let whence = whence.unwrap_or("default");
            format!("{setting:<COMMENT_COLUMN$} # {whence}\n")
        }
    }
}

/// The default, which the help tells.
fn default(flag: &FlagInfo<'_>) -> Option<String> {
    if matches!(flag.kind, FlagInfoKind::Switch) {
        return Some("false".to_owned());
    }
    let (_, rest) = flag.description.split_once("(default ")?;
    rest.split_once(')').map(|(value, _)| literal(value))
}

/// A value in TOML.
fn value(value: &Value) -> String {
    match value {
        Value::Switch(on) => on.to_string(),
        Value::Text(text) => literal(text.as_deref().unwrap_or_default()),
    }
}

fn literal(text: &str) -> String {
    match text.parse::<i64>() {
        // As TOML writes it: no sign or zero before it.
        Ok(number) if number.to_string() == text => text.to_owned(),
        // A string of JSON is one of TOML, too.
        _ => serde_json::Value::from(&*Secrets::Hidden.url(text)).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_a_settings_file() {
        let given = [
            ("--port", "host:1", None),
            ("--workers", "7", Some("NIMESHA_WORKERS")),
            ("--allow-host", "a", Some("f, line 3")),
            ("--allow-host", "b", Some("f, line 3")),
            ("--jobdb-address", "redis://me:secret@host", None),
            ("--jobdb-password", "secret", None),
            ("--on-event", "https://host/secret", None),
            ("--default-owner", "a \"b\"", None),
        ]
        .map(|(flag, text, whence)| Given {
            flag: flag.to_owned(),
            value: Value::Text(Some(text.to_owned())),
            whence: whence.map(str::to_owned),
        });
        let text = text(Settings::get_args_info().flags, &given);
        for (setting, whence) in [
            ("port = \"host:1\"", "# command line\n"),
            ("workers = 7", "# NIMESHA_WORKERS\n"),
            ("allow-host = [\"a\", \"b\"]", "# f, line 3\n"),
            ("grace = 8", "# default\n"),
            ("no-persist = false", "# default\n"),
            ("output-limit = \"64KiB\"", "# default\n"),
            ("# jobdb-password = ***", "# command line\n"),
            ("# on-event = ***", "# command line\n"),
        ] {
            let line = text.lines().find(|line| line.starts_with(setting));
            let line = line.unwrap_or_else(|| panic!("{setting} in {text}"));
            assert!(line.ends_with(whence.trim_end()), "{line}");
        }
        assert!(text.contains("# token-file is not set\n"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        let table: toml::Table = text.parse().expect("TOML");
        assert_eq!(table["default-owner"].as_str(), Some("a \"b\""));
    }
}
