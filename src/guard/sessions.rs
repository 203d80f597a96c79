//! Sessions of the pages: a token that was shown once stands behind a random id in a cookie, for some hours.
//!
//! They live in memory, so a restart ends them all. The cookie is out of reach of scripts and is sent with requests from
//! our own pages alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use uuid::Uuid;

use super::tokens::{Token, Tokens};
use crate::config;
use crate::http::{Request, SESSION_COOKIE};

/// The sessions that there are.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<Box<str>, Session>>);

struct Session {
    token: Arc<Token>,
    until: Instant,
}

impl Sessions {
    /// Begins one, and gives its id: 244 random bits. When there are too many, the one that ends first ends now.
    pub(super) fn create(&self, token: Arc<Token>, now: Instant) -> String {
        let id = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let mut sessions = self.0.lock();
        if sessions.len() >= config::SESSIONS_MAX {
            sessions.retain(|_, session| session.until > now);
        }
        if sessions.len() >= config::SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.until);
            let oldest = oldest.map(|(id, _)| id.clone());
            oldest.and_then(|id| sessions.remove(&id));
        }
        let until = now + config::SESSION;
        sessions.insert(id.as_str().into(), Session { token, until });
        id
    }

    /// The token behind the session that the request's cookie names, if that has not ended.
    pub(super) fn lookup(&self, request: &Request, now: Instant) -> Option<Arc<Token>> {
        let sessions = self.0.lock();
        let session = sessions.get(request.cookie(SESSION_COOKIE)?)?;
        (session.until > now).then(|| Arc::clone(&session.token))
    }

    /// Ends the session that the request's cookie names.
    pub(super) fn end(&self, request: &Request) {
        if let Some(id) = request.cookie(SESSION_COOKIE) {
            self.0.lock().remove(id);
        }
    }

    /// Ends those whose token is gone; the others go on with what their token has become.
    pub(super) fn keep(&self, tokens: &Tokens) {
        self.0.lock().retain(|_, session| {
            let successor = tokens.successor(&session.token);
            successor.is_some_and(|token| {
                session.token = Arc::clone(token);
                true
            })
        });
    }
}

/// The `Set-Cookie` that gives a session to a browser; an empty id takes it away.
pub(super) fn cookie(id: &str, secure: bool) -> String {
    let seconds = if id.is_empty() {
        0
    } else {
        config::SESSION.as_secs()
    };
    let secure = if secure { "; Secure" } else { "" };
    format!("{SESSION_COOKIE}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::http::Role;
    use std::time::Duration;
    use tiny_http::Method;

    fn with_cookie(id: &str) -> Request {
        let mut request = Request::new(Method::Get, "/");
        let cookies = format!("theme=dark; {SESSION_COOKIE}={id}");
        request.headers.push("Cookie", cookies.as_bytes());
        request
    }

    fn tokens(text: &str) -> Tokens {
        Tokens::parse(text).unwrap()
    }

    #[test]
    fn a_session_ends_after_its_time_or_when_it_is_left() {
        let (sessions, now) = (Sessions::default(), clock::monotonic());
        let token = tokens("a read s").find("s").unwrap().clone();
        let id = sessions.create(Arc::clone(&token), now);
        assert_eq!(id.len(), 64);
        let last = now + config::SESSION - Duration::from_nanos(1);
        assert!(sessions.lookup(&with_cookie(&id), last).is_some());
        assert!(
            sessions
                .lookup(&with_cookie(&id), now + config::SESSION)
                .is_none()
        );
        assert!(sessions.lookup(&with_cookie(&id[1..]), now).is_none());
        assert!(
            sessions
                .lookup(&Request::new(Method::Get, "/"), now)
                .is_none()
        );
        sessions.end(&with_cookie(&id));
        assert!(sessions.lookup(&with_cookie(&id), now).is_none());
        assert_ne!(id, sessions.create(token, now));
    }

    #[test]
    fn a_session_lives_as_its_token_does() {
        let (sessions, now) = (Sessions::default(), clock::monotonic());
        let token = tokens("a read s").find("s").unwrap().clone();
        let id = sessions.create(token, now);
        sessions.keep(&tokens("b read t\na admin s"));
        let found = sessions.lookup(&with_cookie(&id), now);
        assert_eq!(found.map(|token| token.role), Some(Role::Admin));
        sessions.keep(&tokens("a admin t"));
        assert!(sessions.lookup(&with_cookie(&id), now).is_none());
    }

    #[test]
    fn there_is_a_bound() {
        let (sessions, now) = (Sessions::default(), clock::monotonic());
        let token = tokens("a read s").find("s").unwrap().clone();
        let first = sessions.create(Arc::clone(&token), now);
        let later = now + Duration::from_secs(1);
        for _ in 0..config::SESSIONS_MAX {
            sessions.create(Arc::clone(&token), later);
        }
        assert_eq!(sessions.0.lock().len(), config::SESSIONS_MAX);
        assert!(sessions.lookup(&with_cookie(&first), later).is_none());
    }

    #[test]
    fn a_cookie_is_for_our_own_pages() {
        for (id, secure, expected) in [
            (
                "x",
                false,
                "nimesha_session=x; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict",
            ),
            (
                "x",
                true,
                "nimesha_session=x; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure",
            ),
            (
                "",
                false,
                "nimesha_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict",
            ),
        ] {
            assert_eq!(cookie(id, secure), expected);
        }
    }
}
