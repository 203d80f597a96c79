//! A TCP proxy between a driver and its server, which loses the connection at the worst moments.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

/// When a connection is lost or stands still, told by the words that the client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// As these words come in: the server never sees them.
    Before(&'static [u8]),
    /// As the server answers to them: the client never sees that.
    After(&'static [u8]),
    /// As these words come in, nothing more is passed on, as from a client that was put to sleep. The server never sees its
    /// connection end.
    Stall(&'static [u8]),
}

/// Passes on what comes, until told otherwise.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The next cut, and whether the proxy refuses connections from then on.
    plan: Option<(Cut, bool)>,
    refuses: bool,
    streams: Vec<TcpStream>,
}

impl Proxy {
    /// A proxy for a port of this machine. Its threads end with the process.
    pub(crate) fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::<Mutex<State>>::default();
        let ours = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if ours.lock().refuses {
                    continue;
                }
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                    pass_both_ways(&client, &server, &ours);
                }
            }
        });
        Proxy { address, state }
    }

    /// The port of 127.0.0.1 that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Cuts the next connection on which this happens. With `refuse` no further one comes about, until
    /// [`accept`](Self::accept).
    pub(crate) fn cut(&self, cut: Cut, refuse: bool) {
        self.state.lock().plan = Some((cut, refuse));
    }

    /// Whether the planned cut has not happened yet.
    pub(crate) fn is_to_cut(&self) -> bool {
        self.state.lock().plan.is_some()
    }

    /// Cuts all connections, and refuses new ones.
    pub(crate) fn refuse(&self) {
        let mut state = self.state.lock();
        state.refuses = true;
        for stream in state.streams.drain(..) {
            close(&stream);
        }
    }

    /// Takes connections again.
    pub(crate) fn accept(&self) {
        self.state.lock().refuses = false;
    }
}

fn pass_both_ways(client: &TcpStream, server: &TcpStream, state: &Arc<Mutex<State>>) {
    let copy = |stream: &TcpStream| stream.try_clone().expect("a socket can be had twice");
    state.lock().streams.extend([copy(client), copy(server)]);
    let cut_at_answer = Arc::new(Mutex::new(None));
    let (from, to, at_answer, plan) = (
        copy(client),
        copy(server),
        cut_at_answer.clone(),
        state.clone(),
    );
    thread::spawn(move || {
        pass(from, to, |words| {
            let mut state = plan.lock();
            match state.plan {
                Some((Cut::Before(wanted), refuse)) if contains(words, wanted) => {
                    state.plan = None;
                    state.refuses = refuse;
                    false
                }
                Some((Cut::Stall(wanted), refuse)) if contains(words, wanted) => {
                    state.plan = None;
                    state.refuses = refuse;
                    drop(state);
                    loop {
                        thread::park(); // until the process ends
                    }
                }
                Some((Cut::After(wanted), refuse)) if contains(words, wanted) => {
                    *at_answer.lock() = Some(refuse);
                    true
                }
                _ => true,
            }
        });
    });
    let (from, to, plan) = (copy(server), copy(client), state.clone());
    thread::spawn(move || {
        pass(from, to, |_| match cut_at_answer.lock().take() {
            Some(refuse) => {
                let mut state = plan.lock();
                state.plan = None;
                state.refuses = refuse;
                false
            }
            None => true,
        });
    });
}

/// Passes on what comes while `look` agrees, then closes both ends.
fn pass(mut from: TcpStream, mut to: TcpStream, mut look: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if !look(&buffer[..read]) || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    close(&from);
    close(&to);
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}

fn close(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Both); // it may be closed already
}
