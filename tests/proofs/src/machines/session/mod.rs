//! A session, its inbox, the runs of its agent, and a process that may die at every step.

mod acts;
mod checks;
pub mod fuzz;
mod world;

pub use world::{Act, Said, Setting, World};
