//! What comes over a connection: where a request ends does not depend on how its bytes are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nimesha::http::fuzzing::{Read, read};

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let whole = read(&[bytes]);
    let (first, second) = bytes.split_at(usize::from(cut).min(bytes.len()));
    assert_eq!(read(&[first, second]), whole);
    if let Read::Request { length, .. } = whole {
        assert!(length <= bytes.len());
        assert_eq!(read(&[&bytes[..length]]), whole);
        if length > 0 {
            assert_eq!(read(&[&bytes[..length - 1]]), Read::More);
        }
    }
});
