//! A server that behaves as Wegent's Responses endpoint does, on loopback: tasks that are whole conversations, chat teams that
//! stream and executor teams that queue, users, keys and limits. It judges who talks to it: what a client may not do is
//! refused as Wegent refuses it, and noted.
//!
//! Written from what is known of Wegent, without a line of ours: it shares nothing with the adapter it judges.

mod http;
mod state;
mod upload;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::state::State;
pub use self::state::{Call, Item, Play, Task, TaskState, Verb};

/// A chat team: it streams.
pub const CHAT_TEAM: &str = "default#helper";
/// An executor team: it queues, and cannot stream.
pub const EXECUTOR_TEAM: &str = "default#coder";
/// A chat team whose bot has no model.
pub const MODELLESS_TEAM: &str = "default#empty";
/// A personal key; its user is [`OWNER`].
pub const PERSONAL_KEY: &str = "wg-personal";
/// Whose key that is.
pub const OWNER: &str = "owner";
/// A service key: requests say whom they are for.
pub const SERVICE_KEY: &str = "wg-service";
/// A token of a signed-in user, also [`OWNER`].
pub const TOKEN: &str = "signed-in";

/// A running server. It stops when dropped.
pub struct FakeWegent {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Counts changes, for those who wait for one.
    changes: watch::Sender<u64>,
    stopped: CancellationToken,
}

impl FakeWegent {
    /// Starts on a free port. Runs answer `You said: …` unless told otherwise.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("failed to bind the fake Wegent")?;
        let address = listener.local_addr().context("failed to read the fake Wegent's address")?;
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

    /// The address of the host: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn host(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the next runs do, in order.
    pub fn queue(&self, plays: impl IntoIterator<Item = Play>) {
        self.shared.change(|state| state.plays.extend(plays));
    }

    /// Lets every held run go on to its end.
    pub fn release(&self) {
        self.shared.change(|state| state.released = state.released.saturating_add(1));
    }

    /// The next requests of this verb get a 429 that says nothing of when to come again.
    pub fn throttle(&self, verb: Verb, count: usize) {
        self.shared.change(|state| state.throttled.extend(std::iter::repeat_n(verb, count)));
    }

    /// How many looks an executor's run is queued or in progress for, beyond being held.
    pub fn executors_take(&self, looks: usize) {
        self.shared.change(|state| state.executor_looks = looks);
    }

    /// Forgets every task.
    pub fn forget_tasks(&self) {
        self.shared.change(|state| state.tasks.clear());
    }

    /// What the server knows and saw, as it is now.
    pub fn observe<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.shared.seen())
    }

    /// Waits until what it saw is as wanted.
    ///
    /// # Errors
    /// It is not within `cap`; the error lists the calls.
    pub async fn wait_for(&self, wanted: impl Fn(&Seen) -> bool, cap: Duration) -> anyhow::Result<()> {
        let mut changes = self.shared.changes.subscribe();
        let wait = async {
            while !wanted(&self.shared.seen()) {
                // The sender lives as long as this server.
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        match timeout(cap, wait).await {
            Ok(()) => Ok(()),
            Err(_) => bail!("not as wanted within {cap:?}: {:#?}", self.shared.seen()),
        }
    }
}

impl Drop for FakeWegent {
    fn drop(&mut self) {
        self.shared.stopped.cancel();
    }
}

/// What the server knows and saw.
#[derive(Debug, Clone)]
pub struct Seen {
    /// All requests, in order of arrival.
    pub calls: Vec<Call>,
    /// All tasks, oldest first.
    pub tasks: Vec<Task>,
    /// What the client may not do and did.
    pub violations: Vec<String>,
    /// Files taken: who gave them, their names and lengths.
    pub files: Vec<(String, String, usize)>,
}

impl Seen {
    /// Requests of this verb.
    #[must_use]
    pub fn count(&self, verb: Verb) -> usize {
        self.calls.iter().filter(|call| call.verb == verb).count()
    }

    /// Bodies of all questions, in order.
    #[must_use]
    pub fn questions(&self) -> Vec<&serde_json::Value> {
        self.calls.iter().filter(|call| call.verb == Verb::Ask).map(|call| &call.body).collect()
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

    fn seen(&self) -> Seen {
        let state = self.state();
        Seen {
            calls: state.calls.clone(),
            tasks: state.tasks.clone(),
            violations: state.violations.clone(),
            files: state.files.clone(),
        }
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
}
