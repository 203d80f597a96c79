//! Where a redirect leads, and what of a request may go there.

use ureq::http::header::{ACCEPT, ACCEPT_LANGUAGE, CONNECTION, CONTENT_TYPE, USER_AGENT};
use ureq::http::{HeaderMap, Uri};

/// The URL that `location` means in an answer from `base` (RFC 3986, section 5.2); none when `base` is no full one.
pub(super) fn join(base: &Uri, location: &str) -> Option<String> {
    let location = location.split('#').next().unwrap_or_default();
    if has_scheme(location) {
        return Some(location.to_owned());
    }
    let scheme = base.scheme_str()?;
    if location.starts_with("//") {
        return Some(format!("{scheme}:{location}"));
    }
    let (path, query) = match location.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (location, None),
    };
    let path = match path {
        "" => base.path().to_owned(),
        _ if path.starts_with('/') => without_dots(path),
        _ => {
            let folder = base
                .path()
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            without_dots(&format!("{folder}/{path}"))
        }
    };
    let query = match (location, query) {
        ("", _) => base.query(),
        (_, query) => query,
    };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{scheme}://{}{path}{query}", base.authority()?))
}

fn has_scheme(location: &str) -> bool {
    location.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// An absolute path with its `.` and `..` taken out.
fn without_dots(path: &str) -> String {
    let mut kept = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Whether what was meant for `from` may be told to `to`: the same host, and not without TLS where it had it.
pub(super) fn is_same_host(from: &Uri, to: &Uri) -> bool {
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    let downgrade = from.scheme_str() == Some("https") && to.scheme_str() != Some("https");
    host(from) == host(to) && !downgrade
}

/// Takes out all headers but those that are known to hold no secret: a key may stand in one of any name.
pub(super) fn drop_secrets(headers: &mut HeaderMap) {
    const HARMLESS: [ureq::http::HeaderName; 5] = [
        ACCEPT,
        ACCEPT_LANGUAGE,
        CONNECTION,
        CONTENT_TYPE,
        USER_AGENT,
    ];
    let kept = std::mem::take(headers);
    let mut name = None;
    for (next, value) in kept {
        name = next.or(name);
        if let Some(name) = name.as_ref().filter(|name| HARMLESS.contains(name)) {
            headers.append(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_joined() {
        let base: Uri = "http://u:p@a.test:8/b/c/d?q=1".parse().unwrap();
        for (location, expected) in [
            ("https://x.test/y", "https://x.test/y"),
            ("//x.test/y", "http://x.test/y"),
            ("/y?z", "http://u:p@a.test:8/y?z"),
            ("y", "http://u:p@a.test:8/b/c/y"),
            ("./y/", "http://u:p@a.test:8/b/c/y/"),
            ("../y", "http://u:p@a.test:8/b/y"),
            ("../../../y/..", "http://u:p@a.test:8/"),
            ("?z=2", "http://u:p@a.test:8/b/c/d?z=2"),
            ("", "http://u:p@a.test:8/b/c/d?q=1"),
            ("#f", "http://u:p@a.test:8/b/c/d?q=1"),
            ("y?a=b:c#d", "http://u:p@a.test:8/b/c/y?a=b:c"),
        ] {
            assert_eq!(
                join(&base, location).as_deref(),
                Some(expected),
                "{location}"
            );
        }
    }

    #[test]
    fn secrets_stay_with_their_host() {
        for (from, to, same) in [
            ("http://a.test/", "http://A.test:81/x", true),
            ("http://a.test/", "https://a.test/", true),
            ("https://a.test/", "http://a.test/", false),
            ("http://a.test/", "http://b.a.test/", false),
        ] {
            let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
            assert_eq!(is_same_host(&from, &to), same, "{from} {to}");
        }
    }
}
