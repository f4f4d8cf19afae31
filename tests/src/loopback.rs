//! What fake servers have in common: a place on loopback, a state that requests change and tests look at, plays for the next
//! questions, and answers that are held until they are released.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// What a fake server knows.
pub(crate) trait Memory: Default + Send + 'static {
    /// What is done with a question.
    type Play: Send;
    /// What a test may look at.
    type Seen: Debug;

    /// What is done with the next questions, and how often held answers were released.
    fn script(&mut self) -> &mut Script<Self::Play>;

    /// What a test sees of it, as it is now.
    fn seen(&self) -> Self::Seen;
}

/// What a test has told a server to do.
#[derive(Debug)]
pub(crate) struct Script<P> {
    plays: VecDeque<P>,
    released: u64,
}

impl<P> Default for Script<P> {
    fn default() -> Self {
        Self { plays: VecDeque::new(), released: 0 }
    }
}

impl<P> Script<P> {
    /// What is done with the next question, if that was said.
    pub(crate) fn next(&mut self) -> Option<P> {
        self.plays.pop_front()
    }

    /// How often held answers were released: whoever waits goes on once this is more than it was.
    pub(crate) const fn released(&self) -> u64 {
        self.released
    }
}

/// A running server. It stops when dropped.
pub(crate) struct Loopback<M> {
    address: SocketAddr,
    shared: Arc<Shared<M>>,
}

/// What the requests to a server share.
pub(crate) struct Shared<M> {
    state: Mutex<M>,
    /// Counts changes, for those who wait for one.
    changes: watch::Sender<u64>,
    stopped: CancellationToken,
}

impl<M: Memory> Loopback<M> {
    /// Starts on a free port. `name` says in errors what failed to.
    pub(crate) async fn start(
        name: &'static str,
        router: impl FnOnce(Arc<Shared<M>>) -> Router,
    ) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.with_context(|| format!("failed to bind the {name}"))?;
        let address =
            listener.local_addr().with_context(|| format!("failed to read the address of the {name}"))?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
            stopped: CancellationToken::new(),
        });
        let router = router(Arc::clone(&shared));
        let stopped = shared.stopped.clone().cancelled_owned();
        tokio::spawn(axum::serve(listener, router).with_graceful_shutdown(stopped).into_future());
        Ok(Self { address, shared })
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the state, and tells those who wait.
    pub(crate) fn change<T>(&self, work: impl FnOnce(&mut M) -> T) -> T {
        self.shared.change(work)
    }

    /// What the next questions get, in order.
    pub(crate) fn queue(&self, plays: impl IntoIterator<Item = M::Play>) {
        self.change(|state| state.script().plays.extend(plays));
    }

    /// Lets every held answer go on.
    pub(crate) fn release(&self) {
        self.change(|state| {
            let script = state.script();
            script.released = script.released.saturating_add(1);
        });
    }

    /// What a test sees of the state, as it is now.
    pub(crate) fn seen(&self) -> M::Seen {
        self.shared.state().seen()
    }

    /// Waits until what is seen is as wanted.
    ///
    /// # Errors
    /// It is not within `cap`; the error shows all of it.
    pub(crate) async fn wait_for(
        &self,
        wanted: impl Fn(&M::Seen) -> bool,
        cap: Duration,
    ) -> anyhow::Result<()> {
        let look = |state: &mut M| wanted(&state.seen()).then_some(());
        match timeout(cap, self.shared.until(look)).await {
            Ok(Some(())) => Ok(()),
            Ok(None) | Err(_) => bail!("not as wanted within {cap:?}: {:#?}", self.seen()),
        }
    }
}

impl<M> Drop for Loopback<M> {
    fn drop(&mut self) {
        self.shared.stopped.cancel();
    }
}

impl<M: Memory> Shared<M> {
    fn state(&self) -> MutexGuard<'_, M> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and tells those who wait.
    pub(crate) fn change<T>(&self, work: impl FnOnce(&mut M) -> T) -> T {
        let out = work(&mut self.state());
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
        out
    }

    /// How often held answers were released so far.
    pub(crate) fn released(&self) -> u64 {
        self.state().script().released()
    }

    /// Waits until something of the state is there; `None` when the server stops.
    pub(crate) async fn until<T>(&self, look: impl Fn(&mut M) -> Option<T>) -> Option<T> {
        let mut changes = self.changes.subscribe();
        loop {
            if let Some(found) = look(&mut self.state()) {
                return Some(found);
            }
            tokio::select! {
                biased;
                () = self.stopped.cancelled() => return None,
                news = changes.changed() => news.ok()?,
            }
        }
    }

    /// Waits for the next release; `None` when the server stops.
    pub(crate) async fn release(&self) -> Option<()> {
        let mark = self.released();
        self.until(|state| (state.script().released() > mark).then_some(())).await
    }
}
