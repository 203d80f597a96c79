//! Jobs as clients send them: what is taken says the same when it is asked for again, stored and read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nimesha::api::wire::{BackfillKeys, JobKeys, PreviewKeys, parse_trial};
use nimesha::clock::Timestamp;
use nimesha::job::secret;
use nimesha::job::validate::{self, Draft};
use nimesha::schedule::Zone;

fuzz_target!(|body: &[u8]| {
    let _ = PreviewKeys::parse(body);
    let _ = BackfillKeys::parse(body);
    let _ = parse_trial(body);
    let Ok(keys) = JobKeys::parse(body) else { return };
    let Ok(draft) = keys.apply(Draft::default()) else {
        return;
    };
    let _ = secret::check(&draft);
    let Ok(spec) = draft.check() else { return };
    let again = Draft::of(&spec).check();
    assert_eq!(again.as_ref(), Ok(&spec));
    let _ = validate::schedule(&spec, Zone::UTC, Timestamp::from_unix(1_700_000_000, 0));
});
