//! Where a server is: what `--url` and `NIMESHA_URL` may say.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::config;

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// Over TCP: scheme, host and port, without a last slash.
    Http(String),
    /// A Unix socket of this machine.
    Unix(PathBuf),
}

impl Url {
    /// What stands before the path of a request. A Unix socket has no host, but HTTP wants one.
    #[must_use]
    pub fn base(&self) -> &str {
        match self {
            Url::Http(base) => base,
            Url::Unix(_) => "http://localhost",
        }
    }
}

impl Default for Url {
    /// Where a server listens that was told nothing.
    fn default() -> Url {
        Url::Http(format!(
            "http://{}:{}",
            config::LISTEN_HOST,
            config::LISTEN_PORT
        ))
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Url, String> {
        const EXPECTED: &str =
            "expected a server such as http://127.0.0.1:8000, or unix:/run/nimesha.sock";
        match text.strip_prefix("unix:") {
            Some("") => return Err(EXPECTED.to_owned()),
            Some(path) => return Ok(Url::Unix(path.into())),
            None => {}
        }
        let full = match text.contains("://") {
            true => text.to_owned(),
            false => format!("http://{text}"),
        };
        let uri: Option<ureq::http::Uri> = full.parse().ok();
        let is_base = |uri: &ureq::http::Uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.path() == "/"
                && uri.query().is_none()
        };
        if uri.as_ref().is_some_and(is_base) {
            return Ok(Url::Http(full.trim_end_matches('/').to_owned()));
        }
        Err(EXPECTED.to_owned())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Url::Http(base) => f.write_str(base),
            Url::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A text for a path or a query: all in it escaped that has a meaning there.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_urls() {
        for (text, shown) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("https://jobs.example.com/", "https://jobs.example.com"),
            ("localhost:2222", "http://localhost:2222"),
            ("[::1]:2222", "http://[::1]:2222"),
            ("unix:/run/n.sock", "unix:/run/n.sock"),
            ("unix:n.sock", "unix:n.sock"),
        ] {
            let url: Url = text.parse().expect(text);
            assert_eq!(url.to_string(), shown);
        }
        assert_eq!(Url::default().to_string(), "http://127.0.0.1:8000");
    }

    #[test]
    fn err_urls() {
        for text in [
            "",
            "unix:",
            "ftp://x",
            "http://",
            "http://x/api/v1/",
            "http://x/?y",
            "http://a b",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_has_a_meaning_in_a_url_is_escaped() {
        assert_eq!(escape("a b&c=ä/%"), "a%20b%26c%3D%C3%A4%2F%25");
        assert_eq!(escape("R_1-2.3~"), "R_1-2.3~");
    }
}
