//! The wheel against a sorted list: same order, nothing early, nothing lost.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What the wheel must do, done simply: entries in a map by deadline, then by insertion.
#[derive(Default)]
struct Model {
    entries: BTreeMap<(u64, u32), Key>,
}

impl Model {
    fn cancel(&mut self, key: Key) -> Option<u32> {
        let found = self.entries.iter().find(|&(_, &k)| k == key);
        let place = *found?.0;
        self.entries.remove(&place);
        Some(place.1)
    }

    fn first(&self) -> Option<(u64, u32)> {
        self.entries.keys().next().copied()
    }

    fn pop_due(&mut self, now: u64) -> Option<(u64, u32)> {
        let first = self.first().filter(|&(deadline, _)| deadline <= now)?;
        self.entries.remove(&first);
        Some(first)
    }
}

#[derive(Clone, Debug)]
enum Op {
    /// Insert this far after now.
    After(u64),
    /// Insert this far before now.
    Before(u64),
    /// Insert with the deadline of an earlier insertion.
    Same(prop::sample::Index),
    /// Insert at this tick, wherever that is.
    At(u64),
    Cancel(prop::sample::Index),
    CancelFirst,
    Next,
    /// Let this much time pass, then pop at most so many.
    Pass(u64, usize),
    /// Jump to the earliest deadline and pop at most so many.
    Jump(usize),
    Rewind(u64),
}

/// A span of any length, short or long alike.
fn span() -> impl Strategy<Value = u64> {
    (0..64u32, any::<u64>()).prop_map(|(shift, bits)| bits >> shift)
}

fn op() -> impl Strategy<Value = Op> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        4 => span().prop_map(Op::After),
        4 => (0..1_u64 << 24).prop_map(Op::After),
        2 => (0..1_u64 << 11).prop_map(Op::After),
        1 => span().prop_map(Op::Before),
        3 => index().prop_map(Op::Same),
        1 => any::<u64>().prop_map(Op::At),
        1 => (0..u64::from(u32::MAX)).prop_map(|d| Op::At(u64::MAX - d)),
        2 => index().prop_map(Op::Cancel),
        2 => Just(Op::CancelFirst),
        2 => Just(Op::Next),
        2 => (0..1_u64 << 22, 0..8_usize).prop_map(|(by, pops)| Op::Pass(by, pops)),
        1 => (span(), 0..64_usize).prop_map(|(by, pops)| Op::Pass(by, pops)),
        3 => (0..8_usize).prop_map(Op::Jump),
        1 => span().prop_map(Op::Rewind),
    ]
}

/// A wheel beside its model.
struct Pair {
    wheel: Wheel<u32>,
    model: Model,
    now: u64,
    inserted: Vec<(u64, Key)>,
}

impl Pair {
    fn new(now: u64) -> Pair {
        Pair {
            wheel: Wheel::new(now),
            model: Model::default(),
            now,
            inserted: Vec::new(),
        }
    }

    fn insert(&mut self, deadline: u64) {
        let number = self.inserted.len() as u32;
        let key = self.wheel.insert(deadline, number);
        assert_eq!(self.wheel.get(key), Some(&number));
        self.model.entries.insert((deadline, number), key);
        self.inserted.push((deadline, key));
    }

    fn cancel(&mut self, key: Key) {
        assert_eq!(self.wheel.cancel(key), self.model.cancel(key));
        assert_eq!(self.wheel.get(key), None);
        assert_eq!(self.wheel.cancel(key), None);
    }

    fn pop(&mut self, count: usize) {
        for _ in 0..count {
            assert_eq!(self.wheel.pop_due(self.now), self.model.pop_due(self.now));
        }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::After(by) => self.insert(self.now.saturating_add(*by)),
            Op::Before(by) => self.insert(self.now.saturating_sub(*by)),
            Op::At(tick) => self.insert(*tick),
            Op::Same(_) | Op::Cancel(_) if self.inserted.is_empty() => {}
            Op::Same(index) => self.insert(index.get(&self.inserted).0),
            Op::Cancel(index) => self.cancel(index.get(&self.inserted).1),
            Op::CancelFirst => {
                if let Some((&_, &key)) = self.model.entries.iter().next() {
                    self.cancel(key);
                }
            }
            Op::Next => {
                let first = self.model.first();
                assert_eq!(
                    self.wheel.next_deadline(),
                    first.map(|(deadline, _)| deadline)
                );
                assert_eq!(self.wheel.peek().map(|(d, &v)| (d, v)), first);
            }
            Op::Pass(by, pops) => {
                self.now = self.now.saturating_add(*by);
                self.pop(*pops);
            }
            Op::Jump(pops) => {
                self.now = self
                    .now
                    .max(self.model.first().map_or(0, |(deadline, _)| deadline));
                self.pop(*pops);
            }
            Op::Rewind(by) => {
                self.now = self.now.saturating_sub(*by);
                self.wheel.rewind(self.now);
            }
        }
        assert_eq!(self.wheel.len(), self.model.entries.len());
    }

    fn drain(mut self) {
        self.now = u64::MAX;
        self.pop(self.model.entries.len() + 1);
        assert!(self.wheel.is_empty());
        assert_eq!(self.wheel.next_deadline(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_a_sorted_map_does(
        start in prop_oneof![Just(0), Just(1_790_000_000_000_000), Just(u64::MAX - 5_000), any::<u64>()],
        ops in prop::collection::vec(op(), 1..200),
    ) {
        let mut pair = Pair::new(start);
        for op in &ops {
            pair.apply(op);
        }
        pair.drain();
    }
}

/// All deadlines around every boundary of a slot and of a level, from several places of the wheel.
#[test]
fn boundaries_of_slots_and_levels_hold() {
    for start in [
        0,
        1,
        1023,
        1024,
        65_535,
        65_536,
        u64::MAX / 3,
        u64::MAX - 1024,
        u64::MAX - 1,
        u64::MAX,
    ] {
        let mut pair = Pair::new(start);
        for bit in 0..u64::BITS {
            for deadline in [start.saturating_add(1 << bit), start | 1 << bit, 1 << bit] {
                for around in [
                    deadline.saturating_sub(1),
                    deadline,
                    deadline.saturating_add(1),
                ] {
                    pair.insert(around);
                    pair.apply(&Op::Next);
                }
            }
        }
        pair.insert(u64::MAX);
        pair.drain();
    }
}

#[test]
fn nothing_is_due_before_its_tick() {
    for deadline in [1, 1023, 1024, 1025, 65_536, 1 << 40, u64::MAX] {
        let mut wheel = Wheel::new(0);
        wheel.insert(deadline, ());
        assert_eq!(wheel.pop_due(deadline - 1), None);
        assert_eq!(wheel.next_deadline(), Some(deadline));
        assert_eq!(wheel.pop_due(deadline), Some((deadline, ())));
        assert_eq!(wheel.now(), deadline);
    }
}

#[test]
fn equal_deadlines_keep_their_order_down_all_levels() {
    let deadline = 1 << 50;
    let mut wheel = Wheel::new(0);
    let mut expected = Vec::new();
    // Inserted from ever nearer, with a neighbour each that makes the wheel turn there.
    for bit in (0..50).rev() {
        wheel.insert(deadline, bit);
        expected.push((deadline, bit));
        wheel.insert(deadline - (1 << bit), 100 + bit);
        assert_eq!(
            wheel.pop_due(deadline - (1 << bit)),
            Some((deadline - (1 << bit), 100 + bit))
        );
    }
    let fired: Vec<_> = std::iter::from_fn(|| wheel.pop_due(deadline)).collect();
    assert_eq!(fired, expected);
}

#[test]
fn a_late_entry_stands_in_order_among_those_being_popped() {
    let mut wheel = Wheel::new(0);
    for deadline in [10, 20_000_000, 30_000_000] {
        wheel.insert(deadline, "in time");
    }
    assert_eq!(wheel.pop_due(u64::MAX), Some((10, "in time")));
    for deadline in [5, 20_000_000, 25_000_000] {
        wheel.insert(deadline, "late");
    }
    let order: Vec<_> = std::iter::from_fn(|| wheel.pop_due(u64::MAX)).collect();
    let expected = [
        (5, "late"),
        (20_000_000, "in time"),
        (20_000_000, "late"),
        (25_000_000, "late"),
        (30_000_000, "in time"),
    ];
    assert_eq!(order, expected);
}

#[test]
fn after_a_step_back_what_was_due_waits_again() {
    let mut wheel = Wheel::new(1 << 40);
    wheel.insert((1 << 40) - 5, 'a');
    wheel.insert((1 << 40) + 5, 'b');
    assert_eq!(wheel.next_deadline(), Some((1 << 40) - 5));
    wheel.rewind(1 << 20);
    assert_eq!(wheel.now(), 1 << 20);
    assert_eq!(wheel.pop_due(1 << 21), None);
    assert_eq!(wheel.pop_due(1 << 41), Some(((1 << 40) - 5, 'a')));
    assert_eq!(wheel.pop_due(1 << 41), Some(((1 << 40) + 5, 'b')));
}

#[test]
fn cancelled_entries_do_not_pile_up() {
    let mut wheel = Wheel::new(0);
    wheel.insert(u64::MAX, 0);
    for n in 0..100_000_u64 {
        let key = wheel.insert(1 << 50, n);
        assert_eq!(wheel.cancel(key), Some(n));
        assert!(wheel.cancelled <= 1 + SWEEP_MIN);
    }
    assert_eq!(wheel.next_deadline(), Some(u64::MAX));
}
