//! A request as handlers see it: whole, and owned, because its answer may be made later and elsewhere.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use tiny_http::Method;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Over the network, from this address.
    Tcp(SocketAddr),
    /// Over the Unix socket, whose file mode is the gate.
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.fmt(f),
            Peer::Unix => f.write_str("unix"),
        }
    }
}

/// What a caller may do. Each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look, at all but secrets.
    Read,
    /// Also start and end runs, switch jobs on and off, pause and go on.
    Operate,
    /// Everything.
    Admin,
}

impl Role {
    const WORDS: [(&'static str, Role); 3] = [
        ("read", Role::Read),
        ("operate", Role::Operate),
        ("admin", Role::Admin),
    ];
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Role, String> {
        let known = Role::WORDS.iter().find(|(word, _)| *word == text);
        known
            .map(|(_, role)| *role)
            .ok_or_else(|| format!("{text:?} is no role: expected read, operate or admin"))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Role::WORDS.iter().find(|(_, role)| role == self);
        f.write_str(known.map_or("?", |(word, _)| word))
    }
}

/// A request that has arrived whole, its body included.
#[derive(Clone, Debug)]
pub struct Request {
    /// As sent; methods are case-sensitive.
    pub method: Method,
    /// The path without the query, repeated slashes as one, percent-encoding left only where it is needed; starts with
    /// `/`, or is `*`.
    pub path: String,
    /// What follows the first `?`, undecoded; empty if there is none.
    pub query: String,
    /// Major and minor version: (1, 0) or (1, 1).
    pub version: (u8, u8),
    /// The header fields. `Host` is the target's authority if the target was an absolute URL, as RFC 9112 3.2.2 asks.
    pub headers: Headers,
    /// The body, its transfer coding undone.
    pub body: Vec<u8>,
    /// Where it comes from.
    pub peer: Peer,
    /// Whether it came by TLS.
    pub secure: bool,
    /// What its sender may do. The least, until whoever guards the handler says more.
    pub role: Role,
}

/// The cookie that stands for a session of the pages.
pub const SESSION_COOKIE: &str = "nimesha_session";

impl Request {
    /// A request as its owner would send it over a Unix socket, for callers without one.
    #[must_use]
    pub fn new(method: Method, target: &str) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Request {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            version: (1, 1),
            headers: Headers::default(),
            body: Vec::new(),
            peer: Peer::Unix,
            secure: false,
            role: Role::Admin,
        }
    }

    /// The value of a cookie; of several of one name the first.
    #[must_use]
    pub fn cookie<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let lines = self.headers.get_all("cookie");
        lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The first header field of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }
}

/// Header fields in the order in which they came. One text holds them all: a browser sends a dozen, and two allocations
/// each would cost more than parsing them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    text: String,
    /// Where in `text` each name and each value ends; a name begins where the value before it ended.
    ends: Vec<(u32, u32)>,
}

impl Headers {
    /// Adds a field. Bytes of the value that are not UTF-8 become U+FFFD.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.text.push_str(name);
        let name_end = self.text.len();
        match str::from_utf8(value) {
            Ok(value) => self.text.push_str(value),
            Err(_) => self.text.push_str(&String::from_utf8_lossy(value)),
        }
        // The text cannot outgrow 32 bits: a head is bounded far below.
        self.ends.push((name_end as u32, self.text.len() as u32));
    }

    /// Makes room for `fields` fields of `bytes` bytes together.
    pub(super) fn with_capacity(fields: usize, bytes: usize) -> Headers {
        Headers {
            text: String::with_capacity(bytes),
            ends: Vec::with_capacity(fields),
        }
    }

    /// The first value under `name`, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All values under `name`, in any case.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |&(name_end, value_end)| {
            let name = &self.text[start..name_end as usize];
            start = value_end as usize;
            (name, &self.text[name_end as usize..start])
        })
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_any_case_and_kept_in_order() {
        let mut headers = Headers::default();
        headers.push("Host", b"a");
        headers.push("X-Empty", b"");
        headers.push("host", b"b");
        headers.push("X-Latin", b"caf\xe9");
        assert_eq!(headers.get("HOST"), Some("a"));
        assert_eq!(headers.get("x-empty"), Some(""));
        assert_eq!(headers.get("x-latin"), Some("caf\u{fffd}"));
        assert_eq!(headers.get("x"), None);
        assert_eq!(headers.get_all("host").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(headers.iter().count(), 4);
    }

    #[test]
    fn cookies_are_found_wherever_they_stand() {
        let mut request = Request::new(Method::Get, "/");
        request.headers.push("Cookie", b"a=1;b=x=y; a=2");
        request.headers.push("cookie", b"c=3;d");
        for (name, value) in [
            ("a", Some("1")),
            ("b", Some("x=y")),
            ("c", Some("3")),
            ("d", None),
        ] {
            assert_eq!(request.cookie(name), value, "{name}");
        }
    }

    #[test]
    fn roles_are_words_and_have_an_order() {
        for (word, role) in Role::WORDS {
            assert_eq!(
                (word.parse(), role.to_string()),
                (Ok(role), word.to_owned())
            );
        }
        assert!(Role::Read < Role::Operate && Role::Operate < Role::Admin);
        assert!("Admin".parse::<Role>().is_err());
    }

    #[test]
    fn a_target_is_split_at_its_first_question_mark() {
        for (target, path, query) in [
            ("/a", "/a", ""),
            ("/a?b", "/a", "b"),
            ("/a?b?c", "/a", "b?c"),
            ("/?", "/", ""),
        ] {
            let request = Request::new(Method::Get, target);
            assert_eq!(
                (request.path.as_str(), request.query.as_str()),
                (path, query)
            );
        }
    }
}
