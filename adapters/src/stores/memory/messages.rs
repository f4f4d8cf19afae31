//! Messages that nobody asked for, in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use switchboard_domain::ids::{ChannelId, MessageId, RetryNumber};
use switchboard_domain::inbox::{Entry, Intake};
use switchboard_domain::message::{ChatKind, Sender};
use switchboard_domain::outbound::News;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::messages::{
    Given, MESSAGE_WAITING_MAX, MESSAGES_KEPT, MESSAGES_MAX, MessageRecord, MessageStore, NewMessage,
};

use super::conversations::Conversations;
use super::state::State;

/// Records, and each channel's in the order in which they were given in.
#[derive(Default)]
pub(super) struct Messages {
    records: BTreeMap<MessageId, MessageRecord>,
    of_channel: BTreeMap<ChannelId, BTreeSet<(Timestamp, MessageId)>>,
}

impl Messages {
    /// Takes news in; of a record that is gone nobody wants to know.
    pub(super) fn take_in(&mut self, news: News, now: Timestamp) {
        if let Some(record) = self.records.get_mut(&news.message) {
            record.progress.take_in(news.progress);
            record.updated_at = now;
        }
    }

    /// Forgets a channel's records.
    pub(super) fn purge(&mut self, channel: &ChannelId) {
        for (_, id) in self.of_channel.remove(channel).unwrap_or_default() {
            self.records.remove(&id);
        }
    }

    fn add(&mut self, record: MessageRecord, now: Timestamp) {
        let of_channel = self.of_channel.entry(record.channel.clone()).or_default();
        of_channel.insert((record.created_at, record.id.clone()));
        self.records.insert(record.id.clone(), record);
        // Never what has not ended.
        let crowded = of_channel.len().saturating_sub(MESSAGES_MAX as usize);
        let records = &self.records;
        let is_over = |index: usize, at: Timestamp, id: &MessageId| {
            (index < crowded || at.after(MESSAGES_KEPT) < now)
                && records.get(id).is_none_or(|record| record.progress.state().is_final())
        };
        let candidates = of_channel.iter().enumerate();
        let candidates =
            candidates.take_while(|(index, (at, _))| *index < crowded || at.after(MESSAGES_KEPT) < now);
        let over: Vec<_> = candidates
            .filter(|(index, (at, id))| is_over(*index, *at, id))
            .map(|(_, place)| place.clone())
            .collect();
        for place in over {
            of_channel.remove(&place);
            self.records.remove(&place.1);
        }
    }
}

#[async_trait]
impl MessageStore for Conversations {
    async fn give(&self, message: NewMessage) -> Result<Given, StoreError> {
        let now = self.now();
        give(&mut self.lock(), message, now)
    }

    async fn find(&self, id: &MessageId) -> Result<Option<MessageRecord>, StoreError> {
        Ok(self.lock().messages.records.get(id).cloned())
    }
}

fn give(state: &mut State, message: NewMessage, now: Timestamp) -> Result<Given, StoreError> {
    if let Some(record) = state.messages.records.get(&message.id) {
        return Ok(Given::Before(record.clone()));
    }
    let waiting = state.conversation(&message.key.id()).map_or(0, super::state::Conversation::waiting);
    if waiting >= MESSAGE_WAITING_MAX {
        return Ok(Given::Full);
    }
    let partition = message.key.partition();
    let record = MessageRecord::new(&message, now);
    let id = state.begin(&message.key, message.chat.kind, now)?;
    let fence = state.leases.fence(partition);
    let seq = state.change(&id, now, |conversation| {
        let seq = conversation.seq.next();
        conversation.seq = seq;
        conversation.kind = message.chat.kind;
        if message.chat.title.is_some() {
            conversation.title.clone_from(&message.chat.title);
        }
        if message.chat.kind == ChatKind::Private && message.person.is_some() {
            conversation.person.clone_from(&message.person);
        }
        let opaque_id = message.person.clone().unwrap_or_default();
        let entry = Entry {
            seq,
            accepted_at: now,
            fence,
            message: message.id,
            retry: RetryNumber(0),
            chat: message.chat,
            sender: Sender { im_user_id: message.person, opaque_id, name: String::new() },
            sent_at: now,
            session_address: None,
            intake: Intake::Send { text: message.text, format: message.format },
        };
        conversation.entries.insert(seq, entry);
        seq
    });
    let seq = seq.ok_or(StoreError::Conflict)?;
    state.messages.add(record.clone(), now);
    Ok(Given::Now { record, seq, partition })
}
