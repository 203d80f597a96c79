//! What goes wrong around a server: a disk that is full or read-only, a damaged file, another server's, a newer
//! version's; too few descriptors and processes.
//!
//! The faults are real where the system lets a test make them: a limit of the size of files for everybody, a small file
//! system of its own where the test may mount one, and says so where it may not.

mod disk;
mod file;
mod shortage;
