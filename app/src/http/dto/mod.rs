//! What goes over the wire: response bodies as typed structs, request bodies checked into the ports' types.

pub mod access;
pub mod agent;
pub mod agent_input;
pub mod channel;
pub mod channel_input;
pub mod choices;
pub mod chosen;
pub mod conversation;
pub mod failure;
pub mod fields;
pub mod identity;
pub mod list;
pub mod mapping;
pub mod merge;
pub mod message;
pub mod playground;
pub mod privacy;
pub mod secrets;
pub mod status;
mod switching;
pub mod time;
pub mod timeline;
pub mod user;
pub mod user_input;
