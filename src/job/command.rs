//! Reading a command: its words where it can be started directly, or the decision that it needs a shell.
//!
//! A command without shell syntax is split as a shell would do it and started without one, which saves a process a run.
//! The decision is made before templates are filled in, so that no value can change how a command is run.

use std::mem;

use super::template::{self, Field, Piece};

/// Characters that mean something to a shell outside quotes.
const SHELL_SYNTAX: &str = "|&;<>()$`*?[#~{!\n";

/// Builtins of `sh` for which there is no program of that name.
const BUILTINS: &[&str] = &[
    ".", ":", "alias", "bg", "break", "builtin", "cd", "command", "continue", "declare", "eval",
    "exec", "exit", "export", "fc", "fg", "getopts", "hash", "jobs", "let", "local", "read",
    "readonly", "return", "set", "shift", "shopt", "source", "times", "trap", "type", "typeset",
    "ulimit", "umask", "unalias", "unset", "wait",
];

/// A command, read.
#[derive(Debug)]
pub enum Form<'a> {
    /// The program and its arguments.
    Direct(Vec<Word>),
    /// A text for `/bin/sh -c`.
    Shell(Vec<ShellPart<'a>>),
}

/// One word of a direct command. A value is part of its word whatever it holds: blanks in it split nothing.
pub type Word = Vec<WordPart>;

/// A stretch of a word.
#[derive(Debug)]
pub enum WordPart {
    /// Stands for itself.
    Text(String),
    /// Is replaced.
    Value(&'static Field),
}

/// A stretch of a text for the shell.
#[derive(Clone, Copy, Debug)]
pub enum ShellPart<'a> {
    /// Stands for itself.
    Text(&'a str),
    /// Is replaced; the quotes that it stands in decide how.
    Value(&'static Field, Quote),
}

/// The quotes around a place in a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    /// None.
    Bare,
    /// `'`
    Single,
    /// `"`
    Double,
}

/// A command with its values in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filled {
    /// The program and its arguments.
    Direct(Vec<String>),
    /// A text for `/bin/sh -c`, and the variables that it takes its values from.
    Shell(String, Vec<(String, String)>),
}

/// Whether `text` can be run as a command.
///
/// # Errors
/// When it is empty, holds a NUL, a quote is not closed, or a template is wrong; says which.
pub fn check(text: &str, delimiters: &str) -> Result<(), String> {
    parse(text, delimiters).map(|_| ())
}

/// Reads a command.
///
/// # Errors
/// As [`check`].
pub fn parse<'a>(text: &'a str, delimiters: &str) -> Result<Form<'a>, String> {
    if text.contains('\0') {
        return Err("the command holds a NUL character".to_owned());
    }
    let mut scanner = Scanner::default();
    let mut parts = Vec::new();
    for piece in template::parse(text, delimiters)? {
        match piece {
            Piece::Text(text) => {
                text.chars().for_each(|c| scanner.take(c));
                parts.push(ShellPart::Text(text));
            }
            Piece::Value(field) => {
                scanner.word().push(WordPart::Value(field));
                parts.push(ShellPart::Value(field, scanner.quote));
            }
        }
    }
    let (words, shell) = scanner.finish()?;
    Ok(match shell {
        true => Form::Shell(parts),
        false => Form::Direct(words),
    })
}

impl Form<'_> {
    /// The command with each field replaced by what `value` says.
    ///
    /// In a shell text the values go through variables, which a shell never reads as syntax: whatever they hold, they
    /// are one word there too, and cannot run anything.
    pub fn fill(&self, value: impl Fn(&Field) -> String) -> Filled {
        match self {
            Form::Direct(words) => Filled::Direct(
                words
                    .iter()
                    .map(|word| word.iter().map(|part| part.fill(&value)).collect())
                    .collect(),
            ),
            Form::Shell(parts) => fill_shell(parts, value),
        }
    }
}

impl WordPart {
    fn fill(&self, value: impl Fn(&Field) -> String) -> String {
        match self {
            WordPart::Text(text) => text.clone(),
            WordPart::Value(field) => value(field),
        }
    }
}

fn fill_shell(parts: &[ShellPart<'_>], value: impl Fn(&Field) -> String) -> Filled {
    let mut text = String::new();
    let mut variables = Vec::new();
    for part in parts {
        match *part {
            ShellPart::Text(part) => text.push_str(part),
            ShellPart::Value(field, quote) => {
                let name = format!("NIMESHA_VALUE_{}", variables.len() + 1);
                match quote {
                    Quote::Bare => text.push_str(&format!("\"${{{name}}}\"")),
                    Quote::Double => text.push_str(&format!("${{{name}}}")),
                    Quote::Single => text.push_str(&format!("'\"${{{name}}}\"'")),
                }
                variables.push((name, value(field)));
            }
        }
    }
    Filled::Shell(text, variables)
}

/// Splits as `sh` does, and notes on the way whether there is more to the text than words.
struct Scanner {
    words: Vec<Word>,
    word: Option<Word>,
    quote: Quote,
    escaped: bool,
    shell: bool,
}

impl Default for Scanner {
    fn default() -> Scanner {
        Scanner {
            words: Vec::new(),
            word: None,
            quote: Quote::Bare,
            escaped: false,
            shell: false,
        }
    }
}

impl Scanner {
    fn take(&mut self, c: char) {
        if mem::take(&mut self.escaped) {
            return self.take_escaped(c);
        }
        match (self.quote, c) {
            (Quote::Single, '\'') | (Quote::Double, '"') => self.quote = Quote::Bare,
            (Quote::Single, _) => self.push(c),
            (_, '\\') => self.escaped = true,
            (Quote::Double, _) => {
                self.shell |= c == '$' || c == '`';
                self.push(c);
            }
            (Quote::Bare, '\'') => self.open(Quote::Single),
            (Quote::Bare, '"') => self.open(Quote::Double),
            (Quote::Bare, ' ' | '\t') => self.end_word(),
            (Quote::Bare, _) => {
                self.shell |= SHELL_SYNTAX.contains(c);
                self.push(c);
            }
        }
    }

    fn take_escaped(&mut self, c: char) {
        if c == '\n' {
            return; // A line that goes on in the next one.
        }
        if self.quote == Quote::Double && !"$`\"\\".contains(c) {
            self.push('\\');
        }
        self.push(c);
    }

    fn open(&mut self, quote: Quote) {
        self.word();
        self.quote = quote;
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_default()
    }

    fn push(&mut self, c: char) {
        match self.word().last_mut() {
            Some(WordPart::Text(text)) => text.push(c),
            _ => self.word().push(WordPart::Text(c.to_string())),
        }
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    /// The words, and whether a shell is needed.
    fn finish(mut self) -> Result<(Vec<Word>, bool), String> {
        if self.escaped {
            self.push('\\');
        }
        self.end_word();
        // A shell text may hold a lone quote in a comment or a here-document; the shell itself judges that.
        if !self.shell && self.quote != Quote::Bare {
            let quote = if self.quote == Quote::Single {
                '\''
            } else {
                '"'
            };
            return Err(format!("the command has a {quote} that is not closed"));
        }
        let shell = match self.words.first().map(Vec::as_slice) {
            None => return Err("the command is empty".to_owned()),
            Some([]) => return Err("the command's first word is empty".to_owned()),
            Some([WordPart::Text(word)]) if BUILTINS.contains(&word.as_str()) => true,
            Some(word) => word
                .iter()
                .any(|part| matches!(part, WordPart::Text(text) if text.contains('='))),
        };
        Ok((self.words, self.shell || shell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<Filled, String> {
        let form = parse(text, "{{ }}")?;
        Ok(form.fill(|field| format!("a 'b\" $c<{}>", field.path)))
    }

    #[test]
    fn ok_words_are_started_directly() {
        for (text, words) in [
            ("true", &["true"][..]),
            ("  ls \t -l  ", &["ls", "-l"]),
            (r"touch a\ b", &["touch", "a b"]),
            (r#"echo 'a "b' "c 'd""#, &["echo", "a \"b", "c 'd"]),
            (r#"echo "a\"b\\c\d\$x""#, &["echo", r#"a"b\c\d$x"#]),
            (r"echo \$HOME \* \| \;", &["echo", "$HOME", "*", "|", ";"]),
            ("echo '$HOME * | ; `x`'", &["echo", "$HOME * | ; `x`"]),
            ("echo \"* ; | # ~\"", &["echo", "* ; | # ~"]),
            ("echo '' \"\" a''b", &["echo", "", "", "ab"]),
            ("echo a\\\nb", &["echo", "ab"]),
            ("echo 'a\nb'", &["echo", "a\nb"]),
            ("echo a\\", &["echo", "a\\"]),
            ("echo a=b", &["echo", "a=b"]),
            ("echo cd }", &["echo", "cd", "}"]),
            ("größe ü", &["größe", "ü"]),
            ("echo {{.Name}}", &["echo", "a 'b\" $c<.Name>"]),
            ("echo x{{ .Id }}'y z'", &["echo", "xa 'b\" $c<.Id>y z"]),
            ("{{.Name}} 1", &["a 'b\" $c<.Name>", "1"]),
        ] {
            let words = words.iter().map(|&word| word.to_owned()).collect();
            assert_eq!(filled(text), Ok(Filled::Direct(words)), "{text}");
        }
    }

    #[test]
    fn ok_shell_syntax_needs_a_shell() {
        for text in [
            "a | b",
            "a & b",
            "a; b",
            "a < b",
            "a > b",
            "(a)",
            "a )",
            "echo $HOME",
            "echo `a`",
            "echo *",
            "echo a?",
            "echo [ab]",
            "a # b",
            "ls ~",
            "echo {a,b}",
            "! a",
            "a\nb",
            "echo \"$HOME\"",
            "echo \"`a`\"",
            "A=b c",
            "'A'=b c",
            "cd /tmp",
            "exit 3",
            "\"cd\" /tmp",
            ". ./env",
            "cat <<E\ndon't\nE",
        ] {
            assert_eq!(
                filled(text),
                Ok(Filled::Shell(text.to_owned(), Vec::new())),
                "{text}"
            );
        }
    }

    #[test]
    fn ok_values_in_a_shell_text_go_through_variables() {
        for (text, expected) in [
            ("echo {{.Id}};", r#"echo "${NIMESHA_VALUE_1}";"#),
            ("echo \"x {{.Id}}\";", r#"echo "x ${NIMESHA_VALUE_1}";"#),
            ("echo 'x {{.Id}}';", r#"echo 'x '"${NIMESHA_VALUE_1}"'';"#),
        ] {
            let variable = ("NIMESHA_VALUE_1".into(), "a 'b\" $c<.Id>".into());
            assert_eq!(
                filled(text),
                Ok(Filled::Shell(expected.into(), vec![variable])),
                "{text}"
            );
        }
    }

    #[test]
    fn err_commands_are_refused_before_they_are_stored() {
        for (text, error) in [
            ("", "the command is empty"),
            (" \t ", "the command is empty"),
            ("'' a", "the command's first word is empty"),
            ("echo 'a", "the command has a ' that is not closed"),
            ("echo \"a", "the command has a \" that is not closed"),
            ("echo a\0b", "the command holds a NUL character"),
        ] {
            assert_eq!(filled(text), Err(error.to_owned()), "{text:?}");
        }
        assert!(check("echo {{.Nope}}", "{{ }}").is_err());
        assert!(check("echo {{.Nope}};", "").is_ok());
    }
}
