//! Switchboard's ports put into practice: chat platforms, agents over HTTP, stores, alerts.

pub mod agents;
pub mod alerts;
pub mod clock;
pub mod dingtalk;
pub mod directories;
mod hex;
pub mod net;
pub mod stores;
