//! The timing wheel beside a sorted map: same order, nothing early, nothing lost.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use nimesha::scheduler::wheel::{Key, Wheel};

#[derive(Arbitrary, Debug)]
enum Op {
    /// Inserts so far from now; the shift makes spans of all lengths alike.
    Insert { shift: u8, bits: u64, before: bool },
    At(u64),
    Cancel(u16),
    Next,
    Pass { shift: u8, bits: u64, pops: u8 },
    Rewind { shift: u8, bits: u64 },
}

fuzz_target!(|input: (u64, Vec<Op>)| {
    let (mut now, ops) = input;
    let mut wheel = Wheel::new(now);
    let mut model: BTreeMap<(u64, usize), Key> = BTreeMap::new();
    let mut keys = Vec::new();
    let span = |shift: u8, bits: u64| bits >> (shift % 64);
    for op in ops {
        let deadline = match op {
            Op::Insert { shift, bits, before: false } => now.saturating_add(span(shift, bits)),
            Op::Insert { shift, bits, before: true } => now.saturating_sub(span(shift, bits)),
            Op::At(tick) => tick,
            Op::Cancel(index) => {
                if let Some(&(place, key)) = keys.get(usize::from(index)) {
                    let waits = model.remove(&place).map(|_| place.1);
                    assert_eq!(wheel.cancel(key), waits);
                }
                continue;
            }
            Op::Next => {
                let first = model.keys().next().copied();
                assert_eq!(wheel.peek().map(|(deadline, number)| (deadline, *number)), first);
                continue;
            }
            Op::Pass { shift, bits, pops } => {
                now = now.saturating_add(span(shift, bits));
                for _ in 0..pops {
                    let first = model.keys().next().copied().filter(|(deadline, _)| *deadline <= now);
                    first.and_then(|place| model.remove(&place));
                    assert_eq!(wheel.pop_due(now), first);
                }
                continue;
            }
            Op::Rewind { shift, bits } => {
                now = now.saturating_sub(span(shift, bits));
                wheel.rewind(now);
                continue;
            }
        };
        let place = (deadline, keys.len());
        let key = wheel.insert(deadline, keys.len());
        model.insert(place, key);
        keys.push((place, key));
    }
    assert_eq!(wheel.len(), model.len());
    for place in model.keys() {
        assert_eq!(wheel.pop_due(u64::MAX), Some(*place));
    }
    assert!(wheel.is_empty());
});
