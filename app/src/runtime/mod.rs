//! The driver: runs the machines, commits before it performs, and keeps channels connected.

pub mod operations;
