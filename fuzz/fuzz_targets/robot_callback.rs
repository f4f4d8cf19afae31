//! The target `robot_callback` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| switchboard_proofs::codecs::robot_callback::robot_callback(data));
