//! The way out over real sockets: a private authority, proxies that work, refuse and hang, for HTTP and for sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

#[path = "../dingtalk_support/mod.rs"]
mod dingtalk_support;
mod http;
mod link;
mod peers;
mod sockets;
