//! Messages as the shell reads them; they are given in through the driver.

use async_trait::async_trait;
use switchboard_domain::ids::MessageId;
use switchboard_ports::error::StoreError;
use switchboard_ports::messages::{Given, MessageRecord, MessageStore, NewMessage};

use super::FakeStores;

#[async_trait]
impl MessageStore for FakeStores {
    async fn give(&self, _message: NewMessage) -> Result<Given, StoreError> {
        panic!("the shell gives messages in through the driver")
    }

    async fn find(&self, id: &MessageId) -> Result<Option<MessageRecord>, StoreError> {
        Ok(self.up()?.messages.get(id).cloned())
    }
}
