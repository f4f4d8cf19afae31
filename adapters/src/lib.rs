//! Switchboard's ports put into practice: chat platforms, agents over HTTP, stores.

pub mod agents;
pub mod clock;
pub mod dingtalk;
pub mod directories;
mod hex;
pub mod net;
pub mod otlp;
pub mod stores;
