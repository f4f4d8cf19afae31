//! Exhaustive search: every state that small configurations of the machines can reach, and from each of them the way to rest.
//!
//! In the normal tests the configurations are small; `cargo xtask search` takes larger ones. Both print how many states there
//! were, and fail where there were fewer than are known to be there, or where something that must happen never did.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod channel;
mod conversation;
mod explorer;
mod reply;
mod session;
