//! The rules of the guard: names, tokens and sessions, and what they say to a request.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use super::Settings;
use super::origin::Names;
use super::refusal::{Refusal, to_sign_in};
use super::sessions::{self, Sessions};
use super::throttle::Throttle;
use super::tokens::{Token, Tokens};
use crate::clock;
use crate::http::{Answer, Peer, Request, Role};

/// What a guard goes by.
pub struct Gate {
    names: Names,
    doors: Option<Doors>,
}

/// What lets people in where there is a token file.
struct Doors {
    file: PathBuf,
    tokens: RwLock<Tokens>,
    sessions: Sessions,
    throttle: Throttle,
}

/// Who sent a request, and what they may do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) name: Box<str>,
    pub(super) role: Role,
}

/// What a request shows to be let in.
enum Shown {
    Nothing,
    Token(Arc<Token>),
    /// A token that there is not.
    Wrong,
}

impl Gate {
    /// Reads what the settings name.
    ///
    /// # Errors
    /// When the token file cannot be used, in words for whoever wrote it.
    pub fn open(settings: &Settings) -> Result<Gate, String> {
        Ok(Gate {
            names: Names::new(&settings.allow_hosts),
            doors: settings
                .token_file
                .as_deref()
                .map(Doors::open)
                .transpose()?,
        })
    }

    /// Reads the token file anew. One that cannot be used changes nothing.
    pub fn reload(&self) {
        let Some(doors) = &self.doors else { return };
        match Tokens::read(&doors.file) {
            Ok(tokens) => {
                log::info!("read {} tokens from {}", tokens.len(), doors.file.display());
                // Together, so that nobody signs in with an old token after the sessions of old tokens have ended.
                let mut current = doors.tokens.write();
                doors.sessions.keep(&tokens);
                *current = tokens;
            }
            Err(why) => log::error!("{why}; the tokens that were read before stay"),
        }
    }

    /// Who sent the request, if they may do what takes `needs`.
    pub(super) fn admit(&self, request: &Request, needs: Option<Role>) -> Result<Caller, Refusal> {
        let shown = self
            .doors
            .as_ref()
            .map_or(Shown::Nothing, |doors| doors.shown(request));
        // No page can make a browser send a token, so one that is right shows that no page is behind it.
        if !matches!(shown, Shown::Token(_)) {
            self.names
                .check_host(request)
                .map_err(Refusal::Misdirected)?;
        }
        self.names.check_origin(request).map_err(Refusal::Foreign)?;
        let Some(needs) = needs else {
            return Ok(Caller::anonymous(Role::Read));
        };
        let Some(doors) = &self.doors else {
            return Ok(Caller::of(&request.peer));
        };
        if request.peer == Peer::Unix {
            return Ok(Caller::of(&request.peer));
        }
        let token = match shown {
            Shown::Token(token) => token,
            Shown::Nothing => doors.session(request).ok_or(Refusal::NoToken)?,
            Shown::Wrong => return Err(doors.wrong(&request.peer)),
        };
        if token.role < needs {
            let (name, has) = (token.name.to_string(), token.role);
            return Err(Refusal::Role { name, has, needs });
        }
        Ok(Caller {
            name: token.name.clone(),
            role: token.role,
        })
    }

    /// Begins a session for the token that a form brings.
    pub(super) fn sign_in(&self, request: &Request) -> (Box<str>, Answer) {
        let nobody = Box::from("-");
        if let Err(refusal) = self.admit(request, None) {
            return (nobody, refusal.answer(request));
        }
        let Some(doors) = &self.doors else {
            return (
                nobody,
                Answer::empty(303).with_header("Location", "/webui/"),
            );
        };
        let secret = form_token(&request.body);
        let tokens = doors.tokens.read();
        let Some(token) = tokens.find(secret.trim()) else {
            let word = match doors.wrong(&request.peer) {
                Refusal::TooManyWrong => "often",
                _ => "wrong",
            };
            return (nobody, to_sign_in(word));
        };
        let name = token.name.clone();
        let id = doors.sessions.create(Arc::clone(token), clock::monotonic());
        let answer = Answer::empty(303)
            .with_header("Location", "/webui/")
            .with_header("Set-Cookie", &sessions::cookie(&id, is_secure(request)));
        (name, answer)
    }

    /// Ends the session of the request.
    pub(super) fn sign_out(&self, request: &Request) -> Answer {
        if let Err(refusal) = self.admit(request, None) {
            return refusal.answer(request);
        }
        if let Some(doors) = &self.doors {
            doors.sessions.end(request);
        }
        to_sign_in("out").with_header("Set-Cookie", &sessions::cookie("", is_secure(request)))
    }
}

impl Caller {
    fn anonymous(role: Role) -> Caller {
        let name = "-".into();
        Caller { name, role }
    }

    /// Whoever comes where no token is asked for.
    fn of(peer: &Peer) -> Caller {
        match peer {
            Peer::Unix => Caller {
                name: "unix".into(),
                role: Role::Admin,
            },
            Peer::Tcp(_) => Caller::anonymous(Role::Admin),
        }
    }
}

impl Doors {
    fn open(file: &Path) -> Result<Doors, String> {
        Ok(Doors {
            tokens: RwLock::new(Tokens::read(file)?),
            file: file.to_owned(),
            sessions: Sessions::default(),
            throttle: Throttle::default(),
        })
    }

    fn shown(&self, request: &Request) -> Shown {
        match request.header("authorization").and_then(bearer) {
            None => Shown::Nothing,
            Some(secret) => match self.tokens.read().find(secret) {
                Some(token) => Shown::Token(Arc::clone(token)),
                None => Shown::Wrong,
            },
        }
    }

    fn session(&self, request: &Request) -> Option<Arc<Token>> {
        self.sessions.lookup(request, clock::monotonic())
    }

    /// What is said to a wrong token, which counts.
    fn wrong(&self, peer: &Peer) -> Refusal {
        match self.throttle.admit(peer, clock::monotonic()) {
            true => Refusal::WrongToken,
            false => Refusal::TooManyWrong,
        }
    }
}

/// The secret of `Authorization: Bearer SECRET`; the scheme is matched in any case (RFC 9110, section 11.1).
fn bearer(credentials: &str) -> Option<&str> {
    let (scheme, secret) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// Whether the browser reached us by TLS, ours or that of a proxy. Of the latter it tells itself, with every form that
/// it sends.
fn is_secure(request: &Request) -> bool {
    let origin = request.header("origin").unwrap_or_default();
    request.secure || origin.starts_with("https://")
}

/// The field `token` of a form. Secrets are of signs that forms may write with a percent sign, and of no others.
fn form_token(body: &[u8]) -> String {
    let mut fields = body.split(|byte| *byte == b'&');
    let value = fields
        .find_map(|field| field.strip_prefix(b"token="))
        .unwrap_or_default();
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let [first, after @ ..] = rest {
        rest = after;
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        text.push(match (first, after) {
            (b'%', [high, low, after @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    char::from((high * 16 + low) as u8)
                }
                _ => '%',
            },
            (b'+', _) => ' ',
            (byte, _) => char::from(*byte),
        });
    }
    text
}
