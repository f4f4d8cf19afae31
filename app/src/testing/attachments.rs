//! The shell has nothing to do with the files of messages.

use async_trait::async_trait;
use switchboard_domain::ids::{ConversationId, Seq};
use switchboard_ports::attachments::{
    AttachmentError, AttachmentLimits, AttachmentPlace, AttachmentStore, StoredAttachment,
};
use switchboard_ports::error::StoreError;

use super::FakeStores;

#[async_trait]
impl AttachmentStore for FakeStores {
    fn limits(&self) -> AttachmentLimits {
        AttachmentLimits::default()
    }

    async fn put(&self, _place: &AttachmentPlace, _file: StoredAttachment) -> Result<(), AttachmentError> {
        panic!("the shell keeps no files")
    }

    async fn load(
        &self,
        _conversation: &ConversationId,
        _seq: Seq,
    ) -> Result<Vec<(u32, StoredAttachment)>, StoreError> {
        panic!("the shell reads no files")
    }

    async fn remove(&self, _conversation: &ConversationId, _seq: Seq) -> Result<(), StoreError> {
        panic!("the shell drops no files")
    }

    async fn sweep(&self) -> Result<u32, StoreError> {
        panic!("the shell sweeps no files")
    }
}
