//! Files of waiting messages in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use switchboard_domain::ids::{ConversationId, Seq};
use switchboard_ports::attachments::{
    AttachmentError, AttachmentLimits, AttachmentPlace, AttachmentStore, StoredAttachment,
};
use switchboard_ports::error::StoreError;

use super::conversations::Conversations;

/// Files by place, and whose messages they are.
pub(super) struct Attachments {
    conversations: Arc<Conversations>,
    limits: AttachmentLimits,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    files: BTreeMap<AttachmentPlace, StoredAttachment>,
    cost: u64,
}

impl Kept {
    fn drop_file(&mut self, place: &AttachmentPlace) {
        if let Some(dropped) = self.files.remove(place) {
            self.cost = self.cost.saturating_sub(AttachmentLimits::cost(dropped.content.len()));
        }
    }

    fn places(&self, conversation: &ConversationId, seq: Seq) -> Vec<AttachmentPlace> {
        let at = |position| AttachmentPlace { conversation: conversation.clone(), seq, position };
        self.files.range(at(0)..=at(u32::MAX)).map(|(place, _)| place.clone()).collect()
    }
}

impl Attachments {
    pub(super) fn new(conversations: Arc<Conversations>, limits: AttachmentLimits) -> Self {
        Self { conversations, limits, kept: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AttachmentStore for Attachments {
    fn limits(&self) -> AttachmentLimits {
        self.limits
    }

    async fn put(&self, place: &AttachmentPlace, file: StoredAttachment) -> Result<(), AttachmentError> {
        if file.content.len() > self.limits.file_bytes_max {
            return Err(AttachmentError::TooLong);
        }
        let cost = AttachmentLimits::cost(file.content.len());
        let mut kept = self.lock();
        // Looked at under our lock: a removal that follows the message's end comes after this.
        if !self.conversations.is_waiting(&place.conversation, place.seq) {
            return Err(AttachmentError::Unwanted);
        }
        kept.drop_file(place);
        if kept.cost.saturating_add(cost) > self.limits.total_bytes_max {
            return Err(AttachmentError::Full);
        }
        kept.cost = kept.cost.saturating_add(cost);
        kept.files.insert(place.clone(), file);
        Ok(())
    }

    async fn load(
        &self,
        conversation: &ConversationId,
        seq: Seq,
    ) -> Result<Vec<(u32, StoredAttachment)>, StoreError> {
        let kept = self.lock();
        let places = kept.places(conversation, seq);
        let files = places.iter().filter_map(|place| Some((place.position, kept.files.get(place)?.clone())));
        Ok(files.collect())
    }

    async fn remove(&self, conversation: &ConversationId, seq: Seq) -> Result<(), StoreError> {
        let mut kept = self.lock();
        for place in kept.places(conversation, seq) {
            kept.drop_file(&place);
        }
        Ok(())
    }

    async fn sweep(&self) -> Result<u32, StoreError> {
        let mut kept = self.lock();
        let unwanted =
            |place: &&AttachmentPlace| !self.conversations.is_waiting(&place.conversation, place.seq);
        let orphans: Vec<AttachmentPlace> = kept.files.keys().filter(unwanted).cloned().collect();
        for place in &orphans {
            kept.drop_file(place);
        }
        Ok(u32::try_from(orphans.len()).unwrap_or(u32::MAX))
    }
}
