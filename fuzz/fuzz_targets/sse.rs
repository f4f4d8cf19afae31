//! The target `sse` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| switchboard_proofs::codecs::sse::sse(data));
