//! The front of the command line: brings the words into the one form that argh reads.
//!
//! argh knows neither `--flag=value` nor `-p9000` nor `-vn`, and no environment. All that is needed to translate them
//! is in the tables that argh itself makes of the commands, so nothing is declared twice. Unknown words are refused
//! here, where the nearest known one can be named; values are argh's business.

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality};

use super::CliError;
use crate::nearest::nearest;

/// Other names of flags, from other programs or documents: the name, and the flag that it means.
const ALIASES: [(&str, &str); 1] = [("--bolt-path", "--boltpath")];

/// Words in argh's form, apart by what they are.
pub(super) struct Argv {
    /// The command that they mean, with its flags.
    pub(super) command: CommandInfoWithArgs,
    /// The names that lead to it.
    path: Vec<String>,
    /// What is said of flags, from wherever.
    flags: Vec<Given>,
    /// What is left.
    operands: Vec<String>,
}

/// A flag with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// Its name, with dashes.
    pub(super) flag: String,
    pub(super) value: Value,
    /// Where it was said, if not on the command line.
    pub(super) whence: Option<String>,
}

/// What is said of a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Of a switch: on, or off so that nothing else turns it on.
    Switch(bool),
    /// Of an option. None where the command line ends before its value, which argh tells.
    Text(Option<String>),
}

impl Argv {
    /// Reads the words that follow the program's name.
    pub(super) fn read(words: Vec<String>, root: CommandInfoWithArgs) -> Result<Argv, CliError> {
        let mut argv = Argv {
            command: root,
            path: Vec::new(),
            flags: Vec::new(),
            operands: Vec::new(),
        };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if word == "--" {
                argv.operands.extend(words);
                break;
            } else if let Some(long) = word.strip_prefix("--") {
                argv.long(long, &mut words)?;
            } else if let Some(shorts) = word.strip_prefix('-').filter(|s| !s.is_empty()) {
                argv.shorts(shorts, &mut words)?;
            } else if argv.command.commands.is_empty() || word == "help" {
                argv.operands.push(word);
            } else {
                argv.descend(word)?;
            }
        }
        Ok(argv)
    }

    /// Whether help is asked for, to which settings from elsewhere must not be added.
    pub(super) fn asks_help(&self) -> bool {
        let help = |word: &str| matches!(word, "--help" | "help");
        self.flags.iter().any(|given| help(&given.flag)) || self.operands.iter().any(|w| help(w))
    }

    /// The value that the words give to a flag.
    pub(super) fn value(&self, flag: &str) -> Option<&str> {
        let given = self.flags.iter().find(|given| given.flag == flag)?;
        match &given.value {
            Value::Text(text) => text.as_deref(),
            Value::Switch(_) => None,
        }
    }

    /// All that is said of flags.
    pub(super) fn given(&self) -> &[Given] {
        &self.flags
    }

    /// Gives a flag its values from elsewhere, unless it has one. Most take only one.
    pub(super) fn add(
        &mut self,
        flag: &FlagInfo<'_>,
        values: &[String],
        whence: &str,
    ) -> Result<(), CliError> {
        if self.flags.iter().any(|given| given.flag == flag.long) {
            return Ok(());
        }
        if values.len() != 1 && flag.optionality != Optionality::Repeating {
            return Err(CliError::Usage(format!("{whence}: expected one value")));
        }
        for value in values {
            let value = match &flag.kind {
                FlagInfoKind::Switch => Value::Switch(truth(whence, value)?),
                FlagInfoKind::Option { .. } => Value::Text(Some(value.clone())),
            };
            self.flags.push(Given {
                flag: flag.long.to_owned(),
                value,
                whence: Some(whence.to_owned()),
            });
        }
        Ok(())
    }

    /// The words for argh.
    pub(super) fn into_words(self) -> Vec<String> {
        let mut words = self.path;
        for Given { flag, value, .. } in self.flags {
            match value {
                Value::Switch(false) => {}
                Value::Switch(true) => words.push(flag),
                Value::Text(text) => words.extend([flag].into_iter().chain(text)),
            }
        }
        if self.operands.iter().any(|word| word.starts_with('-')) {
            words.push("--".to_owned());
        }
        words.extend(self.operands);
        words
    }

    /// The names that lead to the command, as typed: `nimesha serve`.
    pub(super) fn title(&self) -> String {
        self.path
            .iter()
            .fold("nimesha".to_owned(), |title, name| title + " " + name)
    }

    fn descend(&mut self, word: String) -> Result<(), CliError> {
        let known = self.command.commands.iter().position(|c| c.name == word);
        let Some(index) = known else {
            let names = self.command.commands.iter().map(|c| c.name);
            return Err(self.unknown("command", &word, nearest(&word, names)));
        };
        self.command = self.command.commands.swap_remove(index).command;
        self.path.push(word);
        Ok(())
    }

    fn long(
        &mut self,
        word: &str,
        rest: &mut impl Iterator<Item = String>,
    ) -> Result<(), CliError> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (format!("--{name}"), Some(value.to_owned())),
            None => (format!("--{word}"), None),
        };
        if name == "--help" {
            self.say("--help", Value::Switch(true));
            return Ok(());
        }
        let meant = ALIASES
            .iter()
            .find(|(alias, _)| *alias == name)
            .map_or(name.as_str(), |(_, flag)| flag);
        let Some(flag) = self.command.flags.iter().find(|f| f.long == meant) else {
            let names = self.command.flags.iter().map(|f| f.long);
            return Err(self.unknown("flag", &name, nearest(&name, names)));
        };
        let value = match (&flag.kind, value) {
            (FlagInfoKind::Switch, None) => Value::Switch(true),
            (FlagInfoKind::Switch, Some(value)) => Value::Switch(truth(&name, &value)?),
            (FlagInfoKind::Option { .. }, value) => Value::Text(value.or_else(|| rest.next())),
        };
        self.say(meant, value);
        Ok(())
    }

    fn say(&mut self, flag: &str, value: Value) {
        self.flags.push(Given {
            flag: flag.to_owned(),
            value,
            whence: None,
        });
    }

    fn shorts(
        &mut self,
        word: &str,
        rest: &mut impl Iterator<Item = String>,
    ) -> Result<(), CliError> {
        for (at, short) in word.char_indices() {
            if short == 'h' {
                self.say("--help", Value::Switch(true));
                continue;
            }
            let Some(flag) = self.command.flags.iter().find(|f| f.short == Some(short)) else {
                return Err(self.unknown("flag", &format!("-{word}"), None));
            };
            let long = flag.long;
            if matches!(flag.kind, FlagInfoKind::Switch) {
                self.say(long, Value::Switch(true));
                continue;
            }
            let joined = &word[at + short.len_utf8()..];
            let value = match joined.strip_prefix('=').unwrap_or(joined) {
                "" => rest.next(),
                value => Some(value.to_owned()),
            };
            self.say(long, Value::Text(value));
            break;
        }
        Ok(())
    }

    fn unknown(&self, kind: &str, word: &str, near: Option<&str>) -> CliError {
        let title = self.title();
        let hint = near
            .map(|near| format!(" (did you mean {near}?)"))
            .unwrap_or_default();
        CliError::Usage(format!(
            "{title} has no {kind} {word}{hint}; {title} --help shows them all"
        ))
    }
}

/// The value of a switch.
fn truth(whence: &str, value: &str) -> Result<bool, CliError> {
    match value {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(CliError::Usage(format!(
            "{whence} is {value:?}, expected true or false"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use argh::ArgsInfo;

    use super::*;
    use crate::cli::Nimesha;

    fn read(line: &str) -> Result<Argv, CliError> {
        let words = line.split_whitespace().map(str::to_owned).collect();
        Argv::read(words, Nimesha::get_args_info())
    }

    #[test]
    fn ok_words_come_into_arghs_form() {
        for (line, expected) in [
            ("serve --port 1", "serve --port 1"),
            ("serve --port=1", "serve --port 1"),
            ("serve --port=a=b", "serve --port a=b"),
            ("serve --port -1", "serve --port -1"),
            ("serve -p 1", "serve --port 1"),
            ("serve -p1", "serve --port 1"),
            ("serve -p=:1", "serve --port :1"),
            ("serve -vnp1", "serve --verbose --no-persist --port 1"),
            ("serve -vp 1 -n", "serve --verbose --port 1 --no-persist"),
            ("serve --bolt-path=/x", "serve --boltpath /x"),
            ("serve --verbose=true", "serve --verbose"),
            ("serve --verbose=off", "serve"),
            ("serve a --verbose", "serve --verbose a"),
            ("serve -- -p", "serve -- -p"),
            ("serve -h", "serve --help"),
            ("serve --port", "serve --port"),
            ("help", "help"),
            ("", ""),
        ] {
            let words = read(line).expect(line).into_words();
            assert_eq!(words.join(" "), expected, "{line}");
        }
    }

    #[test]
    fn err_unknown_words_are_refused_with_the_nearest() {
        for (line, expected) in [
            ("srve", "nimesha has no command srve (did you mean serve?)"),
            ("-p 1", "nimesha has no flag -p"),
            (
                "serve --prot=1",
                "serve has no flag --prot (did you mean --port?)",
            ),
            ("serve --Verbose", "did you mean --verbose?"),
            ("serve -vx", "serve has no flag -vx"),
            (
                "serve --verbose=loud",
                "--verbose is \"loud\", expected true or false",
            ),
        ] {
            let error = read(line).err().expect(line).to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn a_value_from_elsewhere_stands_back() {
        let mut argv = read("serve --port 1 --insecure=no x").unwrap();
        let flags = argv.command.flags;
        let mut add = |name, values: &[&str]| {
            let flag = flags.iter().find(|f| f.long == name).unwrap();
            let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            argv.add(flag, &values, "env")
        };
        for (name, values) in [
            ("--port", &["2"][..]),
            ("--insecure", &["true"]),
            ("--boltpath", &["-d"]),
            ("--verbose", &["1"]),
            ("--no-persist", &["false"]),
            ("--no-persist", &["true"]),
            ("--allow-host", &["a", "b"]),
        ] {
            assert_eq!(add(name, values), Ok(()), "{name}");
        }
        assert!(add("--no-tx-persist", &["perhaps"]).is_err());
        assert!(add("--workers", &["1", "2"]).is_err());
        let words = argv.into_words().join(" ");
        assert_eq!(
            words,
            "serve --port 1 --boltpath -d --verbose --allow-host a --allow-host b x"
        );
    }
}
