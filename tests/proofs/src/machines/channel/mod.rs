//! A channel, its sockets and what people want of it.

pub mod fuzz;
mod world;

pub use world::{Act, Cause, World};
