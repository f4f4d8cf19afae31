//! The target `chat_answer` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| switchboard_proofs::codecs::chat_answer::chat_answer(data));
