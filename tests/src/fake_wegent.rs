//! A server that behaves as Wegent's Responses endpoint does, on loopback: tasks that are whole conversations, chat teams that
//! stream and executor teams that queue, users, keys and limits. It judges who talks to it: what a client may not do is
//! refused as Wegent refuses it, and noted.
//!
//! Written from what is known of Wegent, without a line of ours: it shares nothing with the adapter it judges.

mod http;
mod state;
mod upload;

use std::time::Duration;

use self::state::State;
pub use self::state::{Call, Item, Play, Task, TaskState, Verb};
use crate::loopback::Loopback;

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
pub struct FakeWegent(Loopback<State>);

/// What its requests share.
type Shared = crate::loopback::Shared<State>;

impl FakeWegent {
    /// Starts on a free port. Runs answer `You said: …` unless told otherwise.
    pub async fn start() -> anyhow::Result<Self> {
        Loopback::start("fake Wegent", http::router).await.map(Self)
    }

    /// The address of the host: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn host(&self) -> String {
        self.0.host()
    }

    /// What the next runs do, in order.
    pub fn queue(&self, plays: impl IntoIterator<Item = Play>) {
        self.0.queue(plays);
    }

    /// Lets every held run go on to its end.
    pub fn release(&self) {
        self.0.release();
    }

    /// The next requests of this verb get a 429 that says nothing of when to come again.
    pub fn throttle(&self, verb: Verb, count: usize) {
        self.0.change(|state| state.throttled.extend(std::iter::repeat_n(verb, count)));
    }

    /// How many looks an executor's run is queued or in progress for, beyond being held.
    pub fn executors_take(&self, looks: usize) {
        self.0.change(|state| state.executor_looks = looks);
    }

    /// Forgets every task.
    pub fn forget_tasks(&self) {
        self.0.change(|state| state.tasks.clear());
    }

    /// What the server knows and saw, as it is now.
    pub fn observe<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.0.seen())
    }

    /// Waits until what it saw is as wanted.
    ///
    /// # Errors
    /// It is not within `cap`; the error lists the calls.
    pub async fn wait_for(&self, wanted: impl Fn(&Seen) -> bool, cap: Duration) -> anyhow::Result<()> {
        self.0.wait_for(wanted, cap).await
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
