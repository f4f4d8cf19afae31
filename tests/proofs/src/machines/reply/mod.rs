//! A reply, the platform that shows it, and a process that may die at every step.

mod facts;
pub mod fuzz;
mod see;
mod world;

pub use world::{Act, Setting, World};
