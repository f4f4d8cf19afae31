//! What the memory store keeps of conversations, and the bounds of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use switchboard_domain::ids::{
    ChannelId, CommitId, ConversationId, ConversationKey, Partition, Seq, SessionNumber, UserId, Version,
};
use switchboard_domain::inbox::Entry;
use switchboard_domain::message::ChatKind;
use switchboard_domain::snapshot::{ConversationSnapshot, Role, TranscriptLine};
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::{NewFailure, SHOWN_ENTRIES_MAX, Shown};
use switchboard_ports::error::StoreError;
use switchboard_ports::transcripts::{ConversationInfo, Forget};

use super::failures::Failures;
use super::marks::Marks;
use super::messages::Messages;
use crate::stores::PURGE_ROWS_MAX;
use crate::stores::leases::Leases;

/// Conversations kept at most. One more makes the longest inactive one at rest be forgotten.
const CONVERSATIONS_MAX: usize = 20_000;

/// Conversations looked at for one at rest, from the longest inactive on.
const EVICTION_LOOKS_MAX: usize = 1_000;

/// Transcript lines kept per conversation; the oldest go first.
const LINES_MAX: usize = 2_000;

/// Everything, under one lock.
#[derive(Default)]
pub(super) struct State {
    pub(super) marks: Marks,
    pub(super) leases: Leases,
    pub(super) failures: Failures,
    pub(super) messages: Messages,
    conversations: BTreeMap<ConversationId, Conversation>,
    open: BTreeSet<(Partition, ConversationId)>,
    active: BTreeSet<(Timestamp, ConversationId)>,
}

/// One conversation.
pub(super) struct Conversation {
    pub(super) key: ConversationKey,
    pub(super) kind: ChatKind,
    pub(super) title: Option<String>,
    pub(super) author: String,
    pub(super) person: Option<String>,
    pub(super) user: Option<UserId>,
    pub(super) created_at: Timestamp,
    pub(super) active_at: Timestamp,
    pub(super) seq: Seq,
    pub(super) version: Version,
    pub(super) commit: Option<CommitId>,
    pub(super) snapshot: Option<ConversationSnapshot>,
    pub(super) entries: BTreeMap<Seq, Entry>,
    pub(super) lines: VecDeque<(u64, TranscriptLine)>,
    lines_given: u64,
    shown: BTreeSet<Shown>,
}

impl Conversation {
    fn begin(key: &ConversationKey, kind: ChatKind, now: Timestamp) -> Self {
        Self {
            key: key.clone(),
            kind,
            title: None,
            author: String::new(),
            person: None,
            user: None,
            created_at: now,
            active_at: now,
            seq: Seq(0),
            version: Version(0),
            commit: None,
            snapshot: None,
            entries: BTreeMap::new(),
            lines: VecDeque::new(),
            lines_given: 0,
            shown: BTreeSet::new(),
        }
    }

    /// Whether nothing waits and nothing has to be brought out.
    fn is_at_rest(&self) -> bool {
        self.entries.is_empty() && self.snapshot.as_ref().is_none_or(|snapshot| snapshot.replies.is_empty())
    }

    /// Entries that have not ended.
    pub(super) fn waiting(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// Adds a line, at the cost of the oldest when there are too many.
    pub(super) fn tell(&mut self, line: TranscriptLine) {
        self.lines_given += 1;
        self.lines.push_back((self.lines_given, line));
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
    }

    /// Forgets the oldest lines as long as `which` takes them: whether there may be more.
    pub(super) fn forget(&mut self, which: Forget) -> bool {
        for _ in 0..PURGE_ROWS_MAX {
            if self.lines.pop_front_if(|(_, line)| which.takes(line.session, line.at)).is_none() {
                return false;
            }
        }
        true
    }

    /// Remembers what the platform calls messages that show answers, and forgets old ones.
    pub(super) fn show(&mut self, shown: Vec<Shown>) {
        self.shown.extend(shown);
        if let Some(newest) = self.shown.last() {
            let oldest = Seq((newest.seq.0 + 1).saturating_sub(SHOWN_ENTRIES_MAX));
            self.shown = self.shown.split_off(&Shown { seq: oldest, key: String::new() });
        }
    }

    /// The answer that a message of this name shows.
    fn shown_as(&self, key: &str) -> Option<&TranscriptLine> {
        let shown = self.shown.iter().find(|shown| shown.key == key)?;
        let newest_first = self.lines.iter().rev().map(|(_, line)| line);
        newest_first.into_iter().find(|line| line.seq == shown.seq && line.role == Role::Assistant)
    }

    /// As lists show it.
    pub(super) fn info(&self, id: &ConversationId) -> ConversationInfo {
        let session = self.snapshot.as_ref().map(|snapshot| &snapshot.session);
        ConversationInfo {
            id: id.clone(),
            key: self.key.clone(),
            kind: self.kind,
            title: self.title.clone(),
            author: self.author.clone(),
            person: self.person.clone(),
            user: self.user.clone(),
            session: session
                .map(|session| -> (SessionNumber, Timestamp) { (session.number, session.started_at) }),
            created_at: self.created_at,
            active_at: self.active_at,
            waiting: self.waiting(),
        }
    }
}

impl State {
    /// One conversation, to read.
    pub(super) fn conversation(&self, id: &ConversationId) -> Option<&Conversation> {
        self.conversations.get(id)
    }

    pub(super) fn conversation_mut(&mut self, id: &ConversationId) -> Option<&mut Conversation> {
        self.conversations.get_mut(id)
    }

    /// The conversation of a key, made if need be.
    pub(super) fn begin(
        &mut self,
        key: &ConversationKey,
        kind: ChatKind,
        now: Timestamp,
    ) -> Result<ConversationId, StoreError> {
        let id = key.id();
        if !self.conversations.contains_key(&id) {
            self.make_room()?;
            self.active.insert((now, id.clone()));
            self.conversations.insert(id.clone(), Conversation::begin(key, kind, now));
        }
        Ok(id)
    }

    /// Changes a conversation and keeps the indexes true. `None` when there is no such conversation.
    pub(super) fn change<T>(
        &mut self,
        id: &ConversationId,
        now: Timestamp,
        change: impl FnOnce(&mut Conversation) -> T,
    ) -> Option<T> {
        let conversation = self.conversations.get_mut(id)?;
        self.active.remove(&(conversation.active_at, id.clone()));
        let changed = change(conversation);
        conversation.active_at = now;
        self.active.insert((now, id.clone()));
        let place = (conversation.key.partition(), id.clone());
        if conversation.is_at_rest() {
            self.open.remove(&place);
        } else {
            self.open.insert(place);
        }
        Some(changed)
    }

    /// Forgets a conversation.
    pub(super) fn forget(&mut self, id: &ConversationId) -> Option<Conversation> {
        let conversation = self.conversations.remove(id)?;
        self.active.remove(&(conversation.active_at, id.clone()));
        self.open.remove(&(conversation.key.partition(), id.clone()));
        Some(conversation)
    }

    /// Open conversations of a partition after `after`, in id order.
    pub(super) fn open_in(
        &self,
        partition: Partition,
        after: Option<&ConversationId>,
    ) -> impl Iterator<Item = &ConversationId> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let first = match after {
            Some(id) => Excluded((partition, id.clone())),
            None => Included((partition, ConversationId::new(""))),
        };
        let open = self.open.range((first, Unbounded));
        open.take_while(move |(of, _)| *of == partition).map(|(_, id)| id)
    }

    /// The conversation active last before `before`.
    pub(super) fn active_before(
        &self,
        before: Option<&(Timestamp, ConversationId)>,
    ) -> Option<&(Timestamp, ConversationId)> {
        match before {
            Some(place) => self.active.range(..place).next_back(),
            None => self.active.last(),
        }
    }

    /// The private conversation that was last active with a person.
    pub(super) fn private_with(&self, channel: &ChannelId, person: &str) -> Option<ConversationInfo> {
        let latest_first =
            self.active.iter().rev().filter_map(|(_, id)| Some((id, self.conversations.get(id)?)));
        let mut with = latest_first.filter(|(_, conversation)| {
            conversation.key.channel == *channel && conversation.person.as_deref() == Some(person)
        });
        with.next().map(|(id, conversation)| conversation.info(id))
    }

    /// Ids of a channel's conversations, at most `count`.
    pub(super) fn of_channel(&self, channel: &ChannelId, count: usize) -> Vec<ConversationId> {
        let conversations = self.conversations.iter();
        let of_channel = conversations.filter(|(_, conversation)| conversation.key.channel == *channel);
        of_channel.take(count).map(|(id, _)| id.clone()).collect()
    }

    /// The answer that a message of this name shows, in any conversation of the chat.
    pub(super) fn shown_as(&self, channel: &ChannelId, chat: &str, key: &str) -> Option<&TranscriptLine> {
        let in_chat = |of: &&Conversation| of.key.channel == *channel && of.key.chat == chat;
        self.conversations.values().filter(in_chat).find_map(|conversation| conversation.shown_as(key))
    }

    /// Adds a failure record.
    pub(super) fn fail(&mut self, conversation: &ConversationId, new: NewFailure) {
        let channel = self.conversations.get(conversation).map(|found| found.key.channel.clone());
        if let Some(channel) = channel {
            self.failures.add(conversation, &channel, new);
        }
    }

    /// Makes room for one more conversation, if need be and if that costs nothing that was accepted.
    fn make_room(&mut self) -> Result<(), StoreError> {
        if self.conversations.len() < CONVERSATIONS_MAX {
            return Ok(());
        }
        let longest_inactive = self.active.iter().take(EVICTION_LOOKS_MAX);
        let at_rest = longest_inactive
            .map(|(_, id)| id)
            .find(|id| self.conversations.get(id).is_some_and(Conversation::is_at_rest))
            .cloned();
        match at_rest {
            Some(id) => {
                self.forget(&id);
                Ok(())
            }
            None => Err(StoreError::Unavailable(format!(
                "the memory store is full: {CONVERSATIONS_MAX} conversations"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use switchboard_ports::conformance::samples::{key, line};

    use super::*;

    fn filled() -> State {
        let mut state = State::default();
        for n in 0..CONVERSATIONS_MAX {
            let key = key(&format!("c{n}"));
            state.begin(&key, ChatKind::Private, Timestamp::from_millis(n as u64)).unwrap();
        }
        state
    }

    fn wait(conversation: &mut Conversation) {
        let entry = switchboard_ports::conformance::generate::values(
            &switchboard_ports::conformance::generate::entries(),
            1,
        )
        .remove(0);
        conversation.entries.insert(Seq(1), entry);
    }

    #[test]
    fn one_conversation_too_many_makes_the_longest_inactive_at_rest_be_forgotten() {
        let mut state = filled();
        // The two longest inactive: one has something waiting.
        state.change(&key("c0").id(), Timestamp::from_millis(0), wait);
        state.begin(&key("newest"), ChatKind::Private, Timestamp::MAX).unwrap();
        assert!(state.conversation(&key("c0").id()).is_some());
        assert!(state.conversation(&key("c1").id()).is_none());
        assert_eq!(state.conversations.len(), CONVERSATIONS_MAX);
        assert_eq!(state.active.len(), CONVERSATIONS_MAX);
    }

    #[test]
    fn nothing_accepted_is_forgotten_to_make_room() {
        let mut state = filled();
        for n in 0..EVICTION_LOOKS_MAX {
            state.change(&key(&format!("c{n}")).id(), Timestamp::from_millis(n as u64), wait);
        }
        let refused = state.begin(&key("newest"), ChatKind::Private, Timestamp::MAX);
        assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    }

    #[test]
    fn a_transcript_keeps_its_last_lines() {
        let mut conversation = Conversation::begin(&key("c"), ChatKind::Private, Timestamp::default());
        for n in 0..=LINES_MAX as u64 {
            conversation.tell(line(n, "x"));
        }
        assert_eq!(conversation.lines.len(), LINES_MAX);
        assert_eq!(conversation.lines.front().map(|(_, line)| line.seq), Some(Seq(1)));
    }
}
