//! Answers as the pages give them: HTML under a strict policy, compressed where that is worth it, and redirects.

use std::borrow::Cow;
use std::io::Read;

use flate2::Compression;
use flate2::read::GzEncoder;
use maud::Markup;

use crate::config;
use crate::http::{Answer, Body, Request};

/// Nothing from elsewhere, nothing inline, no plugins, no frames around us: what slips through the escaping does nothing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page.
pub(super) fn html(status: u16, markup: Markup) -> Answer {
    let body = Body::Bytes(Cow::Owned(markup.into_string().into_bytes()));
    Answer::new(status, body)
        .with_header("Content-Type", "text/html; charset=utf-8")
        .with_header("Content-Security-Policy", POLICY)
        .with_header("X-Content-Type-Options", "nosniff")
        .with_header("X-Frame-Options", "DENY")
        .with_header("Referrer-Policy", "same-origin")
        // Pages show commands and output, which no cache has to keep.
        .with_header("Cache-Control", "no-store")
}

/// Sends the browser on with GET, so that a reload repeats nothing.
pub(super) fn see_other(to: &str) -> Answer {
    Answer::empty(303).with_header("Location", to)
}

/// `answer`, compressed if there is enough of it and the client takes that.
pub(super) fn compressed(answer: Answer, gzip: bool) -> Answer {
    let ready = answer.header("content-encoding").is_some();
    let Body::Bytes(bytes) = &answer.body else {
        return answer;
    };
    if ready || bytes.len() < config::GZIP_BYTES_MIN {
        return answer;
    }
    let small = gzip.then(|| {
        let mut small = Vec::with_capacity(bytes.len() / 4);
        GzEncoder::new(&**bytes, Compression::fast())
            .read_to_end(&mut small)
            .expect("a slice can be read");
        small
    });
    let answer = answer.with_header("Vary", "Accept-Encoding");
    match small {
        None => answer,
        Some(small) => {
            let answer = Answer {
                body: Body::Bytes(Cow::Owned(small)),
                ..answer
            };
            answer.with_header("Content-Encoding", "gzip")
        }
    }
}

/// Whether `Accept-Encoding` names gzip with a weight that is not zero.
pub(super) fn takes_gzip(request: &Request) -> bool {
    let lines = request.headers.get_all("accept-encoding");
    lines.flat_map(|line| line.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight
            .trim()
            .strip_prefix("q=")
            .is_some_and(|q| q.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use maud::html;
    use tiny_http::Method;

    #[test]
    fn only_large_pages_are_compressed_for_those_who_take_it() {
        let large = || html(200, html! { p { ("x".repeat(5_000)) } });
        assert_eq!(
            compressed(large(), true).header("content-encoding"),
            Some("gzip")
        );
        assert_eq!(compressed(large(), false).header("content-encoding"), None);
        let small = html(200, html! { p { "x" } });
        assert_eq!(compressed(small, true).header("content-encoding"), None);
        for (accept, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.1", true),
            ("gzip;q=0", false),
            ("br", false),
        ] {
            let mut request = Request::new(Method::Get, "/webui/");
            request.headers.push("Accept-Encoding", accept.as_bytes());
            assert_eq!(takes_gzip(&request), takes, "{accept}");
        }
    }

    #[test]
    fn pages_allow_nothing_inline() {
        let answer = html(200, html! {});
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    }
}
