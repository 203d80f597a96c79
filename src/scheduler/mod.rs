//! The scheduler: what is due, what may start, what is remembered.

pub mod command;
pub mod core;
pub mod policy;
pub mod wheel;
