//! How often which route was answered in which way.
//!
//! Labels come from tables of ours, never from what a client writes: so however many paths are tried, there are only so
//! many counts.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tiny_http::Method;

use super::Exposition;

/// Answers by route, method and status.
#[derive(Debug, Default)]
pub struct HttpCounts(Mutex<BTreeMap<(&'static str, &'static str, u16), u64>>);

impl HttpCounts {
    /// Counts an answer of this route.
    pub fn count(&self, route: &'static str, method: &'static str, status: u16) {
        *self.0.lock().entry((route, method, status)).or_default() += 1;
    }

    /// Writes the counts.
    pub(super) fn write(&self, to: &mut Exposition) {
        const NAME: &str = "nimesha_http_requests_total";
        to.family(
            NAME,
            "counter",
            "Requests answered, by route, method and status.",
        );
        for ((route, method, status), count) in &*self.0.lock() {
            let status = status.to_string();
            let labels = [("route", *route), ("method", *method), ("status", &status)];
            to.sample(NAME, &labels, count);
        }
    }
}

/// The method as a label; one word for all that no route has.
#[must_use]
pub fn method_label(method: &Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_add_up_by_route_method_and_status() {
        let counts = HttpCounts::default();
        for (method, status) in [("GET", 200), ("GET", 404), ("GET", 200)] {
            counts.count("/x/", method, status);
        }
        let mut to = Exposition::default();
        counts.write(&mut to);
        let text = to.into_text();
        let samples: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            samples,
            [
                r#"nimesha_http_requests_total{route="/x/",method="GET",status="200"} 2"#,
                r#"nimesha_http_requests_total{route="/x/",method="GET",status="404"} 1"#,
            ]
        );
        let odd = "PROPFIND".parse().unwrap();
        assert_eq!(method_label(&odd), "other");
    }
}
