//! A connection to Redis: safe where that is wanted, signed in, and with a limit to each wait.
//!
//! The library packs commands and reads answers. The stream below is ours, as the library's knows no other name of the
//! server than its host.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;

use redis::{Cmd, Parser, ServerError, Value};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::config;
use crate::settings::database::{Database, Tls};
use crate::store::StoreError;
use crate::store::shared::session::words::{Trouble, broken, silent};
use crate::store::shared::session::{Failure, tls};

/// The connection.
pub(super) struct Wire {
    database: Database,
    stream: Stream,
    parser: Parser,
}

enum Stream {
    Open(Patient<TcpStream>),
    Safe(Box<StreamOwned<ClientConnection, Patient<TcpStream>>>),
}

/// Goes on reading and writing when a signal came in between, as a process that was put to sleep finds as it wakes: no
/// answer is lost by that, and neither library looks for it.
struct Patient<S>(S);

impl Wire {
    /// Connects and signs in.
    pub(super) fn connect(database: &Database) -> Result<Wire, Failure> {
        let socket = connect(database).map_err(|error| lost(database, &error))?;
        let stream = match &database.tls {
            None => Stream::Open(Patient(socket)),
            Some(tls) => Stream::Safe(Box::new(make_safe(database, tls, Patient(socket))?)),
        };
        let mut wire = Wire {
            database: database.clone(),
            stream,
            parser: Parser::new(),
        };
        wire.sign_in()?;
        set_timeout(wire.stream.socket(), config::JOBDB_ANSWER_TIMEOUT)
            .map_err(|error| lost(database, &error))?;
        Ok(wire)
    }

    fn sign_in(&mut self) -> Result<(), Failure> {
        let mut commands = Vec::new();
        if let Some(password) = &self.database.password {
            let mut auth = redis::cmd("AUTH");
            if let Some(user) = &self.database.user {
                auth.arg(user);
            }
            auth.arg(&password.0);
            commands.push(auth);
        }
        let mut select = redis::cmd("SELECT");
        select.arg(&self.database.name);
        commands.push(select);
        self.ask(&commands).map(drop)
    }

    /// Sends commands together; the answers come in their order. The first that is an error is the answer to all.
    pub(super) fn ask(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, Failure> {
        let packed: Vec<u8> = commands.iter().flat_map(Cmd::get_packed_command).collect();
        let sent = self
            .stream
            .write_all(&packed)
            .and_then(|()| self.stream.flush());
        sent.map_err(|error| lost(&self.database, &error))?;
        let mut answers = Vec::with_capacity(commands.len());
        for _ in commands {
            let answer = self.parser.parse_value(&mut self.stream);
            answers.push(answer.map_err(|error| match error.is_timeout() {
                true => silent(&self.database),
                false => broken(&self.database, &error),
            })?);
        }
        // All of them are read before one is looked at, or the next question would get an old answer.
        answers
            .into_iter()
            .map(|answer| self.accept(answer))
            .collect()
    }

    fn accept(&self, answer: Value) -> Result<Value, Failure> {
        match answer {
            Value::ServerError(error) => Err(said(&self.database, &error)),
            answer => Ok(answer),
        }
    }
}

/// What Redis says no to. Its errors begin with a code.
fn said(database: &Database, error: &ServerError) -> Failure {
    let words = format!("{} {}", error.code(), error.details().unwrap_or_default());
    let away =
        |way_out: &str| Failure::Said(StoreError::Away(format!("{database}: {words}{way_out}")));
    let trouble = match error.code() {
        "NOAUTH" | "WRONGPASS" => Trouble::SignIn,
        "NOPERM" => Trouble::NotAllowed,
        "READONLY" => Trouble::ReadOnly,
        "OOM" => {
            return away(
                "; it goes on by itself when maxmemory is raised, or the other keys there get fewer",
            );
        }
        "MISCONF" => Trouble::Full,
        "NOSCRIPT" => return Failure::Gone(format!("{database}: {words}")),
        _ if words.contains("max number of clients") => Trouble::TooMany,
        _ if words.contains("invalid password") || words.contains("AUTH") => Trouble::SignIn,
        _ if words.contains("DB index") => {
            return Failure::Said(StoreError::Refused(format!(
                "{database}: {words}; name another database in --jobdb-address"
            )));
        }
        _ => Trouble::Other,
    };
    trouble.failure(database, &words)
}

fn lost(database: &Database, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => silent(database),
        _ => broken(database, error),
    }
}

fn connect(database: &Database) -> io::Result<TcpStream> {
    let addresses = (database.host.as_str(), database.port).to_socket_addrs()?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, config::JOBDB_CONNECT_TIMEOUT) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                set_timeout(&socket, config::JOBDB_CONNECT_TIMEOUT)?;
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn set_timeout(socket: &TcpStream, timeout: std::time::Duration) -> io::Result<()> {
    socket.set_read_timeout(Some(timeout))?;
    socket.set_write_timeout(Some(timeout))
}

fn make_safe(
    database: &Database,
    settings: &Tls,
    mut socket: Patient<TcpStream>,
) -> Result<StreamOwned<ClientConnection, Patient<TcpStream>>, Failure> {
    let config = Arc::new(tls::client(database, settings)?);
    let name = settings.server_name.as_ref().unwrap_or(&database.host);
    let no = |error: &(dyn Error + 'static)| Trouble::Tls.failure(database, &error);
    let name = ServerName::try_from(name.clone()).map_err(|error| no(&error))?;
    let mut connection = ClientConnection::new(config, name).map_err(|error| no(&error))?;
    while connection.is_handshaking() {
        connection
            .complete_io(&mut socket)
            .map_err(|error| lost(database, &error))?;
    }
    Ok(StreamOwned::new(connection, socket))
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Open(socket) => &socket.0,
            Stream::Safe(stream) => &stream.sock.0,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Open(socket) => socket.read(into),
            Stream::Safe(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Open(socket) => socket.write(bytes),
            Stream::Safe(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Open(socket) => socket.flush(),
            Stream::Safe(stream) => stream.flush(),
        }
    }
}

impl<S: Read> Read for Patient<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| self.0.read(into))
    }
}

impl<S: Write> Write for Patient<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        uninterrupted(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        uninterrupted(|| self.0.flush())
    }
}

fn uninterrupted<T>(mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match work() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Is interrupted each second time.
    struct Restless(bool);

    impl Read for Restless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0 = !self.0;
            match self.0 {
                true => Err(io::ErrorKind::Interrupted.into()),
                false => b"+OK\r\n".as_slice().read(into),
            }
        }
    }

    #[test]
    fn an_answer_outlives_a_signal() {
        let mut stream = Patient(Restless(false));
        let answer = Parser::new().parse_value(&mut stream).unwrap();
        assert_eq!(answer, Value::Okay);
    }
}
