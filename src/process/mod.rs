//! What this process asks of the system for itself, and what it tells its service manager.

pub mod manager;
mod room;

pub use room::{Room, make_room};

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

/// Lets the calling thread stand back behind the others, by so much as `nice` counts. Where the system does not want
/// that, nothing is lost but time.
pub fn stand_back(by: i32) {
    // On Linux this is the thread's own value, whatever POSIX says of processes.
    let _ = rustix::process::setpriority_process(None, by);
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}
