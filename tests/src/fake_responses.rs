//! A server that speaks the Responses protocol on loopback, well or badly as a test tells it. It remembers responses by their
//! id, so that it can tell whether a client goes on from one, and runs some of them in the background.

mod http;
mod play;

use std::time::Duration;

use serde_json::Value;

pub use self::play::{Form, Play};
use crate::loopback::{Loopback, Memory, Script};

/// A running server. It stops when dropped.
pub struct FakeResponses(Loopback<State>);

/// One question.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its body.
    pub body: Value,
    /// Its `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Its `Authorization`.
    pub authorization: Option<String>,
}

impl Asked {
    /// The roles and texts of its messages; parts of a message are joined.
    #[must_use]
    pub fn messages(&self) -> Vec<(String, String)> {
        let items = self.body["input"].as_array().into_iter().flatten();
        items
            .map(|item| (item["role"].as_str().unwrap_or_default().to_owned(), text_of(&item["content"])))
            .collect()
    }

    /// The response that it goes on from.
    #[must_use]
    pub fn previous(&self) -> Option<&str> {
        self.body["previous_response_id"].as_str()
    }
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// What the server knows and saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// All questions, in order.
    pub asked: Vec<Asked>,
    /// Looks at responses, by id.
    pub looks: Vec<String>,
    /// Stops of responses, by id.
    pub cancels: Vec<String>,
    /// What a client may not do and did.
    pub violations: Vec<String>,
}

#[derive(Default)]
struct State {
    seen: Seen,
    script: Script<Play>,
    responses: Vec<Stored>,
}

/// What its requests share.
type Shared = crate::loopback::Shared<State>;

impl Memory for State {
    type Play = Play;
    type Seen = Seen;

    fn script(&mut self) -> &mut Script<Play> {
        &mut self.script
    }

    fn seen(&self) -> Seen {
        self.seen.clone()
    }
}

/// A response that the server remembers.
#[derive(Debug, Clone)]
struct Stored {
    id: String,
    background: bool,
    document: Value,
}

impl FakeResponses {
    /// Starts on a free port. Questions are answered with `You said: …` unless told otherwise.
    pub async fn start() -> anyhow::Result<Self> {
        Loopback::start("fake server", http::router).await.map(Self)
    }

    /// The base address to configure: `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.0.host())
    }

    /// What the next questions get, in order.
    pub fn queue(&self, plays: impl IntoIterator<Item = Play>) {
        self.0.queue(plays);
    }

    /// Lets every held answer go on.
    pub fn release(&self) {
        self.0.release();
    }

    /// Forgets every response.
    pub fn forget(&self) {
        self.0.change(|state| state.responses.clear());
    }

    /// What it knows and saw, as it is now.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.0.seen()
    }

    /// Waits until what it saw is as wanted.
    ///
    /// # Errors
    /// It is not within `cap`.
    pub async fn wait_for(&self, wanted: impl Fn(&Seen) -> bool, cap: Duration) -> anyhow::Result<()> {
        self.0.wait_for(wanted, cap).await
    }
}
