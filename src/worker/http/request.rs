//! The request of a remote job, filled in, checked and sent; and what becomes of it at a redirect.

use ureq::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use ureq::http::{self, HeaderMap, HeaderName, HeaderValue, Method, Response, Uri};
use ureq::{Agent, Body, Error};

use super::redirect;
use crate::job::RemoteRequest;
use crate::job::template::{self, Subject};

/// A request that is ready to go.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Request {
    /// Fills in the templates of `remote` and checks the rest.
    pub(super) fn of(remote: &RemoteRequest, subject: &Subject<'_>) -> Result<Request, String> {
        let delimiters = &subject.job.extras().template_delimiters;
        Request::new(
            remote,
            &template::fill(&remote.url, delimiters, subject)?,
            template::fill(&remote.body, delimiters, subject)?,
        )
    }

    /// The request as `remote` has it, which holds no templates.
    pub(super) fn plain(remote: &RemoteRequest) -> Result<Request, String> {
        Request::new(remote, &remote.url, remote.body.clone())
    }

    fn new(remote: &RemoteRequest, url: &str, body: String) -> Result<Request, String> {
        Ok(Request {
            method: method(&remote.method)?,
            uri: uri(url)?,
            headers: headers(remote)?,
            body,
        })
    }

    pub(super) fn send(&self, agent: &Agent) -> Result<Response<Body>, Error> {
        let mut head = http::Request::builder()
            .method(self.method.clone())
            .uri(self.uri.clone())
            .body(())
            .map_err(Error::Http)?;
        *head.headers_mut() = self.headers.clone();
        // Without a body, a length of 0 is told only where a server expects a body.
        let with_body = [Method::POST, Method::PUT, Method::PATCH].contains(&self.method);
        match self.body.is_empty() && !with_body {
            true => agent.run(head),
            false => agent.run(head.map(|()| self.body.as_str())),
        }
    }

    /// Becomes the request that a redirect with `status` to `location` asks for; false when `status` is none.
    pub(super) fn follow(&mut self, status: u16, location: &HeaderValue) -> Result<bool, String> {
        let keeps_method = match status {
            301..=303 => matches!(self.method, Method::GET | Method::HEAD),
            307 | 308 => true,
            _ => return Ok(false),
        };
        let to = location
            .to_str()
            .ok()
            .and_then(|location| redirect::join(&self.uri, location))
            .and_then(|to| uri(&to).ok())
            .ok_or("the server sent a redirect to an address that is none")?;
        if !keeps_method {
            self.method = Method::GET;
            self.body.clear();
            self.headers.remove(CONTENT_TYPE);
        }
        if !redirect::is_same_host(&self.uri, &to) {
            redirect::drop_secrets(&mut self.headers);
        }
        self.headers.remove(http::header::HOST);
        self.uri = to;
        Ok(true)
    }
}

fn method(text: &str) -> Result<Method, String> {
    if text.is_empty() {
        return Ok(Method::GET);
    }
    Method::from_bytes(text.to_ascii_uppercase().as_bytes())
        .map_err(|_| format!("{text:?} is not an HTTP method"))
}

/// What a URL may not hold as it is, a blank in a template's value for one, is escaped.
fn uri(text: &str) -> Result<Uri, String> {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.trim().bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0..=b' ' | 127.. => {
                escaped.push_str(&format!("%{byte:02X}"));
            }
            _ => escaped.push(byte as char),
        }
    }
    let uri: Uri = escaped
        .parse()
        .map_err(|e| format!("the URL cannot be read: {e}"))?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    match uri.host() {
        Some(host) if known && !host.is_empty() && has_usable_port(&uri) => Ok(uri),
        _ => Err(
            "the URL must begin with http:// or https:// and a host, as in http://example.org:80/x"
                .to_owned(),
        ),
    }
}

/// Whether the port is one, if there is any: `http` reads one over 65,535 as if the URL had none.
fn has_usable_port(uri: &Uri) -> bool {
    let place = uri.authority().map_or("", |authority| authority.as_str());
    let port = place.rsplit_once(':').map_or("", |(_, port)| port);
    port.is_empty() || port.ends_with(']') || uri.port_u16().is_some()
}

/// The job's headers. Those that frame the message are not the job's to set.
fn headers(remote: &RemoteRequest) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    for (name, values) in &remote.headers {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{name:?} is not a header's name"))?;
        if [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&header) {
            continue;
        }
        for value in values {
            let value = HeaderValue::from_str(value)
                .map_err(|_| format!("header {name} has a value that cannot be sent"))?;
            headers.append(&header, value);
        }
    }
    if !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Result<Request, String> {
        let mut remote = RemoteRequest {
            method: method.to_owned(),
            ..RemoteRequest::default()
        };
        for (name, value) in headers {
            let values = remote.headers.entry((*name).to_owned()).or_default();
            values.push((*value).to_owned());
        }
        Request::new(&remote, url, "{}".to_owned())
    }

    #[test]
    fn ok_requests() {
        for (url, shown) in [
            ("http://a.test", "http://a.test/"),
            ("https://a.test:1/x?y=1#z", "https://a.test:1/x?y=1"),
            (" http://a.test/b c/ü ", "http://a.test/b%20c/%C3%BC"),
            ("http://[::1]:80/", "http://[::1]:80/"),
        ] {
            let request = request("post", url, &[("content-TYPE", "text/plain")]).unwrap();
            assert_eq!(request.uri.to_string(), shown);
            assert_eq!(request.method, Method::POST);
            assert_eq!(request.headers[CONTENT_TYPE], "text/plain");
        }
        let plain = request("", "http://a.test/", &[("Content-Length", "9")]).unwrap();
        assert_eq!(plain.method, Method::GET);
        assert_eq!(plain.headers[CONTENT_TYPE], "application/json");
        assert!(!plain.headers.contains_key(CONTENT_LENGTH));
    }

    #[test]
    fn err_requests_are_told_without_their_secrets() {
        for (method, url, header, part) in [
            ("A B", "http://a.test/", ("x", "y"), "\"A B\" is not"),
            ("", "::", ("x", "y"), "the URL"),
            ("", "a.test/x", ("x", "y"), "the URL"),
            ("", "ftp://a.test/", ("x", "y"), "must begin with http://"),
            ("", "http://a.test:99999/", ("x", "y"), "the URL"),
            ("", "http://u:p@a.test:65536", ("x", "y"), "the URL"),
            ("", "http://a.test/", ("a b", "secret"), "\"a b\" is not"),
            ("", "http://a.test/", ("x", "sec\nret"), "header x has"),
        ] {
            let error = request(method, url, &[header]).unwrap_err();
            assert!(error.contains(part), "{error}");
            assert!(!error.contains("sec"), "{error}");
        }
    }

    #[test]
    fn redirects_change_the_request() {
        let secret = ("Authorization", "Bearer s");
        let headers = [
            secret,
            ("X-Key", "s"),
            ("Host", "b.test"),
            ("Accept", "*/*"),
        ];
        for (status, to, method, body, secrets) in [
            (301, "/x", "GET", "", true),
            (303, "/x", "GET", "", true),
            (307, "/x", "POST", "{}", true),
            (308, "https://a.test/x", "POST", "{}", true),
            (307, "http://c.test/x", "POST", "{}", false),
            (302, "//c.test/x", "GET", "", false),
        ] {
            let mut request = request("POST", "http://a.test/y", &headers).unwrap();
            let location = HeaderValue::from_static(to);
            assert_eq!(request.follow(status, &location), Ok(true), "{to}");
            assert_eq!((request.method.as_str(), &*request.body), (method, body));
            assert_eq!(request.headers.contains_key("authorization"), secrets);
            assert_eq!(request.headers.contains_key("x-key"), secrets);
            assert!(request.headers.contains_key("accept"));
            assert!(!request.headers.contains_key("host"));
        }
        let mut request = request("GET", "http://a.test/y", &[]).unwrap();
        for (status, to, result) in [(304, "/x", Some(false)), (302, "ftp://a.test/", None)] {
            let location = HeaderValue::from_static(to);
            assert_eq!(request.follow(status, &location).ok(), result, "{to}");
        }
    }
}
