//! The database servers that other tests use: they start, stop, stand still and go on.

use std::net::{Ipv4Addr, TcpStream};

use crate::support::databases::{Database, Kind};

#[test]
fn servers_start_and_stop_and_start_again() {
    for kind in [Kind::Redis, Kind::Postgres, Kind::MariaDb] {
        let Some(mut database) = Database::start(kind) else {
            continue;
        };
        let connect = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        database.pause();
        database.resume();
        database.kill9();
        assert!(connect(database.port()).is_err());
        database.start_again();
        connect(database.port()).unwrap();
        connect(database.tls_port()).unwrap();
        database.restart();
        assert!(Database::shared(kind).is_some());
    }
}
