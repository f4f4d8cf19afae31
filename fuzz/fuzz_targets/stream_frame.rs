//! The target `stream_frame` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| switchboard_proofs::codecs::stream_frame::stream_frame(data));
