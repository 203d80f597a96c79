//! Crontabs, as crontab(5) of Vixie cron and cronie describe them, into jobs.
//!
//! Not carried: `@reboot`, which is no time; mail. Text after `%`, which cron hands to the command's standard input, comes
//! from a pipe. The user of a system crontab becomes the job's owner, but not the one that the command runs as.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Found, free_name};
use crate::cli::jobset::Wanted;

/// Characters of a command that make the name of its job.
const NAME_CHARS: usize = 60;

/// What is not in the crontab itself.
pub(super) struct Place {
    /// Whether lines name a user.
    pub(super) system: bool,
    /// The zone of its times.
    pub(super) timezone: String,
    /// The directory in which commands start.
    pub(super) home: Option<String>,
}

/// A reading under way: what the lines so far have set.
struct Reading<'a> {
    place: &'a Place,
    path: &'a str,
    env: BTreeMap<String, String>,
    timezone: String,
    home: Option<String>,
    shell: Option<String>,
    names: BTreeSet<String>,
    notes: BTreeSet<String>,
}

/// The jobs of a crontab, read from `path`.
pub(super) fn read(path: &str, text: &str, place: &Place) -> Found {
    let mut reading = Reading {
        place,
        path,
        env: BTreeMap::new(),
        timezone: place.timezone.clone(),
        home: place.home.clone(),
        shell: None,
        names: BTreeSet::new(),
        notes: BTreeSet::new(),
    };
    let mut found = Found::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let whence = format!("{path}, line {}", index + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = variable(line) {
            reading.set(name, value);
            continue;
        }
        match reading.job(line, &whence) {
            Ok(job) => found.jobs.push(job),
            Err(why) => found.lost.push(why),
        }
    }
    found.notes.extend(reading.notes);
    found
}

/// `NAME = value`, with or without quotes.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = unquoted(name.trim());
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (starts && name.chars().all(is_name)).then(|| (name, unquoted(value.trim())))
}

fn unquoted(text: &str) -> &str {
    let quoted = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    quoted('"').or_else(|| quoted('\'')).unwrap_or(text)
}

impl Reading<'_> {
    fn set(&mut self, name: &str, value: &str) {
        match name {
            "CRON_TZ" => self.timezone = value.to_owned(),
            "HOME" => self.home = Some(value.to_owned()),
            "SHELL" => {
                let special = !["/bin/sh", "sh"].contains(&value);
                self.shell = special.then(|| value.to_owned());
            }
            "MAILTO" | "MAILFROM" => {
                if !value.is_empty() {
                    let note = format!(
                        "{}: no mail is sent; nimesha job output shows what a run wrote",
                        self.path
                    );
                    self.notes.insert(note);
                }
            }
            _ => {
                self.env.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn job(&mut self, line: &str, whence: &str) -> Result<Wanted, String> {
        let lost = |why: &str| format!("{whence}: {why}: {line}");
        let (schedule, rest) =
            schedule(line).ok_or_else(|| lost("expected five fields and a command"))?;
        if schedule == "@reboot" {
            return Err(lost(
                "@reboot is no time; let the service manager start this",
            ));
        }
        let (user, rest) = match self.place.system {
            true => word(rest),
            false => ("", rest),
        };
        let (command, input) = command(rest);
        if command.is_empty() {
            return Err(lost("there is no command"));
        }
        if !user.is_empty() {
            let note = format!(
                "{}: jobs of {user} run as the user of the server",
                self.path
            );
            self.notes.insert(note);
        }
        let short: String = command.chars().take(NAME_CHARS).collect();
        let name = free_name(&short, |name| self.names.contains(name));
        let command = match input {
            None => command,
            Some(lines) => format!("printf '%s\\n' {} | ({command})", shell_words::join(lines)),
        };
        let keys = self.keys(&name, &schedule, user, &command);
        let job = Wanted::read(&keys, whence)?;
        self.names.insert(name);
        Ok(job)
    }

    fn keys(&self, name: &str, schedule: &str, owner: &str, command: &str) -> Map<String, Value> {
        let command = match &self.shell {
            Some(shell) => shell_words::join([shell, "-c", command]),
            None => command.to_owned(),
        };
        let mut keys = Map::new();
        for (key, value) in [
            ("name", json!(name)),
            ("command", json!(command)),
            ("schedule", json!(schedule)),
            ("timezone", json!(self.timezone)),
            ("env", json!(self.env)),
            ("cwd", json!(self.home.as_deref().unwrap_or_default())),
            ("tags", json!(["crontab"])),
        ] {
            keys.insert(key.to_owned(), value);
        }
        // An empty one would take away what the server's --default-owner has filled in.
        if !owner.is_empty() {
            keys.insert("owner".to_owned(), json!(owner));
        }
        keys
    }
}

/// The word or the five fields that say when, and what follows them.
fn schedule(line: &str) -> Option<(String, &str)> {
    let fields = if line.starts_with('@') { 1 } else { 5 };
    let mut schedule = Vec::new();
    let mut rest = line;
    for _ in 0..fields {
        let (field, after) = word(rest);
        if after.is_empty() {
            return None;
        }
        schedule.push(field);
        rest = after;
    }
    Some((schedule.join(" "), rest))
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    match text.split_once(|c: char| c.is_whitespace()) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}

/// The command, and the lines that it finds on its standard input: after a `%`, further ones between them. `\%` is one that
/// stands for itself.
fn command(text: &str) -> (String, Option<Vec<String>>) {
    let mut parts = vec![String::new()];
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        let last = parts.len() - 1;
        match c {
            '%' => parts.push(String::new()),
            '\\' if chars.peek() == Some(&'%') => parts[last].extend(chars.next()),
            c => parts[last].push(c),
        }
    }
    let input = parts.split_off(1);
    let command = parts.swap_remove(0);
    (
        command.trim_end().to_owned(),
        (!input.is_empty()).then_some(input),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, system: bool) -> Found {
        let place = Place {
            system,
            timezone: "Europe/Berlin".to_owned(),
            home: (!system).then(|| "/home/me".to_owned()),
        };
        read("tab", text, &place)
    }

    fn only(found: &Found) -> Value {
        assert_eq!((found.jobs.len(), &found.lost), (1, &vec![]));
        Value::Object(found.jobs[0].keys.clone())
    }

    #[test]
    fn ok_lines_of_a_user() {
        for (line, schedule, command) in [
            ("30 2 * * *  backup  --all", "30 2 * * *", "backup  --all"),
            ("*/5\t9-17 * jan mon-fri x", "*/5 9-17 * jan mon-fri", "x"),
            ("@daily x=1 y", "@daily", "x=1 y"),
            ("0 0 1 * * date +\\%F", "0 0 1 * *", "date +%F"),
            ("@midnight x", "@midnight", "x"),
            (
                "0 1 * * * mail me%it's%100\\%",
                "0 1 * * *",
                "printf '%s\\n' 'it'\\''s' '100%' | (mail me)",
            ),
        ] {
            let job = only(&found(&format!("# comment\n\n {line}\n"), false));
            assert_eq!(
                (&job["schedule"], &job["command"]),
                (&json!(schedule), &json!(command))
            );
            assert_eq!(job["timezone"], "Europe/Berlin");
            assert_eq!(job["cwd"], "/home/me");
        }
    }

    #[test]
    fn variables_hold_for_the_lines_after_them() {
        let text = "PATH = \"/bin:/opt bin\"\nMAILTO=me\n0 1 * * * a\nCRON_TZ=America/New_York\nSHELL=/bin/bash\nHOME=/srv\n0 2 * * * a 'b'\n";
        let found = found(text, false);
        let [first, second] = &found.jobs[..] else {
            panic!("{found:?}")
        };
        assert_eq!(first.keys["env"], json!({"PATH": "/bin:/opt bin"}));
        assert_eq!(
            (&first.keys["timezone"], &first.keys["cwd"]),
            (&json!("Europe/Berlin"), &json!("/home/me"))
        );
        assert_eq!(
            (&second.keys["timezone"], &second.keys["cwd"]),
            (&json!("America/New_York"), &json!("/srv"))
        );
        assert_eq!(second.keys["command"], "/bin/bash -c 'a '\\''b'\\'''");
        assert!(found.notes[0].contains("no mail"), "{:?}", found.notes);
    }

    #[test]
    fn lines_of_the_system_name_a_user() {
        let found = found(
            "17 * * * * root  cd / && run-parts /etc/cron.hourly\n@weekly www x\n",
            true,
        );
        let [first, second] = &found.jobs[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            (&first.keys["owner"], &first.keys["command"]),
            (&json!("root"), &json!("cd / && run-parts /etc/cron.hourly"))
        );
        assert_eq!(second.keys["owner"], "www");
        assert_eq!(found.notes.len(), 2);
    }

    #[test]
    fn equal_commands_get_names_of_their_own() {
        let found = found("0 1 * * * x\n0 2 * * * x\n0 3 * * * x\n", false);
        let names: Vec<&str> = found.jobs.iter().map(|job| &*job.name).collect();
        assert_eq!(names, ["x", "x (2)", "x (3)"]);
    }

    #[test]
    fn err_lines() {
        for (line, why) in [
            ("@reboot x", "line 1: @reboot is no time"),
            ("0 1 * * *", "five fields"),
            ("@daily", "five fields"),
            ("61 1 * * * x", "schedule: "),
            ("@every x", "schedule: "),
            ("nonsense", "five fields"),
            ("CRON_TZ=Mars\n0 1 * * * x", "Mars"),
        ] {
            let found = found(line, false);
            assert_eq!((found.jobs.len(), found.lost.len()), (0, 1), "{line}");
            assert!(found.lost[0].contains(why), "{line}: {:?}", found.lost);
        }
    }
}
