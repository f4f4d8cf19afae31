//! The wire between one driver and everything else: cut, nothing that the driver asks is answered, as if it were dead or
//! frozen; and it can be mended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use switchboard_domain::ids::{ChannelId, ConversationId, Partition, ReplicaId, Seq, Version};
use switchboard_ports::alerts::{Alert, AlertError, AlertSink};
use switchboard_ports::conversations::{Accepted, Arrival, Commit, ConversationStore, Lease, Loaded};
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{Book, JournalInfo, JournalLine, JournalStore};
use switchboard_ports::page::{Page, PageRequest};
use switchboard_ports::replicas::{Bulletin, Note, Observed, ReplicaStore, Report, Roll};

use super::gate::Gate;

/// The wire.
#[derive(Debug, Default)]
pub struct Wire {
    is_cut: Gate<bool>,
    is_deaf: AtomicBool,
}

impl Wire {
    /// Nothing comes through from now on.
    pub fn cut(&self) {
        self.is_cut.set(true);
    }

    /// What others tell is lost from now on.
    pub fn deafen(&self) {
        self.is_deaf.store(true, Ordering::Relaxed);
    }

    /// What waited comes through, and everything after it.
    pub fn mend(&self) {
        self.is_cut.set(false);
    }

    /// Waits until something comes through.
    pub async fn through(&self) {
        self.is_cut.wait(|is_cut| !is_cut).await;
    }
}

/// What is at the other end.
pub struct Wired<T: ?Sized> {
    inner: Arc<T>,
    wire: Arc<Wire>,
}

impl<T: ?Sized> Wired<T> {
    /// Through a wire.
    pub fn new(inner: &Arc<T>, wire: &Arc<Wire>) -> Arc<Self> {
        Arc::new(Self { inner: Arc::clone(inner), wire: Arc::clone(wire) })
    }
}

#[async_trait]
impl ReplicaStore for Wired<dyn ReplicaStore> {
    async fn report(&self, report: &Report, ttl: Duration) -> Result<(), StoreError> {
        self.wire.through().await;
        self.inner.report(report, ttl).await
    }

    async fn leave(&self, replica: &ReplicaId) -> Result<(), StoreError> {
        self.wire.through().await;
        self.inner.leave(replica).await
    }

    async fn roll(&self) -> Result<Roll, StoreError> {
        self.wire.through().await;
        self.inner.roll().await
    }

    async fn observed(&self, channels: &[ChannelId]) -> Result<Vec<(ReplicaId, Observed)>, StoreError> {
        self.wire.through().await;
        self.inner.observed(channels).await
    }

    async fn hold(
        &self,
        channel: &ChannelId,
        replica: &ReplicaId,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        self.wire.through().await;
        self.inner.hold(channel, replica, ttl).await
    }

    async fn note_eviction(&self, channel: &ChannelId, ttl: Duration) -> Result<(), StoreError> {
        self.wire.through().await;
        self.inner.note_eviction(channel, ttl).await
    }
}

#[async_trait]
impl AlertSink for Wired<dyn AlertSink> {
    async fn tell(&self, alert: &Alert) -> Result<(), AlertError> {
        self.wire.through().await;
        self.inner.tell(alert).await
    }
}

#[async_trait]
impl JournalStore for Wired<dyn JournalStore> {
    async fn append(&self, lines: Vec<JournalLine>) -> Result<(), StoreError> {
        self.wire.through().await;
        self.inner.append(lines).await
    }

    async fn read(
        &self,
        book: Book,
        subject: &str,
        page: &PageRequest,
    ) -> Result<Page<JournalInfo>, StoreError> {
        self.wire.through().await;
        self.inner.read(book, subject, page).await
    }

    async fn subjects(&self, book: Book) -> Result<Vec<String>, StoreError> {
        self.wire.through().await;
        self.inner.subjects(book).await
    }

    async fn forget(&self, book: Book, subject: &str) -> Result<(), StoreError> {
        self.wire.through().await;
        self.inner.forget(book, subject).await
    }
}

#[async_trait]
impl Bulletin for Wired<dyn Bulletin> {
    async fn post(&self, from: &ReplicaId, note: &Note) -> Result<(), StoreError> {
        self.wire.through().await;
        self.inner.post(from, note).await
    }

    fn notes(&self) -> BoxStream<'static, (ReplicaId, Note)> {
        let wire = Arc::clone(&self.wire);
        let heard = move |_: &(ReplicaId, Note)| std::future::ready(!wire.is_deaf.load(Ordering::Relaxed));
        self.inner.notes().filter(heard).boxed()
    }

    async fn restarts(&self) -> Result<Vec<(ChannelId, u64)>, StoreError> {
        self.wire.through().await;
        self.inner.restarts().await
    }
}

#[async_trait]
impl ConversationStore for Wired<dyn ConversationStore> {
    fn accept(&self, arrival: Arrival) -> BoxFuture<'static, Result<Accepted, StoreError>> {
        if !*self.wire.is_cut.value() {
            return self.inner.accept(arrival);
        }
        let (inner, wire) = (Arc::clone(&self.inner), Arc::clone(&self.wire));
        async move {
            wire.through().await;
            inner.accept(arrival).await
        }
        .boxed()
    }

    async fn claim(
        &self,
        owner: &ReplicaId,
        partitions: &[Partition],
        ttl: Duration,
    ) -> Result<Vec<Lease>, StoreError> {
        self.wire.through().await;
        self.inner.claim(owner, partitions, ttl).await
    }

    async fn open(
        &self,
        partition: Partition,
        after: Option<&ConversationId>,
    ) -> Result<Vec<ConversationId>, StoreError> {
        self.wire.through().await;
        self.inner.open(partition, after).await
    }

    async fn load(
        &self,
        lease: &Lease,
        conversation: &ConversationId,
        after: Seq,
    ) -> Result<Option<Loaded>, StoreError> {
        self.wire.through().await;
        self.inner.load(lease, conversation, after).await
    }

    async fn commit(&self, lease: &Lease, commit: Commit) -> Result<Version, StoreError> {
        self.wire.through().await;
        self.inner.commit(lease, commit).await
    }
}
