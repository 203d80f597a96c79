//! Answers that come as they are made: what a run writes, and what happens on the server.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use super::{ClientError, Url};
use crate::config;

/// What happened, as the server tells it (WHATWG HTML, section 9.2, as far as this server goes).
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number, to go on from after the connection was lost. The greeting has the number of the last event.
    pub id: Option<u64>,
    /// What it is, such as `run_started`; empty for a sign of life.
    pub kind: String,
    /// What is known of it; null where nothing is.
    pub data: Value,
}

/// The events of a server, until the connection is lost.
pub struct EventStream {
    lines: BufReader<Box<dyn Read + Send>>,
    url: Url,
}

impl EventStream {
    pub(super) fn new(body: Box<dyn Read + Send>, url: &Url) -> EventStream {
        EventStream {
            lines: BufReader::new(body),
            url: url.clone(),
        }
    }

    /// Waits for the next event. A server on which nothing happens gives a sign of life now and then.
    ///
    /// # Errors
    /// When the connection is lost, or what comes are no events.
    pub fn next_event(&mut self) -> Result<Event, ClientError> {
        let mut event = Event {
            id: None,
            kind: String::new(),
            data: Value::Null,
        };
        loop {
            let line = self.line()?;
            let (field, value) = match line.split_once(':') {
                Some((field, value)) => (field, value.strip_prefix(' ').unwrap_or(value)),
                None => (line.as_str(), ""),
            };
            match field {
                "" if line.is_empty() => return Ok(event),
                "id" => event.id = value.parse().ok(),
                "event" => value.clone_into(&mut event.kind),
                "data" => {
                    event.data = serde_json::from_str(value)
                        .map_err(|_| ClientError::foreign(&self.url, "its events hold no JSON"))?;
                }
                _ => {}
            }
        }
    }

    fn line(&mut self) -> Result<String, ClientError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.lines).take(config::CLIENT_EVENT_BYTES_MAX);
        let read = limited.read_until(b'\n', &mut line);
        match (read, line.pop()) {
            (Ok(_), Some(b'\n')) => String::from_utf8(line)
                .map_err(|_| ClientError::foreign(&self.url, "its events are no text")),
            (Ok(_), _) => Err(ClientError::lost(&self.url, &"it ended the answer")),
            (Err(why), _) => Err(ClientError::lost(&self.url, &why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn events(text: &'static str) -> EventStream {
        EventStream::new(Box::new(text.as_bytes()), &Url::default())
    }

    #[test]
    fn ok_events() {
        let mut stream = events(
            "id: 7\nretry: 1000\n\n:\n\nevent: lost\ndata: {}\n\nid: 9\nevent: paused\ndata: {\"at\":\"x: y\"}\n\nid: 1",
        );
        let mut next = || stream.next_event();
        let event = |id, kind: &str, data| {
            Ok(Event {
                id,
                kind: kind.to_owned(),
                data,
            })
        };
        assert_eq!(next(), event(Some(7), "", Value::Null));
        assert_eq!(next(), event(None, "", Value::Null));
        assert_eq!(next(), event(None, "lost", json!({})));
        assert_eq!(next(), event(Some(9), "paused", json!({"at": "x: y"})));
        assert!(matches!(next(), Err(ClientError::Away(_))));
    }

    #[test]
    fn err_events() {
        let error = events("data: nonsense\n\n").next_event().unwrap_err();
        assert!(matches!(error, ClientError::Foreign(_)), "{error}");
    }
}
