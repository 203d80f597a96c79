//! Tests of the whole program: the real binary, started in a directory of its own, on a free port, asked over HTTP.
//!
//! One binary, so that all of it links once. What goes where:

mod support;

/// What strangers send on purpose.
mod abuse;
/// Alerts, as whoever they are posted to gets them.
mod alerts;
/// The API, as scripts use it.
mod api;
/// The command line: words, help, exit codes, `run` and `next`.
mod cli;
/// The client commands: jobs of a running server, from the command line.
mod client;
/// Completions and the manual page.
mod contrib;
/// The job database as a whole: check, backup, restore, migrate.
mod database;
/// The database servers that other tests use.
mod databases;
/// Events and output, as they happen.
mod events;
/// Stores that are full, read-only, damaged, or of a newer version.
mod faults;
/// What a window of time will be like.
mod forecast;
/// Jobs of other schedulers.
mod import;
/// What Prometheus is told.
mod metrics;
/// The description of the API, against the API.
mod openapi;
/// What is around the program: service managers, the image, the examples.
mod packages;
/// nginx and Caddy in front of the server.
mod proxy;
/// The README: its commands work when pasted.
mod readme;
/// Crashes at random moments under load, and a thousand jobs at one instant.
mod recovery;
/// What brought the predecessor down, once each.
mod regressions;
/// Which role each route takes.
mod roles;
/// What all routes have in common.
mod routes;
/// What nobody gets to see.
mod secrets;
/// Who may come in, from where, and what they get to see.
mod security;
/// The server's life: start, signals, sockets, log.
mod serve;
/// Histories of the core by chance: crashes, steps of the clock, slow workers, an absent store.
mod simulation;
/// What jobs do, told with real processes and a real HTTP server.
mod stories;
/// Jobs of one server, taken over by another.
mod takeover;
/// What the sources keep to: floors, headers, sizes, one place for clocks.
mod tidy;
/// TLS, asked by curl and by the client commands.
mod tls;
/// The live screen of the command line.
mod top;
/// The pages, without a script.
mod web;
/// A year of a thousand jobs, in seconds.
mod year;
