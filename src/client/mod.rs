//! A client of the JSON API: blocking, one request at a time, for the command line and for programs in Rust.
//!
//! It knows routes and errors, not what a job looks like: answers are handed out as JSON, so that a newer server's keys
//! pass through an older client. It follows no redirect and takes no proxy from the environment: a token must reach
//! the server that was named and nobody else.
//!
//! ```no_run
//! use nimesha::client::Client;
//! use serde_json::json;
//!
//! let client = Client::new(&"http://127.0.0.1:8000".parse()?, None);
//! let created = client.post("/job/", Some(&json!({"name": "hello", "command": "echo hello"})))?;
//! println!("{}", created.json["id"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod stream;
mod unix;
mod url;

use std::io::Read;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::request::Builder;
use ureq::http::{Method, Request, Response};
use ureq::tls::{PemItem, RootCerts, TlsConfig};

pub use error::ClientError;
pub use stream::{Event, EventStream};
pub use url::{Url, escape};

use crate::config;

/// A server, and what it takes to be let in.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    url: Url,
    /// The whole `Authorization` field.
    authorization: Option<String>,
}

/// What the server answered to a request that it accepted.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The body; null where there is none.
    pub json: Value,
    /// The `Location` field: where that is which came about.
    pub location: Option<String>,
}

/// How long to wait for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// As long as a server with much to do may take.
    Usual,
    /// For ever: the answer comes at the end of a run.
    Endless,
    /// The answer comes soon and goes on for hours, with signs of life.
    Lively,
}

impl Client {
    /// A client of the server at `url`. Nothing is sent yet.
    #[must_use]
    pub fn new(url: &Url, token: Option<&str>) -> Client {
        Client {
            agent: agent(url, RootCerts::WebPki),
            url: url.clone(),
            authorization: token.map(|token| format!("Bearer {token}")),
        }
    }

    /// The same, for a server whose certificate one of these authorities has signed (in PEM), or is one of them.
    ///
    /// # Errors
    /// When there is no certificate in it.
    pub fn trusting(self, pem: &[u8]) -> Result<Client, String> {
        let mut roots = Vec::new();
        for item in ureq::tls::parse_pem(pem) {
            if let PemItem::Certificate(root) = item.map_err(|why| why.to_string())? {
                roots.push(root);
            }
        }
        if roots.is_empty() {
            return Err(
                "it holds no certificate: expected PEM, with a line BEGIN CERTIFICATE".into(),
            );
        }
        Ok(Client {
            agent: agent(&self.url, RootCerts::new_with_certs(&roots)),
            ..self
        })
    }

    /// The server that it asks.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// `GET` of a path below `/api/v1`, such as `/job/`.
    ///
    /// # Errors
    /// When the server is away, refuses, or answers something else than JSON.
    pub fn get(&self, path: &str) -> Result<Value, ClientError> {
        Ok(self.ask(Method::GET, path, None, Patience::Usual)?.json)
    }

    /// `GET` of what is no JSON, such as the output of a run.
    ///
    /// # Errors
    /// When the server is away or refuses.
    pub fn get_bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let response = self.send(Method::GET, path, None, Patience::Usual)?;
        self.body(response)
    }

    /// Hands on an answer without bounds, such as what a run writes, part by part until its end.
    ///
    /// # Errors
    /// When the server is away, refuses, or the answer breaks off; or when `hear` fails.
    pub fn follow<E: From<ClientError>>(
        &self,
        path: &str,
        mut hear: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let response = self.send(Method::GET, path, None, Patience::Usual)?;
        let mut body = response.into_body().into_reader();
        let mut part = vec![0; config::CLIENT_PART_BYTES];
        loop {
            match body.read(&mut part) {
                Ok(0) => return Ok(()),
                Ok(read) => hear(&part[..read])?,
                Err(why) => return Err(ClientError::lost(&self.url, &why).into()),
            }
        }
    }

    /// What happens on the server: from now on, or after event `after`, as far back as the server knows.
    ///
    /// # Errors
    /// When the server is away or refuses.
    pub fn events(&self, after: Option<u64>) -> Result<EventStream, ClientError> {
        let mut request = self.request(Method::GET, "/events/");
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = self.answer(self.run(request.body(()), Patience::Lively))?;
        let body = response.into_body().into_reader();
        Ok(EventStream::new(Box::new(body), &self.url))
    }

    /// `POST`, with a body or without.
    ///
    /// # Errors
    /// When the server is away or refuses.
    pub fn post(&self, path: &str, body: Option<&Value>) -> Result<Answer, ClientError> {
        self.ask(Method::POST, path, body, Patience::Usual)
    }

    /// `POST` whose answer may take hours, as that of a start does which waits for the run's end.
    ///
    /// # Errors
    /// When the server is away or refuses.
    pub fn post_and_wait(&self, path: &str) -> Result<Answer, ClientError> {
        self.ask(Method::POST, path, None, Patience::Endless)
    }

    /// `PUT` of a whole job.
    ///
    /// # Errors
    /// When the server is away or refuses.
    pub fn put(&self, path: &str, body: &Value) -> Result<Answer, ClientError> {
        self.ask(Method::PUT, path, Some(body), Patience::Usual)
    }

    /// `PATCH` of some keys of a job.
    ///
    /// # Errors
    /// When the server is away or refuses.
    pub fn patch(&self, path: &str, body: &Value) -> Result<Answer, ClientError> {
        self.ask(Method::PATCH, path, Some(body), Patience::Usual)
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// When the server is away or refuses.
    pub fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.ask(Method::DELETE, path, None, Patience::Usual)?;
        Ok(())
    }

    /// The jobs that a query such as `name=backup` wants, at most `limit`, in the order of their creation. They are
    /// fetched page by page, so that no answer is larger than a page.
    ///
    /// # Errors
    /// When the server is away, refuses, or answers something else than jobs.
    pub fn jobs(&self, query: &str, limit: usize) -> Result<Vec<Value>, ClientError> {
        self.pages(query, limit, config::CLIENT_PAGE_JOBS.min(limit), |_| true)
    }

    /// The same of jobs that are `wanted` for something that no query can say. The others are fetched and dropped.
    ///
    /// # Errors
    /// As for [`Client::jobs`].
    pub fn jobs_where(
        &self,
        query: &str,
        limit: usize,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>, ClientError> {
        self.pages(query, limit, config::CLIENT_PAGE_JOBS, wanted)
    }

    fn pages(
        &self,
        query: &str,
        limit: usize,
        size: usize,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>, ClientError> {
        let mut jobs: Vec<Value> = Vec::new();
        let mut after = String::new();
        while jobs.len() < limit {
            let mut page = self.get(&format!("/job/?limit={size}{after}&{query}"))?;
            let Some(found) = page["jobs"].as_object_mut() else {
                return Err(ClientError::foreign(&self.url, "its list has no jobs"));
            };
            let found = std::mem::take(found).into_iter().map(|(_, job)| job);
            let mut found: Vec<Value> = found.filter(&wanted).collect();
            // An object has no order. These times are written alike: in UTC, or at an offset of the job's own.
            found.sort_by_cached_key(created_at);
            jobs.append(&mut found);
            match page["next"].as_str() {
                Some(next) => after = format!("&after={}", escape(next)),
                None => break,
            }
        }
        jobs.truncate(limit);
        Ok(jobs)
    }

    fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        patience: Patience,
    ) -> Result<Answer, ClientError> {
        let response = self.send(method, path, body, patience)?;
        let location = response.headers().get("location");
        let location = location
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let body = self.body(response)?;
        let json = match body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&body)
                .map_err(|_| ClientError::foreign(&self.url, "it answers no JSON"))?,
        };
        Ok(Answer { json, location })
    }

    /// Sends a request; an answer that refuses it is an error.
    fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        patience: Patience,
    ) -> Result<Response<ureq::Body>, ClientError> {
        let request = self.request(method, path);
        self.answer(match body {
            Some(json) => {
                let request = request.header("content-type", "application/json");
                self.run(request.body(json.to_string()), patience)
            }
            None => self.run(request.body(()), patience),
        })
    }

    fn request(&self, method: Method, path: &str) -> Builder {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.url.base()));
        match &self.authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }

    /// An answer that accepts; one that refuses is an error.
    fn answer(
        &self,
        sent: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Response<ureq::Body>, ClientError> {
        let response = sent.map_err(|why| ClientError::away(&self.url, &why))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.body(response)?;
        let error: Value = serde_json::from_slice(&body).unwrap_or_default();
        match error["error"].as_str() {
            Some(why) => Err(ClientError::refused(status.as_u16(), why.to_owned())),
            None => Err(ClientError::foreign(
                &self.url,
                &format!("it answers {status}"),
            )),
        }
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        request: ureq::http::Result<Request<B>>,
        patience: Patience,
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        let head: Option<Duration> =
            (patience != Patience::Endless).then_some(config::CLIENT_PATIENCE);
        let silence = (patience == Patience::Lively).then_some(config::CLIENT_SILENCE);
        let request = self.agent.configure_request(request?);
        let request = request
            .timeout_recv_response(head)
            .timeout_per_read(silence);
        self.agent.run(request.build())
    }

    fn body(&self, mut response: Response<ureq::Body>) -> Result<Vec<u8>, ClientError> {
        let body = response.body_mut().with_config();
        body.limit(config::CLIENT_ANSWER_BYTES_MAX)
            .read_to_vec()
            .map_err(|why| ClientError::away(&self.url, &why))
    }
}

/// What sends requests to `url`.
fn agent(url: &Url, roots: RootCerts) -> Agent {
    let settings = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .timeout_connect(Some(config::CLIENT_CONNECT))
        .build();
    match url {
        Url::Http(_) => Agent::new_with_config(settings),
        Url::Unix(path) => Agent::with_parts(settings, unix::Unix(path.clone()), unix::Nowhere),
    }
}

/// When a job came about, comparable.
fn created_at(job: &Value) -> Option<(i64, u32)> {
    let time = chrono::DateTime::parse_from_rfc3339(job["created_at"].as_str()?).ok()?;
    Some((time.timestamp(), time.timestamp_subsec_nanos()))
}
