//! The graph of jobs, in which a parent triggers its children and a job its failure job, and the refusal of cycles.

use std::collections::{HashMap, HashSet};

use super::JobId;

/// Looks for a way from `job` back to itself, over what each job triggers, where `job` itself triggers
/// `triggers_of(job)` and is triggered by `parents`. Answers the jobs on the way, `job` first.
///
/// A depth-first search with its own stack: chains of jobs may be as deep as there are jobs.
pub fn find_cycle(
    job: JobId,
    parents: &[JobId],
    triggers_of: impl Fn(JobId) -> Vec<JobId>,
) -> Option<Vec<JobId>> {
    if parents.contains(&job) {
        return Some(vec![job]);
    }
    let mut came_from: HashMap<JobId, JobId> = HashMap::new();
    let mut seen = HashSet::from([job]);
    let mut stack = vec![job];
    while let Some(here) = stack.pop() {
        for next in triggers_of(here) {
            if next == job {
                return Some(way(job, here, &came_from));
            }
            if seen.insert(next) {
                came_from.insert(next, here);
                if parents.contains(&next) {
                    return Some(way(job, next, &came_from));
                }
                stack.push(next);
            }
        }
    }
    None
}

fn way(from: JobId, to: JobId, came_from: &HashMap<JobId, JobId>) -> Vec<JobId> {
    let mut way = vec![to];
    let mut here = to;
    while here != from
        && let Some(&before) = came_from.get(&here)
    {
        way.push(before);
        here = before;
    }
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> JobId {
        JobId(uuid::Uuid::from_u128(n))
    }

    fn cycle(job: u128, parents: &[u128], links: &[(u128, u128)]) -> Option<Vec<u128>> {
        let parents: Vec<_> = parents.iter().map(|&n| id(n)).collect();
        let triggers = |from: JobId| {
            links
                .iter()
                .filter(|(a, _)| id(*a) == from)
                .map(|&(_, b)| id(b))
                .collect()
        };
        find_cycle(job_id(job), &parents, triggers)
            .map(|way| way.iter().map(|id| id.0.as_u128()).collect())
    }

    fn job_id(n: u128) -> JobId {
        id(n)
    }

    #[test]
    fn a_way_back_is_found_and_named() {
        assert_eq!(cycle(1, &[], &[(1, 2), (2, 3)]), None);
        assert_eq!(cycle(1, &[1], &[]), Some(vec![1]));
        assert_eq!(cycle(1, &[], &[(1, 1)]), Some(vec![1]));
        assert_eq!(cycle(1, &[3], &[(1, 2), (2, 3)]), Some(vec![1, 2, 3]));
        assert_eq!(cycle(1, &[9], &[(1, 2), (2, 3), (1, 4), (4, 3)]), None);
        assert_eq!(cycle(1, &[], &[(1, 2), (2, 1)]), Some(vec![1, 2]));
    }

    #[test]
    fn a_deep_graph_does_not_overflow_the_stack() {
        let links: HashMap<JobId, Vec<JobId>> =
            (1..100_000).map(|n| (id(n), vec![id(n + 1)])).collect();
        let triggers = |from: JobId| links.get(&from).cloned().unwrap_or_default();
        assert_eq!(
            find_cycle(id(1), &[id(100_000)], triggers).map(|way| way.len()),
            Some(100_000)
        );
    }
}
