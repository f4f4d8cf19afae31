//! The HTTP API: one file per endpoint, one shape for errors, one document that describes it.
//!
//! Every request below `/api/v1` is authenticated before anything else is looked at ([`auth`]); a handler's first
//! argument says which role it takes. Bodies are read by [`body`] and checked into typed structs by [`dto`].

pub mod acts;
pub mod agents;
pub mod audit;
pub mod auth;
pub mod body;
pub mod changes;
pub mod channels;
pub mod conversations;
pub mod diagnostics;
pub mod dto;
pub mod etag;
pub mod events;
pub mod exchange;
pub mod failures;
pub mod headers;
pub mod health;
pub mod language;
pub mod measures;
pub mod messages;
pub mod metrics;
pub mod openapi;
pub mod origin;
pub mod playground;
pub mod problem;
pub mod query;
pub mod replicas;
pub mod router;
pub mod serving;
pub mod state;
pub mod status;
pub mod tls;
pub mod tokens;
pub mod users;
pub mod whole;
pub mod wording;

pub use router::router;
pub use state::{Api, Parts};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk;
