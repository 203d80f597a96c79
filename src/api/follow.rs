//! `GET /job/{id}/runs/{run}/output/?follow=true`: what a run has written, and what it writes until it ends.
//!
//! Each part is handed on by the thread that has read it from the command, which does not wait for anybody. A client that
//! reads more slowly than the command writes misses parts, as the history of the run does, and is told where.

use crate::config;
use crate::http::{self, Body, PushError, StreamSender};
use crate::job::output::{OutputBuffer, TooManyFollowers};

use super::error::ApiError;

/// Answers with what comes into `output` until it ends.
pub(super) fn follow(output: &OutputBuffer) -> Result<http::Answer, ApiError> {
    // Room for all that is kept, which may come at once, beside what is on its way.
    let (sender, stream) = http::stream(config::STREAM_BUFFER_BYTES + output.limit());
    let mut reader = Reader {
        sender: Some(sender),
        heard: 0,
        is_behind: false,
    };
    output
        .follow(Box::new(move |output| reader.hear(output)))
        .map_err(|TooManyFollowers| too_many())?;
    let answer = http::Answer::new(200, Body::Stream(stream));
    Ok(answer.with_header("Content-Type", "text/plain; charset=utf-8"))
}

/// A client that follows.
struct Reader {
    /// Taken at the end.
    sender: Option<StreamSender>,
    /// The bytes that it has been sent.
    heard: u64,
    /// Some that are there did not fit.
    is_behind: bool,
}

impl Reader {
    /// Sends what is new. Says whether the client is still there.
    fn hear(&mut self, output: &OutputBuffer) -> bool {
        let Some(sender) = &self.sender else {
            return false;
        };
        let (text, upto) = output.text_since(self.heard);
        let sent = sender.push(&text);
        self.is_behind = sent == Err(PushError::Full);
        if sent.is_ok() {
            self.heard = upto;
        }
        sent != Err(PushError::Closed)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // An answer that lacks its last part must not look whole.
        if let Some(sender) = self.sender.take()
            && self.is_behind
        {
            sender.cut();
        }
    }
}

fn too_many() -> ApiError {
    ApiError::new(
        503,
        format!(
            "{} clients follow this run, and no more can: close one of them, or leave out follow",
            config::OUTPUT_FOLLOWERS_MAX
        ),
    )
}
