//! Failure records in memory.

use std::collections::VecDeque;

use async_trait::async_trait;
use switchboard_domain::ids::{ChannelId, ConversationId, RetryNumber};
use switchboard_domain::inbox::{Again, Entry, INBOX_ENTRIES_MAX};
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::{Failure, NewFailure};
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::{FAILURES_MAX, FailureInfo, FailureStore, Requeued, Retried};
use switchboard_ports::page::{Page, PageRequest};

use super::conversations::Conversations;
use super::state::State;
use crate::stores::cursor::{self, After};
use crate::stores::failure_number;

/// Failure records, oldest first; the oldest go first.
#[derive(Default)]
pub(super) struct Failures {
    given: u64,
    records: VecDeque<Kept>,
}

struct Kept {
    number: u64,
    conversation: ConversationId,
    channel: ChannelId,
    failure: Failure,
    again: Again,
    retried_at: Option<Timestamp>,
}

impl Failures {
    /// Adds a record, at the cost of the oldest when there are too many.
    pub(super) fn add(&mut self, conversation: &ConversationId, channel: &ChannelId, new: NewFailure) {
        self.given += 1;
        self.records.push_back(Kept {
            number: self.given,
            conversation: conversation.clone(),
            channel: channel.clone(),
            failure: new.failure,
            again: new.again,
            retried_at: None,
        });
        if self.records.len() as u64 > FAILURES_MAX {
            self.records.pop_front();
        }
    }

    /// Forgets a channel's records.
    pub(super) fn purge(&mut self, channel: &ChannelId) {
        self.records.retain(|kept| kept.channel != *channel);
    }

    fn place(&self, number: u64) -> Option<usize> {
        self.records.binary_search_by_key(&number, |kept| kept.number).ok()
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut Kept> {
        self.place(number).and_then(|place| self.records.get_mut(place))
    }
}

impl State {
    fn failure_info(&self, kept: &Kept) -> FailureInfo {
        FailureInfo {
            id: format!("flr_{}", kept.number),
            conversation: kept.conversation.clone(),
            channel: kept.channel.clone(),
            failure: kept.failure.clone(),
            retried_at: kept.retried_at,
            // A conversation at rest may have made room for another one.
            can_be_retried: self.conversation(&kept.conversation).is_some(),
        }
    }
}

#[async_trait]
impl FailureStore for Conversations {
    async fn list(&self, page: &PageRequest) -> Result<Page<FailureInfo>, StoreError> {
        let before = match cursor::after_number(page) {
            After::Start => u64::MAX,
            After::Row(number) => number,
            After::Nowhere => return Ok(cursor::empty()),
        };
        let limit = cursor::limit(page);
        let state = self.lock();
        let newest_first = state.failures.records.iter().rev().filter(|kept| kept.number < before);
        let listed = newest_first.take(limit as usize + 1);
        let rows = listed.map(|kept| (kept.number.to_string(), state.failure_info(kept))).collect();
        Ok(cursor::page(rows, limit))
    }

    async fn find(&self, id: &str) -> Result<Option<FailureInfo>, StoreError> {
        let state = self.lock();
        let kept = failure_number(id).and_then(|number| state.failures.place(number));
        Ok(kept.and_then(|place| state.failures.records.get(place)).map(|kept| state.failure_info(kept)))
    }

    async fn retry(&self, id: &str) -> Result<Option<Retried>, StoreError> {
        let now = self.now();
        let mut state = self.lock();
        Ok(failure_number(id).and_then(|number| retry(&mut state, number, now)))
    }

    async fn delete(&self, id: &str) -> Result<bool, StoreError> {
        let mut state = self.lock();
        let place = failure_number(id).and_then(|number| state.failures.place(number));
        Ok(place.and_then(|place| state.failures.records.remove(place)).is_some())
    }
}

fn retry(state: &mut State, number: u64, now: Timestamp) -> Option<Retried> {
    let kept = state.failures.records.get(state.failures.place(number)?)?;
    let mut info = state.failure_info(kept);
    let (again, message) = (kept.again.clone(), kept.failure.message.clone());
    let Some(conversation) = state.conversation(&info.conversation) else {
        // Nobody has to be woken.
        let partition = switchboard_domain::ids::Partition(0);
        return Some(Retried { info, partition, outcome: Requeued::Impossible });
    };
    let (partition, waiting) = (conversation.key.partition(), conversation.waiting());
    if info.retried_at.is_some() {
        return Some(Retried { info, partition, outcome: Requeued::Before });
    }
    if waiting >= INBOX_ENTRIES_MAX {
        return Some(Retried { info, partition, outcome: Requeued::Full });
    }
    let fence = state.leases.fence(partition);
    let seq = state.change(&info.conversation, now, |conversation| {
        let seq = conversation.seq.next();
        conversation.seq = seq;
        let entry = Entry {
            seq,
            accepted_at: now,
            fence,
            message,
            retry: RetryNumber(number),
            chat: again.chat,
            sender: again.sender,
            sent_at: again.sent_at,
            session_address: again.session_address,
            intake: again.intake,
        };
        conversation.entries.insert(seq, entry);
        seq
    })?;
    info.retried_at = Some(now);
    if let Some(kept) = state.failures.get_mut(number) {
        kept.retried_at = Some(now);
    }
    Some(Retried { info, partition, outcome: Requeued::Now(seq) })
}
