//! The target `conversation` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| switchboard_proofs::machines::conversation::conversation(data));
