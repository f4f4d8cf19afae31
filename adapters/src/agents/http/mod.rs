//! What agents over HTTP have in common, whatever they speak: their settings, one request and its answer, what went wrong,
//! and a run as a stream of events.
//!
//! A protocol brings the request's body and a [`answer::Protocol`], which reads the JSON objects of an answer.

pub(super) mod answer;
pub(super) mod body;
pub(super) mod call;
pub(super) mod failure;
pub(super) mod models;
pub(super) mod settings;
pub(super) mod telling;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use switchboard_ports::clock::Clock;

use self::settings::FieldError;
use crate::net::Network;

/// What every agent over HTTP is made with.
#[derive(Clone)]
pub(super) struct Surroundings {
    /// Dates in answers (`Retry-After`) are read against it.
    pub(super) clock: Arc<dyn Clock>,
    /// The way out: authorities and proxies.
    pub(super) network: Network,
}

impl Surroundings {
    /// A client for one agent.
    pub(super) fn client(&self, connect_timeout: Duration) -> Result<Client, FieldError> {
        self.network
            .client(connect_timeout)
            .map_err(|_| (String::new(), "cannot be used: no HTTP client could be built here".to_owned()))
    }
}
