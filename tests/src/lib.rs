//! What tests of more than one package share: stateful fakes of every port, a world that runs the driver in virtual time and
//! kills it, and peers for tests of the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::match_wild_err_arm,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "test support fails by panicking, with a message that says what was expected"
)]

pub mod api;
pub mod binary;
pub mod chaos;
pub mod disk;
pub mod environment;
pub mod events;
pub mod fake_responses;
pub mod fake_wegent;
pub mod fakes;
pub mod figures;
pub mod looks;
mod loopback;
pub mod machine;
pub mod model;
pub mod scripted_agent;
pub mod server;
pub mod simulation;
pub mod world;
