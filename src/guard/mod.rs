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
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod origin;
mod refusal;
mod sessions;
mod throttle;
mod tokens;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use crate::http::{Handler, Request, Responder, Role};

use self::access::Access;
use self::audit::Change;

pub use self::gate::Gate;

/// What the guard needs to know of the server's settings.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Who may come in (`--token-file`); everybody if there is none.
    pub token_file: Option<PathBuf>,
    /// Names under which the server is reached (`--allow-host`).
    pub allow_hosts: Vec<String>,
}

/// The handler before the handlers; see the [module's documentation](self).
pub struct Guard {
    gate: Arc<Gate>,
    inner: Arc<dyn Handler>,
}

impl Guard {
    /// A guard before `inner`.
    #[must_use]
    pub fn new(gate: Arc<Gate>, inner: Arc<dyn Handler>) -> Guard {
        Guard { gate, inner }
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
