//! The one form of a path, in which rooms above compare it. Left out: what a path leads to, and whether it may.

use std::borrow::Cow;

/// A path as all that are equivalent to it are written: what may stand for itself does (RFC 3986, section 6.2.2.2), so
/// that nobody comes to a route under another spelling than its guard knows; and repeated slashes are one, since a base
/// address that ends with a slash makes them, and Kala led such requests on. An encoded slash (`%2F`) stays one.
pub(super) fn normal(path: &str) -> String {
    let plain = plain(path);
    if !plain.contains("//") {
        return plain.into_owned();
    }
    let mut one = String::with_capacity(plain.len());
    for c in plain.chars() {
        if c != '/' || !one.ends_with('/') {
            one.push(c);
        }
    }
    one
}

/// With each `%41` that means an unreserved character as that character; whatever else is encoded stays as it is.
fn plain(path: &str) -> Cow<'_, str> {
    let Some((before, encoded)) = path.split_once('%') else {
        return Cow::Borrowed(path);
    };
    let mut plain = before.to_owned();
    for part in encoded.split('%') {
        match unreserved(part) {
            Some(c) => {
                plain.push(c);
                plain.push_str(&part[2..]);
            }
            None => {
                plain.push('%');
                plain.push_str(part);
            }
        }
    }
    Cow::Owned(plain)
}

/// The character of two hexadecimal digits at the beginning, if it is one that needs no encoding anywhere.
fn unreserved(part: &str) -> Option<char> {
    let digits = part.get(..2).filter(|two| !two.starts_with('+'))?;
    let c = char::from(u8::from_str_radix(digits, 16).ok()?);
    (c.is_ascii_alphanumeric() || "-._~".contains(c)).then_some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_paths_of_one_meaning_are_one() {
        for (sent, meant) in [
            ("/", "/"),
            ("*", "*"),
            ("/api/v1/job/", "/api/v1/job/"),
            ("//api///v1//", "/api/v1/"),
            ("/api/v1/%6aob/", "/api/v1/job/"),
            ("/api/v1/%6A%6f%62", "/api/v1/job"),
            ("/%61%2D%5f%7E%2e9", "/a-_~.9"),
            // What means something else when it is decoded, or nothing.
            ("/a%2Fb", "/a%2Fb"),
            ("/%2F/", "/%2F/"),
            ("/%20%25%41", "/%20%25A"),
            ("/%2541", "/%2541"),
            ("/%c3%A4", "/%c3%A4"),
            ("/%", "/%"),
            ("/%4", "/%4"),
            ("/%+4%-1%zz", "/%+4%-1%zz"),
            ("/%%41", "/%A"),
            ("/ä%aä", "/ä%aä"),
        ] {
            assert_eq!(normal(sent), meant, "{sent}");
        }
    }
}
