//! What each lease must do, whatever database it is in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::{get, put};
use crate::store::lease::{Held, Lease};
use crate::store::{Store, StoreError};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3_600);

/// Runs the suite. `open` opens one more store on a database that nobody else uses.
pub(crate) fn check_lease(open: &dyn Fn() -> Box<dyn Store>) {
    let checks: [fn(&dyn Store, &dyn Store); 6] = [
        one_has_it_and_the_other_learns_who,
        it_can_be_given_back,
        it_ends_by_itself_and_its_holder_commits_nothing_then,
        an_end_that_nobody_used_is_none,
        two_of_one_name_are_two,
        what_was_committed_before_a_takeover_is_there_and_nothing_after,
    ];
    for check in checks {
        let (one, two) = (open(), open());
        check(&*one, &*two);
        for store in [&one, &two] {
            lease(&**store).give_back().unwrap();
        }
    }
}

fn lease(store: &dyn Store) -> &dyn Lease {
    store.lease().expect("its database is shared")
}

#[track_caller]
fn take(store: &dyn Store, ttl: Duration) -> u64 {
    match lease(store).take("taker", ttl).unwrap() {
        Held::Ours { term } => term,
        theirs => panic!("{theirs:?}"),
    }
}

fn is_lost(result: &Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Lost(_)))
}

fn one_has_it_and_the_other_learns_who(one: &dyn Store, two: &dyn Store) {
    let commit = |store: &dyn Store| store.commit(&[put("a", "1")]);
    assert!(is_lost(&commit(one)), "nobody has it yet");
    let held = lease(one).take("the first", LONG).unwrap();
    let Held::Ours { term } = held else {
        panic!("{held:?}");
    };
    assert_eq!(lease(one).take("the first", LONG).unwrap(), held);
    match lease(two).take("the second", LONG).unwrap() {
        Held::Theirs { owner, ends_in } => {
            assert_eq!(owner, "the first");
            assert!(ends_in <= LONG && ends_in > LONG / 2, "{ends_in:?}");
        }
        ours => panic!("{ours:?}, beside term {term}"),
    }
    assert!(is_lost(&commit(two)));
    commit(one).unwrap();
    assert_eq!(get(two, "a").as_deref(), Some("1"), "who waits may read");
}

fn it_can_be_given_back(one: &dyn Store, two: &dyn Store) {
    let first = take(one, LONG);
    lease(two).give_back().unwrap();
    one.commit(&[put("a", "1")]).unwrap();
    lease(one).give_back().unwrap();
    assert!(is_lost(&one.commit(&[put("a", "2")])));
    let second = take(two, LONG);
    assert!(second > first, "{second} after {first}");
    lease(one).give_back().unwrap();
    two.commit(&[put("a", "3")]).unwrap();
}

fn it_ends_by_itself_and_its_holder_commits_nothing_then(one: &dyn Store, two: &dyn Store) {
    let first = take(one, Duration::from_millis(300));
    one.commit(&[put("a", "1")]).unwrap();
    let second = loop {
        match lease(two).take("the second", LONG).unwrap() {
            Held::Ours { term } => break term,
            Held::Theirs { ends_in, .. } => thread::sleep(ends_in),
        }
    };
    assert_eq!(second, first + 1);
    assert!(is_lost(&one.commit(&[put("a", "2")])));
    assert!(matches!(
        lease(one).take("the first", LONG).unwrap(),
        Held::Theirs { .. }
    ));
    assert_eq!(get(two, "a").as_deref(), Some("1"));
}

fn an_end_that_nobody_used_is_none(one: &dyn Store, _: &dyn Store) {
    let term = take(one, Duration::ZERO);
    one.commit(&[put("a", "1")]).unwrap();
    assert_eq!(take(one, Duration::ZERO), term);
    one.commit(&[put("a", "2")]).unwrap();
}

fn two_of_one_name_are_two(one: &dyn Store, two: &dyn Store) {
    take(one, LONG);
    assert!(matches!(
        lease(two).take("taker", LONG).unwrap(),
        Held::Theirs { .. }
    ));
}

/// One commits as fast as it can while the other takes over.
fn what_was_committed_before_a_takeover_is_there_and_nothing_after(
    one: &dyn Store,
    two: &dyn Store,
) {
    take(one, Duration::ZERO);
    let acknowledged = AtomicU64::new(0);
    let next = || acknowledged.load(Ordering::Relaxed) + 1;
    thread::scope(|threads| {
        threads.spawn(|| {
            while next() < 5 {
                thread::yield_now();
            }
            take(two, LONG);
        });
        loop {
            let number = next();
            let result = one.commit(&[put("a", &number.to_string())]);
            if is_lost(&result) {
                break;
            }
            result.unwrap();
            acknowledged.store(number, Ordering::Relaxed);
        }
    });
    let last = acknowledged.load(Ordering::Relaxed).to_string();
    assert_eq!(get(two, "a"), Some(last));
}
