//! What is particular to Redis, against a real one.

use super::*;
use crate::store::Op;
use crate::store::servers::{self, Kind};
use crate::store::shared::tests::settings_of;

impl RedisSession {
    fn tell(&mut self, words: &[&str]) {
        let mut cmd = redis::cmd(words[0]);
        cmd.arg(&words[1..]);
        self.ask_one(cmd).unwrap();
    }
}

#[test]
fn err_keys_of_a_newer_version_are_refused() {
    let Some(server) = servers::Database::shared(Kind::Redis) else {
        return;
    };
    let database = settings_of(server);
    open(&database).unwrap();
    let mut session = RedisSession::connect(&database).unwrap();
    let lease = session.lease_key();
    session.tell(&["HSET", &lease, "schema", "2"]);
    match open(&database) {
        Err(StoreError::Corrupt(why)) => assert!(why.contains("--jobdb-prefix"), "{why}"),
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[test]
fn doubts_are_told() {
    let Some(server) = servers::Database::start(Kind::Redis) else {
        return;
    };
    let mut session = RedisSession::connect(&settings_of(&server)).unwrap();
    assert_eq!(session.doubts().unwrap(), [] as [String; 0]);
    session.tell(&["CONFIG", "SET", "appendonly", "no"]);
    session.tell(&["CONFIG", "SET", "maxmemory", "100mb"]);
    let one = session.doubts().unwrap();
    assert!(one.len() == 1 && one[0].contains("appendonly"), "{one:?}");
    session.tell(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let both = session.doubts().unwrap();
    assert!(
        both.len() == 2 && both[1].contains("noeviction"),
        "{both:?}"
    );
}

#[test]
fn a_full_redis_is_away_until_it_has_room() {
    let Some(server) = servers::Database::start(Kind::Redis) else {
        return;
    };
    let database = settings_of(&server);
    let store = open(&database).unwrap();
    let lease = store.lease().unwrap();
    lease
        .take("a test", std::time::Duration::from_secs(3_600))
        .unwrap();
    let put = |value: &[u8]| store.commit(&[Op::Put(Table::Jobs, b"a".to_vec(), value.to_vec())]);
    put(b"1").unwrap();
    let mut session = RedisSession::connect(&database).unwrap();
    session.tell(&["CONFIG", "SET", "maxmemory", "1"]);
    match put(b"2") {
        Err(StoreError::Away(why)) => assert!(why.contains("maxmemory"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.get(Table::Jobs, b"a").unwrap(), Some(b"1".to_vec()));
    session.tell(&["CONFIG", "SET", "maxmemory", "0"]);
    put(b"3").unwrap();
}

#[test]
fn keys_that_are_gone_are_said_to_be() {
    let Some(server) = servers::Database::shared(Kind::Redis) else {
        return;
    };
    let database = settings_of(server);
    let store = open(&database).unwrap();
    let mut session = RedisSession::connect(&database).unwrap();
    let lease = session.lease_key();
    session.tell(&["DEL", &lease]);
    match store.commit(&[]) {
        Err(StoreError::Corrupt(why)) => assert!(why.contains("its keys are gone"), "{why}"),
        other => panic!("{other:?}"),
    }
}
