//! Everything a judge may ask about, in one place, and waiting for it without sleeping.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::clicks::ClickRecord;
use crate::emotion::Reaction;
use crate::events::EventRecord;
use crate::log::Log;
use crate::records::{
    CallCount, CallRecord, ConnectionRecord, OpenRecord, PushedMessage, Violation, ViolationKind,
};
use crate::sent::SentMessage;
use crate::timeline::{Card, CardState, Conversation, ItemContent};

/// Pushed messages, cards and conversations kept (each) without a configuration that says otherwise.
pub(crate) const KEPT: usize = 20_000;
/// Entries kept of one conversation without such a configuration.
pub(crate) const ITEMS_KEPT: usize = 2_000;
/// Texts kept of one card without such a configuration.
pub(crate) const TEXTS_KEPT: usize = 400;
/// Calls kept.
const CALLS_MAX: usize = 20_000;
/// Connection, open and violation records kept (each).
const RECORDS_MAX: usize = 5_000;
/// Paths counted one by one; further paths count as `other`.
const PATHS_MAX: usize = 100;

/// Everything observed so far. Given to closures by [`crate::Simulator::observe`] and `wait_for`.
#[derive(Debug)]
pub struct Observed {
    /// Robot messages pushed, oldest first.
    pub messages: Log<PushedMessage>,
    /// Conversations by id.
    pub conversations: BTreeMap<String, Conversation>,
    /// HTTP calls to the platform, oldest first.
    pub calls: Log<CallRecord>,
    /// Calls by path (without query).
    pub call_counts: BTreeMap<String, CallCount>,
    /// Calls that counted against the organisation's month (dingtalk §9.2), of all apps.
    pub metered_calls: u64,
    /// Calls that arrived and were not answered yet.
    pub calls_in_flight: u32,
    /// WebSocket connections, oldest first.
    pub connections: Log<ConnectionRecord>,
    /// `connections/open` requests, oldest first.
    pub opens: Log<OpenRecord>,
    /// What clients did wrong.
    pub violations: Log<Violation>,
    /// Clicks on cards, oldest first.
    pub clicks: Log<ClickRecord>,
    /// Events, oldest first.
    pub events: Log<EventRecord>,
    /// Messages and cards with a `processQueryKey`, oldest first.
    pub sent: Log<SentMessage>,
    /// Reactions of robots, oldest first.
    pub reactions: Log<Reaction>,
    pub(crate) cards: Log<Card>,
    pub(crate) card_numbers: HashMap<String, u64>,
    pub(crate) message_numbers: HashMap<String, u64>,
    pub(crate) header_ids: HashMap<String, u64>,
}

impl Observed {
    pub(crate) fn new(kept: usize) -> Self {
        Self {
            messages: Log::new(kept),
            conversations: BTreeMap::new(),
            calls: Log::new(CALLS_MAX),
            call_counts: BTreeMap::new(),
            metered_calls: 0,
            calls_in_flight: 0,
            connections: Log::new(RECORDS_MAX),
            opens: Log::new(RECORDS_MAX),
            violations: Log::new(RECORDS_MAX),
            clicks: Log::new(RECORDS_MAX),
            events: Log::new(RECORDS_MAX),
            sent: Log::new(kept),
            reactions: Log::new(RECORDS_MAX),
            cards: Log::new(kept),
            card_numbers: HashMap::new(),
            message_numbers: HashMap::new(),
            header_ids: HashMap::new(),
        }
    }

    /// The pushed message with this id.
    #[must_use]
    pub fn message(&self, msg_id: &str) -> Option<&PushedMessage> {
        self.messages.numbered(*self.message_numbers.get(msg_id)?)
    }

    /// The conversation with this id.
    #[must_use]
    pub fn conversation(&self, id: &str) -> Option<&Conversation> {
        self.conversations.get(id)
    }

    /// The card with this `outTrackId`.
    #[must_use]
    pub fn card(&self, out_track_id: &str) -> Option<&Card> {
        self.cards.numbered(*self.card_numbers.get(out_track_id)?)
    }

    /// All cards kept, oldest first.
    pub fn cards(&self) -> impl DoubleEndedIterator<Item = &Card> {
        self.cards.iter()
    }

    /// The cards of a conversation, in order of appearance.
    #[must_use]
    pub fn cards_in(&self, conversation: &str) -> Vec<&Card> {
        let ids = self.conversation(conversation).into_iter().flat_map(Conversation::cards);
        ids.filter_map(|id| self.card(id)).collect()
    }

    /// What a member of the conversation finds from the robot when everything is over, in order of appearance:
    /// plain replies and the last text of each card.
    #[must_use]
    pub fn robot_texts(&self, conversation: &str) -> Vec<String> {
        let items = self.conversation(conversation).into_iter().flat_map(|found| found.items.iter());
        items.filter_map(|item| self.robot_text(&item.content)).collect()
    }

    /// What an item shows of the robot's words, if it has any and they were not taken back.
    pub(crate) fn robot_text(&self, item: &ItemContent) -> Option<String> {
        match item {
            ItemContent::User { .. } => None,
            ItemContent::Reply(reply) => (!reply.recalled).then(|| reply.text.clone()),
            ItemContent::Card { out_track_id } => {
                self.card(out_track_id).filter(|card| !card.recalled).map(|card| card.text.clone())
            }
        }
    }

    /// Names of the reactions that a message shows now.
    #[must_use]
    pub fn reactions_to(&self, msg_id: &str) -> Vec<String> {
        let shown = |reaction: &&Reaction| reaction.msg_id == msg_id && reaction.recalled_at_ms.is_none();
        self.reactions.iter().filter(shown).map(|reaction| reaction.name.clone()).collect()
    }

    /// Cards that people would see as unfinished.
    #[must_use]
    pub fn open_cards(&self) -> Vec<&Card> {
        self.cards.iter().filter(|card| !card.state.is_final() && !card.conversations.is_empty()).collect()
    }

    /// Calls on a path (without query).
    #[must_use]
    pub fn calls_on(&self, path: &str) -> CallCount {
        self.call_counts.get(path).copied().unwrap_or_default()
    }

    /// Connections that are really alive: established, not draining, not stale.
    pub fn live_connections(&self) -> impl Iterator<Item = &ConnectionRecord> {
        self.connections.iter().filter(|record| record.phase == crate::records::ConnectionPhase::Live)
    }

    pub(crate) fn count_call(&mut self, record: CallRecord) {
        let known = self.call_counts.contains_key(&record.path) || self.call_counts.len() < PATHS_MAX;
        let path = if known { record.path.clone() } else { "other".to_owned() };
        self.call_counts.entry(path).or_default().add(&record);
        self.calls.push(record);
    }

    pub(crate) fn add_message(&mut self, message: PushedMessage) {
        let msg_id = message.msg_id.clone();
        let (number, left) = self.messages.push(message);
        if let Some(left) = left {
            self.message_numbers.remove(&left.msg_id);
            for delivery in &left.deliveries {
                self.header_ids.remove(&delivery.header_id);
            }
        }
        self.message_numbers.insert(msg_id, number);
    }

    pub(crate) fn message_mut(&mut self, msg_id: &str) -> Option<&mut PushedMessage> {
        self.messages.numbered_mut(*self.message_numbers.get(msg_id)?)
    }

    pub(crate) fn add_card(&mut self, card: Card) {
        let id = card.out_track_id.clone();
        let (number, left) = self.cards.push(card);
        if let Some(left) = left {
            self.card_numbers.remove(&left.out_track_id);
        }
        self.card_numbers.insert(id, number);
    }

    pub(crate) fn card_mut(&mut self, out_track_id: &str) -> Option<&mut Card> {
        self.cards.numbered_mut(*self.card_numbers.get(out_track_id)?)
    }

    pub(crate) fn violate(&mut self, at_ms: u64, kind: ViolationKind, detail: String) {
        tracing::warn!(?kind, detail, "a client broke the protocol");
        self.violations.push(Violation { at_ms, kind, detail });
    }

    /// Counts for a quick look and for the text of a failed wait.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let state_count = |wanted: CardState| self.cards.iter().filter(|card| card.state == wanted).count();
        Summary {
            messages: self.messages.len(),
            messages_acked: self.messages.iter().filter(|message| message.acked.is_some()).count(),
            conversations: self.conversations.len(),
            replies: self.conversations.values().map(|one| one.replies().count()).sum(),
            cards: self.cards.len(),
            cards_processing: state_count(CardState::Processing),
            cards_inputing: state_count(CardState::Inputing),
            cards_finished: state_count(CardState::Finished),
            cards_failed: state_count(CardState::Failed),
            opens: self.opens.len(),
            connections_live: self.live_connections().count(),
            violations: self.violations.len(),
            calls: self.call_counts.clone(),
        }
    }
}

/// Counts of everything observed.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Robot messages pushed.
    pub messages: usize,
    /// Of these, acknowledged.
    pub messages_acked: usize,
    /// Conversations.
    pub conversations: usize,
    /// Plain replies.
    pub replies: usize,
    /// Cards.
    pub cards: usize,
    /// Cards in the thinking state.
    pub cards_processing: usize,
    /// Cards being written.
    pub cards_inputing: usize,
    /// Cards finished.
    pub cards_finished: usize,
    /// Cards failed.
    pub cards_failed: usize,
    /// `connections/open` requests.
    pub opens: usize,
    /// Connections alive.
    pub connections_live: usize,
    /// Protocol violations.
    pub violations: usize,
    /// Calls by path.
    pub calls: BTreeMap<String, CallCount>,
}

/// A wait ended at its cap; the text shows what had been observed by then.
#[derive(Debug)]
pub struct WaitTimedOut {
    /// How long it waited.
    pub cap: Duration,
    /// What had been observed by then.
    pub summary: Summary,
}

impl fmt::Display for WaitTimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing fitting observed within {:?}; observed: {:?}", self.cap, self.summary)
    }
}

impl std::error::Error for WaitTimedOut {}
