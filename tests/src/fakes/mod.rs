//! Stateful fakes of the ports, on virtual time.

pub mod agent;
pub mod clock;
pub mod platform;
pub mod steps;
pub mod store;
