//! Nimesha: a job scheduler in one small binary.

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod http;
pub mod job;
pub mod logging;
pub mod nearest;
pub mod registry;
pub mod schedule;
pub mod scheduler;
pub mod settings;
pub mod store;
pub mod web;
pub mod worker;
