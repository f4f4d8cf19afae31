//! The target `reply` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| switchboard_proofs::machines::reply::fuzz::reply(data));
