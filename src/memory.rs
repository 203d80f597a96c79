//! The system's allocator, told to give memory back.
//!
//! glibc keeps a heap for each of up to eight times as many threads as there are cores, and each holds on to what its
//! threads once used. With a pool of workers that is most of a small machine's memory; two heaps cost no measurable
//! time here. Other C libraries have no such heaps and need no word.

/// Limits the allocator's heaps. To be called before the first thread is started.
pub fn limit_heaps() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "there is no safe name for this call")]
    // SAFETY: the call takes two plain numbers and touches nothing but the allocator's own settings.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Gives free memory back to the system; for after a burst, since it walks through the heaps.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "there is no safe name for this call")]
    // SAFETY: the call takes a plain number, locks the heaps by itself and frees only what is free.
    unsafe {
        libc::malloc_trim(0);
    }
}
