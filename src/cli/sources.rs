//! Values of flags that are not on the command line: from the environment, then from the file of `--config`.
//!
//! Both know flags by the names that these have on the command line, so there is no second list of settings. The file is
//! TOML (<https://toml.io>): `port = 2222`.

use std::fs::File;
use std::io::Read;

use argh::FlagInfo;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::CliError;
use super::argv::Argv;
use crate::config;
use crate::nearest::nearest;

/// Reads a variable.
pub(super) type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A setting of the file.
struct Line {
    /// Where it stands, for messages.
    whence: String,
    key: String,
    values: Vec<String>,
}

/// The variables of this process. An empty one counts as not set: that is how a container takes one back.
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Adds what the environment and the settings file say to what the command line says.
pub(super) fn add(argv: &mut Argv, environment: &Environment<'_>) -> Result<(), CliError> {
    let flags = argv.command.flags;
    for flag in flags {
        let variable = variable(flag.long);
        if let Some(value) = environment(&variable) {
            argv.add(flag, &[value], &variable)?;
        }
    }
    let Some(path) = argv.value("--config").map(str::to_owned) else {
        return Ok(());
    };
    for line in lines(&path, &read(&path)?)? {
        argv.add(flag_of(&line, flags)?, &line.values, &line.whence)?;
    }
    Ok(())
}

/// The variable of a flag: `--jobdb-address` has `NIMESHA_JOBDB_ADDRESS`.
pub(super) fn variable(flag: &str) -> String {
    let name = flag.trim_start_matches('-').replace('-', "_");
    format!("NIMESHA_{}", name.to_ascii_uppercase())
}

fn flag_of<'a>(line: &Line, flags: &'a [FlagInfo<'a>]) -> Result<&'a FlagInfo<'a>, CliError> {
    // A file that named another one would leave open which of them wins.
    let settings = || flags.iter().filter(|flag| flag.long != "--config");
    let name = |flag: &FlagInfo<'a>| flag.long.trim_start_matches('-');
    let Line { whence, key, .. } = line;
    settings().find(|flag| name(flag) == key).ok_or_else(|| {
        let hint = nearest(key, settings().map(name))
            .map(|near| format!(" (did you mean {near}?)"))
            .unwrap_or_default();
        CliError::Usage(format!("{whence}: no setting is called {key}{hint}"))
    })
}

fn read(path: &str) -> Result<String, CliError> {
    let mut text = String::new();
    let file = File::open(path).map(|file| file.take(config::SETTINGS_FILE_BYTES_MAX));
    match file.and_then(|mut file| file.read_to_string(&mut text)) {
        Ok(_) => Ok(text),
        Err(error) => Err(CliError::Failed(format!(
            "cannot read the settings file {path}: {error}"
        ))),
    }
}

/// The settings of a file, in its order.
fn lines(path: &str, text: &str) -> Result<Vec<Line>, CliError> {
    let whence = |at: usize| {
        let above = text.get(..at).unwrap_or_default();
        format!("{path}, line {}", 1 + above.matches('\n').count())
    };
    let table = DeTable::parse(text).map_err(|error| {
        let whence = whence(error.span().map_or(0, |span| span.start));
        let why = error.message();
        CliError::Usage(format!(
            "{whence}: {why}; expected a line of TOML such as: port = 2222, or timezone = \"Europe/Berlin\""
        ))
    })?;
    let mut lines: Vec<(usize, Line)> = Vec::new();
    for (key, value) in table.into_inner() {
        let at = key.span().start;
        let whence = whence(at);
        let values = values(&value).ok_or_else(|| {
            CliError::Usage(format!(
                "{whence}: {} must be text in quotes, a whole number, true or false, or a list of texts",
                key.get_ref()
            ))
        })?;
        let key = key.into_inner().into_owned();
        let line = Line {
            whence,
            key,
            values,
        };
        lines.push((at, line));
    }
    // A table is sorted by its keys.
    lines.sort_by_key(|(at, _)| *at);
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

/// A value as it would stand on the command line, or several of them.
fn values(value: &Spanned<DeValue<'_>>) -> Option<Vec<String>> {
    let one = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    };
    match value.get_ref() {
        DeValue::Array(items) => items.iter().map(one).collect(),
        _ => one(value).map(|value| vec![value]),
    }
}

#[cfg(test)]
mod tests {
    use argh::ArgsInfo;

    use super::*;
    use crate::cli::Nimesha;

    /// A file that goes away with the test.
    struct Settings(std::path::PathBuf);

    impl Settings {
        fn new(name: &str, text: &str) -> Settings {
            let name = format!("nimesha-settings-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, text).unwrap();
            Settings(path)
        }

        fn path(&self) -> &str {
            self.0.to_str().unwrap()
        }
    }

    impl Drop for Settings {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn words(line: &str, variables: &[(&str, &str)]) -> Result<String, CliError> {
        let words = line.split_whitespace().map(str::to_owned).collect();
        let mut argv = Argv::read(words, Nimesha::get_args_info())?;
        add(&mut argv, &|name| {
            let set = variables.iter().find(|(known, _)| *known == name);
            set.map(|(_, value)| (*value).to_owned())
        })?;
        Ok(argv.into_words().join(" "))
    }

    #[test]
    fn the_command_line_wins_then_the_environment_then_the_file() {
        let text = "# comment\n\nport = 3\nworkers=3\ndefault-owner = \"a b\"\nno-persist = true\nverbose = true\n\
                    allow-host = [\"a\", 'b']\n";
        let file = Settings::new("ok", text);
        let file = file.path();
        let set = [
            ("NIMESHA_CONFIG", file),
            ("NIMESHA_PORT", "2"),
            ("NIMESHA_WORKERS", "2"),
            ("NIMESHA_NO_PERSIST", "false"),
        ];
        let expected = format!(
            "serve --port 1 --workers 2 --config {file} --default-owner a b --verbose --allow-host a --allow-host b"
        );
        assert_eq!(words("serve -p 1", &set), Ok(expected));
    }

    #[test]
    fn err_files() {
        for (number, (text, why)) in [
            (
                "\nprot = 3\n",
                "line 2: no setting is called prot (did you mean port?)",
            ),
            (
                "default_owner = \"x\"",
                "no setting is called default_owner (did you mean default-owner?)",
            ),
            ("config = \"x\"", "no setting is called config"),
            ("port\n", "line 1: "),
            (
                "# x\ntimezone = Europe/Berlin\n",
                "timezone = \"Europe/Berlin\"",
            ),
            ("port = 1\nport = 2\n", "line 2: "),
            ("port = [1, 2]", "expected one value"),
            ("port = 1.5", "port must be text in quotes"),
            ("[port]\n", "port must be text in quotes"),
            (
                "verbose = \"loud\"",
                "line 1 is \"loud\", expected true or false",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let file = Settings::new(&format!("err-{number}"), text);
            let error = words("serve", &[("NIMESHA_CONFIG", file.path())]);
            let error = error.expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(words("serve --config /no/such", &[]).is_err());
    }
}
