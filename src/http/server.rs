//! The server as its owner sees it: started, asked for its addresses, shut down.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::Handler;
use super::accept::Listener;
use super::hub::Hub;
use super::limits::Limits;
use super::pool;
use crate::clock;

/// What the threads may take to end, beyond the time for the last answers.
const THREAD_END: Duration = Duration::from_millis(500);

/// A running server. Dropping it shuts it down.
pub struct Server {
    addrs: Vec<SocketAddr>,
    pub(super) hub: Arc<Hub>,
    running: Arc<Running>,
    threads: Vec<JoinHandle<()>>,
}

/// How many threads of the pool have not ended.
#[derive(Default)]
struct Running {
    threads: Mutex<usize>,
    one_ended: Condvar,
}

/// Counts a thread as running for as long as it is there, however it ends.
struct Counted(Arc<Running>);

impl Drop for Counted {
    fn drop(&mut self) {
        *self.0.threads.lock() -= 1;
        self.0.one_ended.notify_all();
    }
}

impl Server {
    /// Starts to answer what comes in at `listeners`.
    ///
    /// # Errors
    /// When the system gives no epoll set, no threads, or a listener is not one.
    pub fn start(
        listeners: Vec<Listener>,
        limits: Limits,
        handler: Arc<dyn Handler>,
    ) -> io::Result<Server> {
        let addrs = listeners.iter().filter_map(Listener::local_addr).collect();
        let threads = limits.threads.max(1);
        let hub = Arc::new(Hub::new(listeners, limits, handler)?);
        let mut server = Server {
            addrs,
            hub,
            running: Arc::default(),
            threads: Vec::with_capacity(threads),
        };
        for index in 0..threads {
            let hub = Arc::clone(&server.hub);
            *server.running.threads.lock() += 1;
            let counted = Counted(Arc::clone(&server.running));
            let thread = thread::Builder::new()
                .name(format!("http-{index}"))
                .spawn(move || {
                    let _counted = counted;
                    pool::work(&hub);
                })?;
            server.threads.push(thread);
        }
        Ok(server)
    }

    /// The addresses of the TCP listeners, with the ports that the system chose.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// Ends it: no connection is accepted any more, idle ones and streams are closed at once, the others after their
    /// answer, or when [`Limits::closing`] is over. Waits for all of that.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let deadline = clock::monotonic() + self.hub.limits.closing;
        self.hub.stop(deadline);
        if !self.hub.table.wait_until_empty(deadline) {
            log::warn!("connections are cut at shutdown: their answers took too long");
        }
        if let Err(error) = self.hub.poll.stop() {
            log::error!("the threads of the HTTP server cannot be told to stop: {error}");
        }
        let mut running = self.running.threads.lock();
        let mut late = false;
        while *running > 0 && !late {
            // A thread that has nothing to do ends at once; a handler that never returns must not hold up the process.
            late = self
                .running
                .one_ended
                .wait_until(&mut running, deadline + THREAD_END)
                .timed_out();
        }
        let ended = *running == 0;
        drop(running);
        if ended {
            for thread in self.threads.drain(..) {
                // A panic in a thread has been reported when it happened.
                let _ = thread.join();
            }
        }
        self.hub.table.clear();
    }
}
