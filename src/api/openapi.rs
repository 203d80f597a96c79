//! `GET /openapi.json`: this API, described in OpenAPI 3.1 for whatever makes clients and pages from that.
//!
//! It is written by hand, in a file beside this one. Tests keep it honest: it has the routes that there are, and what it
//! gives as examples is sent to a server.

use super::error::ApiError;
use super::{Api, Call, Reply, answer};

const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /openapi.json`.
pub(super) fn show(_: &Api, _: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(Reply::Now(answer::json(200, DOCUMENT.into())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::router;
    use super::*;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    /// The routes in the router's match, as the document writes them.
    fn routed() -> BTreeSet<(String, String)> {
        let arms = include_str!("router.rs").lines().map(str::trim);
        let arms = arms.filter_map(|line| {
            if let Some(rest) = line.strip_prefix("(Get | Head, \"") {
                let (path, _) = rest.split_once('"')?;
                return Some(("get".to_owned(), path.to_owned()));
            }
            let (method, rest) = line.strip_prefix('(')?.split_once(", [")?;
            let (segments, _) = rest.split_once("]) =>")?;
            let mut path = "/api/v1".to_owned();
            for segment in segments.split(", ") {
                match segment.strip_prefix('"') {
                    Some(word) => path += &format!("/{}", word.trim_end_matches('"')),
                    None => path += &format!("/{{{segment}}}"),
                }
            }
            if !path.contains('.') {
                path.push('/');
            }
            // An arm for all methods is one for those that the path does not have.
            (method != "_").then(|| (method.to_lowercase(), path))
        });
        arms.collect()
    }

    #[test]
    fn it_has_the_routes_that_there_are() {
        let document = document();
        let paths = document["paths"].as_object().unwrap().iter();
        let documented = paths.flat_map(|(path, operations)| {
            let methods = operations.as_object().unwrap().keys();
            methods.map(move |method| (method.clone(), path.clone()))
        });
        let routed = routed();
        assert!(routed.len() > 20, "{routed:?}");
        assert_eq!(documented.collect::<BTreeSet<_>>(), routed);
        // A path counts under its own name.
        for path in document["paths"].as_object().unwrap().keys() {
            assert_eq!(router::template(path), Some(path.as_str()));
        }
    }

    #[test]
    fn whoever_may_not_come_in_is_told_so_everywhere() {
        let document = document();
        for (path, operations) in document["paths"].as_object().unwrap() {
            let is_open = matches!(&**path, "/healthz" | "/readyz");
            for (method, operation) in operations.as_object().unwrap() {
                for status in ["401", "403"] {
                    let told = operation["responses"][status].is_object();
                    assert_eq!(told, !is_open, "{method} {path} {status}");
                }
            }
        }
    }

    #[test]
    fn what_it_refers_to_is_in_it() {
        fn check(document: &Value, part: &Value) {
            match part {
                Value::Object(entries) => {
                    if let Some(target) = entries.get("$ref").and_then(Value::as_str) {
                        let target = target.strip_prefix('#').unwrap();
                        assert!(document.pointer(target).is_some(), "{target}");
                    }
                    entries.values().for_each(|value| check(document, value));
                }
                Value::Array(items) => items.iter().for_each(|item| check(document, item)),
                _ => {}
            }
        }
        let document = document();
        check(&document, &document);
    }
}
