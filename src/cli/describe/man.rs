//! The manual page, in the macros of man(7).

use argh::{FlagInfo, FlagInfoKind, Optionality, PositionalInfo};

use super::Place;

/// The page: a section for each command.
pub(super) fn page(places: &[Place<'_>]) -> String {
    let root = &places[0];
    let version = env!("CARGO_PKG_VERSION");
    let mut page = Page(format!(
        ".TH NIMESHA 1 \"\" \"nimesha {version}\" \"User Commands\"\n"
    ));
    page.section("NAME");
    page.text("nimesha - run jobs when they are due");
    page.section("SYNOPSIS");
    page.line(".B nimesha");
    page.text("<command> [options]");
    page.section("DESCRIPTION");
    page.text(root.info.description);
    page.section("COMMANDS");
    for place in &places[1..] {
        // What only leads to others is told by these.
        if place.info.commands.is_empty() {
            page.command(place);
        }
    }
    page.section("ENVIRONMENT");
    page.entry("NIMESHA_URL", "The server that client commands ask.");
    page.entry(
        "NIMESHA_TOKEN",
        "The token that they send, or @FILE with the file that holds it.",
    );
    page.entry(
        "NIMESHA_*",
        "Any flag: --jobdb-address is NIMESHA_JOBDB_ADDRESS. The command line wins over the environment, the \
         environment over the file of --config.",
    );
    page.entry("NO_COLOR", "Tables without colours, if it is set.");
    page.section("EXIT STATUS");
    for code in root.info.error_codes {
        page.entry(&code.code.to_string(), code.description);
    }
    page.section("EXAMPLES");
    for example in root.info.examples {
        page.example(example, "nimesha");
    }
    page.section("SEE ALSO");
    page.text("crontab(5), curl(1)");
    page.0
}

struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn section(&mut self, name: &str) {
        self.line(&format!(".SH {name}"));
    }

    /// A paragraph, its words and no macros.
    fn text(&mut self, text: &str) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = escape(&words.join(" "));
        self.line(&text);
    }

    /// A word with what it means, indented.
    fn entry(&mut self, word: &str, meaning: &str) {
        self.line(".TP");
        self.line(&format!("\\fB{}\\fR", escape(word)));
        self.text(meaning);
    }

    fn command(&mut self, place: &Place<'_>) {
        let name = place.path.trim_start_matches("nimesha ");
        let operands = place.info.positionals.iter().filter(|p| !p.hidden);
        let operands: String = operands.map(|p| format!(" {}", operand(p))).collect();
        self.line(&format!(".SS {}", escape(&format!("{name}{operands}"))));
        self.text(place.info.description);
        for note in place.info.notes {
            self.line(".PP");
            self.text(&note.replace("{command_name}", &place.path));
        }
        for positional in place.info.positionals.iter().filter(|p| !p.hidden) {
            self.entry(positional.name, positional.description);
        }
        for flag in place.flags() {
            self.entry(&title(flag), flag.description);
        }
        for example in place.info.examples {
            self.example(example, &place.path);
        }
    }

    /// An example: a line of words, then commands as they are typed.
    fn example(&mut self, example: &str, name: &str) {
        let example = example.replace("{command_name}", name);
        let (words, commands) = example.split_once('\n').unwrap_or((&example, ""));
        self.line(".PP");
        self.text(words);
        self.line(".PP\n.nf\n.RS");
        for command in commands.lines() {
            self.line(&escape(command.trim()));
        }
        self.line(".RE\n.fi");
    }
}

/// A flag with its short form and the name of its value.
fn title(flag: &FlagInfo<'_>) -> String {
    let short = flag
        .short
        .map(|short| format!("-{short}, "))
        .unwrap_or_default();
    match flag.kind {
        FlagInfoKind::Switch => format!("{short}{}", flag.long),
        FlagInfoKind::Option { arg_name } => format!("{short}{} <{arg_name}>", flag.long),
    }
}

fn operand(positional: &PositionalInfo<'_>) -> String {
    let name = positional.name;
    match positional.optionality {
        Optionality::Required => format!("<{name}>"),
        Optionality::Optional => format!("[{name}]"),
        Optionality::Repeating | Optionality::Greedy => format!("<{name}...>"),
    }
}

/// Text in which roff finds nothing to do.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let text = text
        .replace('\'', "\\(aq")
        .replace('`', "\\(ga")
        .replace('~', "\\(ti")
        .replace('^', "\\(ha");
    match text.starts_with('.') {
        true => format!("\\&{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_made_safe() {
        for (text, safe) in [
            ("a-b", "a\\-b"),
            (".SH x", "\\&.SH x"),
            ("'x' \\n", "\\(aqx\\(aq \\en"),
        ] {
            assert_eq!(escape(text), safe);
        }
    }
}
