//! Where jobs stand in a table, by their ids; and the map for what few jobs and runs have.
//!
//! The index keeps places alone and looks the ids up in the table: some eight bytes a job, where a map with ids of its own
//! takes forty. Each decision of the scheduler looks some things up, so the hash is one of few instructions: who may store
//! jobs under ids of his choice has cheaper ways to keep a server busy.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::JobId;

/// A map by ids and small numbers. Its order of iteration is the same in every run of the program: a simulation replays
/// exactly.
pub type Map<K, V> = HashMap<K, V, FixedState>;

/// Places of a table by job; see the [module's documentation](self). `id_at` tells whose place it is, and is asked about
/// places in the index alone.
#[derive(Debug, Default)]
pub struct JobIndex(HashTable<u32>);

impl JobIndex {
    /// The place of a job.
    pub fn find(&self, id: JobId, id_at: impl Fn(u32) -> JobId) -> Option<u32> {
        self.0.find(hash(id), |&place| id_at(place) == id).copied()
    }

    /// A job, which has no place yet, stands at this one from now on. The table holds it already.
    pub fn insert(&mut self, id: JobId, place: u32, id_at: impl Fn(u32) -> JobId) {
        self.0
            .insert_unique(hash(id), place, |&place| hash(id_at(place)));
    }

    /// Takes a job out, and says where it stood. The table holds it still.
    pub fn remove(&mut self, id: JobId, id_at: impl Fn(u32) -> JobId) -> Option<u32> {
        let entry = self.0.find_entry(hash(id), |&place| id_at(place) == id);
        entry.ok().map(|entry| entry.remove().0)
    }

    /// Takes all jobs out.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, jobs: usize, id_at: impl Fn(u32) -> JobId) {
        self.0.reserve(jobs, |&place| hash(id_at(place)));
    }
}

fn hash(id: JobId) -> u64 {
    FixedState::default().hash_one(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_until_they_are_taken_out() {
        let ids: Vec<JobId> = (0..1_000).map(|_| JobId::random()).collect();
        let id_at = |place| ids[place as usize];
        let mut index = JobIndex::default();
        for (place, &id) in (0..).zip(&ids) {
            assert_eq!(index.find(id, id_at), None);
            index.insert(id, place, id_at);
        }
        for (place, &id) in (0..).zip(&ids) {
            assert_eq!(index.find(id, id_at), Some(place));
            assert_eq!(index.remove(id, id_at), Some(place));
            assert_eq!(index.remove(id, id_at), None);
        }
    }
}
