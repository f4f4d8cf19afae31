//! What a scripted agent does with a request.

use std::time::Duration;

/// What a scripted agent does with a request. Where it streams, a request with `stream: false` gets the same text
/// whole (and a cut, hang or hold comes before it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Streams the text word by word.
    Words {
        /// The text.
        text: String,
        /// Pause before each word.
        pause: Duration,
    },
    /// Streams `before`, waits for [`release`](super::ScriptedAgent::release), streams `after`.
    Held {
        /// Streamed at once, word by word; may be empty.
        before: String,
        /// Streamed once released.
        after: String,
    },
    /// Says nothing at all, not even a status, until the client closes.
    HangBeforeHeaders,
    /// Streams the text and then nothing more, until the client closes.
    HangAfter {
        /// The text; empty: headers only.
        text: String,
    },
    /// Refuses with a status and an error object, whose message quotes the question as some servers do: nothing of
    /// it may turn up in a log.
    Status {
        /// The status: 401, 429, 500, …
        status: u16,
        /// The error object's `code`.
        code: Option<String>,
        /// `Retry-After`, in seconds.
        retry_after_s: Option<u64>,
    },
    /// Streams the text and breaks the connection.
    Cut {
        /// The text.
        text: String,
    },
    /// Streams the text and then an event that is not JSON.
    Malformed {
        /// The text.
        text: String,
    },
    /// Streams the text and then an error object; its message quotes the question.
    ErrorInStream {
        /// The text.
        text: String,
    },
    /// Finishes without a word.
    Empty,
    /// Answers with one JSON document, also where a stream was asked for.
    Whole {
        /// The text.
        text: String,
    },
    /// Streams an answer of this length as fast as it is read.
    Huge {
        /// Its length in characters.
        chars: usize,
    },
}

impl Behaviour {
    /// Streams the text word by word without pauses.
    #[must_use]
    pub fn words(text: impl Into<String>) -> Self {
        Self::Words { text: text.into(), pause: Duration::ZERO }
    }

    /// Refuses with this status and no more.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self::Status { status, code: None, retry_after_s: None }
    }
}
