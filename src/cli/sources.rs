//! Values of flags that are not on the command line: from the environment, then from the file of `--config`.

use std::fs::File;
use std::io::Read;

use super::CliError;
use super::argv::Argv;
use crate::config;
use crate::nearest::nearest;

/// Reads a variable.
pub(super) type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A flag that got its value from elsewhere.
pub(super) struct Added {
    /// The flag, with its dashes.
    pub(super) flag: String,
    /// Where the value came from.
    pub(super) whence: String,
}

/// The variables of this process. An empty one counts as not set: that is how a container takes one back.
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Adds what the environment and the settings file say to what the command line says, and tells what was added.
pub(super) fn add(argv: &mut Argv, environment: &Environment<'_>) -> Result<Vec<Added>, CliError> {
    let mut added = Vec::new();
    let flags = argv.command.flags;
    for flag in flags {
        let variable = variable(flag.long);
        if let Some(value) = environment(&variable)
            && argv.add(flag, &value, &variable)?
        {
            added.push(Added {
                flag: flag.long.to_owned(),
                whence: variable,
            });
        }
    }
    let Some(path) = argv.value("--config").map(str::to_owned) else {
        return Ok(added);
    };
    for (number, key, value) in lines(&path, &read(&path)?)? {
        let whence = format!("{path}, line {number}");
        let long = format!("--{key}");
        let Some(flag) = flags.iter().find(|f| f.long == long && key != "config") else {
            let keys = flags.iter().map(|f| f.long.trim_start_matches('-'));
            let hint = nearest(&key, keys)
                .map(|near| format!(" (did you mean {near}?)"))
                .unwrap_or_default();
            return Err(CliError::Usage(format!(
                "{whence}: no setting is called {key}{hint}"
            )));
        };
        if argv.add(flag, &value, &whence)? {
            added.push(Added { flag: long, whence });
        }
    }
    Ok(added)
}

/// The variable of a flag: `--jobdb-address` has `NIMESHA_JOBDB_ADDRESS`.
fn variable(flag: &str) -> String {
    let name = flag.trim_start_matches('-').replace('-', "_");
    format!("NIMESHA_{}", name.to_ascii_uppercase())
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

/// The settings of a file with their line numbers. A line is empty, a comment after `#`, or `key = value`; quotes
/// around a value are dropped.
fn lines(path: &str, text: &str) -> Result<Vec<(usize, String, String)>, CliError> {
    let mut settings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            let number = index + 1;
            return Err(CliError::Usage(format!(
                "{path}, line {number}: expected a line such as: port = 2222"
            )));
        };
        let value = value.trim();
        let quoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        settings.push((
            index + 1,
            key.trim().to_owned(),
            quoted.unwrap_or(value).to_owned(),
        ));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use argh::ArgsInfo;

    use super::*;
    use crate::cli::Nimesha;

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
        let path = std::env::temp_dir().join(format!("nimesha-settings-{}", std::process::id()));
        std::fs::write(
            &path,
            "# comment\n\nport = 3\nworkers=3\ndefault-owner = \"a b\"\n",
        )
        .unwrap();
        let file = path.to_str().unwrap();
        let set = [
            ("NIMESHA_CONFIG", file),
            ("NIMESHA_PORT", "2"),
            ("NIMESHA_WORKERS", "2"),
            ("NIMESHA_NO_PERSIST", "true"),
        ];
        let expected =
            format!("serve --port 1 --no-persist --workers 2 --config {file} --default-owner a b");
        assert_eq!(words("serve -p 1", &set), Ok(expected));
        std::fs::write(&path, "prot = 3\n").unwrap();
        let error = words("serve", &set).unwrap_err().to_string();
        assert!(
            error.contains("line 1: no setting is called prot (did you mean port?)"),
            "{error}"
        );
        std::fs::write(&path, "port\n").unwrap();
        assert!(words("serve", &set).is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(words("serve", &set).is_err());
    }
}
