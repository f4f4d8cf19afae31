//! The agents over real sockets: what they send, how they end, and that dropping a run closes its connection.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod echo;
mod failures;
mod identity;
mod peer;
mod request;
mod settings;
mod streams;
