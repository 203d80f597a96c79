//! Entity tags: by which a client says what it knows already (RFC 9110, section 8.8.3).
//!
//! A tag is made of the body itself, so it changes whenever a reader would see something else, and nobody has to keep it.
//! That of a job begins with the version of its definition, `"3-1f00..."`: to change a job it is enough that this is still
//! the same, however often it has run meanwhile. A compressed body has `-gzip` at the end of its tag.

use std::hash::{DefaultHasher, Hasher};

use tiny_http::Method::{Get, Head};

use crate::http::{Answer, Body, Request};
use crate::scheduler::command::Refusal;

/// What follows the tag of a compressed body.
pub(super) const GZIP: &str = "-gzip";

/// What the sender of a request knows of the answer.
pub(super) struct Known {
    /// Whether it reads, and may be told that nothing has changed.
    reads: bool,
    /// The tags in `If-None-Match`.
    tags: Option<String>,
}

/// The tag of a job of that version, as far as it is known before the body is.
pub(super) fn of_version(version: u64) -> String {
    format!("\"{version}\"")
}

/// Refuses what is meant for another version of a job than this one, if `If-Match` says for which it is meant.
pub(super) fn check(condition: Option<&str>, version: u64) -> Result<(), Refusal> {
    match condition {
        Some(condition) if !names_version(condition, version) => {
            Err(Refusal::VersionChanged(version))
        }
        _ => Ok(()),
    }
}

/// Whether `If-Match` names this version of a job (RFC 9110, section 13.1.1).
fn names_version(condition: &str, version: u64) -> bool {
    let version = version.to_string();
    let mut tags = condition.split(',').map(str::trim);
    tags.any(|tag| {
        let inside = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        tag == "*" || inside.is_some_and(|tag| tag.split('-').next() == Some(&version))
    })
}

impl Known {
    pub(super) fn of(request: &Request) -> Known {
        Known {
            reads: matches!(request.method, Get | Head) && request.path.starts_with("/api/"),
            tags: request.header("if-none-match").map(str::to_owned),
        }
    }

    /// The answer with its tag, or 304 where the client has it already. A body that is not there as a whole has no tag.
    pub(super) fn answer(&self, answer: Answer) -> Answer {
        let given = answer
            .header("etag")
            .map(|tag| tag.trim_matches('"').to_owned());
        let Body::Bytes(body) = &answer.body else {
            return answer;
        };
        if answer.status.0 != 200 || !(self.reads || given.is_some()) {
            return answer;
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(body);
        let given = given.map(|version| version + "-").unwrap_or_default();
        let tag = format!("{given}{:016x}", hasher.finish());
        let fresh = self.reads && self.tags.as_ref().is_some_and(|tags| names(tags, &tag));
        let mut answer = match fresh {
            true => Answer::empty(304),
            false => answer,
        };
        answer.headers.retain(|header| !header.field.equiv("ETag"));
        let answer = answer.with_header("ETag", &format!("\"{tag}\""));
        // What a token may see differs, and what was seen may have changed since.
        match answer.header("cache-control").is_some() {
            true => answer,
            false => answer.with_header("Cache-Control", "private, no-cache"),
        }
    }
}

/// Whether `If-None-Match` names this tag; how it was encoded, and whether it was weak, makes no difference.
fn names(condition: &str, tag: &str) -> bool {
    let mut tags = condition.split(',').map(str::trim);
    tags.any(|known| {
        let known = known.strip_prefix("W/").unwrap_or(known).trim_matches('"');
        known == "*" || known.strip_suffix(GZIP).unwrap_or(known) == tag
    })
}

#[cfg(test)]
mod tests {
    use tiny_http::Method::{self, Post};

    use super::*;

    fn answered(method: Method, tags: &str, answer: Answer) -> Answer {
        let mut request = Request::new(method, "/api/v1/job/");
        if !tags.is_empty() {
            request.headers.push("If-None-Match", tags.as_bytes());
        }
        Known::of(&request).answer(answer)
    }

    #[test]
    fn a_client_that_has_it_gets_304() {
        let body = || Answer::json(200, "{}");
        let first = answered(Get, "", body());
        let tag = first.header("etag").unwrap().to_owned();
        assert_eq!(first.header("cache-control"), Some("private, no-cache"));
        for (method, tags, status) in [
            (Get, tag.clone(), 304),
            (Head, tag.clone(), 304),
            (Get, format!("\"x\", W/{tag}"), 304),
            (Get, tag.replace("\"", "") + GZIP, 304),
            (Get, "*".to_owned(), 304),
            (Get, "\"x\"".to_owned(), 200),
            (Post, tag.clone(), 200),
        ] {
            let answer = answered(method.clone(), &tags, body());
            assert_eq!(answer.status.0, status, "{method} {tags}");
            let shown = (status == 304 || method == Get).then_some(&*tag);
            assert_eq!(answer.header("etag"), shown, "{method} {tags}");
        }
        let other = answered(Get, &tag, Answer::json(200, "{} "));
        assert_eq!(other.status.0, 200);
        let error = answered(Get, "*", Answer::error(404, "no"));
        assert_eq!((error.status.0, error.header("etag")), (404, None));
    }

    #[test]
    fn a_jobs_tag_begins_with_its_version() {
        let answer = Answer::json(200, "{}").with_header("ETag", &of_version(3));
        let answer = answered(Post, "", answer);
        let tag = answer.header("etag").unwrap();
        assert!(tag.starts_with("\"3-"), "{tag}");
        for (condition, named) in [
            (tag, true),
            ("\"2-ff\", \"3-ff-gzip\"", true),
            ("\"3\"", true),
            ("*", true),
            ("\"33\"", false),
            ("3", false),
            ("W/\"3\"", false),
            ("", false),
        ] {
            assert_eq!(names_version(condition, 3), named, "{condition}");
        }
    }
}
