//! What the disk holds, damaged in any way: it is read as something, or refused. What is read is written and read alike.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use nimesha::job::JobId;
use nimesha::schedule::Zone;
use nimesha::store::StoreError;
use nimesha::store::record::*;

const KEY: [u8; 32] = [7; 32];

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, value) = input;
    match kind % 7 {
        0 => check(value, |it| decode_job(&KEY[..16], it, Zone::UTC), encode_job),
        1 => check(value, |it| decode_run(&KEY, it), encode_run),
        2 => check(value, |it| decode_chain(&KEY[..16], it), encode_chain),
        3 => check(value, |it| decode_entry(&KEY, it), encode_entry),
        4 => {
            let job: JobId = "07070707-0707-0707-0707-070707070707".parse().expect("an id");
            check(value, |it| decode_state(job, it), encode_state);
        }
        5 => {
            let _ = decode_output(value.to_vec(), &"a run");
            let _ = decode_number(value, &"a number");
        }
        // Keys are the disk's, too.
        _ => {
            let _ = (job_of_key(value), split_size_key(value));
            let _ = (decode_run(value, b"{}"), decode_entry(value, b"{}"), decode_chain(value, b"{}"));
        }
    }
});

fn check<T: Debug>(value: &[u8], decode: impl Fn(&[u8]) -> Result<T, StoreError>, encode: impl Fn(&T) -> Vec<u8>) {
    if let Ok(read) = decode(value) {
        let written = encode(&read);
        let again = decode(&written).expect("what was written can be read");
        assert_eq!(format!("{again:?}"), format!("{read:?}"));
        assert_eq!(encode(&again), written);
    }
}
