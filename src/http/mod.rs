//! HTTP/1.x: connections, requests and answers, with a limit on everything. Knows nothing of jobs.
//!
//! The vocabulary is tiny_http's ([`Method`](tiny_http::Method), [`Header`](tiny_http::Header),
//! [`StatusCode`](tiny_http::StatusCode), [`Response`](tiny_http::Response)); listening, reading, limiting and writing
//! are our own, on `httparse`, because a server that runs commands must outlive whatever is sent to it.
//!
//! ```text
//!   listeners, connections, bell, timer            Responder::send, StreamSender::push
//!              \   |   /                                (any other thread)
//!             poll: one epoll set                              |
//!             /    |    \                                      v
//!       pool thread  pool thread ...   <---- bell ----   mail: who has an answer
//!             |
//!   table: the connection's seat, locked for this turn
//!             |
//!   connection: Idle > Head > Body > Waiting > Answering > Idle     (Draining: before an early close)
//!                 parse    body   Handler    outgoing
//! ```
//!
//! A few threads wait for the same epoll set. A connection is armed there for one event at a time; the thread that gets
//! the event drives the connection as far as it goes without waiting, and arms it again. So a wait, be it for a client
//! or for an answer, holds no thread, and nothing is handed from thread to thread: the thread that reads a request runs
//! the handler and writes the answer, if the handler has one at once (with one thread that waits and hands events to the
//! others, a request of 8 clients took 15 microseconds of processor instead of 8). Answers that come later are left in
//! the mail.
//!
//! Under TLS the same is true: a connection's bytes pass through rustls on their way ([`Certificates`]), and a client
//! that shakes hands slowly waits in the epoll set like any other.
//!
//! Left out: HTTP/2 (a proxy in front has it), compression and routes (the floor above).

mod accept;
mod answer;
mod body;
mod certificates;
mod connection;
mod exchange;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod hub;
mod limits;
mod mail;
mod outgoing;
mod parse;
mod path;
mod poll;
mod pool;
mod quota;
mod request;
mod server;
mod socket;
mod stream;
mod table;
mod timer;
mod tls;
mod wire;
mod write;

#[cfg(test)]
mod tests;

pub use accept::Listener;
pub use answer::{Answer, Body};
pub use certificates::Certificates;
pub use exchange::Responder;
pub use limits::Limits;
pub use request::{Headers, Peer, Request, Role, SESSION_COOKIE};
pub use server::Server;
pub use stream::{PushError, Stream, StreamSender, stream};

/// What answers requests.
///
/// Called on a thread of the pool, for many requests side by side. It may compute, but must not wait: whoever has the
/// answer later is given the [`Responder`]. A panic in it is answered with 500 and harms nothing else.
pub trait Handler: Send + Sync + 'static {
    /// Answers `request` by way of `responder`, now or later.
    fn handle(&self, request: Request, responder: Responder);
}

impl<F: Fn(Request, Responder) + Send + Sync + 'static> Handler for F {
    fn handle(&self, request: Request, responder: Responder) {
        self(request, responder);
    }
}
