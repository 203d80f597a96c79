//! The JSON API.

pub mod wire;
