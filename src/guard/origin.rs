//! Where a request was sent to and from which page: what keeps other sites out of a browser that can reach us.
//!
//! A browser sends requests for any page that it shows, from inside the owner's network and with the owner's cookies.
//! It says in `Origin` and `Sec-Fetch-Site` for whom, which a page cannot forge. `Host` tells of names that somebody has
//! made to point at us (DNS rebinding): to the browser, a page under such a name is of our own origin.

use std::net::{IpAddr, Ipv6Addr};

use tiny_http::Method;

use super::access;
use crate::config;
use crate::http::{Peer, Request};

/// The names under which the server may be asked, beside its addresses and `localhost`.
#[derive(Debug)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// `names` are those of `--allow-host`.
    pub(super) fn new(names: &[String]) -> Names {
        Names(names.iter().map(|name| plain(name)).collect())
    }

    /// Whether the request names a host that we answer for.
    ///
    /// # Errors
    /// Says how to name it.
    pub(super) fn check_host(&self, request: &Request) -> Result<(), String> {
        let Some(host) = request.header("host") else {
            // Only HTTP/1.0 gets here without one, which no browser speaks.
            return Ok(());
        };
        let name = plain(name_of(host));
        if request.peer == Peer::Unix
            || is_address(&name)
            || name == "localhost"
            || self.0.contains(&name)
        {
            return Ok(());
        }
        let shown = clipped(&name);
        Err(format!(
            "this server does not answer for the host {shown:?}: use its address or localhost, or start it with \
             --allow-host {shown}"
        ))
    }

    /// Whether the request is from one of our own pages, or from no page at all.
    ///
    /// # Errors
    /// Says why it is refused.
    pub(super) fn check_origin(&self, request: &Request) -> Result<(), String> {
        if is_entering(request) {
            return Ok(());
        }
        let site = request.header("sec-fetch-site").unwrap_or("none");
        if !matches!(site, "same-origin" | "none") {
            return Err(format!(
                "a page of another site sent this request (Sec-Fetch-Site is {:?}): open the page itself",
                clipped(site)
            ));
        }
        match request.header("origin") {
            Some(origin) if !self.is_ours(origin, request.header("host")) => Err(format!(
                "a page of another site sent this request (its Origin is {:?}): open the page itself, or start the \
                 server with --allow-host if it is reached under that name",
                clipped(origin)
            )),
            _ => Ok(()),
        }
    }

    /// `null`, of sandboxed and local pages, is nobody's.
    fn is_ours(&self, origin: &str, host: Option<&str>) -> bool {
        let Some(authority) = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"))
        else {
            return false;
        };
        let same = host.is_some_and(|host| host.eq_ignore_ascii_case(authority));
        same || self.0.contains(&plain(name_of(authority)))
    }
}

/// Whether somebody comes in by a link: a whole page is opened, at an entrance, which shows nothing that its address
/// could have put there.
fn is_entering(request: &Request) -> bool {
    let is = |name, value| request.header(name) == Some(value);
    request.method == Method::Get
        && access::is_entrance(&request.path)
        && request.query.is_empty()
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
}

/// The name or address of `host[:port]`; IPv6 keeps its brackets.
fn name_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    }
}

/// Names are the same in any case, and with the dot of the root.
fn plain(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.to_ascii_lowercase()
}

fn is_address(name: &str) -> bool {
    match name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(inside) => inside.parse::<Ipv6Addr>().is_ok(),
        None => name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_ipv4()),
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(config::SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(&["Jobs.Example.com".to_owned()])
    }

    fn request(target: &str, fields: &[(&str, &str)]) -> Request {
        let mut request = Request::new(Method::Get, target);
        request.peer = Peer::Tcp("127.0.0.1:9".parse().unwrap());
        for (name, value) in fields {
            request.headers.push(name, value.as_bytes());
        }
        request
    }

    #[test]
    fn hosts_that_cannot_be_rebound_are_answered() {
        for (host, answered) in [
            ("127.0.0.1:8000", true),
            ("10.1.2.3", true),
            ("[::1]:8000", true),
            ("[2001:db8::1]", true),
            ("localhost", true),
            ("LocalHost.:8000", true),
            ("jobs.example.com", true),
            ("JOBS.example.com.:443", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("jobs.example.com.evil.example:80", false),
            ("127.1", false),
            ("0x7f000001", false),
            ("[::1", false),
            ("::1", false),
            ("", false),
            (":8000", false),
        ] {
            let checked = names().check_host(&request("/", &[("Host", host)]));
            assert_eq!(checked.is_ok(), answered, "{host:?}");
        }
        assert_eq!(names().check_host(&request("/", &[])), Ok(()));
        let mut unix = request("/", &[("Host", "evil.example")]);
        unix.peer = Peer::Unix;
        assert_eq!(names().check_host(&unix), Ok(()));
    }

    #[test]
    fn only_our_own_pages_may_send_requests() {
        const HOST: (&str, &str) = ("Host", "10.0.0.1:8000");
        for (fields, allowed) in [
            (&[HOST][..], true),
            (&[HOST, ("Origin", "http://10.0.0.1:8000")], true),
            (&[HOST, ("Origin", "https://10.0.0.1:8000")], true),
            (&[HOST, ("Origin", "https://jobs.example.com")], true),
            (&[HOST, ("Origin", "http://10.0.0.1")], false),
            (&[HOST, ("Origin", "http://10.0.0.1:8001")], false),
            (&[HOST, ("Origin", "http://evil.example")], false),
            (
                &[HOST, ("Origin", "http://10.0.0.1:8000.evil.example")],
                false,
            ),
            (&[HOST, ("Origin", "file://10.0.0.1:8000")], false),
            (&[HOST, ("Origin", "null")], false),
            (&[HOST, ("Origin", "")], false),
            (&[("Origin", "http://10.0.0.1:8000")], false),
            (&[HOST, ("Sec-Fetch-Site", "same-origin")], true),
            (&[HOST, ("Sec-Fetch-Site", "none")], true),
            (&[HOST, ("Sec-Fetch-Site", "same-site")], false),
            (&[HOST, ("Sec-Fetch-Site", "cross-site")], false),
            (&[HOST, ("Sec-Fetch-Site", "")], false),
            (
                &[HOST, ("Sec-Fetch-Site", "same-origin"), ("Origin", "null")],
                false,
            ),
        ] {
            let checked = names().check_origin(&request("/api/v1/job/", fields));
            assert_eq!(checked.is_ok(), allowed, "{fields:?}");
        }
    }

    #[test]
    fn a_link_from_anywhere_leads_to_an_entrance_alone() {
        let link = [
            ("Host", "10.0.0.1:8000"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Mode", "navigate"),
            ("Sec-Fetch-Dest", "document"),
        ];
        for (target, allowed) in [
            ("/", true),
            ("/webui/", true),
            ("/webui/?did=delete", false),
            ("/webui/new?command=true", false),
            ("/api/v1/job/", false),
        ] {
            let checked = names().check_origin(&request(target, &link));
            assert_eq!(checked.is_ok(), allowed, "{target}");
        }
        let frame = [link[0], link[1], link[2], ("Sec-Fetch-Dest", "iframe")];
        assert!(names().check_origin(&request("/", &frame)).is_err());
        let mut post = request("/", &link);
        post.method = Method::Post;
        assert!(names().check_origin(&post).is_err());
    }
}
