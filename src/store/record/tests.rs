//! The disk form: round trips, the bytes that must stay, and bytes that mean nothing.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;
use crate::job::run::{AttemptEnd, HistoryEntry, Outcome, Trigger};
use crate::job::state::{Chain, JobState};
use crate::schedule::Zone;
use crate::store::samples;

fn text(value: &[u8]) -> String {
    assert_eq!(value[0], VERSION);
    String::from_utf8(value[1..].to_vec()).unwrap()
}

fn assert_same_entry(entry: &HistoryEntry, expected: &HistoryEntry) {
    assert_eq!(format!("{entry:?}"), format!("{expected:?}"));
}

fn sample_id() -> JobId {
    JobId(Uuid::from_u128(0x0102_0304_0506_4708_890a_0b0c_0d0e_0f10))
}

#[test]
fn all_records_come_back_as_they_were() {
    let id = sample_id();
    for job in [samples::plain_job(7), samples::full_job()] {
        let decoded = decode_job(&job_key(job.id), &encode_job(&job), Zone::UTC).unwrap();
        assert_eq!(decoded, job);
    }
    let mut busy = samples::busy_state();
    busy.figures.alerted = true;
    busy.rest = Some(Box::new(samples::rest(id)));
    for state in [JobState::new(Timestamp::MIN), busy] {
        assert_eq!(decode_state(id, &encode_state(&state)).unwrap(), state);
    }
    let mut manual = samples::claim(id, 2, Timestamp::MAX);
    manual.trigger = Trigger::Parent;
    manual.repeats = true;
    manual.chain = Some(RunId::new(id, 1, samples::NOON));
    for run in [samples::claim(id, 1, Timestamp::MIN), manual] {
        assert_eq!(decode_run(&run_key(&run), &encode_run(&run)).unwrap(), run);
    }
    let chain = Chain {
        id: RunId::new(id, 3, samples::NOON),
        parent: Some(RunId::new(id, 2, samples::NOON)),
        rest: vec![id, JobId::random()],
        together: true,
    };
    assert_eq!(
        decode_chain(&chain_key(chain.id), &encode_chain(&chain)).unwrap(),
        chain
    );
    assert_eq!(
        decode_number(&encode_number(u64::MAX), &"it").unwrap(),
        u64::MAX
    );
    assert_eq!(
        decode_output(encode_output(b"\xff\0"), &"it").unwrap(),
        b"\xff\0"
    );
}

#[test]
fn all_ends_of_runs_come_back_as_they_were() {
    let key = entry_key(sample_id(), 9);
    let ends = [
        None,
        Some(AttemptEnd::Exited(-1)),
        Some(AttemptEnd::Signalled(9)),
        Some(AttemptEnd::Answered(503, false)),
        Some(AttemptEnd::Error("no such \"file\"".to_owned())),
        Some(AttemptEnd::TimedOut),
        Some(AttemptEnd::Stopped),
        Some(AttemptEnd::TooLate),
    ];
    let outcomes = [
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::TimedOut,
        Outcome::Cancelled,
        Outcome::Interrupted,
    ];
    for (end, outcome) in ends.into_iter().zip(outcomes.into_iter().cycle()) {
        let HistoryEntry::Run(mut run) = samples::ended_run(sample_id(), 9) else {
            unreachable!("it is a run");
        };
        run.end = end;
        run.outcome = outcome;
        run.duration = Duration::from_nanos(u64::MAX);
        let entry = HistoryEntry::Run(run);
        assert_same_entry(&decode_entry(&key, &encode_entry(&entry)).unwrap(), &entry);
    }
    let gap = HistoryEntry::Gap(samples::gap(sample_id(), 9));
    assert_same_entry(&decode_entry(&key, &encode_entry(&gap)).unwrap(), &gap);
}

/// What lies on disks must be read for ever: where this fails, the version has to rise and the old form to be read too.
#[test]
fn the_form_of_version_1_stays() {
    let id = sample_id();
    let mut job = samples::plain_job(7);
    job.id = id;
    assert_eq!(
        text(&encode_job(&job)),
        r#"{"seq":7,"ver":1,"made":[1800000000,123456789],"set":[1800000000,123456790],"anchor":[1800000000,123456789],"linked":[],"spec":{"name":"job 7","cmd":"/usr/bin/true --flag value","owner":"someone@example.com","when":"R/2027-01-04T09:00:00Z/PT1H","eps":"PT5S"}}"#
    );
    assert_eq!(
        text(&encode_state(&samples::busy_state())),
        r#"{"cursor":[1800000000,123456789],"fig":{"ok":100000,"ok_at":[1800000000,123456789],"err":3,"err_at":[1799999995,123456789],"run_at":[1800000000,123456789],"runs":100001,"missed":4,"skipped":5,"fails":1,"took":1500000000},"next":100010}"#
    );
    assert_eq!(
        text(&encode_run(&samples::claim(id, 1, Timestamp::EPOCH))),
        r#"{"id":"01a3185c507b81028304050000000001","why":"schedule","at":[0,0],"made":[1800000000,123456789],"claimed":true}"#
    );
    assert_eq!(
        text(&encode_entry(&samples::ended_run(id, 1))),
        r#"{"run":{"id":"01a3185c546381028304050000000001","why":"schedule","at":[1800000001,123456789],"began":[1800000001,123456789],"ended":[1800000001,125456789],"tries":1,"took":1999000,"outcome":"succeeded","end":{"exited":0},"out":10}}"#
    );
    assert_eq!(
        text(&encode_entry(&HistoryEntry::Gap(samples::gap(id, 1)))),
        r#"{"gap":{"id":"01a3185c546381028304050000000001","kind":"missed","first":[1800000001,123456789],"last":[1800000006,123456789],"count":6}}"#
    );
}

#[test]
fn keys_sort_as_what_they_stand_for() {
    let (low, high) = (JobId(Uuid::from_u128(1)), JobId(Uuid::from_u128(2)));
    let occurrences = [
        Timestamp::MIN,
        Timestamp::from_unix(-1, 999_999_999),
        Timestamp::EPOCH,
        Timestamp::from_unix(0, 1),
        Timestamp::from_unix(256, 0),
        Timestamp::MAX,
    ];
    let mut keys: Vec<_> = occurrences
        .iter()
        .map(|at| run_key(&samples::claim(low, 1, *at)))
        .collect();
    let mut manual = samples::claim(low, 1, Timestamp::MIN);
    manual.trigger = Trigger::Backfill;
    keys.push(run_key(&manual));
    keys.push(run_key(&samples::claim(high, 1, Timestamp::MIN)));
    assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");

    // The same occurrence has one key, whoever claims it; the same start by hand has as many as runs.
    let same = |number| run_key(&samples::claim(low, number, Timestamp::EPOCH));
    assert_eq!(same(1), same(2));
    manual.id = RunId::new(low, 2, samples::NOON);
    assert!(!keys.contains(&run_key(&manual)));

    let numbers = [0, 1, 255, 256, u64::MAX].map(|number| entry_key(low, number));
    assert!(numbers.is_sorted_by(|a, b| a < b));
    let early = size_key(RunId::new(high, 9, Timestamp::from_unix(5, 0)), high);
    let late = size_key(RunId::new(low, 1, Timestamp::from_unix(6, 0)), low);
    assert!(early < late);
    let run = RunId::new(low, 1, Timestamp::from_unix(6, 0));
    assert_eq!(split_size_key(&late).unwrap(), (run, low));
    assert!(split_size_key(&late[..31]).is_err());
}

#[test]
fn ok_unknown_keys_are_read_past() {
    let (job, state) = (samples::plain_job(1), samples::busy_state());
    let key = job_key(job.id);
    let with_more = |value: Vec<u8>| {
        let mut value = value;
        value.pop();
        value.extend_from_slice(br#","later":{"a":[1,null]}}"#);
        value
    };
    let decoded = decode_job(&key, &with_more(encode_job(&job)), Zone::UTC).unwrap();
    assert_eq!(decoded, job);
    assert_eq!(
        decode_state(job.id, &with_more(encode_state(&state))).unwrap(),
        state
    );
}

#[test]
fn err_says_whose_record_and_why() {
    let id = sample_id();
    let key = job_key(id);
    let job = |json: &str| decode_job(&key, format!("\u{1}{json}").as_bytes(), Zone::UTC);
    let whole = |spec: &str, linked: &str| {
        format!(
            r#"{{"seq":1,"ver":1,"made":[0,0],"set":[0,0],"anchor":[0,0],"linked":{linked},"spec":{spec}}}"#
        )
    };
    let named = r#"{"name":"x","when":"every full moon"}"#;
    let cases = [
        (job("").unwrap_err(), "cannot be read: EOF"),
        (
            job("{}").unwrap_err(),
            "cannot be read: missing field `seq`",
        ),
        (
            job(&whole(r#"{"name":"x"}"#, "[1]")).unwrap_err(),
            "not each parent has its place",
        ),
        (
            job(&whole(named, "[]")).unwrap_err(),
            r#"("x") cannot be read: "#,
        ),
        (
            job(&whole(r#"{"name":"x","eps":"P"}"#, "[]")).unwrap_err(),
            "cannot be read: ",
        ),
        (
            job(&(whole(r#"{"name":"x"}"#, "[]") + " x")).unwrap_err(),
            "cannot be read: trailing",
        ),
        (
            decode_job(&key, b"\x02{}", Zone::UTC).unwrap_err(),
            "was written by a newer Nimesha (record version 2, this one knows up to 1): start that newer version",
        ),
        (
            decode_job(&key, b"", Zone::UTC).unwrap_err(),
            "it does not begin with a version",
        ),
    ];
    for (error, expected) in cases {
        let words = error.to_string();
        assert!(
            words.starts_with(&format!("the definition of job {id}")),
            "{words}"
        );
        assert!(words.contains(expected), "{words}");
    }
    let far = decode_state(
        id,
        b"\x01{\"cursor\":[99999999999999,0],\"fig\":{},\"next\":1}",
    );
    assert!(
        far.unwrap_err()
            .to_string()
            .contains("is no instant of the years 1 to 9999")
    );
    let nanos = decode_state(id, b"\x01{\"cursor\":[0,1000000000],\"fig\":{},\"next\":1}");
    assert!(nanos.unwrap_err().to_string().contains("is no instant"));
}

/// Reads a row as everything that a row can be. Whether it can be is not the question here, but that it ends.
fn read_as_everything(key: &[u8], value: &[u8]) {
    let _ = decode_job(key, value, Zone::UTC);
    let _ = decode_state(sample_id(), value);
    let _ = decode_run(key, value);
    let _ = decode_chain(key, value);
    let _ = decode_entry(key, value);
    let _ = decode_number(value, &"it");
    let _ = decode_output(value.to_vec(), &"it");
    let _ = split_size_key(key);
}

proptest! {
    #[test]
    fn no_bytes_panic(key in prop::collection::vec(any::<u8>(), 0..40), mut value in prop::collection::vec(any::<u8>(), 1..200)) {
        value[0] = VERSION;
        read_as_everything(&key, &value);
    }

    #[test]
    fn no_damage_panics(which in 0..5_usize, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let id = sample_id();
        let mut value = match which {
            0 => encode_job(&samples::full_job()),
            1 => encode_job(&samples::plain_job(1)),
            2 => encode_state(&samples::busy_state()),
            3 => encode_run(&samples::claim(id, 1, samples::NOON)),
            _ => encode_entry(&samples::ended_run(id, 1)),
        };
        let at = at.index(value.len());
        if cut {
            value.truncate(at);
        } else {
            value[at] = byte;
        }
        read_as_everything(&job_key(id), &value);
    }
}
