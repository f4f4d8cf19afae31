//! Transcripts and lists in memory.

use std::task::Poll;

use async_trait::async_trait;
use switchboard_domain::ids::{ChannelId, ConversationId, SessionNumber};
use switchboard_domain::snapshot::TranscriptLine;
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};
use switchboard_ports::transcripts::{ConversationFilter, ConversationInfo, Forget, Transcripts};

use super::conversations::Conversations;
use super::state::Conversation;
use crate::stores::PURGE_ROWS_MAX;
use crate::stores::cursor::{self, After};

/// Conversations that one step of a purge forgets, at most.
const PURGE_CONVERSATIONS_MAX: usize = 100;

#[async_trait]
impl Transcripts for Conversations {
    async fn conversations(
        &self,
        filter: &ConversationFilter,
        page: &PageRequest,
    ) -> Result<Page<ConversationInfo>, StoreError> {
        let mut place = match cursor::after_activity(page) {
            After::Start => None,
            After::Row(place) => Some(place),
            After::Nowhere => return Ok(cursor::empty()),
        };
        let limit = cursor::limit(page);
        let text = filter.text.as_deref().map(str::to_ascii_lowercase).filter(|text| !text.is_empty());
        let mut rows = Vec::new();
        while rows.len() <= limit as usize {
            {
                // One conversation at a time: searching a long one must not hold up all others.
                let state = self.lock();
                let Some(next) = state.active_before(place.as_ref()).cloned() else {
                    break;
                };
                if let Some(conversation) = state.conversation(&next.1)
                    && matches(conversation, filter, text.as_deref())
                {
                    rows.push((cursor::activity(next.0, &next.1), conversation.info(&next.1)));
                }
                place = Some(next);
            }
            if text.is_some() {
                give_way().await;
            }
        }
        Ok(cursor::page(rows, limit))
    }

    async fn conversation(&self, id: &ConversationId) -> Result<Option<ConversationInfo>, StoreError> {
        let state = self.lock();
        Ok(state.conversation(id).map(|conversation| conversation.info(id)))
    }

    async fn private_with(
        &self,
        channel: &ChannelId,
        person: &str,
    ) -> Result<Option<ConversationInfo>, StoreError> {
        Ok(self.lock().private_with(channel, person))
    }

    async fn lines(
        &self,
        id: &ConversationId,
        page: &PageRequest,
    ) -> Result<Page<TranscriptLine>, StoreError> {
        let after = match cursor::after_number(page) {
            After::Start => 0,
            After::Row(number) => number,
            After::Nowhere => return Ok(cursor::empty()),
        };
        let limit = cursor::limit(page);
        let state = self.lock();
        let Some(conversation) = state.conversation(id) else {
            return Ok(cursor::empty());
        };
        let first = conversation.lines.partition_point(|(number, _)| *number <= after);
        let lines = conversation.lines.iter().skip(first).take(limit as usize + 1);
        let rows = lines.map(|(number, line)| (number.to_string(), line.clone())).collect();
        Ok(cursor::page(rows, limit))
    }

    async fn recent(
        &self,
        id: &ConversationId,
        session: SessionNumber,
        lines_max: u32,
    ) -> Result<Vec<TranscriptLine>, StoreError> {
        let state = self.lock();
        let Some(conversation) = state.conversation(id) else {
            return Ok(Vec::new());
        };
        let newest_first = conversation.lines.iter().rev().map(|(_, line)| line);
        let of_session = newest_first.filter(|line| line.session == session);
        let mut recent: Vec<_> = of_session.take(lines_max as usize).cloned().collect();
        recent.reverse();
        Ok(recent)
    }

    async fn shown_as(
        &self,
        channel: &ChannelId,
        chat: &str,
        key: &str,
    ) -> Result<Option<TranscriptLine>, StoreError> {
        Ok(self.lock().shown_as(channel, chat, key).cloned())
    }

    async fn forget(&self, id: &ConversationId, which: Forget) -> Result<bool, StoreError> {
        let mut state = self.lock();
        Ok(state.conversation_mut(id).is_some_and(|conversation| conversation.forget(which)))
    }

    async fn purge(&self, channel: &ChannelId) -> Result<bool, StoreError> {
        let mut state = self.lock();
        let ids = state.of_channel(channel, PURGE_CONVERSATIONS_MAX);
        let mut rows = 0;
        let mut left = ids.len() >= PURGE_CONVERSATIONS_MAX;
        for id in ids {
            if rows >= PURGE_ROWS_MAX as usize {
                left = true;
                break;
            }
            rows += state.forget(&id).map_or(0, |forgotten| forgotten.lines.len() + 1);
        }
        state.failures.purge(channel);
        state.messages.purge(channel);
        Ok(left)
    }
}

/// Lets other tasks of this thread run.
async fn give_way() {
    let mut has_given_way = false;
    std::future::poll_fn(|context| {
        if has_given_way {
            return Poll::Ready(());
        }
        has_given_way = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn matches(conversation: &Conversation, filter: &ConversationFilter, text: Option<&str>) -> bool {
    let contains = |haystack: &str, text: &str| haystack.to_ascii_lowercase().contains(text);
    filter.channel.as_ref().is_none_or(|channel| conversation.key.channel == *channel)
        && filter.user.as_ref().is_none_or(|user| conversation.user.as_ref() == Some(user))
        && text.is_none_or(|text| {
            conversation.title.as_deref().is_some_and(|title| contains(title, text))
                || conversation.lines.iter().any(|(_, line)| contains(&line.text, text))
        })
}
