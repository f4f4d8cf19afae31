//! An attachment store that can be away, or full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use switchboard_domain::ids::{ConversationId, Seq};

use crate::attachments::{
    AttachmentError, AttachmentLimits, AttachmentPlace, AttachmentStore, StoredAttachment,
};
use crate::error::StoreError;

/// Wraps an attachment store. Without faults set it changes nothing.
pub struct FaultyAttachments {
    inner: Arc<dyn AttachmentStore>,
    away: AtomicBool,
    full: AtomicBool,
}

impl FaultyAttachments {
    /// Around `inner`, without faults.
    #[must_use]
    pub fn around(inner: Arc<dyn AttachmentStore>) -> Self {
        Self { inner, away: AtomicBool::new(false), full: AtomicBool::new(false) }
    }

    /// Makes every call fail before anything is done, until told otherwise.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// Makes every file be one too many, until told otherwise.
    pub fn full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("injected fault".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl AttachmentStore for FaultyAttachments {
    fn limits(&self) -> AttachmentLimits {
        self.inner.limits()
    }

    async fn put(&self, place: &AttachmentPlace, file: StoredAttachment) -> Result<(), AttachmentError> {
        self.check()?;
        if self.full.load(Ordering::Relaxed) {
            return Err(AttachmentError::Full);
        }
        self.inner.put(place, file).await
    }

    async fn load(
        &self,
        conversation: &ConversationId,
        seq: Seq,
    ) -> Result<Vec<(u32, StoredAttachment)>, StoreError> {
        self.check()?;
        self.inner.load(conversation, seq).await
    }

    async fn remove(&self, conversation: &ConversationId, seq: Seq) -> Result<(), StoreError> {
        self.check()?;
        self.inner.remove(conversation, seq).await
    }

    async fn sweep(&self) -> Result<u32, StoreError> {
        self.check()?;
        self.inner.sweep().await
    }
}
