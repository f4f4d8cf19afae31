//! The target `markdown_split` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| switchboard_proofs::codecs::markdown_split::markdown_split(data));
