//! Stateful stand-ins for every port, scripted where a test wants trouble.

pub mod agent;
pub mod alerts;
pub mod channels;
pub mod clock;
pub mod counters;
pub mod directory;
pub mod failures;
pub mod gate;
pub mod journal;
pub mod messages;
pub mod platform;
pub mod spans;
pub mod steps;
pub mod store;
pub mod usage;
pub mod users;
pub mod wire;
