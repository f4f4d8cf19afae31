//! The neutral form, version 3: what any store gives and takes, one item a row, with records as they are written.
//!
//! A table's sum does not depend on the order of its rows, because each store gives them in an order of its own.

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};
use switchboard_domain::hash::stable_hash;
use switchboard_domain::ids::{ChannelId, ConversationKey, Partition};
use switchboard_domain::time::Timestamp;

use crate::hex::digits;

/// The version of this form. A copy that another version began is not continued.
pub(in crate::stores) const FORM: u32 = 3;

/// What is counted and summed for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::stores) enum Table {
    Channels,
    Agents,
    Tokens,
    Users,
    Identities,
    Conversations,
    Entries,
    Lines,
    Shown,
    Failures,
    Messages,
    Files,
    Usage,
    Audit,
    Journal,
}

impl Table {
    /// All of them, in the order in which they are told.
    pub(in crate::stores) const ALL: [Self; 15] = [
        Self::Channels,
        Self::Agents,
        Self::Tokens,
        Self::Users,
        Self::Identities,
        Self::Conversations,
        Self::Entries,
        Self::Lines,
        Self::Shown,
        Self::Failures,
        Self::Messages,
        Self::Files,
        Self::Usage,
        Self::Audit,
        Self::Journal,
    ];

    /// As people read it.
    pub(in crate::stores) fn name(self) -> &'static str {
        match self {
            Self::Channels => "channels",
            Self::Agents => "agents",
            Self::Tokens => "tokens",
            Self::Users => "users",
            Self::Identities => "identities",
            Self::Conversations => "conversations",
            Self::Entries => "waiting entries",
            Self::Lines => "transcript lines",
            Self::Shown => "names of answers",
            Self::Failures => "failures",
            Self::Messages => "messages",
            Self::Files => "files",
            Self::Usage => "usage counts",
            Self::Audit => "audit lines",
            Self::Journal => "journal lines",
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::stores) enum Item {
    Channel(Named),
    Agent(Named),
    Token(TokenItem),
    User { id: String, body: String },
    Identity { platform: String, im_user_id: String, user: String },
    Conversation(Box<ConversationItem>),
    Entry { conversation: String, seq: u64, body: String },
    Line(LineItem),
    Shown { conversation: String, seq: u64, key: String },
    Failure(FailureItem),
    Message(MessageItem),
    File(FileItem),
    Usage(UsageItem),
    Audit { number: u64, body: String },
    Journal(JournalItem),
}

/// A channel or an agent; `name` as names are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::stores) struct Named {
    pub(in crate::stores) id: String,
    pub(in crate::stores) name: String,
    pub(in crate::stores) version: u64,
    pub(in crate::stores) body: String,
}

/// An API token; `hash` in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::stores) struct TokenItem {
    pub(in crate::stores) id: String,
    pub(in crate::stores) name: String,
    pub(in crate::stores) hash: String,
    pub(in crate::stores) body: String,
}

/// A conversation: what lists show of it, its counters, its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::stores) struct ConversationItem {
    pub(in crate::stores) id: String,
    pub(in crate::stores) channel: String,
    pub(in crate::stores) chat: String,
    pub(in crate::stores) member: Option<String>,
    pub(in crate::stores) kind: String,
    pub(in crate::stores) title: Option<String>,
    pub(in crate::stores) author: String,
    pub(in crate::stores) person: Option<String>,
    pub(in crate::stores) user: Option<String>,
    pub(in crate::stores) session: Option<u64>,
    pub(in crate::stores) session_at: Option<u64>,
    pub(in crate::stores) created_at: u64,
    pub(in crate::stores) active_at: u64,
    pub(in crate::stores) seq: u64,
    pub(in crate::stores) waiting: u64,
    pub(in crate::stores) replies: u64,
    pub(in crate::stores) version: u64,
    pub(in crate::stores) commit: Option<String>,
    pub(in crate::stores) state: Option<String>,
}

impl ConversationItem {
    /// Where it lies.
    pub(in crate::stores) fn partition(&self) -> Partition {
        let (chat, member) = (self.chat.clone(), self.member.clone());
        ConversationKey { channel: ChannelId::new(self.channel.clone()), chat, member }.partition()
    }
}

/// A transcript's line; `position` counts from 0 in its conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::stores) struct LineItem {
    pub(in crate::stores) conversation: String,
    pub(in crate::stores) position: u64,
    pub(in crate::stores) session: u64,
    pub(in crate::stores) text: String,
    pub(in crate::stores) body: String,
}

/// What was given up on, with what a retry needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::stores) struct FailureItem {
    pub(in crate::stores) number: u64,
    pub(in crate::stores) conversation: String,
    pub(in crate::stores) body: String,
    pub(in crate::stores) again: Option<String>,
    pub(in crate::stores) retried_at: Option<u64>,
}

/// The record of a message that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::stores) struct MessageItem {
    pub(in crate::stores) id: String,
    pub(in crate::stores) conversation: String,
    pub(in crate::stores) channel: String,
    pub(in crate::stores) at: u64,
    pub(in crate::stores) ended: bool,
    pub(in crate::stores) body: String,
}

/// A file of a waiting message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::stores) struct FileItem {
    pub(in crate::stores) conversation: String,
    pub(in crate::stores) seq: u64,
    pub(in crate::stores) position: u32,
    pub(in crate::stores) media_type: String,
    /// Summed by its hash.
    #[serde(serialize_with = "as_hash")]
    pub(in crate::stores) content: Bytes,
}

/// What an app used in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::stores) struct UsageItem {
    pub(in crate::stores) month: u32,
    pub(in crate::stores) platform: String,
    pub(in crate::stores) app: String,
    pub(in crate::stores) api_calls: u64,
    pub(in crate::stores) pushes: u64,
    pub(in crate::stores) batch: String,
}

/// A line of the journal; `book` by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::stores) struct JournalItem {
    pub(in crate::stores) book: String,
    pub(in crate::stores) subject: String,
    pub(in crate::stores) number: u64,
    pub(in crate::stores) at: u64,
    pub(in crate::stores) body: String,
}

fn as_hash<S: Serializer>(content: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&digits(Sha256::digest(content).iter()))
}

impl Item {
    /// The table it is counted in.
    pub(in crate::stores) fn table(&self) -> Table {
        match self {
            Self::Channel(_) => Table::Channels,
            Self::Agent(_) => Table::Agents,
            Self::Token(_) => Table::Tokens,
            Self::User { .. } => Table::Users,
            Self::Identity { .. } => Table::Identities,
            Self::Conversation(_) => Table::Conversations,
            Self::Entry { .. } => Table::Entries,
            Self::Line(_) => Table::Lines,
            Self::Shown { .. } => Table::Shown,
            Self::Failure(_) => Table::Failures,
            Self::Message(_) => Table::Messages,
            Self::File(_) => Table::Files,
            Self::Usage(_) => Table::Usage,
            Self::Audit { .. } => Table::Audit,
            Self::Journal(_) => Table::Journal,
        }
    }

    /// The conversation that it is a part of.
    pub(in crate::stores) fn conversation(&self) -> Option<&str> {
        match self {
            Self::Entry { conversation, .. } | Self::Shown { conversation, .. } => Some(conversation),
            Self::Line(line) => Some(&line.conversation),
            Self::Failure(failure) => Some(&failure.conversation),
            Self::Message(message) => Some(&message.conversation),
            Self::Channel(_)
            | Self::Agent(_)
            | Self::Token(_)
            | Self::User { .. }
            | Self::Identity { .. }
            | Self::Conversation(_)
            | Self::File(_)
            | Self::Usage(_)
            | Self::Audit { .. }
            | Self::Journal(_) => None,
        }
    }
}

/// A deduplication mark. A store may know no more of the message than its name's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::stores) struct Mark {
    pub(in crate::stores) channel: String,
    pub(in crate::stores) hash: String,
    /// Where the message's chat lies; `None` in a store that does not ask.
    pub(in crate::stores) partition: Option<Partition>,
    pub(in crate::stores) until: Timestamp,
}

impl Mark {
    /// What tells it from others.
    pub(in crate::stores) fn name(&self) -> u128 {
        let partition = self.partition.map(|partition| partition.to_string()).unwrap_or_default();
        stable_hash(&[&self.channel, &self.hash, &partition])
    }
}

/// How many rows, and the sum of their hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::stores) struct Sum {
    pub(in crate::stores) rows: u64,
    sum: String,
}

/// Sums of all tables, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::stores) struct Sums([(u64, u128); Table::ALL.len()]);

impl Sums {
    /// Of nothing.
    pub(in crate::stores) fn new() -> Self {
        Self([(0, 0); Table::ALL.len()])
    }

    /// Takes an item in.
    pub(in crate::stores) fn add(&mut self, item: &Item) {
        // A struct of texts and numbers can be written, whatever is in it.
        let text = serde_json::to_vec(item).unwrap_or_default();
        let hash = Sha256::digest(&text);
        let mut first = [0; 16];
        first.iter_mut().zip(hash.iter()).for_each(|(to, from)| *to = *from);
        if let Some((rows, sum)) = self.0.get_mut(item.table() as usize) {
            *rows += 1;
            *sum = sum.wrapping_add(u128::from_be_bytes(first));
        }
    }

    /// Whether there was anything.
    pub(in crate::stores) fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// Rows of all tables.
    pub(in crate::stores) fn rows(&self) -> u64 {
        self.0.iter().map(|(rows, _)| rows).sum()
    }

    /// By table, as they are kept and told.
    pub(in crate::stores) fn told(&self) -> Vec<Sum> {
        self.0.iter().map(|(rows, sum)| Sum { rows: *rows, sum: format!("{sum:032x}") }).collect()
    }
}

impl Sum {
    /// The sum, 32 hexadecimal digits.
    pub(in crate::stores) fn digits(&self) -> &str {
        &self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> Item {
        Item::User { id: id.to_owned(), body: "{}".to_owned() }
    }

    fn sums(items: &[Item]) -> Sums {
        let mut sums = Sums::new();
        for item in items {
            sums.add(item);
        }
        sums
    }

    #[test]
    fn a_sum_tells_what_is_there_and_not_in_which_order() {
        let (one, two) = (user("usr_1"), user("usr_2"));
        let both = sums(&[one.clone(), two.clone()]);
        assert_eq!(both, sums(&[two.clone(), one.clone()]));
        assert_ne!(both, sums(&[one.clone(), one.clone()]));
        assert_ne!(both, sums(&[one]));
        assert_eq!(both.rows(), 2);
        assert!(sums(&[]).is_empty());
    }

    #[test]
    fn a_file_is_summed_by_its_content() {
        let file = |content: &'static [u8]| {
            let (conversation, media_type) = ("cnv_1".to_owned(), "text/plain".to_owned());
            let content = Bytes::from_static(content);
            Item::File(FileItem { conversation, seq: 1, position: 0, media_type, content })
        };
        assert_eq!(sums(&[file(b"a")]), sums(&[file(b"a")]));
        assert_ne!(sums(&[file(b"a")]), sums(&[file(b"b")]));
    }

    #[test]
    fn each_table_has_a_place_of_its_own() {
        for (place, table) in Table::ALL.into_iter().enumerate() {
            assert_eq!(table as usize, place);
        }
    }
}
