//! What follows the `?` of a request: names and values, as forms write them.
//!
//! Names that a route does not know are let in, as Kala does it: pages add such to get past a cache.

use std::str::FromStr;

use crate::clock::Timestamp;

use super::error::ApiError;
use super::wire;

/// The query of a request, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `name=value&name=value`.
    pub(super) fn parse(text: &str) -> Query {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Query(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(name), decode(value))
                })
                .collect(),
        )
    }

    /// The value under `name`; of several the last.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rfind(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether `name` is given with `word`, the only value that it may have.
    pub(super) fn is(&self, name: &str, word: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None => Ok(false),
            Some(value) if value == word => Ok(true),
            Some(value) => Err(bad(name, value, &format!("{word:?} or be left out"))),
        }
    }

    /// The value under `name`, if it is given; `expected` says what it must be.
    pub(super) fn read<T: FromStr>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, ApiError> {
        self.get(name)
            .map(|value| value.parse().map_err(|_| bad(name, value, expected)))
            .transpose()
    }

    /// A time under `name`. The `+` of its offset may stand there as it is, which in a query means a space.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let expected = "a time with its offset such as \"2027-01-04T09:00:00Z\"";
        self.get(name)
            .map(|value| {
                let time = wire::instant(&value.replace(' ', "+"));
                time.ok_or_else(|| bad(name, value, expected))
            })
            .transpose()
    }

    /// A number under `name`, from 1 to `max`.
    pub(super) fn count(&self, name: &str, max: usize) -> Result<Option<usize>, ApiError> {
        let expected = format!("a whole number from 1 to {max}");
        let number = self.read(name, &expected)?;
        match number {
            Some(number) if !(1..=max).contains(&number) => {
                Err(bad(name, &number.to_string(), &expected))
            }
            number => Ok(number),
        }
    }
}

/// The refusal of a value that is not what is `expected`.
pub(super) fn bad(name: &str, value: &str, expected: &str) -> ApiError {
    ApiError::new(
        400,
        format!("{name} in the query must be {expected}, but is {value:?}"),
    )
}

/// Undoes percent-encoding; what is not UTF-8 then becomes U+FFFD, and a stray `%` stands for itself.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let (byte, tail) = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, tail),
                _ => (first, &rest[1..]),
            },
            (b'+', tail) => (b' ', tail),
            (byte, tail) => (byte, tail),
        };
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_queries() {
        let query = Query::parse("name=a%20b+c%26&&x&tag=%zz%4&name=last%C3%A9%ff");
        assert_eq!(query.get("name"), Some("lasté\u{fffd}"));
        assert_eq!(query.get("x"), Some(""));
        assert_eq!(query.get("tag"), Some("%zz%4"));
        assert_eq!(query.get("y"), None);
        assert_eq!(Query::parse("a=a%20b+c%26").get("a"), Some("a b c&"));
        assert_eq!(Query::parse("limit=5").count("limit", 9).unwrap(), Some(5));
        assert_eq!(Query::parse("").count("limit", 9).unwrap(), None);
        assert!(Query::parse("unique=name").is("unique", "name").unwrap());
        for time in ["1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00Z"] {
            let query = Query::parse(&format!("from={time}"));
            assert_eq!(query.time("from").unwrap(), Some(Timestamp::EPOCH));
        }
    }

    #[test]
    fn err_queries() {
        for text in ["limit=0", "limit=10", "limit=x", "limit=-1", "limit="] {
            let error = Query::parse(text).count("limit", 9).unwrap_err();
            let value = &text["limit=".len()..];
            assert_eq!(
                error.message(),
                format!("limit in the query must be a whole number from 1 to 9, but is {value:?}")
            );
        }
        let error = Query::parse("to=soon").time("to").unwrap_err();
        assert_eq!(
            error.message(),
            "to in the query must be a time with its offset such as \"2027-01-04T09:00:00Z\", but is \"soon\""
        );
        let error = Query::parse("unique=id").is("unique", "name").unwrap_err();
        assert_eq!(
            error.message(),
            "unique in the query must be \"name\" or be left out, but is \"id\""
        );
    }
}
