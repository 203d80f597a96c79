//! What the tests of the drivers share; what all drivers must do is tested where they are chosen.

use super::words::Trouble;
use super::*;
use crate::settings::values::{JobDb, Secret};
use crate::store::servers::{self, Kind};

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
    SqlStore::<S>::open(database).unwrap();
    let mut session = S::connect(database).unwrap();
    let lease = format!("{}_{LEASE}", database.prefix);
    tell(
        &mut session,
        &format!("update {lease} set schema_version = 2"),
    )
    .unwrap();
    match SqlStore::<S>::open(database) {
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

#[test]
fn troubles_say_the_way_out_and_no_secret() {
    let database = Database {
        kind: JobDb::Postgres,
        host: "db".to_owned(),
        port: 5432,
        name: "kala".to_owned(),
        user: Some("scheduler".to_owned()),
        password: Some(Secret("tell-nobody".to_owned())),
        tls: None,
        prefix: "nimesha".to_owned(),
    };
    let words = |trouble: Trouble| StoreError::from(trouble.failure(&database, &"it says no"));
    for (trouble, expected) in [
        (
            Trouble::NoDatabase,
            r#"; make it with "create database kala", or name another one in --jobdb-address"#,
        ),
        (
            Trouble::NotAllowed,
            r#"; the user "scheduler" must be allowed to make, read and write tables there"#,
        ),
        (Trouble::Full, "; it goes on by itself when there is space"),
        (
            Trouble::ReadOnly,
            "; it goes on by itself when the database takes writes",
        ),
        (
            Trouble::TooMany,
            "; it goes on by itself when there are fewer",
        ),
        (Trouble::Other, ""),
    ] {
        let expected = format!("postgres at db:5432/kala: it says no{expected}");
        assert_eq!(words(trouble).to_string(), expected);
    }
    let waits = |trouble| matches!(words(trouble), StoreError::Away(_));
    assert!(waits(Trouble::Full) && waits(Trouble::TooMany) && waits(Trouble::Closing));
    assert!(!waits(Trouble::SignIn) && !waits(Trouble::NoDatabase) && !waits(Trouble::Tls));
}
