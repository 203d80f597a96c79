//! Tests of the whole program: the real binary, started in a directory of its own, on a free port, asked over HTTP.
//!
//! One binary, so that all of it links once. What goes where:

mod support;

/// The command line: words, help, exit codes, `run` and `next`.
mod cli;
/// What the sources keep to: floors, headers, sizes, one place for clocks.
mod tidy;
