//! Proofs of the core: fuzz targets as plain functions, and small worlds around the machines that fuzzers walk through at
//! random and a search walks through completely.
//!
//! Each target takes any bytes and panics where a promise is broken. `fuzz/` hands them to libFuzzer, the tests here hand
//! them the committed corpus; `tests/search` explores the worlds. RELIABILITY.md says which promise is proven where.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a proof stops where something is wrong, with a message that says what"
)]

mod bytes;
pub mod codecs;
pub mod machines;

/// A fuzz target: any bytes, no result, a panic where a promise is broken.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also the name of its corpus folder and of its file in `fuzz/fuzz_targets`.
pub const TARGETS: [(&str, Target); 13] = [
    ("card_callback", codecs::card_callback::card_callback),
    ("channel", machines::channel::fuzz::channel),
    ("chat_answer", codecs::chat_answer::chat_answer),
    ("chat_command", codecs::chat_command::chat_command),
    ("conversation", machines::conversation::conversation),
    ("markdown_adapt", codecs::markdown_adapt::markdown_adapt),
    ("markdown_split", codecs::markdown_split::markdown_split),
    ("reply", machines::reply::fuzz::reply),
    ("robot_callback", codecs::robot_callback::robot_callback),
    ("session", machines::session::fuzz::session),
    ("sse", codecs::sse::sse),
    ("stored_record", codecs::stored_record::stored_record),
    ("stream_frame", codecs::stream_frame::stream_frame),
];
