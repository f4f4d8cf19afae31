//! What Switchboard needs from the outside world, as traits, and nothing else: no behaviour lives here.
//!
//! An adapter's author works from these pages alone. Every method says whether it may be repeated, whether
//! its future may be dropped, and what is true after a time-out. "Not found" is `Option`; the error enums are
//! closed, and each variant is a decision of the caller.

pub mod agent;
pub mod agents;
pub mod alerts;
pub mod attachments;
pub mod audit;
pub mod budget;
pub mod channels;
pub mod clock;
pub mod config_field;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod conversations;
pub mod directory;
pub mod durability;
pub mod error;
pub mod failures;
pub mod form;
pub mod journal;
pub mod messages;
pub mod page;
pub mod playground;
pub mod provider;
pub mod replicas;
pub mod sessions;
pub mod store_set;
pub mod tokens;
pub mod traces;
pub mod transcripts;
pub mod usage;
pub mod users;
