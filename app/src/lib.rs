//! Switchboard's shell: drives the machines, serves the HTTP API, reads the configuration.

pub mod ports;
pub mod runtime;
