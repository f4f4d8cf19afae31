//! What a scripted agent remembers of its requests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::http::HeaderMap;
use serde_json::Value;
use tokio::time::Instant;

use super::Shared;

/// One request.
#[derive(Clone)]
pub struct Asked {
    /// Which one, from 1.
    pub number: usize,
    /// When it came.
    pub at: Instant,
    /// Its messages, in order.
    pub messages: Vec<Message>,
    /// Its headers by lower-case name; what is not text is left out.
    pub headers: BTreeMap<String, String>,
    /// Its `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Its body.
    pub body: Value,
    /// How it ended, once it did.
    pub end: Option<End>,
}

/// One message of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The agent did all it was told to, also where that was breaking off.
    Done(Instant),
    /// The client closed before that.
    ClosedByClient(Instant),
}

impl Asked {
    /// The last thing the user said; empty if nothing.
    #[must_use]
    pub fn question(&self) -> &str {
        let last = self.messages.iter().rfind(|message| message.role == "user");
        last.map_or("", |message| message.content.as_str())
    }

    /// Whether any message but the question contains the text.
    #[must_use]
    pub fn remembers(&self, text: &str) -> bool {
        let before = self.messages.len().saturating_sub(1);
        self.messages.iter().take(before).any(|message| message.content.contains(text))
    }

    /// Whether the client closed it before the agent was done.
    #[must_use]
    pub const fn was_closed_by_client(&self) -> bool {
        matches!(self.end, Some(End::ClosedByClient(_)))
    }

    pub(super) fn read(number: usize, headers: &HeaderMap, body: Value) -> Self {
        let headers: BTreeMap<String, String> = headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let messages = body.get("messages").and_then(Value::as_array).into_iter().flatten();
        Self {
            number,
            at: Instant::now(),
            messages: messages.filter_map(Message::read).collect(),
            idempotency_key: headers.get("idempotency-key").cloned(),
            headers,
            body,
            end: None,
        }
    }
}

/// Short, for the error of a wait that failed.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {:?} after {} messages, key {:?}, {}",
            self.number,
            self.question(),
            self.messages.len().saturating_sub(1),
            self.idempotency_key,
            match self.end {
                None => "running",
                Some(End::Done(_)) => "done",
                Some(End::ClosedByClient(_)) => "closed by the client",
            }
        )
    }
}

impl Message {
    fn read(message: &Value) -> Option<Self> {
        let content = message.get("content")?;
        let content = match content.as_array() {
            // What comes with files: parts, of which the first text is the question.
            Some(parts) => parts.iter().find_map(|part| part.get("text"))?.as_str()?.to_owned(),
            None => content.as_str()?.to_owned(),
        };
        Some(Self { role: message.get("role")?.as_str()?.to_owned(), content })
    }
}

/// Follows one request: dropped before [`Tracked::done`], the client has closed it, because the server drops an
/// answer under way only then.
pub(super) struct Tracked {
    shared: Arc<Shared>,
    number: usize,
    ended: bool,
}

impl Tracked {
    pub(super) const fn new(shared: Arc<Shared>, number: usize) -> Self {
        Self { shared, number, ended: false }
    }

    /// Which request.
    pub(super) const fn number(&self) -> usize {
        self.number
    }

    /// The agent did all it was told to.
    pub(super) fn done(&mut self) {
        self.end(End::Done(Instant::now()));
    }

    fn end(&mut self, end: End) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.shared.records.send_modify(|records| {
            let record = self.number.checked_sub(1).and_then(|index| records.get_mut(index));
            if let Some(asked) = record {
                asked.end = Some(end);
            }
        });
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.end(End::ClosedByClient(Instant::now()));
    }
}
