//! The driver on fakes in virtual time: every rule of delivery has a test that fails when the rule is broken.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

#[path = "driver/delivery.rs"]
mod delivery;
#[path = "driver/kills.rs"]
mod kills;
#[path = "driver/turns.rs"]
mod turns;
