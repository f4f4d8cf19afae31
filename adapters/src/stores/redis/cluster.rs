//! The connection to a Cluster, which is replaced by a new one where nothing has been answered over it for a while.
//!
//! The client's own recovery may wait for itself for ever after a node died: it stops polling the reconnections that stand before
//! it in the queue of its lock. A new connection starts from the addresses that the store was given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, Value};
use tokio::time::Instant;

/// How long nothing may be answered before the connection is replaced: longer than the longest wait for one answer.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Longest wait for the new one.
const RENEWAL_MAX: Duration = Duration::from_secs(10);

/// The pause after a new one could not be had.
const RENEWAL_PAUSE: Duration = Duration::from_secs(1);

/// How many nodes are asked why the Cluster cannot be reached, and how long each.
const NODES_ASKED_MAX: usize = 3;
const ASK_MAX: Duration = Duration::from_secs(1);

/// A connection to each node of a Cluster.
pub(super) struct ClusterWay {
    client: ClusterClient,
    state: Mutex<State>,
}

struct State {
    connection: ClusterConnection,
    silence: Silence,
}

/// Since when nothing has been answered, and whether a new connection is being made.
#[derive(Debug, Default)]
struct Silence {
    since: Option<Instant>,
    renewing: bool,
}

impl Silence {
    /// What became of a call; whether the connection has to be replaced now, which is said to one caller only.
    fn heard(&mut self, is_answered: bool, now: Instant) -> bool {
        if is_answered {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        let is_due = !self.renewing && now.duration_since(since) >= SILENCE_MAX;
        self.renewing |= is_due;
        is_due
    }

    /// There is a new connection, or none could be had.
    fn tried(&mut self, is_new: bool) {
        self.renewing = false;
        if is_new {
            self.since = None;
        }
    }
}

impl ClusterWay {
    /// Connects.
    ///
    /// # Errors
    /// What one of these nodes says by itself, because the client keeps of that the words alone.
    pub(super) async fn open(client: ClusterClient, nodes: &[Client]) -> Result<Arc<Self>, RedisError> {
        let connection = match client.get_async_connection().await {
            Ok(connection) => connection,
            Err(error) => return Err(refusal(nodes).await.unwrap_or(error)),
        };
        let state = State { connection, silence: Silence::default() };
        Ok(Arc::new(Self { client, state: Mutex::new(state) }))
    }

    /// The connection to ask over now.
    pub(super) fn connection(&self) -> ClusterConnection {
        self.lock().connection.clone()
    }

    /// Notes what became of a call. One task at a time makes the new connection; calls go on failing meanwhile.
    pub(super) fn heard<T>(self: &Arc<Self>, answer: RedisResult<T>) -> RedisResult<T> {
        let is_answered = answer.as_ref().err().is_none_or(is_answer);
        if self.lock().silence.heard(is_answered, Instant::now()) {
            tokio::spawn(Arc::clone(self).renew());
        }
        answer
    }

    async fn renew(self: Arc<Self>) {
        let renewed = tokio::time::timeout(RENEWAL_MAX, self.client.get_async_connection()).await;
        if let Ok(Ok(connection)) = renewed {
            tracing::debug!("the connection to the Redis Cluster was silent and has been replaced");
            let mut state = self.lock();
            state.silence.tried(true);
            // Its task ends with the last call over it, and what waits in its queue is not sent any more.
            state.connection = connection;
            return;
        }
        tokio::time::sleep(RENEWAL_PAUSE).await;
        self.lock().silence.tried(false);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why none of the nodes will do; `None` where they are no worse than silent.
async fn refusal(nodes: &[Client]) -> Option<RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ASK_MAX))
        .set_response_timeout(Some(ASK_MAX));
    let mut last = None;
    for node in nodes.iter().take(NODES_ASKED_MAX) {
        let asked = async {
            let mut connection = node.get_multiplexed_async_connection_with_config(&config).await?;
            redis::cmd("CLUSTER").arg("SLOTS").query_async::<Value>(&mut connection).await
        };
        if let Err(error) = asked.await {
            let is_final = is_answer(&error) || error.kind() == ErrorKind::AuthenticationFailed;
            last = Some(error);
            if is_final {
                break;
            }
        }
    }
    last
}

/// Whether a node has said so: then there is somebody at the other end.
fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{SILENCE_MAX, Silence};

    #[test]
    fn a_silent_connection_is_replaced_once_and_again_where_that_fails() {
        let (mut silence, start) = (Silence::default(), Instant::now());
        assert!(!silence.heard(false, start));
        assert!(!silence.heard(false, start + SILENCE_MAX / 2));
        assert!(silence.heard(false, start + SILENCE_MAX));
        assert!(!silence.heard(false, start + 2 * SILENCE_MAX), "one task does it");
        silence.tried(false);
        assert!(silence.heard(false, start + 2 * SILENCE_MAX));
        silence.tried(true);
        assert!(!silence.heard(false, start + 3 * SILENCE_MAX), "the new one has its time");
    }

    #[test]
    fn an_answer_ends_the_silence() {
        let (mut silence, start) = (Silence::default(), Instant::now());
        assert!(!silence.heard(false, start));
        assert!(!silence.heard(true, start + SILENCE_MAX));
        assert!(!silence.heard(false, start + SILENCE_MAX + Duration::from_secs(1)));
    }
}
