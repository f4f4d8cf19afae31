//! The agents over HTTP against servers that judge them: the scripted one, one that speaks the Responses protocol, and
//! Wegent's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

#[path = "http_agents/bench.rs"]
mod bench;
#[path = "http_agents/responses.rs"]
mod responses;
#[path = "http_agents/scripted.rs"]
mod scripted;
#[path = "http_agents/wegent.rs"]
mod wegent;
#[path = "http_agents/wegent_refusals.rs"]
mod wegent_refusals;
