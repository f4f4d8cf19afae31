//! The target `markdown_adapt` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| switchboard_proofs::codecs::markdown_adapt::markdown_adapt(data));
