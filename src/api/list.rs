//! `GET /job/`: all jobs or some, written a page at a time as the client takes them.
//!
//! A list of ten thousand jobs is megabytes, and many clients may ask for it at once: so only a page of it is in memory,
//! and no lock is held between pages. Jobs come in the order of their creation, by the number that a job keeps for life;
//! so none comes twice, and one that lives throughout comes once, whatever else is created or deleted meanwhile.

use std::io::{self, Read};
use std::sync::Arc;
use std::vec;

use crate::config;
use crate::job::secret::Secrets;
use crate::registry::{JobView, Registry};

use super::answer;
use super::error::ApiError;
use super::query::{Query, bad};
use super::wire::{JOB_BYTES, Json, write_job};
use super::{Api, Call, Reply};

/// `GET /job/`. `?name=`, `?tag=` and `?status=` narrow it; `?limit=` ends it early, with `next` for `?after=`.
pub(super) fn list(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    let mut list = JobList::new(api.registry.clone(), &call.query, call.secrets())?;
    list.fill();
    Ok(Reply::Now(if list.is_over {
        answer::json(200, list.page.into_bytes())
    } else {
        answer::json_stream(list)
    }))
}

/// Which jobs are wanted. What is not given wants all.
#[derive(Debug, Default)]
struct Filter {
    name: Option<String>,
    tag: Option<String>,
    status: Option<Status>,
}

/// Words for what a job is up to. A job may answer to several of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// It is disabled.
    Disabled,
    /// A run of it is in progress.
    Running,
    /// It has a next occurrence.
    Scheduled,
    /// No occurrence is left and no run is in progress.
    Done,
    /// Its last run did not succeed.
    Failed,
}

const STATUSES: [(&str, Status); 5] = [
    ("disabled", Status::Disabled),
    ("running", Status::Running),
    ("scheduled", Status::Scheduled),
    ("done", Status::Done),
    ("failed", Status::Failed),
];

impl Filter {
    fn read(query: &Query) -> Result<Filter, ApiError> {
        let status = query.get("status").map(|word| {
            let known = STATUSES.iter().find(|(known, _)| *known == word);
            known.map(|(_, status)| *status).ok_or_else(|| {
                let words: Vec<&str> = STATUSES.iter().map(|(word, _)| *word).collect();
                bad("status", word, &format!("one of {}", words.join(", ")))
            })
        });
        Ok(Filter {
            name: query.get("name").map(str::to_owned),
            tag: query.get("tag").map(str::to_owned),
            status: status.transpose()?,
        })
    }

    fn wants(&self, JobView { job, live }: &JobView) -> bool {
        let name = self
            .name
            .as_ref()
            .is_none_or(|name| **name == *job.spec.name());
        let tag = self
            .tag
            .as_ref()
            .is_none_or(|tag| job.extras().tags.contains(tag));
        let status = self.status.is_none_or(|status| match status {
            Status::Disabled => job.spec.disabled,
            Status::Running => live.running > 0,
            Status::Scheduled => live.next_run_at.is_some(),
            Status::Done => live.is_done,
            Status::Failed => live.figures().failures_in_a_row > 0,
        });
        name && tag && status
    }
}

/// A list in the making.
struct JobList {
    registry: Arc<Registry>,
    filter: Filter,
    secrets: Secrets,
    /// How many jobs may still be written, if that is limited.
    left: Option<usize>,
    /// Jobs that were fetched and not yet looked at.
    fetched: vec::IntoIter<JobView>,
    /// The last job that was looked at.
    after: Option<u64>,
    /// The last job that was written.
    written: Option<u64>,
    /// What is made and not yet taken begins at `taken`.
    page: Json,
    taken: usize,
    is_over: bool,
}

impl JobList {
    fn new(registry: Arc<Registry>, query: &Query, secrets: Secrets) -> Result<JobList, ApiError> {
        let after = query.read("after", "what the answer before gave as next")?;
        let mut page = Json::with_capacity(JOB_BYTES);
        page.open('{').key("jobs").open('{');
        Ok(JobList {
            registry,
            filter: Filter::read(query)?,
            secrets,
            left: query.count("limit", usize::MAX)?,
            fetched: Vec::new().into_iter(),
            after,
            written: after,
            page,
            taken: 0,
            is_over: false,
        })
    }

    /// Goes on writing until there is a page of it or the end is reached.
    fn fill(&mut self) {
        while !self.is_over && self.page.as_bytes().len() < config::LIST_PAGE_BYTES {
            match self.next_wanted() {
                Some(view) if self.left != Some(0) => self.write(&view),
                more => self.finish(more.is_some()),
            }
        }
    }

    fn next_wanted(&mut self) -> Option<JobView> {
        loop {
            for view in self.fetched.by_ref() {
                self.after = Some(view.job.seq);
                if self.filter.wants(&view) {
                    return Some(view);
                }
            }
            let jobs = self.registry.page(self.after, config::LIST_PAGE_JOBS);
            if jobs.is_empty() {
                return None;
            }
            self.fetched = jobs.into_iter();
        }
    }

    fn write(&mut self, view: &JobView) {
        self.page.item().id(view.job.id.0);
        self.page.raw(":");
        write_job(&mut self.page, view, self.secrets, |json| json.raw("null"));
        self.written = Some(view.job.seq);
        self.left = self.left.map(|left| left - 1);
    }

    fn finish(&mut self, more: bool) {
        self.page.close('}');
        if let (true, Some(written)) = (more, self.written) {
            self.page.key("next").string(&written.to_string());
        }
        self.page.raw("}\n");
        self.is_over = true;
    }
}

impl Read for JobList {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.page.as_bytes().len() {
            self.page.clear();
            self.taken = 0;
            self.fill();
        }
        let waiting = &self.page.as_bytes()[self.taken..];
        let taken = waiting.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&waiting[..taken]);
        self.taken += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tiny_http::Method;

    use super::super::answer::text;
    use super::super::testing::{api, id, now, put, read};
    use super::*;
    use crate::http::Body;
    use crate::job::run::Figures;
    use crate::registry::Live;

    /// The ids in a list, in its order, and its `next`.
    fn listed(list: &str) -> (Vec<String>, Option<String>) {
        let value: serde_json::Value = serde_json::from_str(list).unwrap();
        let jobs = value["jobs"].as_object().unwrap();
        for (id, job) in jobs {
            assert_eq!(job["id"], *id);
            assert!(job["stats"].is_null());
        }
        let next = value["next"].as_str().map(str::to_owned);
        (jobs.keys().cloned().collect(), next)
    }

    fn ids(seqs: &[u64]) -> Vec<String> {
        seqs.iter().map(|seq| id(*seq).to_string()).collect()
    }

    #[test]
    fn an_empty_list_is_kalas() {
        assert_eq!(read(&api(), "/job/"), (200, "{\"jobs\":{}}\n".to_owned()));
    }

    #[test]
    fn a_long_list_is_streamed_whole() {
        let api = api();
        let seqs: Vec<u64> = (1..=300).collect();
        for seq in &seqs {
            put(
                &api,
                *seq,
                r#"{"name":"x","command":"true","schedule":"@manual"}"#,
                Live::default(),
            );
        }
        let answer = now(&api, Method::Get, "/job/", "");
        assert!(matches!(answer.body, Body::Reader { .. }));
        let list = text(answer);
        assert!(list.ends_with("}}}\n") || list.ends_with("}}\n"), "{list}");
        assert_eq!(listed(&list), (ids(&seqs), None));
    }

    #[test]
    fn jobs_that_come_and_go_meanwhile_disturb_nothing() {
        let api = api();
        for seq in 1..=300 {
            put(
                &api,
                seq,
                r#"{"name":"x","command":"true","schedule":"@manual"}"#,
                Live::default(),
            );
        }
        let Body::Reader { mut reader, .. } = now(&api, Method::Get, "/job/", "").body else {
            panic!("not streamed")
        };
        let mut list = vec![0; 1_000];
        reader.read_exact(&mut list).unwrap();
        api.registry.write(|inner| {
            inner.remove_job(id(2));
            inner.remove_job(id(300));
        });
        put(
            &api,
            301,
            r#"{"name":"y","command":"true","schedule":"@manual"}"#,
            Live::default(),
        );
        reader.read_to_end(&mut list).unwrap();
        let (found, _) = listed(std::str::from_utf8(&list).unwrap());
        let lasting: Vec<u64> = (1..=301).filter(|seq| ![2, 300].contains(seq)).collect();
        let found: Vec<String> = found
            .into_iter()
            .filter(|found| *found != id(2).to_string())
            .collect();
        assert_eq!(found, ids(&lasting));
    }

    #[test]
    fn pages_follow_each_other() {
        let api = api();
        for seq in 1..=5 {
            put(
                &api,
                seq,
                r#"{"name":"x","command":"true","schedule":"@manual"}"#,
                Live::default(),
            );
        }
        let page = |target: &str| listed(&read(&api, target).1);
        assert_eq!(page("/job/?limit=2"), (ids(&[1, 2]), Some("2".to_owned())));
        assert_eq!(
            page("/job/?limit=2&after=2"),
            (ids(&[3, 4]), Some("4".to_owned()))
        );
        assert_eq!(page("/job/?limit=2&after=4"), (ids(&[5]), None));
        assert_eq!(page("/job?limit=5"), (ids(&[1, 2, 3, 4, 5]), None));
        assert_eq!(page("/job/?after=9"), (ids(&[]), None));
    }

    #[test]
    fn filters_narrow() {
        let api = api();
        let failing = Figures {
            failures_in_a_row: 1,
            ..Figures::default()
        };
        let body = |name: &str, more: &str| {
            format!(r#"{{"name":"{name}","command":"true","schedule":"@manual"{more}}}"#)
        };
        let live = Live::default();
        put(
            &api,
            1,
            &body("a", r#","tags":["x"]"#),
            Live {
                running: 1,
                ..live.clone()
            },
        );
        put(
            &api,
            2,
            &body("b c", r#","tags":["x","y"],"disabled":true"#),
            live.clone(),
        );
        put(
            &api,
            3,
            &body("a", ""),
            Live {
                is_done: true,
                ..live.clone()
            },
        );
        put(
            &api,
            4,
            &body("d", ""),
            Live {
                figures: Some(Arc::new(failing)),
                ..live
            },
        );
        for (query, seqs) in [
            ("name=a", &[1, 3][..]),
            ("name=b+c", &[2]),
            ("name=B", &[]),
            ("tag=x", &[1, 2]),
            ("tag=x&name=a", &[1]),
            ("status=running", &[1]),
            ("status=disabled", &[2]),
            ("status=done", &[3]),
            ("status=failed", &[4]),
            ("status=scheduled", &[]),
        ] {
            let (found, next) = listed(&read(&api, &format!("/job/?{query}")).1);
            assert_eq!((found, next), (ids(seqs), None), "{query}");
        }
        // The next page is announced only if something wanted is on it.
        assert_eq!(
            listed(&read(&api, "/job/?tag=x&limit=2").1),
            (ids(&[1, 2]), None)
        );
    }

    #[test]
    fn err_queries() {
        for (query, expected) in [
            (
                "status=asleep",
                "status in the query must be one of disabled, running, scheduled, done, failed, but is \\\"asleep\\\"",
            ),
            (
                "after=x",
                "after in the query must be what the answer before gave as next, but is \\\"x\\\"",
            ),
            (
                "limit=0",
                "limit in the query must be a whole number from 1 to 18446744073709551615, but is \\\"0\\\"",
            ),
        ] {
            let error = format!("{{\"error\":\"{expected}\"}}\n");
            assert_eq!(
                read(&api(), &format!("/job/?{query}")),
                (400, error),
                "{query}"
            );
        }
    }
}
