//! Writing JSON by hand, straight into the bytes of an answer.
//!
//! A list of jobs is megabytes and is written on every refresh of a page, so nothing stands between a job and its bytes:
//! no tree of values and no derive, whose escaping differs from Kala's as well.

use std::fmt::{Display, Write as _};

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::schedule::Zone;

/// JSON in the making. Commas set themselves: one is due unless an object or list has just been opened.
#[derive(Debug, Default)]
pub struct Json(String);

impl Json {
    /// An empty text with room for `bytes`.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Json {
        Json(String::with_capacity(bytes))
    }

    /// The text, ended by a line break as Kala's are.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.0.push('\n');
        self.0.into_bytes()
    }

    /// The text as it is.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }

    /// Forgets what is written, and goes on in the middle of it: a comma is due.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What is written so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Opens an object or list: `{` or `[`.
    pub fn open(&mut self, bracket: char) -> &mut Json {
        self.0.push(bracket);
        self
    }

    /// Closes it.
    pub fn close(&mut self, bracket: char) {
        self.0.push(bracket);
    }

    /// Sets the comma before an item of a list, where one is due.
    pub fn item(&mut self) -> &mut Json {
        if !matches!(self.0.as_bytes().last(), Some(b'{' | b'[')) {
            self.0.push(',');
        }
        self
    }

    /// Sets a key that needs no escaping.
    pub fn key(&mut self, name: &str) -> &mut Json {
        self.item().0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self
    }

    /// Sets a key of any text.
    pub fn any_key(&mut self, name: &str) -> &mut Json {
        self.item().string(name);
        self.0.push(':');
        self
    }

    /// Sets a value that is JSON already.
    pub fn raw(&mut self, json: &str) {
        self.0.push_str(json);
    }

    /// Sets `true` or `false`.
    pub fn flag(&mut self, flag: bool) {
        self.raw(if flag { "true" } else { "false" });
    }

    /// Sets a whole number.
    pub fn number(&mut self, number: impl Display) {
        write!(self.0, "{number}").expect("a String takes everything");
    }

    /// Sets an id.
    pub fn id(&mut self, id: Uuid) {
        let mut text = Uuid::encode_buffer();
        self.0.push('"');
        self.0.push_str(id.hyphenated().encode_lower(&mut text));
        self.0.push('"');
    }

    /// Sets an instant, or the zero time for one that has not come about.
    pub fn time(&mut self, time: Option<Timestamp>, zone: Zone) {
        self.0.push('"');
        match time {
            None => self.raw("0001-01-01T00:00:00Z"),
            Some(time) => zone.write(time, &mut self.0),
        }
        self.0.push('"');
    }

    /// Sets a string, escaped as Go does it: `<`, `>`, `&` and the two line separators too, so that the text can stand
    /// in a page.
    pub fn string(&mut self, text: &str) {
        self.0.push('"');
        let mut rest = text;
        while let Some(at) = rest.find(needs_escape) {
            let (plain, from) = rest.split_at(at);
            let mut chars = from.chars();
            self.0.push_str(plain);
            self.escape(chars.next().unwrap_or_default());
            rest = chars.as_str();
        }
        self.0.push_str(rest);
        self.0.push('"');
    }

    fn escape(&mut self, c: char) {
        match c {
            '"' => self.raw("\\\""),
            '\\' => self.raw("\\\\"),
            '\n' => self.raw("\\n"),
            '\r' => self.raw("\\r"),
            '\t' => self.raw("\\t"),
            _ => write!(self.0, "\\u{:04x}", u32::from(c)).expect("a String takes everything"),
        }
    }
}

fn needs_escape(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}' | '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does_it() {
        let rows = [
            ("", r#""""#),
            ("plain", r#""plain""#),
            (
                "<a&b>\u{2028}é\u{fffd}",
                r#""\u003ca\u0026b\u003e\u2028é�""#,
            ),
            ("\u{2029}\u{2027}…", "\"\\u2029\u{2027}…\""),
            ("a\"b\\c", r#""a\"b\\c""#),
            (
                "\n\r\t\u{0}\u{1f}\u{7f}",
                "\"\\n\\r\\t\\u0000\\u001f\u{7f}\"",
            ),
        ];
        for (text, expected) in rows {
            let mut json = Json::default();
            json.string(text);
            assert_eq!(json.0, expected);
        }
    }

    #[test]
    fn commas_set_themselves() {
        let mut json = Json::default();
        json.open('{').key("a").open('[');
        json.item().number(1);
        json.item().number(-2);
        json.close(']');
        json.key("b").flag(true);
        json.any_key("c\"").open('{').close('}');
        json.close('}');
        assert_eq!(json.finish(), b"{\"a\":[1,-2],\"b\":true,\"c\\\"\":{}}\n");
    }
}
