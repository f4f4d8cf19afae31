//! A server that speaks the Responses protocol on loopback, well or badly as a test tells it. It remembers responses by their
//! id, so that it can tell whether a client goes on from one, and runs some of them in the background.

mod http;
mod play;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use self::play::{Form, Play};

/// A running server. It stops when dropped.
pub struct FakeResponses {
    address: SocketAddr,
    shared: Arc<Shared>,
}

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
        _ => String::new(),
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
    plays: VecDeque<Play>,
    responses: Vec<Stored>,
    released: u64,
}

/// A response that the server remembers.
#[derive(Debug, Clone)]
struct Stored {
    id: String,
    background: bool,
    document: Value,
}

struct Shared {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    stopped: CancellationToken,
}

impl FakeResponses {
    /// Starts on a free port. Questions are answered with `You said: …` unless told otherwise.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("failed to bind the fake server")?;
        let address = listener.local_addr().context("failed to read the fake server's address")?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
            stopped: CancellationToken::new(),
        });
        let router = http::router(Arc::clone(&shared));
        let stopped = shared.stopped.clone().cancelled_owned();
        tokio::spawn(axum::serve(listener, router).with_graceful_shutdown(stopped).into_future());
        Ok(Self { address, shared })
    }

    /// The base address to configure: `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What the next questions get, in order.
    pub fn queue(&self, plays: impl IntoIterator<Item = Play>) {
        self.shared.change(|state| state.plays.extend(plays));
    }

    /// Lets every held answer go on.
    pub fn release(&self) {
        self.shared.change(|state| state.released = state.released.saturating_add(1));
    }

    /// Forgets every response.
    pub fn forget(&self) {
        self.shared.change(|state| state.responses.clear());
    }

    /// What it knows and saw, as it is now.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.shared.state().seen.clone()
    }

    /// Waits until what it saw is as wanted.
    ///
    /// # Errors
    /// It is not within `cap`.
    pub async fn wait_for(&self, wanted: impl Fn(&Seen) -> bool, cap: Duration) -> anyhow::Result<()> {
        let look = |state: &mut State| wanted(&state.seen).then_some(());
        match timeout(cap, self.shared.until(look)).await {
            Ok(Some(())) => Ok(()),
            Ok(None) | Err(_) => bail!("not as wanted within {cap:?}: {:#?}", self.seen()),
        }
    }
}

impl Drop for FakeResponses {
    fn drop(&mut self) {
        self.shared.stopped.cancel();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let out = work(&mut self.state());
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
        out
    }

    /// Waits until something of the state is there; `None` when the server stops.
    async fn until<T>(&self, look: impl Fn(&mut State) -> Option<T>) -> Option<T> {
        let mut changes = self.changes.subscribe();
        loop {
            if let Some(found) = look(&mut self.state()) {
                return Some(found);
            }
            tokio::select! {
                biased;
                () = self.stopped.cancelled() => return None,
                changed = changes.changed() => changed.ok()?,
            }
        }
    }

    /// Waits for the next release.
    async fn release(&self) -> Option<()> {
        let mark = self.state().released;
        self.until(|state| (state.released > mark).then_some(())).await
    }
}
