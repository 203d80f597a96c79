//! Workers: a fixed pool of threads that make attempts.
