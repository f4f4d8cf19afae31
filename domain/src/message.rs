//! What people send: the message model, all kinds named.

use alloc::string::String;

use crate::content::Content;
use crate::ids::MessageId;
use crate::secret::Secret;
use crate::time::Timestamp;

/// Longest text taken from one incoming message, in bytes; more is cut at a character.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// One message as a provider's decoder hands it over: nothing of it is platform-specific any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The platform's id; the same for every delivery of the same message.
    pub id: MessageId,
    /// Where it was written.
    pub chat: Chat,
    /// Who wrote it.
    pub sender: Sender,
    /// What was written.
    pub body: Body,
    /// Whether the bot was mentioned; `None` where the platform does not say.
    pub mentioned: Option<bool>,
    /// When the platform says it was sent.
    pub sent_at: Timestamp,
    /// A short-lived address for answers, where the platform gives one.
    pub session_address: Option<SessionAddress>,
}

/// A platform conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// The platform's id of the conversation.
    pub id: String,
    /// Private or group.
    pub kind: ChatKind,
    /// The group's title, where given.
    pub title: Option<String>,
}

/// Private chat or group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChatKind {
    /// One person and the bot.
    Private,
    /// Several people and the bot.
    Group,
}

/// The author of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The id that the platform's calls take (DingTalk: staff id); `None` for people outside the company and
    /// for unpublished apps (dingtalk §3.4).
    pub im_user_id: Option<String>,
    /// An id that is always there and the same for the same person in this channel; not usable in calls.
    pub opaque_id: String,
    /// The name shown in the chat.
    pub name: String,
}

impl Sender {
    /// The id that tells people apart: the usable one, else the opaque one.
    #[must_use]
    pub fn key(&self) -> &str {
        self.im_user_id.as_deref().unwrap_or(&self.opaque_id)
    }
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Words and files, as far as there are any.
    Content(Content),
    /// Something the platform or we have no name for.
    Unknown,
    /// A push without content because the company's monthly push quota is used up (dingtalk §9.2, 20001).
    Withheld,
}

/// A short-lived address that answers can be posted to (DingTalk: `sessionWebhook`). The address is a credential (R13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionAddress {
    /// The address.
    pub url: Secret,
    /// When it stops working.
    pub until: Timestamp,
}

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The platform conversation.
    pub chat: Chat,
    /// The person asked, where the platform's calls can name them.
    pub im_user_id: Option<String>,
    /// The short-lived address that came with the message.
    pub session_address: Option<SessionAddress>,
}

impl Target {
    /// Whether the platform's calls can address it: a group by its own id, a person by theirs. Somebody whom no call can
    /// name (an outsider, an app that is not published yet) is answered by the short-lived address alone, in plain text;
    /// nothing about the channel is wrong then.
    #[must_use]
    pub const fn takes_calls(&self) -> bool {
        match self.chat.kind {
            ChatKind::Group => true,
            ChatKind::Private => self.im_user_id.is_some(),
        }
    }
}
