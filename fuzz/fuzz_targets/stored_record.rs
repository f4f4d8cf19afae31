//! The target `stored_record` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| switchboard_proofs::codecs::stored_record::stored_record(data));
