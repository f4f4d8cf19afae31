//! A conversation store with a killing point before and after each call, that can be away.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use switchboard_domain::ids::{ConversationId, Partition, ReplicaId, Seq, Version};
use switchboard_ports::conversations::{Accepted, Arrival, Commit, ConversationStore, Lease, Loaded};
use switchboard_ports::error::StoreError;

use super::steps::Steps;

/// The decorator.
pub struct SteppingStore {
    inner: Arc<dyn ConversationStore>,
    steps: Arc<Steps>,
    away: AtomicBool,
    /// So many commits happen and are then reported as failed: the unknown fate (R7).
    commits_lied_about: AtomicU32,
    commits: Mutex<Vec<Commit>>,
}

impl SteppingStore {
    /// Around a store.
    pub fn new(inner: Arc<dyn ConversationStore>, steps: Arc<Steps>) -> Self {
        Self {
            inner,
            steps,
            away: AtomicBool::new(false),
            commits_lied_about: AtomicU32::new(0),
            commits: Mutex::default(),
        }
    }

    /// Whether every call fails from now on.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// The next `count` commits happen and are reported as failed.
    pub fn lie_about_commits(&self, count: u32) {
        self.commits_lied_about.store(count, Ordering::SeqCst);
    }

    /// Every commit offered, in order, repeats included.
    pub fn commits(&self) -> Vec<Commit> {
        self.commits.lock().expect("commits").clone()
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.away.load(Ordering::SeqCst) {
            Err(StoreError::Unavailable("away".to_owned()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl ConversationStore for SteppingStore {
    fn accept(&self, arrival: Arrival) -> BoxFuture<'static, Result<Accepted, StoreError>> {
        if let Err(error) = self.check() {
            return futures_util::future::ready(Err(error)).boxed();
        }
        let steps = Arc::clone(&self.steps);
        // The call enqueues, as the port demands; only what follows can be killed.
        let accepted = self.inner.accept(arrival);
        async move {
            steps.step("accept:before").await;
            let accepted = accepted.await;
            steps.step("accept:after").await;
            accepted
        }
        .boxed()
    }

    async fn claim(
        &self,
        owner: &ReplicaId,
        all: &[Partition],
        ttl: Duration,
    ) -> Result<Vec<Lease>, StoreError> {
        self.check()?;
        self.inner.claim(owner, all, ttl).await
    }

    async fn open(
        &self,
        partition: Partition,
        after: Option<&ConversationId>,
    ) -> Result<Vec<ConversationId>, StoreError> {
        self.check()?;
        self.inner.open(partition, after).await
    }

    async fn load(
        &self,
        lease: &Lease,
        id: &ConversationId,
        after: Seq,
    ) -> Result<Option<Loaded>, StoreError> {
        self.check()?;
        self.inner.load(lease, id, after).await
    }

    async fn commit(&self, lease: &Lease, commit: Commit) -> Result<Version, StoreError> {
        self.check()?;
        self.commits.lock().expect("commits").push(commit.clone());
        self.steps.step("commit:before").await;
        let committed = self.inner.commit(lease, commit).await;
        self.steps.step("commit:after").await;
        let lied = self
            .commits_lied_about
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if lied.is_ok() { Err(StoreError::Unavailable("no answer".to_owned())) } else { committed }
    }
}
