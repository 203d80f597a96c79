//! The tokens: a file with a line for each, `name role secret`.
//!
//! The file belongs to the server's account alone. One that others may read is refused, since its secrets are no longer
//! any. Secrets are kept as they are: whoever can read this process's memory owns the account anyway.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use subtle::ConstantTimeEq;

use crate::config;
use crate::http::Role;
use crate::settings::values::Secret;

/// Somebody who may come in.
#[derive(Debug)]
pub(super) struct Token {
    /// For the log; no secret.
    pub(super) name: Box<str>,
    pub(super) role: Role,
    secret: Secret,
}

/// All who may come in.
#[derive(Debug)]
pub(super) struct Tokens(Vec<Arc<Token>>);

impl Tokens {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, others may read it, or a line is not as it must be; in words for whoever wrote it.
    pub(super) fn read(path: &Path) -> Result<Tokens, String> {
        let shown = path.display();
        let text = read_private(path).map_err(|why| format!("the token file {shown} {why}"))?;
        Tokens::parse(&text).map_err(|why| format!("the token file {shown}{why}"))
    }

    pub(super) fn parse(text: &str) -> Result<Tokens, String> {
        let mut tokens: Vec<Arc<Token>> = Vec::new();
        let mut names = HashSet::new();
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let token = Token::parse(line).map_err(|why| format!(", line {number}: {why}"))?;
            if !names.insert(token.name.clone()) {
                let name = &token.name;
                return Err(format!(
                    ", line {number}: there is a token {name:?} already"
                ));
            }
            if tokens.iter().any(|other| other.secret == token.secret) {
                return Err(format!(", line {number}: another token has this secret"));
            }
            if token.secret.0.len() < config::TOKEN_BYTES_ADVISED {
                log::warn!(
                    "the secret of the token {:?} is short enough to be guessed; `openssl rand -hex 32` makes a better one",
                    token.name
                );
            }
            tokens.push(Arc::new(token));
        }
        if tokens.is_empty() {
            return Err(" holds no token: write a line such as: deploy admin SECRET".to_owned());
        }
        Ok(Tokens(tokens))
    }

    /// The token with that secret. Each is compared, and each over its whole length, so that the time it takes does not
    /// tell how much of a guess was right.
    pub(super) fn find(&self, secret: &str) -> Option<&Arc<Token>> {
        let mut found = None;
        for token in &self.0 {
            if token.secret.0.as_bytes().ct_eq(secret.as_bytes()).into() {
                found = Some(token);
            }
        }
        found
    }

    /// What has become of a token of an earlier file: the one with its name, if its secret is still the same.
    pub(super) fn successor(&self, old: &Token) -> Option<&Arc<Token>> {
        self.0
            .iter()
            .find(|token| token.name == old.name && token.secret == old.secret)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Token {
    /// The secret is not repeated in an error: errors are logged.
    fn parse(line: &str) -> Result<Token, String> {
        let [name, role, secret] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(
                "expected a name, a role and a secret, such as: deploy admin SECRET".to_owned(),
            );
        };
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the secret has to be of letters, digits and signs of ASCII".to_owned());
        }
        Ok(Token {
            name: name.into(),
            role: role.parse()?,
            secret: Secret(secret.to_owned()),
        })
    }
}

/// The text of a file that nobody else may read. The mode is that of the opened file: a path could be changed between
/// two looks.
fn read_private(path: &Path) -> Result<String, String> {
    let cannot = |error| format!("cannot be read: {error}");
    let file = File::open(path).map_err(cannot)?;
    let mode = file.metadata().map_err(cannot)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        return Err(format!(
            "can be read by others (its mode is {mode:04o}): chmod 600 {path}"
        ));
    }
    let mut text = String::new();
    let mut bounded = file.take(config::TOKEN_FILE_BYTES_MAX + 1);
    let read = bounded.read_to_string(&mut text).map_err(cannot)?;
    if read as u64 > config::TOKEN_FILE_BYTES_MAX {
        let max = config::TOKEN_FILE_BYTES_MAX;
        return Err(format!("is longer than {max} bytes"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn ok_a_line_for_each_token() {
        let text =
            format!("# who may come in\n\n  deploy  admin {LONG}\r\nboard\tread other-{LONG}\n");
        let tokens = Tokens::parse(&text).unwrap();
        let found = tokens.find(LONG).unwrap();
        assert_eq!((&*found.name, found.role), ("deploy", Role::Admin));
        assert_eq!(tokens.len(), 2);
        for wrong in ["", "0123456789abcdef", &format!("{LONG}0"), "deploy"] {
            assert!(tokens.find(wrong).is_none(), "{wrong:?}");
        }
        assert!(!format!("{tokens:?}").contains(LONG));
    }

    #[test]
    fn err_lines() {
        for (text, why) in [
            ("", " holds no token"),
            ("# nobody\n", " holds no token"),
            ("a admin", ", line 1: expected a name, a role and a secret"),
            (
                "a admin b c",
                ", line 1: expected a name, a role and a secret",
            ),
            (
                "\n\na root x",
                ", line 3: \"root\" is no role: expected read, operate or admin",
            ),
            ("a read p\u{e4}ss", ", line 1: the secret has to be"),
            (
                "a read x\na admin y",
                ", line 2: there is a token \"a\" already",
            ),
            (
                "a read x\nb admin x",
                ", line 2: another token has this secret",
            ),
        ] {
            let error = Tokens::parse(text).unwrap_err();
            assert!(error.starts_with(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let path = std::env::temp_dir().join(format!("nimesha-tokens-{}", std::process::id()));
        fs::write(&path, format!("a read {LONG}\n")).unwrap();
        for (mode, taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let read = Tokens::read(&path);
            assert_eq!(read.is_ok(), taken, "{mode:o}");
            if let Err(why) = read {
                assert!(why.contains("chmod 600") && !why.contains(LONG), "{why}");
            }
        }
        fs::remove_file(&path).unwrap();
        assert!(Tokens::read(&path).unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn a_token_lives_on_with_its_name_and_its_secret() {
        let old = Tokens::parse(&format!("a read {LONG}")).unwrap();
        for (text, role) in [
            (format!("a admin {LONG}"), Some(Role::Admin)),
            (format!("b read {LONG}"), None),
            (format!("a read new-{LONG}"), None),
        ] {
            let new = Tokens::parse(&text).unwrap();
            assert_eq!(
                new.successor(&old.0[0]).map(|token| token.role),
                role,
                "{text}"
            );
        }
    }
}
