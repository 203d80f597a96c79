//! The audit: a line in the log for each change, and for each that was refused to somebody.
//!
//! It says who, from where, what, to which jobs, and how it was answered. It never says what was in the body: jobs carry
//! secrets.

use crate::config;
use crate::http::{Answer, Peer, Request};
use crate::job::JobId;

/// A change that somebody asked for.
pub(super) struct Change {
    who: Box<str>,
    from: Peer,
    what: String,
    jobs: Vec<JobId>,
}

impl Change {
    /// What `who` asks for.
    pub(super) fn of(request: &Request, who: &str) -> Change {
        let path: String = request.path.chars().take(config::SHOWN_CHARS_MAX).collect();
        Change {
            who: who.into(),
            from: request.peer,
            what: format!("{} {path}", request.method),
            jobs: jobs_of(request),
        }
    }

    /// Writes it down, if it was done, or refused to this caller. What failed for another reason changed nothing.
    pub(super) fn log(mut self, answer: &Answer) {
        let status = answer.status.0;
        if !matches!(status, 200..=399 | 401 | 403 | 421) {
            return;
        }
        let created = answer.header("location").and_then(first_id);
        if let (true, Some(id)) = (self.jobs.is_empty(), created) {
            self.jobs.push(id);
        }
        log::info!("{}", self.line(status));
    }

    fn line(&self, status: u16) -> String {
        let Change {
            who, from, what, ..
        } = self;
        let ids: Vec<String> = self.jobs.iter().map(JobId::to_string).collect();
        let jobs = match ids.as_slice() {
            [] => "-".to_owned(),
            ids => ids.join(","),
        };
        format!("audit: who={who} from={from} what={what:?} job={jobs} status={status}")
    }
}

/// The job in the path, or those that a form of the pages has chosen.
fn jobs_of(request: &Request) -> Vec<JobId> {
    if let Some(id) = first_id(&request.path) {
        return vec![id];
    }
    if !super::access::is_page(&request.path) {
        return Vec::new();
    }
    let fields = request.body.split(|byte| *byte == b'&');
    fields
        .filter_map(|field| {
            str::from_utf8(field.strip_prefix(b"id=")?)
                .ok()?
                .parse()
                .ok()
        })
        .take(config::AUDIT_JOBS_MAX)
        .collect()
}

fn first_id(path: &str) -> Option<JobId> {
    path.split('/').find_map(|segment| segment.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiny_http::Method;

    const A: &str = "93b65499-b211-49ce-57e0-19e735cc5abd";
    const B: &str = "1b65499a-b211-49ce-57e0-19e735cc5abd";

    fn line(method: Method, target: &str, body: &str) -> String {
        let mut request = Request::new(method, target);
        request.peer = Peer::Tcp("10.0.0.1:99".parse().unwrap());
        request.body = body.into();
        Change::of(&request, "deploy").line(204)
    }

    #[test]
    fn a_line_says_who_did_what_from_where() {
        let rows = [
            (
                line(Method::Delete, &format!("/api/v1/job/{A}/?x=secret"), ""),
                format!("audit: who=deploy from=10.0.0.1:99 what=\"DELETE /api/v1/job/{A}/\" job={A} status=204"),
            ),
            (
                line(Method::Post, "/webui/jobs/do", &format!("action=start&id={A}&id={B}&id=x")),
                format!("audit: who=deploy from=10.0.0.1:99 what=\"POST /webui/jobs/do\" job={A},{B} status=204"),
            ),
            (
                line(Method::Post, "/api/v1/job/\"\u{1b}", &format!("id={A}")),
                "audit: who=deploy from=10.0.0.1:99 what=\"POST /api/v1/job/\\\"\\u{1b}\" job=- status=204".to_owned(),
            ),
        ];
        for (line, expected) in rows {
            assert_eq!(line, expected);
        }
        let long = line(Method::Post, &format!("/{}", "x".repeat(10_000)), "");
        assert!(long.len() < 2 * config::SHOWN_CHARS_MAX);
    }
}
