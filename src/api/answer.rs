//! Answers as the API gives them: JSON with Kala's content type, compressed where that is worth it.

use std::borrow::Cow;
use std::io::Read;

use flate2::Compression;
use flate2::read::GzEncoder;

use crate::config;
use crate::http::{Answer, Body, Request};

use super::etag::GZIP;

/// JSON, all at once.
pub(super) fn json(status: u16, json: Vec<u8>) -> Answer {
    let body = Body::Bytes(Cow::Owned(json));
    Answer::new(status, body).with_header("Content-Type", "application/json;charset=UTF-8")
}

/// JSON that is made as the client takes it.
pub(super) fn json_stream(reader: impl Read + Send + 'static) -> Answer {
    let body = Body::Reader {
        reader: Box::new(reader),
        length: None,
    };
    Answer::new(200, body).with_header("Content-Type", "application/json;charset=UTF-8")
}

/// `answer`, compressed if there is enough of it and the client takes that (`gzip`).
pub(super) fn compressed(answer: Answer, gzip: bool) -> Answer {
    let worth_it = match &answer.body {
        Body::Bytes(bytes) => bytes.len() >= config::GZIP_BYTES_MIN,
        Body::Reader { .. } => true,
        Body::Stream(_) => false,
    };
    if !worth_it {
        return answer;
    }
    let mut answer = answer.with_header("Vary", "Accept-Encoding");
    if !gzip {
        return answer;
    }
    answer.body = match answer.body {
        Body::Bytes(bytes) => Body::Bytes(Cow::Owned(zipped(&bytes))),
        Body::Reader { reader, .. } => Body::Reader {
            // The level that costs least: the network is rarely as slow as a better one.
            reader: Box::new(GzEncoder::new(reader, Compression::fast())),
            length: None,
        },
        stream @ Body::Stream(_) => stream,
    };
    // Another encoding is another entity.
    if let Some(tag) = answer.header("etag").map(str::to_owned) {
        answer.headers.retain(|header| !header.field.equiv("ETag"));
        let tag = format!("{}{GZIP}\"", tag.trim_end_matches('"'));
        answer = answer.with_header("ETag", &tag);
    }
    answer.with_header("Content-Encoding", "gzip")
}

/// Whether `Accept-Encoding` names gzip or everything, with a weight that is not zero (RFC 9110, section 12.5.3).
pub(super) fn takes_gzip(request: &Request) -> bool {
    let codings = request
        .headers
        .get_all("accept-encoding")
        .flat_map(|value| value.split(','));
    let mut any = false;
    for coding in codings {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = parameters.trim().strip_prefix("q=").map(str::trim);
        let wanted =
            weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0));
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") => return wanted,
            "*" => any = wanted,
            _ => {}
        }
    }
    any
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut small = Vec::with_capacity(bytes.len() / 2);
    GzEncoder::new(bytes, Compression::fast())
        .read_to_end(&mut small)
        .expect("a slice can be read");
    small
}

/// The whole body, for tests.
#[cfg(test)]
pub(super) fn text(answer: Answer) -> String {
    match answer.body {
        Body::Bytes(bytes) => String::from_utf8(bytes.into_owned()).unwrap(),
        Body::Reader { mut reader, .. } => {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            text
        }
        Body::Stream(_) => panic!("a stream has no end"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiny_http::Method;

    fn asking(accept: &str) -> Request {
        let mut request = Request::new(Method::Get, "/");
        request.headers.push("Accept-Encoding", accept.as_bytes());
        request
    }

    #[test]
    fn gzip_is_for_those_who_ask_for_it() {
        for (accept, takes) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("gzip; q=0.0", false),
            ("deflate", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(&asking(accept)), takes, "{accept}");
        }
        assert!(!takes_gzip(&Request::new(Method::Get, "/")));
    }

    #[test]
    fn only_what_is_large_is_compressed() {
        let large = vec![b'x'; config::GZIP_BYTES_MIN];
        let small = compressed(json(200, b"{}\n".to_vec()), true);
        assert_eq!(small.header("content-encoding"), None);
        let plain = compressed(json(200, large.clone()), false);
        assert_eq!(plain.header("content-encoding"), None);
        assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
        let zipped = compressed(json(200, large.clone()), true);
        assert_eq!(zipped.header("content-encoding"), Some("gzip"));
        let Body::Bytes(bytes) = &zipped.body else {
            panic!("{zipped:?}")
        };
        let mut unzipped = Vec::new();
        flate2::read::GzDecoder::new(&**bytes)
            .read_to_end(&mut unzipped)
            .unwrap();
        assert_eq!(unzipped, large);
    }
}
