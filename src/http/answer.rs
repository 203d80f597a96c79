//! An answer as handlers give it, before it is known how it will be framed.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};

use tiny_http::{Header, Response, ResponseBox, StatusCode};

use super::stream::Stream;

/// A status, header fields and a body.
///
/// `Date`, `Content-Length`, `Transfer-Encoding` and `Connection` are the connection's own business: fields of these
/// names are left out, as is a field whose value has control characters (else a line break in it could forge further
/// fields). tiny_http's [`Response`] turns into an answer with [`From`].
#[derive(Debug)]
pub struct Answer {
    /// The status, 200 to 599.
    pub status: StatusCode,
    /// The header fields.
    pub headers: Vec<Header>,
    /// What follows them; not sent in answer to HEAD, nor with 204 and 304.
    pub body: Body,
}

/// What an answer's head is followed by.
pub enum Body {
    /// These bytes, all at once.
    Bytes(Cow<'static, [u8]>),
    /// What the reader yields, fetched on a thread of the pool as fast as the client takes it; so it may compute, but
    /// not wait. An error, or an end before `length`, cuts the connection, so that the client sees that something is
    /// missing.
    Reader {
        /// Yields the body.
        reader: Box<dyn Read + Send>,
        /// Its bytes, if known.
        length: Option<u64>,
    },
    /// What another thread pushes, now and later.
    Stream(Stream),
}

impl Answer {
    /// An answer without header fields and body.
    #[must_use]
    pub fn empty(status: u16) -> Answer {
        Answer::new(status, Body::Bytes(Cow::Borrowed(b"")))
    }

    /// An answer without header fields.
    #[must_use]
    pub fn new(status: u16, body: Body) -> Answer {
        Answer {
            status: StatusCode(status),
            headers: Vec::new(),
            body,
        }
    }

    /// JSON that is there already.
    #[must_use]
    pub fn json(status: u16, json: impl Into<Vec<u8>>) -> Answer {
        let body = Body::Bytes(Cow::Owned(json.into()));
        Answer::new(status, body).with_header("Content-Type", "application/json")
    }

    /// Plain text.
    #[must_use]
    pub fn text(status: u16, text: impl Into<Vec<u8>>) -> Answer {
        let body = Body::Bytes(Cow::Owned(text.into()));
        Answer::new(status, body).with_header("Content-Type", "text/plain; charset=utf-8")
    }

    /// An error as the API words it: `{"error": "..."}`, with what was wrong and how to put it right.
    #[must_use]
    pub fn error(status: u16, message: &str) -> Answer {
        Answer::json(
            status,
            format!("{{\"error\":{}}}\n", serde_json::Value::from(message)),
        )
    }

    /// The answer with one more header field. A field that is not ASCII cannot be sent and is left out.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Answer {
        if let Ok(header) = Header::from_bytes(name, value) {
            self.headers.push(header);
        }
        self
    }

    /// The first header field of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |header: &&Header| header.field.as_str().as_str().eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(named)
            .map(|header| header.value.as_str())
    }
}

impl From<ResponseBox> for Answer {
    fn from(response: ResponseBox) -> Answer {
        let status = response.status_code();
        let headers = response.headers().to_vec();
        let length = response.data_length().map(|length| length as u64);
        Answer {
            status,
            headers,
            body: Body::Reader {
                reader: response.into_reader(),
                length,
            },
        }
    }
}

impl From<Response<io::Cursor<Vec<u8>>>> for Answer {
    fn from(response: Response<io::Cursor<Vec<u8>>>) -> Answer {
        let status = response.status_code();
        let headers = response.headers().to_vec();
        let body = Body::Bytes(Cow::Owned(response.into_reader().into_inner()));
        Answer {
            status,
            headers,
            body,
        }
    }
}

impl From<Response<io::Empty>> for Answer {
    fn from(response: Response<io::Empty>) -> Answer {
        Answer {
            headers: response.headers().to_vec(),
            ..Answer::empty(response.status_code().0)
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Bytes(bytes) => write!(f, "Bytes({:?})", String::from_utf8_lossy(bytes)),
            Body::Reader { length, .. } => write!(f, "Reader({length:?} bytes)"),
            Body::Stream(_) => write!(f, "Stream"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_json_whatever_it_says() {
        let answer = Answer::error(400, "a \"quote\"\nand a line");
        let Body::Bytes(bytes) = &answer.body else {
            panic!("{answer:?}")
        };
        assert_eq!(
            bytes.as_ref(),
            b"{\"error\":\"a \\\"quote\\\"\\nand a line\"}\n"
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }

    #[test]
    fn tiny_http_responses_become_answers() {
        let answer = Answer::from(Response::from_string("abc").with_status_code(404));
        assert_eq!(
            (answer.status.0, answer.header("content-type").is_some()),
            (404, true)
        );
        assert!(matches!(&answer.body, Body::Bytes(bytes) if bytes.as_ref() == b"abc"));
        let answer = Answer::from(Response::from_string("abc").boxed());
        assert!(matches!(
            answer.body,
            Body::Reader {
                length: Some(3),
                ..
            }
        ));
        assert_eq!(Answer::from(Response::empty(204)).status.0, 204);
    }
}
