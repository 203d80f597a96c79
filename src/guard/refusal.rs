//! Why somebody is not let in, and how that is said: to a script as the API's errors, to a person by the page that asks
//! for a token.

use tiny_http::Method;

use super::{access, throttle};
use crate::http::{Answer, Body, Request, Role};

/// Why a request does not get through.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It names a host that we do not answer for, and how to name it.
    Misdirected(String),
    /// It is of another site's page, and what showed that.
    Foreign(String),
    /// It shows nothing that lets it in.
    NoToken,
    /// It shows a token or a session that is none.
    WrongToken,
    /// There were too many such.
    TooManyWrong,
    /// The token's role is not enough.
    Role {
        /// The token's name.
        name: String,
        /// What it may do.
        has: Role,
        /// What it would have to.
        needs: Role,
    },
}

impl Refusal {
    /// Whom it is said to, as far as that is known.
    pub(super) fn who(&self) -> &str {
        match self {
            Refusal::Role { name, .. } => name,
            _ => "-",
        }
    }

    /// The answer that says so.
    pub(super) fn answer(&self, request: &Request) -> Answer {
        match self {
            Refusal::Misdirected(why) => Answer::error(421, why),
            Refusal::Foreign(why) => Answer::error(403, why),
            Refusal::NoToken if came_by_link(request) => come_again(),
            Refusal::NoToken | Refusal::WrongToken if wants_a_page(request) => to_sign_in(""),
            Refusal::NoToken => unauthorized(
                "Bearer realm=\"nimesha\"",
                "this server asks for a token: send the header Authorization: Bearer SECRET, with a secret of its token file",
            ),
            Refusal::WrongToken => unauthorized(
                "Bearer realm=\"nimesha\", error=\"invalid_token\"",
                "this token is not, or no longer, in the server's token file",
            ),
            Refusal::TooManyWrong => Answer::error(
                429,
                "too many wrong tokens came from your address: try again later",
            )
            .with_header("Retry-After", &throttle::retry_after()),
            Refusal::Role { name, has, needs } => Answer::error(
                403,
                &format!(
                    "this needs a token with the role {needs}, but {name:?} has the role {has}"
                ),
            ),
        }
    }
}

/// Sends a browser to the page that asks for a token, with a word for what went wrong.
pub(super) fn to_sign_in(word: &str) -> Answer {
    let query = if word.is_empty() {
        String::new()
    } else {
        format!("?why={word}")
    };
    Answer::empty(303).with_header("Location", &format!("{}{query}", access::SIGN_IN))
}

/// Whether a link of another site led here; of all that comes from there, only that gets so far.
fn came_by_link(request: &Request) -> bool {
    let site = request.header("sec-fetch-site");
    site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

/// Has the browser come once more, from a page of ours: it keeps the cookie of a session from links of other sites, so
/// somebody who is signed in would be asked to sign in again.
fn come_again() -> Answer {
    const PAGE: &str = "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Nimesha</title>\
        <meta http-equiv=\"refresh\" content=\"0; url=/webui/\"><a href=\"/webui/\">Nimesha</a></html>\n";
    let body = Body::Bytes(PAGE.as_bytes().into());
    Answer::new(200, body)
        .with_header("Content-Type", "text/html; charset=utf-8")
        .with_header(
            "Content-Security-Policy",
            "default-src 'none'; frame-ancestors 'none'",
        )
        .with_header("Cache-Control", "no-store")
}

fn unauthorized(challenge: &str, why: &str) -> Answer {
    Answer::error(401, why).with_header("WWW-Authenticate", challenge)
}

/// Whether a person is waiting for a page.
fn wants_a_page(request: &Request) -> bool {
    let reads_html = request
        .header("accept")
        .is_some_and(|accept| accept.contains("text/html"));
    access::is_page(&request.path) && (reads_html || request.method != Method::Get)
}
