//! A channel, its sockets and what people want of it.

mod cause;
mod ends;
pub mod fuzz;
mod world;

pub use cause::Cause;
pub use world::{Act, World};
