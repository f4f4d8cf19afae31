//! DingTalk over Stream mode: robot messages in by WebSocket; AI cards, session webhooks and the robot API out.
//!
//! The protocol is cited as "dingtalk §n", the sections of the platform's fact sheet. What goes over the wire is
//! decoded and encoded by pure functions: [`frame`] (stream envelopes), [`callback`] (robot messages),
//! [`card_callback`] (presses on cards), `card` (bodies of card calls) and `classify` (what an answer proves). Around them stand the socket, the token cell,
//! the budget and, on top, the provider and its links.

mod api;
mod bucket;
#[cfg(test)]
mod bucket_tests;
mod budget;
pub mod callback;
mod card;
pub mod card_callback;
mod cards;
mod classify;
#[cfg(test)]
mod classify_tests;
mod codes;
#[cfg(test)]
mod codes_tests;
mod config;
mod config_reader;
mod contact;
mod feedback;
mod fields;
pub mod frame;
mod gate;
#[cfg(test)]
mod gate_tests;
mod gateway;
mod guide;
mod http;
mod images;
mod link;
#[cfg(not(feature = "fuzzing"))]
mod markdown;
#[cfg(feature = "fuzzing")]
pub mod markdown;
mod media;
mod media_type;
mod phases;
mod platform;
mod preflight;
mod provider;
mod queue;
mod rates;
mod robot;
mod share;
#[cfg(test)]
mod share_tests;
mod socket;
#[cfg(test)]
mod socket_press_tests;
#[cfg(test)]
mod socket_tests;
mod text;
mod token;

pub use http::Observer;
pub use provider::DingTalk;
