//! Messages that nobody asked for, on the wire.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use switchboard_domain::outbound::{Format, MESSAGE_CHARS_MAX, Undelivered};
use switchboard_domain::reply::{Trial, Tried};
use switchboard_domain::snapshot::PartStatus;
use switchboard_ports::messages::MessageRecord;
use switchboard_ports::provider::FieldError;
use utoipa::ToSchema;

use super::failure::{WayView, ways};
use super::fields::{self, Fields, Reader};
use super::list::hex;
use super::time::rfc3339;

/// Longest id of a person or a conversation, in characters.
const TO_CHARS_MAX: usize = 200;

// For the API's document only: reading one is `asked`, which names all mistakes at once.
/// A message that nobody asked for.
#[derive(Debug, ToSchema)]
#[schema(as = MessageInput)]
pub struct MessageInput {
    /// Whom it is for.
    pub to: RecipientInput,
    /// What it says; longer than the platform takes, it goes out in parts.
    #[schema(min_length = 1, max_length = 20000)]
    pub text: String,
    /// `text`: shown as it stands; `markdown`: as answers are.
    #[schema(default = "text")]
    pub format: Option<String>,
}

// For the API's document only, too.
/// Whom a message is for: exactly one of the two.
#[derive(Debug, ToSchema)]
#[schema(as = RecipientInput)]
pub struct RecipientInput {
    /// A user's id (`usr_…`), or the platform's id of a person.
    pub user_id: Option<String>,
    /// A conversation's id (`cnv_…`), or the platform's id of one; one that was never seen is taken for a group.
    pub conversation_id: Option<String>,
}

/// Whom a message is for, as it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A user of ours or a person of the platform's.
    User(String),
    /// A conversation of ours or of the platform's.
    Conversation(String),
}

/// A message as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Whom it is for.
    pub to: Recipient,
    /// What it says.
    pub text: String,
    /// How that is meant.
    pub format: Format,
}

impl Asked {
    /// The request as a hash: the same for the same message to the same recipient, and for no other.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let (kind, id) = match &self.to {
            Recipient::User(id) => ("user", id),
            Recipient::Conversation(id) => ("conversation", id),
        };
        let format = match self.format {
            Format::Markdown => "markdown",
            Format::Text => "text",
        };
        digest(&[kind, id, format, &self.text])
    }
}

/// SHA-256 over length-prefixed parts, in hexadecimal.
#[must_use]
pub fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

/// Reads a message that is asked for.
///
/// # Errors
///
/// All mistakes at once.
pub fn asked(document: &Value) -> Result<Asked, Vec<FieldError>> {
    fields::object(document)?;
    let mut fields = Fields::default();
    let mut reader = Reader::new(document, &mut fields);
    if reader.raw("to").is_none() {
        reader.wrong("to", "is required");
    }
    let to = reader
        .section("to", |to| (to.line("user_id", TO_CHARS_MAX), to.line("conversation_id", TO_CHARS_MAX)));
    let text = reader.prose("text", MESSAGE_CHARS_MAX).unwrap_or_default();
    // Anything else that is wrong with it has been told.
    let is_blank = |given: &Value| given.as_str().is_some_and(|given| given.trim().is_empty());
    if reader.raw("text").is_none_or(is_blank) {
        reader.wrong("text", "is required, and must be more than white space");
    }
    let format =
        reader.choice("format", &[("text", Format::Text), ("markdown", Format::Markdown)], Format::Text);
    let to = match to {
        (Some(id), None) => Recipient::User(id),
        (None, Some(id)) => Recipient::Conversation(id),
        (None, None) | (Some(_), Some(_)) => {
            if reader.raw("to").is_some_and(Value::is_object) {
                reader.wrong("to", "must have exactly one of user_id and conversation_id");
            }
            Recipient::User(String::new())
        }
    };
    reader.finish();
    fields.into_result(Asked { to, text, format })
}

/// A message as far as it is known.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MessageView {
    /// Its id, `msg_…`.
    pub id: String,
    /// The channel.
    pub channel_id: String,
    /// The conversation it goes out in.
    pub conversation_id: String,
    /// `queued`, `attempting`, `sent` (the platform took all of it; whether anybody has seen it, nobody knows), `failed` (at
    /// least a part was not sent and will not be) or `unknown` (a part may have been sent).
    pub state: &'static str,
    /// Its parts in order: `pending`, `attempting`, `sent`, `refused` or `unknown`; empty while it waits behind others.
    pub parts: Vec<&'static str>,
    /// The ways that were tried, and what came last of them.
    pub ways: Vec<WayView>,
    /// Why it is `failed` or `unknown`: `delivery_refused`, `delivery_unknown`, `channel_deleted`; null in other states.
    pub cause: Option<&'static str>,
    /// When it was given in.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When something was last heard of it.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

impl From<MessageRecord> for MessageView {
    fn from(record: MessageRecord) -> Self {
        let progress = record.progress;
        let cause = progress.cause().map(|cause| match cause {
            Undelivered::Delivery(cause) => cause.as_str(),
            Undelivered::Refused(refusal) => refusal.as_str(),
        });
        let last: Option<Trial> = progress.last;
        Self {
            id: record.id.to_string(),
            channel_id: record.channel.to_string(),
            conversation_id: record.conversation.to_string(),
            state: progress.state().as_str(),
            parts: progress.parts.iter().map(|status| part_name(*status)).collect(),
            ways: ways(Tried { api: last, ..Tried::default() }),
            cause,
            created_at: rfc3339(record.created_at),
            updated_at: rfc3339(record.updated_at),
        }
    }
}

const fn part_name(status: PartStatus) -> &'static str {
    match status {
        PartStatus::Pending => "pending",
        PartStatus::Attempting => "attempting",
        PartStatus::Sent => "sent",
        PartStatus::Refused => "refused",
        PartStatus::Unknown => "unknown",
    }
}
