//! Settings as versions: who changed which channel or agent when, and what it held.
//!
//! The registry alone decides what is so; the journal tells people how it came about. Each change is announced before the registry is
//! written (`Book::Intents`) and noted behind it (`Book::Versions` and `Book::Changes`). Where a process ends in between, whoever
//! looks next, or changes something next, writes the missing line: it is judged by the registry whether the change was made, and
//! the announcement tells by whom. All of it happens under the settings lock, so that lines of a resource are one chain.

pub mod catch_up;
pub mod diff;
pub mod lines;
pub mod read;
pub mod resource;
pub mod write;

pub use lines::{Act, Author, Kind};
pub use write::{Change, Step};

#[cfg(test)]
mod tests;
