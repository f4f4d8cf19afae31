//! The simulated platform, asked with a raw WebSocket and HTTP client: one file a concept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of these tests fail by panicking"
)]

mod cards;
mod chat_page;
mod clicks;
mod client;
mod contents;
mod endings;
mod events;
mod faults;
mod files;
mod fuzzing;
mod limits;
mod load;
mod messages;
mod secure;
mod stream;
mod tokens;
