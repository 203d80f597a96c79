//! The drivers of shared databases against real servers: conformance, leases, and connections lost at the worst moments.

use std::time::Duration;

use parking_lot::Mutex;

use super::*;
use crate::clock;
use crate::settings::database::Tls;
use crate::settings::values::Secret;
use crate::store::conformance::{self, rows};
use crate::store::servers::{self, Cut, Kind, Proxy};
use crate::store::shared::session::{Failure, LEASE, Session, SharedStore};
use crate::store::{Op, Table};

const LONG: Duration = Duration::from_secs(3_600);
/// Far more than a server takes to come back on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// The settings for a server, with tables that nobody else uses.
pub(in crate::store) fn settings_of(server: &servers::Database) -> Database {
    Database {
        kind: match server.kind() {
            Kind::Redis => JobDb::Redis,
            Kind::Postgres => JobDb::Postgres,
            Kind::MariaDb => JobDb::Mysql,
        },
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        name: match server.kind() {
            Kind::Redis => "0".to_owned(),
            Kind::Postgres | Kind::MariaDb => servers::NAME.to_owned(),
        },
        user: (server.kind() != Kind::Redis).then(|| servers::USER.to_owned()),
        password: Some(Secret(servers::PASSWORD.to_owned())),
        tls: None,
        prefix: servers::fresh_prefix(),
    }
}

/// `tell` runs a statement on a session.
pub(in crate::store) fn tables_of_a_newer_version_are_refused<S: Session>(
    database: &Database,
    tell: impl Fn(&mut S, &str) -> Result<(), Failure>,
) {
    SharedStore::<S>::open(database).unwrap();
    let mut session = S::connect(database).unwrap();
    let lease = format!("{}_{LEASE}", database.prefix);
    tell(
        &mut session,
        &format!("update {lease} set schema_version = 2"),
    )
    .unwrap();
    match SharedStore::<S>::open(database) {
        Err(StoreError::Corrupt(why)) => assert!(
            why.ends_with(
                "its tables are of version 2, this Nimesha knows version 1: start the newer Nimesha that made them, or use \
                 other ones with --jobdb-prefix"
            ),
            "{why}"
        ),
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("opened"),
    }
}

fn settings(server: &servers::Database, port: u16) -> Database {
    Database {
        port,
        ..settings_of(server)
    }
}

/// As the user who needs no password, for having a certificate; of Redis the one that there is.
fn settings_with_tls(server: &servers::Database) -> Database {
    let known = settings_of(server);
    let (user, password) = match server.kind() {
        Kind::Redis => (known.user, known.password),
        Kind::Postgres | Kind::MariaDb => (Some(servers::CERTIFIED_USER.to_owned()), None),
    };
    Database {
        user,
        password,
        tls: Some(Tls {
            authorities: Some(server.authority()),
            certificate: Some(server.client_certificate()),
            server_name: None,
        }),
        ..settings(server, server.tls_port())
    }
}

/// A store that may be written to.
fn open_to_write(database: &Database) -> Box<dyn Store> {
    let store = open(database).unwrap();
    let lease = store.lease().unwrap();
    lease.take("a test", LONG).unwrap();
    store
}

fn conforms(database: Database) {
    let newest = Mutex::new(database);
    conformance::check(
        &mut || {
            let mut newest = newest.lock();
            newest.prefix = servers::fresh_prefix();
            open_to_write(&newest)
        },
        Some(&|store| {
            store.lease().unwrap().give_back().unwrap();
            drop(store);
            open_to_write(&newest.lock())
        }),
    );
}

fn put(key: &str, value: &str) -> Op {
    Op::Put(Table::Jobs, key.into(), value.into())
}

/// All jobs, in short.
fn jobs(store: &dyn Store) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let rows = rows(store, Table::Jobs);
    let rows = rows
        .iter()
        .map(|(key, value)| format!("{}={}", text(key), text(value)));
    rows.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = clock::monotonic() + DEADLINE;
    while !condition() {
        assert!(clock::monotonic() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn is_away<T>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Away(why)) => assert!(!why.contains(servers::PASSWORD), "{why}"),
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("the database is there"),
    }
}

/// A server that restarts is found again at once, one that stands still is away until it goes on.
fn comes_back(server: &mut servers::Database) {
    let store = open_to_write(&settings(server, server.port()));
    store.commit(&[put("a", "1")]).unwrap();
    assert_eq!(jobs(&*store), "a=1");
    server.restart();
    store.commit(&[put("a", "2")]).unwrap();
    assert_eq!(jobs(&*store), "a=2");

    server.kill9();
    is_away(store.commit(&[put("a", "3")]));
    is_away(store.get(Table::Jobs, b"a"));
    server.start_again();
    eventually("the killed server takes writes", || {
        store.commit(&[put("b", "4")]).is_ok()
    });
    assert_eq!(jobs(&*store), "a=2 b=4");

    server.pause();
    is_away(store.commit(&[put("a", "5")]));
    is_away(store.get(Table::Jobs, b"a"));
    server.resume();
    eventually("the stalled server takes writes", || {
        store.commit(&[put("b", "6")]).is_ok()
    });
    eventually("and reads", || store.get(Table::Jobs, b"a").is_ok());
    assert_eq!(jobs(&*store), "a=2 b=6");
}

/// Connections that are lost while a commit is under way. `words` are those of the commit as it is sent.
fn knows_what_became_of_a_commit(server: &servers::Database, words: &'static [u8]) {
    let proxy = Proxy::to(server.port());
    let store = open_to_write(&settings(server, proxy.port()));
    store
        .commit(&[put("a", "1"), put("gone", "1"), put("p1", "1")])
        .unwrap();
    let before = jobs(&*store);
    let batch = [
        put("a", "2"),
        Op::Insert(Table::Jobs, b"new".to_vec(), b"2".to_vec()),
        Op::Delete(Table::Jobs, b"gone".to_vec()),
        Op::DeletePrefix(Table::Jobs, b"p".to_vec()),
        Op::Put(Table::States, b"s".to_vec(), b"2".to_vec()),
    ];

    proxy.cut(Cut::Before(words), false);
    is_away(store.commit(&batch));
    assert!(!proxy.is_to_cut());
    assert_eq!(jobs(&*store), before);

    // It cannot look what became of it, so it says that it failed, and sees to it that this comes true.
    proxy.cut(Cut::After(words), true);
    is_away(store.commit(&batch));
    assert!(!proxy.is_to_cut());
    proxy.accept();
    eventually("the next commit succeeds", || {
        store.commit(&[put("a", "3")]).is_ok()
    });
    assert_eq!(jobs(&*store), before.replace("a=1", "a=3"));
    assert_eq!(store.get(Table::States, b"s").unwrap(), None);

    proxy.cut(Cut::After(words), false);
    store.commit(&batch).unwrap();
    assert!(!proxy.is_to_cut());
    assert_eq!(jobs(&*store), "a=2 new=2");
}

/// Who takes over has not to care for what the one before may think.
fn leaves_to_a_successor_what_it_found(server: &servers::Database, words: &'static [u8]) {
    let proxy = Proxy::to(server.port());
    let database = settings(server, proxy.port());
    let store = open(&database).unwrap();
    store
        .lease()
        .unwrap()
        .take("short", Duration::ZERO)
        .unwrap();
    proxy.cut(Cut::After(words), true);
    is_away(store.commit(&[put("a", "1")]));
    let next = open_to_write(&Database {
        port: server.port(),
        ..database
    });
    assert_eq!(jobs(&*next), "a=1");
    proxy.accept();
    let mut result = Ok(());
    eventually("the first learns of the second", || {
        result = store.commit(&[put("a", "2")]);
        !matches!(result, Err(StoreError::Away(_)))
    });
    assert!(matches!(result, Err(StoreError::Lost(_))), "{result:?}");
    assert_eq!(jobs(&*next), "a=1");
}

/// A server that is put to sleep in the middle of a commit keeps the others waiting, and not for long.
fn frees_the_lease_of_a_sleeper(server: &servers::Database, words: &'static [u8]) {
    let proxy = Proxy::to(server.port());
    let database = settings(server, proxy.port());
    let sleeper = open(&database).unwrap();
    let lease = sleeper.lease().unwrap();
    lease.take("sleeper", Duration::ZERO).unwrap();
    proxy.cut(Cut::Stall(words), true);
    is_away(sleeper.commit(&[put("a", "1")]));
    assert!(!proxy.is_to_cut());
    let next = open(&Database {
        port: server.port(),
        ..database
    });
    let next = next.unwrap();
    eventually("the next one has the lease", || {
        next.lease().unwrap().take("next", LONG).is_ok()
    });
    next.commit(&[put("b", "2")]).unwrap();
    assert_eq!(jobs(&*next), "b=2");
}

/// Of servers that start at once on an empty database each finds its tables.
fn can_be_opened_by_many_at_once(server: &servers::Database) {
    let database = settings(server, server.port());
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| open(&database).unwrap());
        }
    });
}

/// Each with words that are in what is said.
fn says_what_is_wrong(server: &servers::Database, wrong: Vec<(Database, &str)>) {
    for (database, expected) in wrong {
        let why = match open(&database) {
            Err(StoreError::Refused(why)) => why,
            Err(error) => panic!("{expected}: {error:?}"),
            Ok(_) => panic!("opened: {expected}"),
        };
        assert!(why.contains(expected) && !why.contains("tell-"), "{why}");
        assert!(
            why.contains(&format!("127.0.0.1:{}/", database.port)),
            "{why}"
        );
    }
    let nobody = Database {
        port: 1,
        ..settings(server, 1)
    };
    is_away(open(&nobody).map(|_| ()));
}

fn wrong_settings(server: &servers::Database) -> Vec<(Database, &'static str)> {
    let good = settings(server, server.port());
    let safe = settings_with_tls(server);
    let tls = |tls: Tls| Database {
        tls: Some(tls),
        ..safe.clone()
    };
    let files = safe.tls.clone().unwrap();
    let mut wrong = vec![
        (
            Database {
                password: Some(Secret("tell-tale".into())),
                ..good.clone()
            },
            "look at --jobdb-username, --jobdb-password",
        ),
        (
            Database {
                user: Some("stranger".into()),
                ..good
            },
            "--jobdb-username",
        ),
        (
            tls(Tls {
                authorities: Some(server.stranger()),
                ..files.clone()
            }),
            "--jobdb-tls",
        ),
        (
            tls(Tls {
                authorities: Some("/nowhere.pem".into()),
                ..files.clone()
            }),
            "/nowhere.pem",
        ),
        (
            tls(Tls {
                server_name: Some("elsewhere.test".into()),
                ..files
            }),
            "elsewhere.test",
        ),
    ];
    if server.kind() != Kind::Redis {
        let open = Database { tls: None, ..safe };
        wrong.push((open, "--jobdb-username"));
    }
    wrong
}

/// The suite for a kind of server: `commit` are the words of a commit as the driver sends them.
macro_rules! suite {
    ($name:ident, $feature:literal, $kind:expr, $commit:expr) => {
        #[cfg(feature = $feature)]
        mod $name {
            use super::*;

            fn shared() -> Option<&'static servers::Database> {
                servers::Database::shared($kind)
            }

            #[test]
            fn it_conforms() {
                let Some(server) = shared() else { return };
                conforms(settings(server, server.port()));
            }

            #[test]
            fn it_conforms_with_tls() {
                let Some(server) = shared() else { return };
                conforms(settings_with_tls(server));
            }

            #[test]
            fn its_lease_conforms() {
                let Some(server) = shared() else { return };
                let database = settings(server, server.port());
                conformance::check_lease(&|| open(&database).unwrap());
            }

            #[test]
            fn it_comes_back_with_its_server() {
                if let Some(mut server) = servers::Database::start($kind) {
                    comes_back(&mut server);
                }
            }

            #[test]
            fn it_knows_what_became_of_a_commit() {
                let Some(server) = shared() else { return };
                knows_what_became_of_a_commit(server, $commit);
                leaves_to_a_successor_what_it_found(server, $commit);
                frees_the_lease_of_a_sleeper(server, $commit);
            }

            #[test]
            fn it_can_be_opened_by_many_at_once() {
                let Some(server) = shared() else { return };
                can_be_opened_by_many_at_once(server);
            }

            #[test]
            fn err_words_say_what_is_wrong_and_the_way_out() {
                let Some(server) = shared() else { return };
                says_what_is_wrong(server, wrong_settings(server));
            }
        }
    };
}

suite!(redis, "redis", Kind::Redis, b"$6\r\ncommit\r\n");
suite!(postgres, "postgres", Kind::Postgres, b"\0commit\0");
suite!(mariadb, "mysql", Kind::MariaDb, b"\x03commit;");
