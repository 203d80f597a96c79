//! What this process asks of the system for itself, what it takes, and what it tells its service manager.

pub mod manager;
mod room;

use rustix::process::{Resource, getrlimit};

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

/// Gives memory that was freed back to the system. Worth its time after much was taken and little kept, as at a start.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "there is no safe name for this call")]
    // SAFETY: the call takes a plain number, and touches only what is not in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The memory of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes that it holds.
    pub resident_bytes: u64,
    /// Bytes of its address space.
    pub virtual_bytes: u64,
}

/// How much memory this process has.
#[must_use]
pub fn memory() -> Option<Memory> {
    let statm = read("/proc/self/statm")?;
    let mut pages = statm.split_whitespace().map(str::parse::<u64>);
    let bytes = rustix::param::page_size() as u64;
    let whole = pages.next()?.ok()?;
    let resident = pages.next()?.ok()?;
    Some(Memory {
        resident_bytes: resident * bytes,
        virtual_bytes: whole * bytes,
    })
}

/// How many files this process has open.
#[must_use]
pub fn open_files() -> Option<usize> {
    std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count)
}

/// How many it may have open; none for no limit.
#[must_use]
pub fn open_files_max() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// How many threads it has.
#[must_use]
pub fn threads() -> Option<usize> {
    let threads = std::fs::read_dir("/proc/self/task");
    threads.ok().map(Iterator::count)
}

/// Lets the calling thread stand back behind the others, by so much as `nice` counts. Where the system does not want
/// that, nothing is lost but time.
pub fn stand_back(by: i32) {
    // On Linux this is the thread's own value, whatever POSIX says of processes.
    let _ = rustix::process::setpriority_process(None, by);
}

/// The name of this machine.
#[must_use]
pub fn host_name() -> String {
    let name = read("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}
