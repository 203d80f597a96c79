//! Who may come in: a handler that stands before all others, so that no route can be reached past it.
//!
//! ```text
//! request > host > origin > token or session > role > the handlers
//!            421     403      401, 429           403
//! ```
//!
//! The API runs commands, so whoever may change jobs owns the server's account. Without a token file everybody who
//! reaches the server may do everything: then reaching it is what is guarded, by the loopback address and the checks
//! against foreign pages. Changes leave a line in the log, refused ones too.
//!
//! Left out: users and groups, which a proxy in front can have.

mod access;
mod audit;
mod origin;
mod refusal;
mod sessions;
mod throttle;
mod tokens;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::clock;
use crate::http::{Answer, Handler, Peer, Request, Responder, Role};

use self::access::Access;
use self::audit::Change;
use self::origin::Names;
use self::refusal::{Refusal, to_sign_in};
use self::sessions::Sessions;
use self::throttle::Throttle;
use self::tokens::{Token, Tokens};

/// What the guard needs to know of the server's settings.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Who may come in (`--token-file`); everybody if there is none.
    pub token_file: Option<PathBuf>,
    /// Names under which the server is reached (`--allow-host`).
    pub allow_hosts: Vec<String>,
    /// Browsers reach it by TLS, so that a cookie can be kept to that.
    pub secure: bool,
}

/// The handler before the handlers; see the [module's documentation](self).
pub struct Guard {
    gate: Arc<Gate>,
    inner: Arc<dyn Handler>,
}

/// What it goes by: names, tokens and sessions.
pub struct Gate {
    names: Names,
    doors: Option<Doors>,
    secure: bool,
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
struct Caller {
    name: Box<str>,
    role: Role,
}

/// What a request shows to be let in.
enum Shown {
    Nothing,
    Token(Arc<Token>),
    /// A token that there is not.
    Wrong,
}

impl Guard {
    /// A guard before `inner`.
    #[must_use]
    pub fn new(gate: Arc<Gate>, inner: Arc<dyn Handler>) -> Guard {
        Guard { gate, inner }
    }
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
            secure: settings.secure,
        })
    }

    /// Reads the token file anew. One that cannot be used changes nothing.
    pub fn reload(&self) {
        let Some(doors) = &self.doors else { return };
        match Tokens::read(&doors.file) {
            Ok(tokens) => {
                log::info!("read {} tokens from {}", tokens.len(), doors.file.display());
                doors.sessions.keep(&tokens);
                *doors.tokens.write() = tokens;
            }
            Err(why) => log::error!("{why}; the tokens that were read before stay"),
        }
    }

    /// Who sent the request, if they may do what takes `needs`.
    fn admit(&self, request: &Request, needs: Option<Role>) -> Result<Caller, Refusal> {
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
    fn sign_in(&self, request: &Request) -> (Box<str>, Answer) {
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
        let Some(token) = doors.tokens.read().find(secret.trim()).cloned() else {
            let word = match doors.wrong(&request.peer) {
                Refusal::TooManyWrong => "often",
                _ => "wrong",
            };
            return (nobody, to_sign_in(word));
        };
        let name = token.name.clone();
        let id = doors.sessions.create(token, clock::monotonic());
        let answer = Answer::empty(303)
            .with_header("Location", "/webui/")
            .with_header("Set-Cookie", &sessions::cookie(&id, self.secure));
        (name, answer)
    }

    /// Ends the session of the request.
    fn sign_out(&self, request: &Request) -> Answer {
        if let Err(refusal) = self.admit(request, None) {
            return refusal.answer(request);
        }
        if let Some(doors) = &self.doors {
            doors.sessions.end(request);
        }
        to_sign_in("out").with_header("Set-Cookie", &sessions::cookie("", self.secure))
    }
}

impl Handler for Guard {
    fn handle(&self, mut request: Request, responder: Responder) {
        let needs = match access::needed(&request.method, &request.path) {
            Access::Open => None,
            Access::Role(role) => Some(role),
            Access::SignIn => {
                let (who, answer) = self.gate.sign_in(&request);
                Change::of(&request, &who).log(&answer);
                return responder.send(answer);
            }
            Access::SignOut => return responder.send(self.gate.sign_out(&request)),
        };
        let is_change = needs > Some(Role::Read);
        match self.gate.admit(&request, needs) {
            Ok(caller) => {
                request.role = caller.role;
                let responder = match is_change {
                    false => responder,
                    true => {
                        let change = Change::of(&request, &caller.name);
                        responder.finish_with(move |answer| {
                            change.log(&answer);
                            answer
                        })
                    }
                };
                self.inner.handle(request, responder);
            }
            Err(refusal) => {
                let answer = refusal.answer(&request);
                if is_change {
                    Change::of(&request, refusal.who()).log(&answer);
                }
                responder.send(answer);
            }
        }
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
