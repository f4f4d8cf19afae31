//! Targets for what comes in from outside: decoders, parsers, and the cutting of texts.

pub mod card_callback;
pub mod chat_answer;
pub mod chat_command;
pub mod markdown_adapt;
mod markdown_lines;
pub mod markdown_split;
pub mod robot_callback;
pub mod sse;
pub mod stored_record;
pub mod stream_frame;
