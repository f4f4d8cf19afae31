//! What people see: conversations with their messages, and cards with every text they ever showed.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::contents::SharedFile;
use crate::load::{JudgedCard, Judgement};
use crate::log::Log;
use crate::push::ChatKind;

/// Text kept of one card, over all its texts (bytes).
const CARD_TEXT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// One conversation as its members see it.
#[derive(Clone, Debug, Serialize)]
pub struct Conversation {
    /// `conversationId`.
    pub id: String,
    /// Private or group.
    pub kind: ChatKind,
    /// Group title, or the name of the person.
    pub title: String,
    /// Staff id of the person of a private conversation, if known.
    pub person: Option<String>,
    /// Messages and cards in order of appearance.
    pub items: Log<Item>,
}

impl Conversation {
    pub(crate) fn new(
        id: &str,
        kind: ChatKind,
        title: &str,
        person: Option<String>,
        kept_items: usize,
    ) -> Self {
        Self { id: id.to_owned(), kind, title: title.to_owned(), person, items: Log::new(kept_items) }
    }

    /// What the robot said in plain messages, in order.
    pub fn replies(&self) -> impl DoubleEndedIterator<Item = &PlainReply> {
        self.items.iter().filter_map(|item| match &item.content {
            ItemContent::Reply(reply) => Some(reply),
            ItemContent::User { .. } | ItemContent::Card { .. } => None,
        })
    }

    /// `outTrackId` of the cards, in order.
    pub fn cards(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.items.iter().filter_map(|item| match &item.content {
            ItemContent::Card { out_track_id } => Some(out_track_id.as_str()),
            ItemContent::User { .. } | ItemContent::Reply(_) => None,
        })
    }
}

/// One entry of a conversation.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// When it appeared (ms since the epoch).
    pub at_ms: u64,
    /// What it is.
    #[serde(flatten)]
    pub content: ItemContent,
}

/// Kinds of entries.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ItemContent {
    /// A person wrote.
    User {
        /// Platform message id; `None` when the robot was not addressed (a group message without mention).
        msg_id: Option<String>,
        /// Shown name.
        nick: String,
        /// Text.
        text: String,
        /// Files sent with it.
        files: Vec<SharedFile>,
        /// Text of the message it quotes.
        quoted: Option<String>,
    },
    /// The robot sent a plain message.
    Reply(PlainReply),
    /// A card appeared; its content is in [`crate::Observed::cards`].
    Card {
        /// The card's id.
        out_track_id: String,
    },
}

/// A plain message of a robot.
#[derive(Clone, Debug, Serialize)]
pub struct PlainReply {
    /// Client id of the robot's app.
    pub app: String,
    /// Shown name of the robot.
    pub robot: String,
    /// Which API it came by.
    pub via: Via,
    /// `text`, `markdown`, … (webhook) or the message key (robot API).
    pub format: String,
    /// Title, where the format has one.
    pub title: String,
    /// What people read.
    pub text: String,
    /// Staff ids mentioned.
    pub at_user_ids: Vec<String>,
    /// `processQueryKey`; messages by webhook have none (dingtalk §8).
    pub process_query_key: Option<String>,
    /// Taken back by the robot: nobody sees it any more.
    pub recalled: bool,
}

/// API by which a plain message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// sessionWebhook (dingtalk §4.1).
    Webhook,
    /// oToMessages/batchSend (dingtalk §4.2).
    OneToOne,
    /// groupMessages/send (dingtalk §4.3).
    Group,
}

/// One card instance.
#[derive(Clone, Debug, Serialize)]
pub struct Card {
    /// The id the client chose.
    pub out_track_id: String,
    /// Client id that created it.
    pub app: String,
    /// Shown name of the robot.
    pub robot: String,
    /// Template id.
    pub template: String,
    /// State people see.
    pub state: CardState,
    /// Text people see now.
    pub text: String,
    /// Every text and state shown, in order; the middle is thinned out when there are too many.
    pub shown: Vec<ShownText>,
    /// How many of `shown` were thinned out.
    pub shown_forgotten: u64,
    /// How often the card entered a final state.
    pub finalize_count: u32,
    /// Streaming calls that were applied.
    pub stream_count: u32,
    /// `PUT instances` calls that were applied.
    pub update_count: u32,
    /// Streaming calls refused because the card was final.
    pub refused_after_final: u32,
    /// Conversations it was delivered to.
    pub conversations: Vec<String>,
    /// Successful deliveries (a repeat into the same conversation shows nothing new).
    pub deliver_count: u32,
    /// When it was created (ms since the epoch).
    pub created_at_ms: u64,
    /// When it last entered a final state (ms since the epoch).
    pub finalized_at_ms: Option<u64>,
    /// Variables.
    pub params: BTreeMap<String, String>,
    /// Callback type (`STREAM` or `HTTP`).
    pub callback_type: String,
    /// 1: people are named by staff id, 2: by union id (dingtalk §6.3).
    pub user_id_type: u64,
    /// Variables that only one person sees, by `userId` (`privateData`).
    pub private: BTreeMap<String, BTreeMap<String, String>>,
    /// What card actions were answered with, by clicking person: nobody else sees it (dingtalk §6.9).
    pub click_views: BTreeMap<String, BTreeMap<String, String>>,
    /// Deliveries that succeeded.
    pub carriers: Vec<Carrier>,
    /// Taken back by the robot.
    pub recalled: bool,
    /// Streaming was closed by `isFinalize` or `isError`.
    #[serde(skip)]
    pub(crate) stream_closed: bool,
    /// Space models named at creation.
    #[serde(skip)]
    pub(crate) space_models: Vec<&'static str>,
    /// Recent `guid`s, for idempotency.
    #[serde(skip)]
    pub(crate) guids: Log<String>,
    /// Texts kept of it.
    #[serde(skip)]
    pub(crate) texts_max: usize,
    /// What the judge of a load run knows of it.
    #[serde(skip)]
    pub(crate) judgement: Judgement,
}

/// A card in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Carrier {
    /// `conversationId`.
    pub conversation: String,
    /// `carrierId` = the card's `processQueryKey`.
    pub carrier_id: String,
}

impl Card {
    /// The variables as one person sees them: everybody's, their private ones, and the answers to their clicks.
    #[must_use]
    pub fn variables_for(&self, user: &str) -> BTreeMap<String, String> {
        let mut variables = self.params.clone();
        for own in [self.private.get(user), self.click_views.get(user)].into_iter().flatten() {
            variables.extend(own.clone());
        }
        variables
    }

    /// Remembers what people see now, when it differs from the last entry.
    pub(crate) fn show(&mut self, at_ms: u64) {
        if self.shown.last().is_some_and(|last| last.text == self.text && last.state == self.state) {
            return;
        }
        let mut bytes: usize = self.shown.iter().map(|shown| shown.text.len()).sum();
        while self.shown.len() >= self.texts_max.max(1)
            || (self.shown.len() > 2 && bytes > CARD_TEXT_BYTES_MAX)
        {
            let left = self.shown.remove(self.shown.len() / 2);
            bytes = bytes.saturating_sub(left.text.len());
            self.shown_forgotten = self.shown_forgotten.saturating_add(1);
        }
        self.shown.push(ShownText { at_ms, text: self.text.clone(), state: self.state });
    }

    /// The card as the judge of a load run looks at it.
    pub(crate) fn as_judged(&mut self) -> JudgedCard<'_> {
        JudgedCard {
            conversation: self.conversations.first().map(String::as_str),
            text: &self.text,
            state: self.state,
            judgement: &mut self.judgement,
        }
    }

    /// Enters a state and counts entries into a final one.
    pub(crate) fn enter(&mut self, state: CardState, at_ms: u64) {
        if state.is_final() && !self.state.is_final() {
            self.finalize_count = self.finalize_count.saturating_add(1);
            self.finalized_at_ms = Some(at_ms);
        }
        self.state = state;
    }
}

/// What a card showed at a time.
#[derive(Clone, Debug, Serialize)]
pub struct ShownText {
    /// Since when (ms since the epoch).
    pub at_ms: u64,
    /// Text.
    pub text: String,
    /// State.
    pub state: CardState,
}

/// States of an AI card (dingtalk §6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CardState {
    /// Shows that the robot is thinking.
    Processing,
    /// Text is being written.
    Inputing,
    /// Done.
    Finished,
    /// The template's "executing" state.
    Executing,
    /// Failed.
    Failed,
}

impl CardState {
    /// Nothing is expected to change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Failed)
    }

    pub(crate) fn from_flow_status(value: &str) -> Option<Self> {
        match value {
            "1" => Some(Self::Processing),
            "2" => Some(Self::Inputing),
            "3" => Some(Self::Finished),
            "4" => Some(Self::Executing),
            "5" => Some(Self::Failed),
            _ => None,
        }
    }
}
