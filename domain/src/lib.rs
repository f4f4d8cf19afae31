//! The pure heart of Switchboard: state machines and rules, without clock, I/O, randomness or logging.
//!
//! Everything here is synchronous and deterministic: time comes in as [`time::Timestamp`], chance as a
//! seed, and whatever the machines want done leaves as data ("effects") that a shell performs. Start at
//! [`conversation`] for what happens to a message, at [`channel`] for how a bot stays connected.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod access;
pub mod admission;
pub mod breaker;
pub mod channel;
pub mod choice;
pub mod command;
pub mod content;
pub mod conversation;
pub mod eviction;
pub mod hash;
pub mod history;
pub mod ids;
pub mod inbox;
pub mod mapping;
pub mod message;
pub mod notice;
pub mod outbound;
pub mod outcome;
pub mod person;
pub mod placement;
pub mod rejected;
pub mod reply;
pub mod secret;
pub mod session;
pub mod settings;
pub mod snapshot;
pub mod text;
pub mod time;
#[cfg(test)]
mod transitions;
pub mod trouble;
pub mod usage;
pub mod username;
