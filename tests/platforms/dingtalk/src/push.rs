//! What people send to a robot: a builder for every variant of the callback (dingtalk §3).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::contents::{Content, Quote};

/// Private or group conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// `conversationType` `"1"`.
    Private,
    /// `conversationType` `"2"`.
    Group,
}

/// Where a message comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Private or group.
    pub kind: ChatKind,
    /// `conversationId`; empty = the private conversation of the robot and the sender.
    #[serde(default)]
    pub conversation: String,
    /// Staff id of the sender.
    pub sender: String,
    /// Shown name; empty = the known person's name, or the staff id.
    #[serde(default)]
    pub nick: String,
}

impl Origin {
    /// A private conversation.
    #[must_use]
    pub fn private(conversation: &str, sender: &str) -> Self {
        Self {
            kind: ChatKind::Private,
            conversation: conversation.to_owned(),
            sender: sender.to_owned(),
            nick: String::new(),
        }
    }

    /// A group conversation.
    #[must_use]
    pub fn group(conversation: &str, sender: &str) -> Self {
        Self { kind: ChatKind::Group, ..Self::private(conversation, sender) }
    }

    /// With another shown name than the staff id.
    #[must_use]
    pub fn nick(mut self, nick: &str) -> Self {
        nick.clone_into(&mut self.nick);
        self
    }
}

/// Whether the callback says that the robot was mentioned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtList {
    /// `isInAtList: true` in groups, absent in private conversations.
    #[default]
    Usual,
    /// `isInAtList: true`.
    Yes,
    /// `isInAtList: false`.
    No,
    /// No `isInAtList`.
    Absent,
}

/// A message to a robot, with everything that can be unusual about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// Client id of the robot's app.
    pub app: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Text as the robot receives it (groups: the platform leaves one leading space).
    #[serde(default)]
    pub text: String,
    /// `msgtype`; empty = `text`.
    #[serde(default)]
    pub msgtype: String,
    /// Body fields for other message types, merged into the callback, for example `{"content": {…}}`.
    #[serde(default)]
    pub body: Map<String, Value>,
    /// Platform message id; `None` = a new one.
    #[serde(default)]
    pub msg_id: Option<String>,
    /// `createAt` (ms since the epoch); `None` = now.
    #[serde(default)]
    pub created_at_ms: Option<u64>,
    /// What the callback says about the mention.
    #[serde(default)]
    pub at_list: AtList,
    /// Leave `senderStaffId` out, as for people outside the organisation (dingtalk §3.4).
    #[serde(default)]
    pub outsider: bool,
    /// Leave `sessionWebhook` out.
    #[serde(default)]
    pub without_webhook: bool,
    /// What is sent instead of plain text.
    #[serde(default)]
    pub content: Option<Content>,
    /// What the message quotes.
    #[serde(default)]
    pub quote: Option<Quote>,
    /// The organisation's pushes are used up: 20001 and no content (dingtalk §3.1).
    #[serde(default)]
    pub quota: Option<QuotaShape>,
}

/// How the fields of a push without quota are spelled; the documentation has both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaShape {
    /// `errCode` and `errMsg`.
    Err,
    /// `errorCode` and `errorMessage`.
    Error,
}

impl Push {
    /// A plain text message.
    #[must_use]
    pub fn text(app: &str, origin: Origin, text: &str) -> Self {
        Self {
            app: app.to_owned(),
            origin,
            text: text.to_owned(),
            msgtype: String::new(),
            body: Map::new(),
            msg_id: None,
            created_at_ms: None,
            at_list: AtList::Usual,
            outsider: false,
            without_webhook: false,
            content: None,
            quote: None,
            quota: None,
        }
    }

    /// A rich text message made of these elements (dingtalk §3.3).
    #[must_use]
    pub fn rich_text(app: &str, origin: Origin, elements: &Value) -> Self {
        let texts = elements.as_array().into_iter().flatten();
        let text: String = texts.filter_map(|element| element.get("text")?.as_str()).collect();
        let mut push = Self::message(app, origin, "richText", json!({"richText": elements}));
        push.text = text;
        push
    }

    /// A message of any type with its `content` object.
    #[must_use]
    pub fn message(app: &str, origin: Origin, msgtype: &str, content: Value) -> Self {
        let mut push = Self::text(app, origin, "");
        msgtype.clone_into(&mut push.msgtype);
        push.body.insert("content".to_owned(), content);
        push
    }

    /// A picture, a file, a rich text, or any other content.
    #[must_use]
    pub fn of(app: &str, origin: Origin, content: Content) -> Self {
        Self { content: Some(content), ..Self::text(app, origin, "") }
    }

    /// Quoting another message.
    #[must_use]
    pub fn quoting(mut self, quote: Quote) -> Self {
        self.quote = Some(quote);
        self
    }

    /// Without content, because the organisation's pushes are used up.
    #[must_use]
    pub fn without_quota(mut self, shape: QuotaShape) -> Self {
        self.quota = Some(shape);
        self
    }

    /// With this platform message id.
    #[must_use]
    pub fn msg_id(mut self, msg_id: &str) -> Self {
        self.msg_id = Some(msg_id.to_owned());
        self
    }

    /// With this `createAt` (ms since the epoch).
    #[must_use]
    pub fn created_at_ms(mut self, at_ms: u64) -> Self {
        self.created_at_ms = Some(at_ms);
        self
    }

    /// With this about the mention.
    #[must_use]
    pub fn at_list(mut self, at_list: AtList) -> Self {
        self.at_list = at_list;
        self
    }

    /// From somebody outside the organisation: no `senderStaffId`.
    #[must_use]
    pub fn outsider(mut self) -> Self {
        self.outsider = true;
        self
    }

    /// Without `sessionWebhook`.
    #[must_use]
    pub fn without_webhook(mut self) -> Self {
        self.without_webhook = true;
        self
    }

    /// With one more field in the callback (replaces a usual field of that name; `null` removes it).
    #[must_use]
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.body.insert(name.to_owned(), value);
        self
    }
}

/// A message that the platform accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PushHandle {
    /// Platform message id.
    pub msg_id: String,
    /// `conversationId` it belongs to.
    pub conversation: String,
}

/// Why a message was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushError {
    /// No app with this client id.
    UnknownApp,
    /// No group with this id (chat page only; pushes make groups known).
    UnknownConversation,
    /// Too many conversations.
    Full,
    /// The message id was used already.
    MessageIdUsed,
    /// A file's content is not Base64 or too large, or a rich text has too many elements.
    BadFile,
    /// A quoted card does not exist.
    UnknownCard,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownApp => "no app with this client id",
            Self::UnknownConversation => "no conversation with this id",
            Self::Full => "too many conversations",
            Self::MessageIdUsed => "the message id was used already",
            Self::BadFile => "a file's content is not Base64, or there is too much of it",
            Self::UnknownCard => "no card with this outTrackId",
        })
    }
}

impl std::error::Error for PushError {}
