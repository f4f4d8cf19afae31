//! A scripted agent: a chat completions server on loopback that does what a test tells it, well or badly, and
//! records what it was asked.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use switchboard_tests::scripted_agent::{Behaviour, ScriptedAgent};
//! # async fn example() -> anyhow::Result<()> {
//! let agent = ScriptedAgent::start(|asked| Behaviour::words(format!("You said {}", asked.question()))).await?;
//! agent.queue([Behaviour::status(500)]); // the first request fails, the others are answered
//! // … point the program at `agent.base_url()` …
//! let asked = agent.wait_for(|asked| asked.len() == 2, Duration::from_secs(20)).await?;
//! assert_eq!(asked[0].idempotency_key, asked[1].idempotency_key);
//! # Ok(())
//! # }
//! ```

mod behaviour;
mod record;
mod wire;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use self::behaviour::Behaviour;
use self::record::Tracked;
pub use self::record::{Asked, End, Message};

/// The models that it tells of.
pub const MODELS: [&str; 3] = ["m", "large", "small"];

/// Largest request taken, in bytes.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Requests recorded at most; further ones get 507.
const RECORDS_MAX: usize = 100_000;

/// A running scripted agent. It stops when dropped: whatever hangs then is cut off.
pub struct ScriptedAgent {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    records: watch::Sender<Vec<Asked>>,
    /// One permit for each held answer that may go on.
    releases: Semaphore,
    stopped: CancellationToken,
}

struct Script {
    queue: VecDeque<Behaviour>,
    choose: Box<dyn Fn(&Asked) -> Behaviour + Send>,
}

impl ScriptedAgent {
    /// Starts on a free port. `choose` says what to do with a request whenever the queue is empty; it is not to call
    /// this agent's methods.
    pub async fn start(choose: impl Fn(&Asked) -> Behaviour + Send + 'static) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("failed to bind the scripted agent")?;
        let address = listener.local_addr().context("failed to read the scripted agent's address")?;
        let shared = Arc::new(Shared {
            script: Mutex::new(Script { queue: VecDeque::new(), choose: Box::new(choose) }),
            records: watch::Sender::new(Vec::new()),
            releases: Semaphore::new(0),
            stopped: CancellationToken::new(),
        });
        let router = Router::new()
            .route("/v1/chat/completions", post(answer))
            .route("/v1/models", get(models))
            .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
            .with_state(Arc::clone(&shared));
        // Words are to leave one by one.
        let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
        let stopped = shared.stopped.clone().cancelled_owned();
        tokio::spawn(axum::serve(listener, router).with_graceful_shutdown(stopped).into_future());
        Ok(Self { address, shared })
    }

    /// The base address to configure: `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What makes it an agent of a server (`POST /agents`).
    pub fn settings(&self) -> Value {
        json!({ "name": "scripted", "kind": "openai-chat", "base_url": self.base_url(), "model": "m" })
    }

    /// Behaviours for the next requests, in order; they come before what `choose` says.
    pub fn queue(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.shared.script().queue.extend(behaviours);
    }

    /// Replaces what is done whenever the queue is empty.
    pub fn choose(&self, choose: impl Fn(&Asked) -> Behaviour + Send + 'static) {
        self.shared.script().choose = Box::new(choose);
    }

    /// Lets `count` held answers go on ([`Behaviour::Held`]), now or once they are held.
    pub fn release(&self, count: usize) {
        self.shared.releases.add_permits(count);
    }

    /// All requests so far, in order of arrival.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.records.borrow().clone()
    }

    /// Waits until the requests so far are as wanted, and returns them.
    ///
    /// # Errors
    /// They are not within `cap`; the error lists them.
    pub async fn wait_for(
        &self,
        wanted: impl Fn(&[Asked]) -> bool,
        cap: Duration,
    ) -> anyhow::Result<Vec<Asked>> {
        let mut records = self.shared.records.subscribe();
        // The sender lives as long as this agent, so that only time can end the wait otherwise.
        if let Ok(Ok(asked)) = timeout(cap, records.wait_for(|asked| wanted(asked))).await {
            return Ok(asked.clone());
        }
        bail!("the agent's requests were not as wanted within {cap:?}: {:#?}", *records.borrow())
    }
}

impl Drop for ScriptedAgent {
    fn drop(&mut self) {
        self.shared.stopped.cancel();
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the request and says what to do with it; `None` when there are too many.
    fn admit(self: &Arc<Self>, headers: &HeaderMap, body: Value) -> Option<(Behaviour, Tracked)> {
        // Held until the request is recorded, so that numbers, queue and records have one order.
        let mut script = self.script();
        let number = self.records.borrow().len().checked_add(1).filter(|number| *number <= RECORDS_MAX)?;
        let asked = Asked::read(number, headers, body);
        let behaviour = script.queue.pop_front().unwrap_or_else(|| (script.choose)(&asked));
        self.records.send_modify(|records| records.push(asked));
        Some((behaviour, Tracked::new(Arc::clone(self), number)))
    }
}

async fn models() -> Json<Value> {
    let models: Vec<_> = MODELS.iter().map(|id| serde_json::json!({"id": id, "object": "model"})).collect();
    Json(serde_json::json!({"object": "list", "data": models}))
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    match shared.admit(&headers, body.clone()) {
        Some((behaviour, tracked)) => wire::respond(behaviour, &body, tracked, shared).await,
        None => StatusCode::INSUFFICIENT_STORAGE.into_response(),
    }
}
