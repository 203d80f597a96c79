//! Where the values live while they wait: a vector whose vacant places are chained, so that a place is found and given
//! back in constant time and a value never moves.
//!
//! It knows nothing of time. A place is used again, and the stamp in a [`Key`] tells its tenants apart.

use std::num::NonZeroU32;

/// Names one entry of a wheel, also after it has gone: then it names nothing.
///
/// Eight bytes, and so is `Option<Key>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    index: u32,
    /// Counts insertions, so a place has this stamp again after 2^32 of them at the earliest.
    stamp: NonZeroU32,
}

/// A place. The vacant one hides in a stamp of zero: a place for a `u32` takes eight bytes.
#[derive(Debug)]
enum Place<T> {
    Taken { stamp: NonZeroU32, value: T },
    Vacant { next: u32 },
}

/// The end of the chain of vacant places.
const NONE: u32 = u32::MAX;
/// An empty slab keeps memory for this many places.
const PLACES_KEPT: usize = 1024;

#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    vacant: u32,
    len: usize,
    stamp: NonZeroU32,
}

impl<T> Slab<T> {
    pub(super) fn with_capacity(capacity: usize) -> Slab<T> {
        Slab {
            places: Vec::with_capacity(capacity),
            vacant: NONE,
            len: 0,
            stamp: NonZeroU32::MIN,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn insert(&mut self, value: T) -> Key {
        let stamp = self.stamp;
        self.stamp = stamp.checked_add(1).unwrap_or(NonZeroU32::MIN);
        self.len += 1;
        let taken = Place::Taken { stamp, value };
        let index = self.vacant;
        if let Some(place) = self.places.get_mut(index as usize) {
            if let Place::Vacant { next } = *place {
                self.vacant = next;
            }
            *place = taken;
            return Key { index, stamp };
        }
        let index =
            u32::try_from(self.places.len()).expect("a wheel holds fewer than 2^32 entries");
        assert_ne!(index, NONE, "a wheel holds fewer than 2^32 entries");
        self.places.push(taken);
        Key { index, stamp }
    }

    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<&T> {
        match self.places.get(key.index as usize) {
            Some(Place::Taken { stamp, value }) if *stamp == key.stamp => Some(value),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn contains(&self, key: Key) -> bool {
        self.get(key).is_some()
    }

    #[inline]
    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.places.get_mut(key.index as usize)?;
        if !matches!(place, Place::Taken { stamp, .. } if *stamp == key.stamp) {
            return None;
        }
        let taken = std::mem::replace(place, Place::Vacant { next: self.vacant });
        self.vacant = key.index;
        self.len -= 1;
        if self.len == 0 {
            // Stamps go on, so the keys from before still name nothing.
            self.places.clear();
            self.places.shrink_to(PLACES_KEPT);
            self.vacant = NONE;
        }
        match taken {
            Place::Taken { value, .. } => Some(value),
            Place::Vacant { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_its_old_key_names_nothing() {
        let mut slab = Slab::with_capacity(0);
        let old = slab.insert('a');
        assert_eq!(slab.remove(old), Some('a'));
        let new = slab.insert('b');
        assert_eq!(new.index, old.index);
        assert_eq!(slab.get(old), None);
        assert_eq!(slab.remove(old), None);
        assert_eq!((slab.get(new), slab.len()), (Some(&'b'), 1));
    }

    #[test]
    fn an_empty_slab_gives_memory_back_and_old_keys_name_nothing() {
        let mut slab = Slab::with_capacity(0);
        let keys: Vec<_> = (0..100 * PLACES_KEPT).map(|n| slab.insert(n)).collect();
        for &key in &keys {
            assert!(slab.remove(key).is_some());
        }
        assert!(slab.places.capacity() <= PLACES_KEPT);
        let new = slab.insert(7);
        assert!(keys.iter().all(|&key| slab.get(key).is_none()));
        assert_eq!(slab.get(new), Some(&7));
    }

    #[test]
    fn it_is_small() {
        assert_eq!(size_of::<Option<Key>>(), 8);
        assert_eq!(size_of::<Place<u32>>(), 8);
    }
}
