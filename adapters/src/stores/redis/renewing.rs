//! A connection that is replaced by a new one where nothing has been answered over it for a while.
//!
//! The clients' own recoveries can end for good. A Cluster's waits for itself for ever after a node died: it stops polling the
//! reconnections that stand before it in the queue of its lock. A server's gives up where it was answered with an error while it
//! connected (a user that is not there yet after a fail-over, a password that is being changed, a proxy that says no), and answers
//! every call with that error from then on. A new connection starts from the address that the store was given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use redis::{RedisError, RedisResult};
use tokio::time::Instant;

/// How long nothing may be answered before the connection is replaced: longer than the longest wait for one answer.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Longest wait for the new one.
const RENEWAL_MAX: Duration = Duration::from_secs(10);

/// The pause after a new one could not be had.
const RENEWAL_PAUSE: Duration = Duration::from_secs(1);

/// Makes a new connection.
type Make<C> = Box<dyn Fn() -> BoxFuture<'static, RedisResult<C>> + Send + Sync>;

/// A connection, and how to get another one.
pub(super) struct Renewing<C> {
    make: Make<C>,
    /// Whether an error says that the other end is there and well enough to be asked on.
    is_answer: fn(&RedisError) -> bool,
    state: Mutex<State<C>>,
}

struct State<C> {
    connection: C,
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

impl<C: Clone + Send + 'static> Renewing<C> {
    /// Goes on with a connection that is there.
    pub(super) fn with(connection: C, is_answer: fn(&RedisError) -> bool, make: Make<C>) -> Arc<Self> {
        let state = Mutex::new(State { connection, silence: Silence::default() });
        Arc::new(Self { make, is_answer, state })
    }

    /// The connection to ask over now.
    pub(super) fn connection(&self) -> C {
        self.lock().connection.clone()
    }

    /// Notes what became of a call. One task at a time makes the new connection; calls go on failing meanwhile.
    pub(super) fn heard<T>(self: &Arc<Self>, answer: RedisResult<T>) -> RedisResult<T> {
        let is_answered = answer.as_ref().err().is_none_or(self.is_answer);
        if self.lock().silence.heard(is_answered, Instant::now()) {
            tokio::spawn(Arc::clone(self).renew());
        }
        answer
    }

    async fn renew(self: Arc<Self>) {
        let renewed = tokio::time::timeout(RENEWAL_MAX, (self.make)()).await;
        if let Ok(Ok(connection)) = renewed {
            tracing::debug!("nothing was answered over the connection to Redis, and it has been replaced");
            let mut state = self.lock();
            state.silence.tried(true);
            // Its task ends with the last call over it, and what waits in its queue is not sent any more.
            state.connection = connection;
            return;
        }
        tokio::time::sleep(RENEWAL_PAUSE).await;
        self.lock().silence.tried(false);
    }

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
