//! Reading JSON objects key by key: which keys exist is a table, and every refusal says which key it is about, what was
//! expected, what was found, and shows an example.
//!
//! serde's derive is not used here: it can neither match keys without regard to case, nor let the last of several win,
//! nor name the nearest known key, all of which clients of Kala and their authors need.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::nearest::nearest;

/// Why a body was refused, in words for its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadBody(pub String);

/// A JSON object with its keys in the order in which they were written, repeated ones included.
#[derive(Clone, Debug, Default)]
pub(super) struct Object(Vec<(String, Value)>);

/// A key that an object may have.
pub(super) struct Key<T> {
    /// Its name, matched without regard to case.
    pub(super) name: &'static str,
    /// A valid value of it, for messages.
    pub(super) example: &'static str,
    /// Takes over its value.
    pub(super) set: fn(&mut T, &Field<'_>) -> Result<(), BadBody>,
}

/// A row of a table of keys.
pub(super) const fn key<T>(
    name: &'static str,
    example: &'static str,
    set: fn(&mut T, &Field<'_>) -> Result<(), BadBody>,
) -> Key<T> {
    Key { name, example, set }
}

/// Puts what was read where it belongs.
pub(super) fn put<V>(place: &mut V, read: Result<V, BadBody>) -> Result<(), BadBody> {
    *place = read?;
    Ok(())
}

/// A key's value, with what a message about it needs.
pub(super) struct Field<'a> {
    within: &'static str,
    name: &'static str,
    example: &'static str,
    value: &'a Value,
}

impl Object {
    /// Parses a body that must be one object and nothing after it; `example` is shown when it is not.
    ///
    /// # Errors
    /// When it is not JSON, or not an object.
    pub(super) fn parse(body: &[u8], example: &str) -> Result<Object, BadBody> {
        if body.trim_ascii().is_empty() {
            return Err(BadBody(format!(
                "the body is empty: send a JSON object such as {example}"
            )));
        }
        serde_json::from_slice(body).map_err(|why| {
            BadBody(format!(
                "the body is not a JSON object: {why}; send one such as {example}"
            ))
        })
    }

    /// The object that stands under the only key `name`, if this is such a wrapping.
    pub(super) fn unwrapped(self, name: &str) -> Object {
        match self.0.as_slice() {
            [(key, Value::Object(inner))] if key.eq_ignore_ascii_case(name) => {
                Object::from(inner.clone())
            }
            _ => self,
        }
    }

    /// The entries whose keys stand in a table, and the others.
    pub(super) fn split<T>(self, keys: &[Key<T>]) -> (Object, Object) {
        let known = |name: &str| keys.iter().any(|key| key.name.eq_ignore_ascii_case(name));
        let (these, others) = self.0.into_iter().partition(|(name, _)| known(name));
        (Object(these), Object(others))
    }

    /// Hands each value to its key's setter, in the order written, so that the last of a repeated key wins. `within`
    /// leads the keys' names in messages.
    ///
    /// # Errors
    /// At an unknown key, and whatever a setter refuses.
    pub(super) fn fill<T>(
        &self,
        target: &mut T,
        keys: &[Key<T>],
        within: &'static str,
    ) -> Result<(), BadBody> {
        for (name, value) in &self.0 {
            let key = keys
                .iter()
                .find(|key| key.name.eq_ignore_ascii_case(name))
                .ok_or_else(|| unknown_key(within, name, keys.iter().map(|key| key.name)))?;
            let field = Field {
                within,
                name: key.name,
                example: key.example,
                value,
            };
            (key.set)(target, &field)?;
        }
        Ok(())
    }
}

impl From<Map<String, Value>> for Object {
    fn from(map: Map<String, Value>) -> Object {
        Object(map.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

impl Field<'_> {
    /// A string; null is the empty one.
    pub(super) fn text(&self) -> Result<String, BadBody> {
        match self.value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            _ => Err(self.must_be("a string")),
        }
    }

    /// A truth value; null is false.
    pub(super) fn flag(&self) -> Result<bool, BadBody> {
        match self.value {
            Value::Null => Ok(false),
            Value::Bool(flag) => Ok(*flag),
            _ => Err(self.must_be("true or false")),
        }
    }

    /// A whole number from 0 to `max`; null is 0.
    pub(super) fn count(&self, max: u32) -> Result<u32, BadBody> {
        match self.value {
            Value::Null => Ok(0),
            value => value
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .filter(|number| *number <= max)
                .ok_or_else(|| self.must_be(&format!("a whole number from 0 to {max}"))),
        }
    }

    /// A whole number from 0; null is 0.
    pub(super) fn whole(&self) -> Result<u64, BadBody> {
        match self.value {
            Value::Null => Ok(0),
            value => value
                .as_u64()
                .ok_or_else(|| self.must_be("a whole number from 0 on")),
        }
    }

    /// A list of strings; null is the empty one.
    pub(super) fn texts(&self) -> Result<Vec<String>, BadBody> {
        self.list("a list of strings", |value| {
            value.as_str().map(str::to_owned)
        })
    }

    /// A list of whole numbers of 16 bits; null is the empty one.
    pub(super) fn numbers(&self) -> Result<Vec<u16>, BadBody> {
        self.list("a list of whole numbers", |value| {
            value.as_u64().and_then(|number| u16::try_from(number).ok())
        })
    }

    /// One of a few words; null and the empty string are the default.
    pub(super) fn word<W: Copy + Default>(&self, words: &[(&str, W)]) -> Result<W, BadBody> {
        match self.value {
            Value::Null => Ok(W::default()),
            Value::String(text) if text.is_empty() => Ok(W::default()),
            value => words
                .iter()
                .find(|(word, _)| value == word)
                .map(|(_, meaning)| *meaning)
                .ok_or_else(|| self.must_be(&one_of(words.iter().map(|(word, _)| *word)))),
        }
    }

    /// An object whose values `read` takes over one by one; null is the empty one.
    pub(super) fn entries<V, C: FromIterator<(String, V)>>(
        &self,
        expected: &str,
        read: impl Fn(&Value) -> Option<V>,
    ) -> Result<C, BadBody> {
        let entries = match self.value {
            Value::Null => return Ok(C::from_iter([])),
            Value::Object(entries) => entries,
            _ => return Err(self.must_be(expected)),
        };
        entries
            .iter()
            .map(|(name, value)| Some((name.clone(), read(value)?)))
            .collect::<Option<C>>()
            .ok_or_else(|| self.refuse(expected, "an object with something else in it"))
    }

    /// An object with keys of its own; null is the empty one.
    pub(super) fn object(&self) -> Result<Object, BadBody> {
        match self.value {
            Value::Null => Ok(Object::default()),
            Value::Object(entries) => Ok(Object::from(entries.clone())),
            _ => Err(self.must_be("an object")),
        }
    }

    /// The value as it stands.
    pub(super) fn value(&self) -> &Value {
        self.value
    }

    fn list<V>(
        &self,
        expected: &str,
        read: impl Fn(&Value) -> Option<V>,
    ) -> Result<Vec<V>, BadBody> {
        match self.value {
            Value::Null => Ok(Vec::new()),
            Value::Array(items) => items
                .iter()
                .map(read)
                .collect::<Option<Vec<V>>>()
                .ok_or_else(|| self.refuse(expected, "a list with something else in it")),
            _ => Err(self.must_be(expected)),
        }
    }

    /// The refusal of a value that is not what is `expected`.
    pub(super) fn must_be(&self, expected: &str) -> BadBody {
        let found = match self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => format!("the number {number}"),
            Value::String(text) => format!("the string {:?}", shortened(text)),
            // What is in them may be secret or long.
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        };
        self.refuse(expected, &found)
    }

    fn refuse(&self, expected: &str, found: &str) -> BadBody {
        BadBody(format!(
            "{}{} must be {expected}, for example {}, but is {found}",
            self.within, self.name, self.example
        ))
    }
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    format!("one of {}", words.join(", "))
}

fn unknown_key<'a>(within: &str, name: &str, known: impl Iterator<Item = &'a str>) -> BadBody {
    let known: Vec<&str> = known.collect();
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean \"{within}{near}\"?"),
        None => format!("known are {}", known.join(", ")),
    };
    let shown = format!("{within}{}", shortened(name));
    BadBody(format!("the key {shown:?} is unknown: {hint}"))
}
