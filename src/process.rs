//! What this process asks of the system for itself, before its first thread is started.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config;

/// Limits the allocator to two heaps.
///
/// glibc keeps a heap for each of up to eight times as many threads as there are cores, and each holds on to what its
/// threads once used: with a pool of workers that is most of a small machine's memory. Two heaps cost no time that can
/// be measured here. Other C libraries have no such heaps and need no word.
pub fn limit_heaps() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "there is no safe name for this call")]
    // SAFETY: the call takes two plain numbers and touches nothing but the allocator's own settings.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Raises the limit of open files to what connections and so many workers may need at once, if it is lower. Gives how
/// many of these files connections may be.
///
/// Commands inherit it, so it is not raised to whatever the system allows: some programs close every number up to the
/// limit when they start, which with a limit of a billion takes minutes.
pub fn raise_open_files(workers: usize) -> usize {
    // Twice the workers: waiting starts may add as many.
    let others = 2 * workers * config::FILES_PER_WORKER + config::FILES_BESIDE;
    let wanted = (config::CONNECTIONS_MAX + others) as u64;
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if limit.current.is_none_or(|current| current >= allowed) {
        return connections_max(limit.current.unwrap_or(wanted), others);
    }
    let raised = Rlimit {
        current: Some(allowed),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => connections_max(allowed, others),
        Err(error) => {
            log::warn!("the limit of open files cannot be raised to {allowed}: {error}");
            connections_max(limit.current.unwrap_or(wanted), others)
        }
    }
}

/// Where files are few, connections get a quarter of them: idle ones must not take from commands what these start with,
/// while commands that find none wait for one another.
fn connections_max(files: u64, others: usize) -> usize {
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let left = files.saturating_sub(others).max(files / 4);
    left.min(config::CONNECTIONS_MAX)
}

/// Lets the calling thread stand back behind the others, by so much as `nice` counts. Where the system does not want
/// that, nothing is lost but time.
pub fn stand_back(by: i32) {
    // On Linux this is the thread's own value, whatever POSIX says of processes.
    let _ = rustix::process::setpriority_process(None, by);
}

/// Bytes of memory that this process holds.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let pages: u64 = read("/proc/self/statm")?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// How many files this process has open.
#[must_use]
pub fn open_files() -> Option<usize> {
    std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count)
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_commands() {
        for (files, connections) in [(256, 64), (1_200, 300), (3_000, 1_912), (1 << 40, 4_096)] {
            assert_eq!(connections_max(files, 1_088), connections, "{files}");
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
