//! Switchboard's ports put into practice: chat platforms, agents over HTTP, stores, the playground, alerts.

pub mod agents;
pub mod alerts;
pub mod clock;
pub mod dingtalk;
pub mod directories;
mod hex;
pub mod net;
pub mod otlp;
pub mod stores;
pub mod web;
