//! One conversation under a simulated shell: a store, a platform and an agent that do anything, and crashes anywhere.
//!
//! `shell` drives the real machines the way the runtime does (apply, commit, perform), `judge` is the naive
//! reference: it knows nothing of the machines and looks only at what was stored and what the platform shows.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where something is wrong"
)]

mod acts;
mod judge;
mod laws;
mod platform;
mod shell;
mod store;
mod stories;
mod walk;
