//! Switchboard: everything around the domain: the driver, the HTTP API, the command line, the composition.

pub mod changes;
pub mod cli;
pub mod compose;
pub mod config;
pub mod http;
pub mod panel;
pub mod ports;
pub mod runtime;
pub mod settings_lock;
pub mod telemetry;
#[cfg(test)]
pub(crate) mod testing;
pub mod trial;
