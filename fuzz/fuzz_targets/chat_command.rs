//! The target `chat_command` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| switchboard_proofs::codecs::chat_command::chat_command(data));
