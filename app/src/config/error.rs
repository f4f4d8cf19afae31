//! A mistake in the configuration, as one line.

use thiserror::Error;

/// Where a mistake stands, which key it is, and what is allowed. Never contains a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{origin}: {key}: {problem}")]
pub struct ConfigError {
    /// The file's name as given, `environment`, or `command line`.
    pub origin: String,
    /// `server.listen`, `SWITCHBOARD_SERVER__LISTEN`, `channels[0].config.client_id`, …
    pub key: String,
    /// What is wrong and what is allowed.
    pub problem: String,
}

impl ConfigError {
    /// Puts a mistake together; line breaks become spaces, so that it stays one line.
    #[must_use]
    pub fn new(origin: &str, key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { origin: origin.to_owned(), key: one_line(&key.into()), problem: one_line(&problem.into()) }
    }
}

/// Characters of a key or problem shown at most.
const SHOWN_CHARS_MAX: usize = 500;

fn one_line(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
