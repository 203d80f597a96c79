//! How many files and tasks the system lets this process have, and who gets how many of them.
//!
//! Connections and workers live off the same limits. Workers that took every file would leave none for whoever asks how
//! they are; threads of workers that took every task would leave none for their commands, and each would wait for
//! another's for ever. So where there is little room there are fewer workers, and that is said at the start.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, getuid, setrlimit};

use super::read;
use crate::config;

/// Who gets how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Files that connections may be.
    pub connections: usize,
    /// Workers that find files and tasks for what they run.
    pub workers: usize,
}

/// Raises the limit of open files to what connections and so many workers need at once, if it is lower, and shares out
/// what there is. Says so where that is not enough for all the workers.
pub fn make_room(workers: usize) -> Room {
    let files = raise_open_files(workers);
    let tasks = tasks_left();
    let room = share(files, tasks, workers);
    if room.workers < workers {
        let tasks = tasks.map_or_else(|| "any number of".to_owned(), |tasks| tasks.to_string());
        log::warn!(
            "there is room for {} workers instead of {workers}: the system allows {files} open files and {tasks} further \
             processes (ulimit -n and -u; LimitNOFILE= and TasksMax= of systemd)",
            room.workers
        );
    }
    room
}

/// Connections get what workers leave, and a quarter of the files where these are few.
fn share(files: u64, tasks: Option<u64>, workers: usize) -> Room {
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let left = files.saturating_sub(files_of(workers)).max(files / 4);
    let connections = left.min(config::CONNECTIONS_MAX);
    let files = files.saturating_sub(connections + config::FILES_BESIDE);
    let by_files = files / files_of_one();
    let by_tasks = tasks.map_or(usize::MAX, |tasks| {
        let tasks = usize::try_from(tasks).unwrap_or(usize::MAX);
        tasks.saturating_sub(config::TASKS_BESIDE) / config::TASKS_PER_WORKER
    });
    Room {
        connections,
        workers: workers.min(by_files).min(by_tasks).max(1),
    }
}

fn files_of(workers: usize) -> usize {
    workers * files_of_one() + config::FILES_BESIDE
}

/// Twice what a worker needs: waiting starts may add as many.
const fn files_of_one() -> usize {
    2 * config::FILES_PER_WORKER
}

/// Gives the limit that there is now. Commands inherit it, so it is not raised to whatever the system allows: some
/// programs close every number up to the limit when they start, which with a limit of a billion takes minutes.
fn raise_open_files(workers: usize) -> u64 {
    let wanted = (config::CONNECTIONS_MAX + files_of(workers)) as u64;
    let limit = getrlimit(Resource::Nofile);
    let now = limit.current.unwrap_or(u64::MAX);
    let allowed = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if now >= allowed {
        return now;
    }
    let raised = Rlimit {
        current: Some(allowed),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => allowed,
        Err(error) => {
            log::warn!("the limit of open files cannot be raised to {allowed}: {error}");
            now
        }
    }
}

/// Processes and threads that this process may still make; none where no limit is near.
fn tasks_left() -> Option<u64> {
    let limits = [tasks_left_of_user(), tasks_left_of_group()];
    limits.into_iter().flatten().min()
}

/// By `ulimit -u`, which counts all that the user runs, and does not bind root.
fn tasks_left_of_user() -> Option<u64> {
    let limit = getrlimit(Resource::Nproc).current?;
    let user = getuid();
    if user.is_root() || limit >= config::TASKS_PLENTY {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let ours = processes.filter(|entry| {
        let owner = entry.metadata().map(|process| process.uid());
        owner.is_ok_and(|owner| owner == user.as_raw())
    });
    // What is no process has no tasks, and one that has ended meanwhile has none left.
    let tasks = ours.filter_map(|entry| fs::read_dir(entry.path().join("task")).ok());
    let taken: usize = tasks.map(Iterator::count).sum();
    Some(limit.saturating_sub(taken as u64))
}

/// By the control groups that this process is in, which is how containers and systemd limit tasks.
fn tasks_left_of_group() -> Option<u64> {
    let groups = read("/proc/self/cgroup")?;
    let left = groups.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let root = match controllers {
            "" => "/sys/fs/cgroup",
            "pids" => "/sys/fs/cgroup/pids",
            _ => return None,
        };
        let ancestors = Path::new(path.trim_start_matches('/')).ancestors();
        ancestors
            .filter_map(|group| tasks_left_in(&Path::new(root).join(group)))
            .min()
    });
    left.min()
}

fn tasks_left_in(group: &Path) -> Option<u64> {
    let number = |name: &str| -> Option<u64> {
        let text = fs::read_to_string(group.join(name)).ok()?;
        text.trim().parse().ok()
    };
    Some(number("pids.max")?.saturating_sub(number("pids.current")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_get_their_share_of_what_there_is() {
        for (files, tasks, connections, workers) in [
            (1 << 40, None, 4_096, 64),
            (3_000, None, 2_424, 64),
            (1_024, None, 448, 64),
            (256, None, 64, 16),
            (64, None, 16, 1),
            (0, Some(0), 0, 1),
            (3_000, Some(1 << 40), 2_424, 64),
            (3_000, Some(100), 2_424, 25),
        ] {
            let expected = Room {
                connections,
                workers,
            };
            assert_eq!(share(files, tasks, 64), expected, "{files} {tasks:?}");
        }
    }

    #[test]
    fn the_limit_of_open_files_is_never_lowered() {
        let before = getrlimit(Resource::Nofile);
        raise_open_files(1);
        let after = getrlimit(Resource::Nofile);
        assert_eq!(after.maximum, before.maximum);
        assert!(
            after
                .current
                .is_none_or(|now| before.current.is_some_and(|then| then <= now))
        );
    }
}
