//! Posts JSON to one address, for the server itself: the same sockets, lookups and authorities as for remote jobs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::Uri;

use super::guard::Guard;
use super::request::Request;
use super::{Client, host};
use crate::clock;
use crate::job::RemoteRequest;
use crate::worker::shortage::Shortage;
use crate::worker::stop::{Stop, StopSignal};

/// Posts to one address, over a connection of its own each time. Redirects are not followed: what is posted is meant for
/// the address that was given, and for nobody else.
#[derive(Debug)]
pub(crate) struct Post {
    client: Client,
    /// All but the body. Its URL may hold a secret, and is shown to nobody.
    request: Request,
    stop: Arc<StopSignal>,
}

impl Post {
    /// Posts to `url` from now on.
    ///
    /// # Errors
    /// When that is no address, without repeating it, or the system has no descriptors left.
    pub(crate) fn to(url: &str) -> io::Result<Post> {
        let remote = RemoteRequest {
            url: url.to_owned(),
            method: "POST".to_owned(),
            ..RemoteRequest::default()
        };
        let request = Request::plain(&remote).map_err(io::Error::other)?;
        Ok(Post {
            client: Client::new(Arc::new(Shortage::new()?)),
            request,
            stop: Arc::new(StopSignal::new()?),
        })
    }

    /// Where to: the host alone, for logs.
    pub(crate) fn host(&self) -> &str {
        host(self.uri())
    }

    fn uri(&self) -> &Uri {
        &self.request.uri
    }

    /// Posts `body`, and gives the status of the answer, which must have begun `within` this time.
    ///
    /// # Errors
    /// In words, when there was none.
    pub(crate) fn send(&self, body: String, within: Duration) -> Result<u16, String> {
        let deadline = clock::monotonic().checked_add(within);
        let guard = Arc::new(Guard::new(Arc::clone(&self.stop), deadline));
        let request = Request {
            body,
            ..self.request.clone()
        };
        let response = self.client.send(&request, &guard)?;
        Ok(response.status().as_u16())
    }

    /// Ends what is being sent, and whatever would be.
    pub(crate) fn stop(&self) {
        self.stop.raise(Stop::Kill);
    }
}
