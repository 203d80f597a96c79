//! What a browser sends: the fields of a query or of a form's body (`application/x-www-form-urlencoded`).

use crate::config;

/// Fields in the order in which they came; a name may come more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads them. What is not UTF-8 becomes U+FFFD; line breaks are `\n`, whatever the browser makes of them.
    pub(super) fn parse(text: &[u8]) -> Fields {
        let pairs = text
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty());
        let read = |pair: &[u8]| {
            let equals = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match equals {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &b""[..]),
            };
            (decode(name), decode(value).replace("\r\n", "\n"))
        };
        Fields(pairs.take(config::WEB_FIELDS_MAX).map(read).collect())
    }

    /// The value of that name, or nothing.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Each value of that name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Whether the name comes with that value: a choice that is taken.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|known| known == value)
    }

    /// Adds a field.
    pub(super) fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }

    /// As a query, without the question mark; empty values are left out.
    pub(super) fn to_query(&self) -> String {
        let given = self.0.iter().filter(|(_, value)| !value.is_empty());
        let pairs = given.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// The same fields with one of them set anew; nothing takes it away.
    pub(super) fn with(&self, name: &str, value: &str) -> Fields {
        let others = self.0.iter().filter(|(known, _)| known != name);
        let mut fields = Fields(others.cloned().collect());
        fields.push(name, value);
        fields
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Fields {
    fn from(pairs: [(&str, &str); N]) -> Fields {
        Fields(
            pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        )
    }
}

fn decode(text: &[u8]) -> String {
    let hex = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match (first, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (byte, _) => *byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Percent-encodes all but what stands for itself everywhere in a URL.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_fields() {
        let fields = Fields::parse(b"a=1&b=x+y%26%C3%A9&a=2&c&=d&bad=%zz%4&lines=1%0D%0A2");
        assert_eq!(fields.get("a"), "1");
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.get("b"), "x y&\u{e9}");
        assert_eq!(fields.get("bad"), "%zz%4");
        assert_eq!(fields.get("lines"), "1\n2");
        assert!(fields.has("c", "") && !fields.has("d", ""));
    }

    #[test]
    fn a_query_is_read_back() {
        let fields = Fields::from([("q", "a b&c=\u{1f550}<"), ("none", "")]);
        let query = fields.with("page", "2").to_query();
        assert_eq!(query, "q=a%20b%26c%3D%F0%9F%95%90%3C&page=2");
        assert_eq!(Fields::parse(query.as_bytes()).get("q"), "a b&c=\u{1f550}<");
    }

    #[test]
    fn fields_have_a_bound() {
        let many = "a=1&".repeat(config::WEB_FIELDS_MAX + 5);
        assert_eq!(
            Fields::parse(many.as_bytes()).all("a").count(),
            config::WEB_FIELDS_MAX
        );
    }
}
