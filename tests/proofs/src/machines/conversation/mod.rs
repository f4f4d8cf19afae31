//! A conversation as its own tests see it (`domain/tests/conversation`): the same simulated shell, store, platform and
//! judge, walked through by fuzzers and by the search.
#![allow(dead_code, reason = "the stories of the domain's own tests use more of it")]

#[path = "../../../../../domain/tests/conversation/judge.rs"]
pub(crate) mod judge;
#[path = "../../../../../domain/tests/conversation/laws.rs"]
mod laws;
#[path = "../../../../../domain/tests/conversation/platform.rs"]
pub(crate) mod platform;
#[path = "../../../../../domain/tests/conversation/shell.rs"]
pub(crate) mod shell;
#[path = "../../../../../domain/tests/conversation/store.rs"]
mod store;
#[path = "../../../../../domain/tests/conversation/walk.rs"]
mod walk;

pub(crate) use walk::STATUS;

mod fuzz;
mod small;

pub use fuzz::conversation;
pub use small::{Also, Setting, Small};
