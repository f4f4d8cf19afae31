//! The trace port: hands over finished spans, the timed pieces that the trace of a message is made of.
//!
//! A span says what was done and how long it took, by names and numbers: never what people wrote, and no secret.

use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::ids::ReplicaId;
use switchboard_domain::time::Timestamp;
use thiserror::Error;

/// Spans of one call at most; the caller keeps to it.
pub const SPANS_AT_ONCE_MAX: usize = 512;

/// Attributes of one span at most; the caller keeps to it.
pub const ATTRIBUTES_MAX: usize = 16;

/// Takes spans to whoever keeps them.
#[async_trait]
pub trait SpanExporter: Send + Sync {
    /// Hands over spans of this replica, at most [`SPANS_AT_ONCE_MAX`], in any order. Bounded in time by the caller. Repeatable:
    /// a span that comes twice has the same names. After an error, a time-out, or where the future was dropped, any part may
    /// have arrived.
    async fn export(&self, replica: &ReplicaId, spans: &[Span]) -> Result<(), NotExported>;
}

/// Why spans were not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotExported {
    /// Nobody was there, or had time: the same spans may be taken later, after this pause where one was asked for.
    #[error("{why}")]
    Later {
        /// What happened, without addresses.
        why: String,
        /// The pause asked for.
        pause: Option<Duration>,
    },
    /// They will never be taken.
    #[error("{0}")]
    Never(String),
}

/// A piece of a message's trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The trace; not 0.
    pub trace: u128,
    /// Its own name within the trace; not 0.
    pub id: u64,
    /// The span that it is a part of; none of the trace's root.
    pub parent: Option<u64>,
    /// What was done: `agent.run`.
    pub name: &'static str,
    /// On which side of a request it is.
    pub kind: SpanKind,
    /// When it began.
    pub start: Timestamp,
    /// When it ended; not before `start`.
    pub end: Timestamp,
    /// What else is known, at most [`ATTRIBUTES_MAX`].
    pub attributes: Vec<(&'static str, Attribute)>,
    /// Where it failed: the cause's stable name.
    pub failed: Option<&'static str>,
}

/// On which side of a request a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// On neither.
    Internal,
    /// It asks somebody else.
    Client,
    /// It takes in what somebody else has sent.
    Consumer,
}

/// What is known of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// A name: at most 512 bytes.
    Text(String),
    /// A count, or milliseconds.
    Number(u64),
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Attribute {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}
