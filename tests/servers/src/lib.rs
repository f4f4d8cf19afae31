//! Real servers for tests: installed where they are missing, started on free ports, killed like anything that dies.
//!
//! This package knows nothing of Switchboard, so that tests of every package may use it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "test support fails by panicking, with a message that says what was expected"
)]

mod install;
mod looks;
pub mod ports;
pub mod proxy;
pub mod redis;
pub mod slapd;
pub mod tls;

pub use install::{installed, installed_file};
pub use looks::{looks, looks_on};
